/* SPDX-License-Identifier: MIT */
/*
 * Threads that live for a few blocks: churn PAIRS THREADS.  Starts THREADS threads, four at a time, each of which makes and frees PAIRS
 * blocks and ends.  Prints nanoseconds per thread by the wall clock.
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "clock.h"

enum { AT_A_TIME = 4 };

static long pairs;

static void *work(void *unused)
{
	for (long i = 0; i < pairs; i++) {
		void *volatile block = malloc(32);

		free(block);
	}
	return unused;
}

int main(int argc, char **argv)
{
	long threads = argc > 2 ? atol(argv[2]) : 1000, begun = 0;
	double start = now_ns();

	pairs = argc > 1 ? atol(argv[1]) : 4;
	while (begun < threads) {
		pthread_t started[AT_A_TIME];
		int count = 0;

		for (; count < AT_A_TIME && begun < threads; count++, begun++)
			if (pthread_create(&started[count], NULL, work, NULL) != 0)
				return 1;
		while (count > 0)
			pthread_join(started[--count], NULL);
	}
	printf("%.2f\n", threads ? (now_ns() - start) / (double)threads : 0);
	return 0;
}
