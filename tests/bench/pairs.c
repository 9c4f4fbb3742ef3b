/* SPDX-License-Identifier: MIT */
/*
 * The tightest loop there is for a tracer: malloc and free of 64 bytes, DEPTH calls below main, PAIRS times.  Prints the nanoseconds that a
 * pair took, by the wall clock: run it bound to one core and whatever else a tracer has running there counts, too.
 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static double now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return (double)time.tv_sec * 1e9 + (double)time.tv_nsec;
}

static double __attribute__((noinline)) measure(long pairs)
{
	double start = now();

	for (long i = 0; i < pairs; i++) {
		void *volatile block = malloc(64);

		free(block);
	}
	return (now() - start) / (double)pairs;
}

static double __attribute__((noinline)) descend(long depth, long pairs)
{
	return depth > 0 ? descend(depth - 1, pairs) : measure(pairs);
}

int main(int argc, char **argv)
{
	long depth = argc > 1 ? atol(argv[1]) : 20, pairs = argc > 2 ? atol(argv[2]) : 1000000;

	measure(pairs / 20 + 1);
	/* main, descend (once more than it descends) and measure are frames as well. */
	printf("%.2f\n", descend(depth > 3 ? depth - 3 : 0, pairs));
	return 0;
}
