/* SPDX-License-Identifier: MIT */
/*
 * What one sampled block stands for.  In: the distance R (hdt_header.sample_bytes) and a block's size.  Out: blocks and bytes.
 *
 * Every byte that is allocated carries a mark with probability 1/R, and a block is recorded if it holds at least one: a block of s bytes
 * (0 counts as 1) with p = 1 − e^(−s/R).  It then stands for 1/p blocks and s/p bytes (Horvitz and Thompson), so that sums over recorded
 * blocks are unbiased, whatever their sizes.  Each block is scaled and then added; sums are never scaled.
 *
 * The recorder adds a block's weight when it is allocated and takes the same weight out when it is freed; readers weigh live blocks by their
 * sizes.  So the weight must be the same number each time: integers only, no floating point, whose rounding the program may change
 * meanwhile (fesetround) and whose flags it may look at.  p is right to 2^−61, which is one part in 10^9 of the smallest one.
 */
#ifndef HEAPDELTA_SAMPLING_H
#define HEAPDELTA_SAMPLING_H

#include <stdbool.h>
#include <stdint.h>

/* Distances that make sense.  Bytes are rounded to whole ones, which is off by 1/1024 at most from the smallest distance on; the largest
 * keeps every weight and its square within 64 bits. */
#define SAMPLING_MIN (UINT64_C(1) << 9)
#define SAMPLING_MAX (UINT64_C(1) << 30)

/* Counts of blocks in a sampled trace file are in so many parts of a block: 1/p lies between 1 and R, and whole blocks would be wrong by up
 * to a quarter where s is about R. */
#define SAMPLING_PARTS 1024u

/* Blocks of other domains (track) are all recorded, whatever their size, and stand for themselves. */
struct sampling_weight {
	uint64_t parts; /* blocks, in 1/SAMPLING_PARTS */
	uint64_t bytes;
};

/* From this many R on the chance to miss a block is below the last bit of p. */
#define SAMPLING_CERTAIN 44u

/* Numbers from 0 to 2 with 63 bits behind the point. */
#define SAMPLING_ONE (UINT64_C(1) << 63)

static inline uint64_t sampling_multiply(uint64_t a, uint64_t b)
{
	return (uint64_t)((unsigned __int128)a * b >> 63);
}

/* (1 − e^(−x))/x for x ≤ 1: 1/1! − x/2! + x²/3! − …; what follows the last term is below 2^−65. */
static inline uint64_t sampling_series(uint64_t x)
{
	static const uint64_t factorials[] = {
		SAMPLING_ONE,
		SAMPLING_ONE / 2,
		SAMPLING_ONE / 6,
		SAMPLING_ONE / 24,
		SAMPLING_ONE / 120,
		SAMPLING_ONE / 720,
		SAMPLING_ONE / 5040,
		SAMPLING_ONE / 40320,
		SAMPLING_ONE / 362880,
		SAMPLING_ONE / 3628800,
		SAMPLING_ONE / 39916800,
		SAMPLING_ONE / 479001600,
		SAMPLING_ONE / 6227020800,
		SAMPLING_ONE / 87178291200,
		SAMPLING_ONE / 1307674368000,
		SAMPLING_ONE / 20922789888000,
		SAMPLING_ONE / 355687428096000,
		SAMPLING_ONE / 6402373705728000,
		SAMPLING_ONE / 121645100408832000,
		SAMPLING_ONE / 2432902008176640000,
	};
	unsigned n = sizeof(factorials) / sizeof(factorials[0]) - 1;
	uint64_t sum = factorials[n];

	while (n-- > 0)
		sum = factorials[n] - sampling_multiply(x, sum);
	return sum;
}

/* p of a block of `size` bytes, in 1/SAMPLING_ONE.  1 − e^(−2x) = q (2 − q) with q = 1 − e^(−x). */
static inline uint64_t sampling_probability(uint64_t distance, uint64_t size)
{
	unsigned doublings = 0;

	if (size == 0)
		size = 1;
	if (size / distance >= SAMPLING_CERTAIN)
		return SAMPLING_ONE;
	while (distance << doublings < size)
		doublings++;
	uint64_t x = (uint64_t)(((unsigned __int128)size << 63) / (distance << doublings));
	uint64_t p = sampling_multiply(x, sampling_series(x));
	while (doublings-- > 0)
		p = sampling_multiply(p, 0 - p);
	return p;
}

static inline uint64_t sampling_divide(uint64_t amount, uint64_t p)
{
	return (uint64_t)((((unsigned __int128)amount << 63) + p / 2) / p);
}

/* distance 0: every block is recorded and stands for itself; a whole block is SAMPLING_PARTS then, too. */
static inline struct sampling_weight sampling_weigh(uint64_t distance, uint64_t size)
{
	struct sampling_weight weight = {SAMPLING_PARTS, size};

	if (distance != 0) {
		uint64_t p = sampling_probability(distance, size);
		weight.parts = sampling_divide(SAMPLING_PARTS, p);
		weight.bytes = sampling_divide(size, p);
	}
	return weight;
}

/* The estimated variance of `weight.bytes` as an estimate of what was allocated: s² (1 − p)/p² = (s/p)(s/p − s). */
static inline uint64_t sampling_variance(struct sampling_weight weight, uint64_t size)
{
	return weight.bytes * (weight.bytes - size);
}

/* Sums of variances stay at the largest number. */
static inline uint64_t sampling_add_variance(uint64_t sum, uint64_t variance)
{
	return sum + variance < sum ? UINT64_MAX : sum + variance;
}

/* Parts → whole blocks, for a sum over many stacks. */
static inline uint64_t sampling_round_blocks(uint64_t parts)
{
	return parts / SAMPLING_PARTS + (parts % SAMPLING_PARTS >= SAMPLING_PARTS / 2);
}

/*
 * Parts → whole blocks, for one stack.  A stack with few samples would be wrong by up to half a block in one direction, and so would a
 * thousand of them.  So the point where a part is rounded up differs from stack to stack, evenly: sums over stacks are right, and the same
 * parts of the same stack are the same blocks in every snapshot.
 */
static inline uint64_t sampling_whole_blocks(uint64_t parts, uint32_t stack)
{
	uint32_t point = (stack * UINT32_C(0x9e3779b1)) >> 22; /* 0 … SAMPLING_PARTS − 1 */

	return parts / SAMPLING_PARTS + (parts % SAMPLING_PARTS + point >= SAMPLING_PARTS);
}

#endif
