/* SPDX-License-Identifier: MIT */
/* Time and chance for the workloads: nanoseconds of the monotonic clock, and a generator whose numbers are always the same. */
#ifndef HEAPDELTA_BENCH_CLOCK_H
#define HEAPDELTA_BENCH_CLOCK_H

#include <stdint.h>
#include <time.h>

static inline double now_ns(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return (double)time.tv_sec * 1e9 + (double)time.tv_nsec;
}

static inline uint32_t next_random(uint64_t *state)
{
	*state = *state * 6364136223846793005U + 1442695040888963407U;
	return (uint32_t)(*state >> 33);
}
#endif
