/* SPDX-License-Identifier: MIT */
/*
 * Which allocations are recorded when not all are.  In: their sizes, thread by thread.  Out: yes or no, so that every byte has the same
 * chance 1/R to get its block recorded (heapdelta/sampling.h says what a recorded block stands for).
 *
 * Each thread counts down the bytes to its next mark.  The distance from one mark to the next is drawn from the exponential distribution,
 * rounded up to whole bytes, which has no memory: wherever counting begins, or begins again, nothing is favoured.  So a thread draws at its
 * first event, after a fork, and whenever a mark was reached, whatever became of that event.
 *
 * The same comparison serves exact recording: the gap is 0 then, and no allocation fits into it.  Which blocks are recorded is asked at every
 * free; a filter over the pages of their addresses (page-filter.h) answers most of these questions without a look at the tables.
 */
#ifndef PRELOAD_SAMPLING_H
#define PRELOAD_SAMPLING_H

#include <stdbool.h>
#include <stdint.h>

#include "guard.h"
#include "heapdelta/sampling.h"
#include "page-filter.h"

extern uint64_t sampling_distance; /* R; 0: every allocation is recorded */

/* Before the first event of a process: the distance, and what no other process draws from the same random numbers with: 0 in the first
 * process, whose numbers are the kernel's (AT_RANDOM), anything else in a fork child. */
void sampling_start(uint64_t distance, uint64_t salt);

/* The thread's first event in this process: sets thread_state.gap, the number of bytes before the next mark, and thread_state.random. */
void sampling_begin(struct thread_state *thread);

/* A mark was reached: the distance to the next. */
void sampling_draw(struct thread_state *thread);

/* Not in exact recording, nor before the thread has begun. */
static inline bool sampling_is_on(const struct thread_state *thread)
{
	return thread->random != 0;
}

/* Hot path: true when this allocation ends before the next mark and has been counted; nothing else is to be done for it then.  (Size 0 comes
 * out largest here; sampling_passes() looks at it.)  A handler between the load and the store may draw, and its draw is lost: the old one is
 * as good. */
static inline bool sampling_skips(struct thread_state *thread, uint64_t size)
{
	uint64_t gap = thread->gap;

	if (size - 1 >= gap)
		return false;
	thread->gap = gap - size;
	return true;
}

/* The same of an allocation that sampling_skips() could not judge: of size 0, or the first of its thread. */
static inline bool sampling_passes(struct thread_state *thread, uint64_t size)
{
	return sampling_skips(thread, size + (size == 0));
}

/* Hot path: true when this block is not recorded, because others are recorded and none of them lies near; nor is it of the early pool. */
static inline bool sampling_knows_not(const struct thread_state *thread, const void *block)
{
	return __builtin_expect(sampling_is_on(thread), 1) && __builtin_expect(page_filter_denies(block), 1);
}

/* For tests.  The draws of the next thread are those of this seed; −ln(random/2^64) with 58 bits behind the point, right to 2^−53. */
void sampling_seed(uint64_t seed);
uint64_t sampling_minus_log(uint64_t random);

#endif
