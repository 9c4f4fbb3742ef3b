/* SPDX-License-Identifier: MIT */
/*
 * Random distances.  In: R, the kernel's random bytes.  Out: for each thread a sequence of its own.
 *
 * No system call and no floating point: a draw may happen inside any malloc, and the program's rounding mode and floating-point flags are
 * its own.  Each thread's generator is splitmix64 (Steele, Lea, Flood 2014): one addition per number, so that a handler that interrupts a
 * draw at worst gets the number that its thread is about to get.
 */
#include "sampling.h"

#include <stdatomic.h>
#include <string.h>
#include <sys/auxv.h>

#define GOLDEN UINT64_C(0x9e3779b97f4a7c15)
#define LOG_BITS 58                        /* behind the point of a logarithm; −ln 2^−64 is 44.4 */
#define LN2 UINT64_C(0x02c5c85fdf473de7)   /* ln 2, with LOG_BITS bits */
#define SQRT2 UINT64_C(0xb504f333f9de6484) /* √2, with 63 bits */

uint64_t sampling_distance;

static uint64_t seed;
static _Atomic(uint64_t) threads; /* that have begun */

/* ---- Distances ------------------------------------------------------------------------------------------------------------------ */

static uint64_t mix(uint64_t number)
{
	number = (number ^ number >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	number = (number ^ number >> 27) * UINT64_C(0x94d049bb133111eb);
	return number ^ number >> 31;
}

static uint64_t kernel_random(void)
{
	uint64_t random[2] = {0};
	const void *bytes = (const void *)getauxval(AT_RANDOM);

	if (bytes != NULL)
		memcpy(random, bytes, sizeof(random));
	return random[0] ^ mix(random[1]);
}

/*
 * ln m for m from 1 to 2, given with 63 bits behind the point.  With c = 1 or √2, whichever is nearer, t = (m − c)/(m + c) is at most 0.172
 * in size and ln m = ln c + 2 (t + t³/3 + t⁵/5 + …).
 */
static int64_t log_of_mantissa(uint64_t mantissa)
{
	bool upper = mantissa >= UINT64_C(0x9837f0518db8a96f); /* 2^¼ */
	uint64_t center = upper ? SQRT2 : UINT64_C(1) << 63;
	bool below = mantissa < center;
	uint64_t distance = below ? center - mantissa : mantissa - center;
	uint64_t t = (uint64_t)(((unsigned __int128)distance << 64) / ((unsigned __int128)mantissa + center));
	uint64_t square = (uint64_t)((unsigned __int128)t * t >> 64), sum = 0;

	for (unsigned n = 23; n > 1; n -= 2)
		sum = (uint64_t)((unsigned __int128)square * (UINT64_MAX / n + sum) >> 64);
	sum = t + (uint64_t)((unsigned __int128)t * sum >> 64);
	int64_t log = (int64_t)(sum >> (64 - LOG_BITS - 1));
	return (upper ? (int64_t)(LN2 / 2) : 0) + (below ? -log : log);
}

uint64_t sampling_minus_log(uint64_t random)
{
	unsigned zeros = (unsigned)__builtin_clzll(random | 1);

	return (zeros + 1) * LN2 - (uint64_t)log_of_mantissa((random | (zeros == 63)) << zeros);
}

void sampling_draw(struct thread_state *thread)
{
	thread->random += GOLDEN;
	thread->random += thread->random == 0;
	uint64_t log = sampling_minus_log(mix(thread->random));
	unsigned __int128 gap = (unsigned __int128)log * sampling_distance;

	thread->gap = (uint64_t)(gap >> LOG_BITS);
}

void sampling_begin(struct thread_state *thread)
{
	thread->gap = thread->random = 0;
	if (sampling_distance == 0)
		return;
	thread->random = mix(seed + GOLDEN * atomic_fetch_add_explicit(&threads, 1, memory_order_relaxed));
	sampling_draw(thread);
}

void sampling_seed(uint64_t number)
{
	seed = number;
	atomic_store_explicit(&threads, 0, memory_order_relaxed);
}

/* ---- Beginning ------------------------------------------------------------------------------------------------------------------ */

void sampling_start(uint64_t distance, uint64_t salt)
{
	sampling_distance = distance;
	if (distance == 0)
		return;
	if (salt != 0)
		page_filter_clear(); /* of what the parent has recorded */
	sampling_seed(salt != 0 ? mix(kernel_random() ^ mix(salt)) : kernel_random());
}
