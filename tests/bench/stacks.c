/* SPDX-License-Identifier: MIT */
/*
 * One live block from each of many different stacks: stacks COUNT.  Each is 17 calls deep below main, and at every level one of two
 * functions is called, by the bits of its number (at most 131072).  Prints the moment (CLOCK_MONOTONIC, seconds) and leaves main with all
 * of them live.
 */
#include <stdio.h>
#include <stdlib.h>

#include "clock.h"

enum { LEVELS = 17 };

static void *keep;

static void left(long level, long bits);
static void right(long level, long bits);

/* Each block leads to the one before, so that nothing is lost to a leak checker. */
static void __attribute__((noinline)) allocate(void)
{
	void **block = malloc(32);

	if (block)
		*block = keep;
	keep = block;
}

/* The constant in an empty asm keeps the compiler from folding the two functions into one. */
#define FUNCTION(name, constant) \
	static void __attribute__((noinline)) name(long level, long bits) \
	{ \
		__asm__ volatile("" ::"i"(constant)); \
		if (level == 0) \
			allocate(); \
		else if (bits & 1) \
			left(level - 1, bits >> 1); \
		else \
			right(level - 1, bits >> 1); \
	}
FUNCTION(left, 1)
FUNCTION(right, 2)

int main(int argc, char **argv)
{
	long count = argc > 1 ? atol(argv[1]) : 100000;

	for (long i = 0; i < count; i++)
		left(LEVELS, i);
	printf("%.6f\n", now_ns() / 1e9);
	return 0;
}
