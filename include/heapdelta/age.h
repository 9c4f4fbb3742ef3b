/* SPDX-License-Identifier: MIT */
/*
 * Moments of a trace in 16 bits.  In: nanoseconds since its start.  Out: a code, and back: the moment's tick, or the 2048th part of the time
 * since the start if that is longer, in which it lies.  Later moments have no smaller codes.
 *
 * A code is a number of ticks as long as that has at most 12 bits, else its highest 12 bits with their place: the highest itself goes without
 * saying.
 */
#ifndef HEAPDELTA_AGE_H
#define HEAPDELTA_AGE_H

#include <stdint.h>

#define AGE_TICK_SHIFT 24       /* a tick is 2^24 ns: 1/60 of a second */
#define AGE_MANTISSA_BITS 11    /* behind the highest */
#define AGE_CODE_MAX UINT16_MAX /* in 100 million years */

static inline uint16_t age_encode(uint64_t ns)
{
	uint64_t ticks = ns >> AGE_TICK_SHIFT;

	if (ticks >> (AGE_MANTISSA_BITS + 1) == 0)
		return (uint16_t)ticks;
	unsigned place = 63u - (unsigned)__builtin_clzll(ticks) - AGE_MANTISSA_BITS;
	return (uint16_t)((place << AGE_MANTISSA_BITS) + (ticks >> place));
}

/* The earliest moment that has this code, in nanoseconds; those beyond 64 bits are the last one. */
static inline uint64_t age_decode(uint16_t code)
{
	unsigned place = code >> AGE_MANTISSA_BITS;

	if (place < 2)
		return (uint64_t)code << AGE_TICK_SHIFT;
	place--;
	uint64_t ticks = (uint64_t)code - ((uint64_t)place << AGE_MANTISSA_BITS);
	return place + AGE_TICK_SHIFT + AGE_MANTISSA_BITS < 63 ? ticks << place << AGE_TICK_SHIFT : UINT64_MAX;
}

#endif
