/* SPDX-License-Identifier: MIT */
/*
 * Threads that free each other's blocks: threads THREADS PAIRS.  PAIRS pairs of malloc and free are shared out among the threads.  Each new
 * block is exchanged for whatever lies in some slot of a table that all share, and that is freed: nobody waits for anybody, and with N
 * threads N-1 of N blocks are freed by another than made them.  Prints nanoseconds per pair by the wall clock, of all threads together.
 */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include "clock.h"

enum { MAX_THREADS = 64, SLOTS_PER_THREAD = 512, DEPTH = 16 };

static _Atomic(void *) slots[MAX_THREADS * SLOTS_PER_THREAD];
static long threads, pairs_each;

static long __attribute__((noinline)) exchange_blocks(uint64_t random)
{
	uint32_t slot_count = (uint32_t)(threads * SLOTS_PER_THREAD);

	for (long i = 0; i < pairs_each; i++) {
		uint32_t chance = next_random(&random);

		free(atomic_exchange(&slots[chance % slot_count], malloc(16 + chance % 7 * 16)));
	}
	return (long)random;
}

static long __attribute__((noinline)) descend(long depth, uint64_t random)
{
	return depth > 0 ? descend(depth - 1, random) : exchange_blocks(random);
}

static void *work(void *number)
{
	return (void *)descend(DEPTH, (uint64_t)(uintptr_t)number + 1);
}

int main(int argc, char **argv)
{
	pthread_t started[MAX_THREADS];
	double start = now_ns();
	long pairs;

	threads = argc > 1 ? atol(argv[1]) : 2;
	pairs = argc > 2 ? atol(argv[2]) : 1000000;
	if (threads < 1 || threads > MAX_THREADS)
		return 2;
	pairs_each = pairs / threads;
	for (long i = 0; i < threads; i++)
		if (pthread_create(&started[i], NULL, work, (void *)i) != 0)
			return 1;
	for (long i = 0; i < threads; i++)
		pthread_join(started[i], NULL);
	printf("%.2f\n", pairs ? (now_ns() - start) / (double)pairs : 0);
	for (long i = 0; i < threads * SLOTS_PER_THREAD; i++)
		free(slots[i]);
	return 0;
}
