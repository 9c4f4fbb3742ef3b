/* SPDX-License-Identifier: MIT */
/* In: the clock.  Out: the header's word that says what time it is, and room for what is beside slots and extras. */
#include "ages.h"

#include <errno.h>
#include <time.h>

#include "heapdelta/age.h"

/* Others may take room at the same time: it is there when the area has grown past the end, whoever made it grow. */
bool ages_reach(enum hdt_area_id area, uint64_t end)
{
	uint64_t bytes = end * sizeof(age_code), used = trace_used(area);

	while (used < bytes) {
		bool grown = trace_alloc(area, bytes - used, sizeof(age_code)) != TRACE_NONE;
		used = trace_used(area);
		if (!grown)
			return used >= bytes;
	}
	return true;
}

void ages_note_extra(uint32_t number)
{
	age_code *codes = trace_at(HDT_AREA_EXTRA_AGES, 0);

	atomic_store_explicit(&codes[number], ages_now(), memory_order_relaxed);
}

static uint16_t ask_clock(void)
{
	struct timespec now = {0};
	int saved = errno;

#ifdef CLOCK_MONOTONIC_COARSE
	clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
#else
	clock_gettime(CLOCK_MONOTONIC, &now);
#endif
	errno = saved;
	uint64_t ns = (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
	/* The coarse clock may be behind the one that was read at the start. */
	return ns > trace.header->start_monotonic_ns ? age_encode(ns - trace.header->start_monotonic_ns) : 0;
}

/* The more events since the last look found nothing new, the more may come before the next one. */
void ages_look(struct thread_state *thread)
{
	uint16_t now = ask_clock();
	uint16_t stride = thread->age_stride;

	if (now > ages_now())
		atomic_store_explicit(&trace.header->age_now, now, memory_order_relaxed);
	if (now != thread->age_seen)
		stride /= 2;
	else if (stride < AGES_STRIDE - 1)
		stride = (uint16_t)(2 * stride + 1);
	thread->age_seen = now;
	thread->age_stride = stride;
	thread->age_left = stride;
}
