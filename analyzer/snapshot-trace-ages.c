/* SPDX-License-Identifier: MIT */
/* Comes in: a trace file; goes out: ages.  What stands where no block is has no meaning, so nothing here can be damaged. */
#include "snapshot-trace-ages.h"

#include <string.h>
#include <time.h>

#include "heapdelta/age.h"

static uint64_t moment_of(const struct trace_file *file)
{
	const struct hdt_header *header = &file->header;
	struct timespec now;
	uint64_t moment = header->end_monotonic_ns;

	if (file->alive) {
		clock_gettime(CLOCK_MONOTONIC, &now);
		moment = (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
	} else if (!moment) {
		return age_decode((uint16_t)header->age_now);
	}
	return moment > header->start_monotonic_ns ? moment - header->start_monotonic_ns : 0;
}

void trace_ages_init(struct trace_ages *ages, struct trace_file *file)
{
	*ages = (struct trace_ages){.file = file, .moment_ns = moment_of(file)};
	age_list_init(&ages->list);
}

void trace_ages_release(struct trace_ages *ages)
{
	age_list_release(&ages->list);
}

int trace_ages_read(struct trace_ages *ages, enum hdt_area_id area, uint64_t first, uint16_t *codes, size_t count)
{
	uint64_t bytes, at = first * sizeof(*codes);
	size_t wanted = count * sizeof(*codes);

	if (trace_file_used(ages->file, area, &bytes))
		return -1;
	size_t there = at >= bytes ? 0 : bytes - at < wanted ? (size_t)(bytes - at) : wanted;
	memset((char *)codes + there, 0, wanted - there);
	return there ? trace_file_read(ages->file, area, at, codes, there) : 0;
}

uint32_t trace_ages_seconds(struct trace_ages *ages, uint16_t code)
{
	if (ages->known == code + 1u)
		return ages->seconds;
	uint64_t moment = age_decode(code);
	ages->known = code + 1u;
	ages->seconds = age_rounded(ages->moment_ns > moment ? ages->moment_ns - moment : 0);
	return ages->seconds;
}
