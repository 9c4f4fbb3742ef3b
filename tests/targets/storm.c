/* SPDX-License-Identifier: MIT */
/*
 * Threads allocate, reallocate and free in random order and hand blocks to each other; at the end everything is freed.
 * storm [THREADS [OPERATIONS [SEED [GENERATIONS [PERMANENT]]]]]: GENERATIONS rounds of fresh threads.  No stdio: exactly 0 blocks may be live
 * at exit (with GLIBC_TUNABLES=glibc.pthread.stack_cache_size=0, or joined threads leave blocks of libc's).
 *
 * PERMANENT blocks of 48 bytes stand before the first thread starts and are freed after the last: whoever looks from outside meanwhile has
 * to see each of them, once.  With them, the process id is said when they stand (ready.h).
 */
#include <malloc.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>

#include "ready.h"

enum { SHELF = 1024 };
static _Atomic(void *) shelf[SHELF];
static unsigned long operations = 20000;

static uint64_t next_random(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state;
}

static void *allocate(uint64_t random)
{
	size_t size = (random >> 8) % ((random & 15) == 0 ? 200000 : 500);
	void *block = NULL;
	switch (random >> 4 & 7) {
	case 0:
		return calloc(1 + (random & 3), size / 4);
	case 1:
		return memalign(64, size);
	case 2:
		return posix_memalign(&block, 256, size) == 0 ? block : NULL;
	case 3:
		return aligned_alloc(16, size & ~(size_t)15);
	default:
		return malloc(size);
	}
}

static void operate(uint64_t random)
{
	_Atomic(void *) *place = &shelf[(random >> 40) % SHELF];
	void *block = atomic_exchange(place, NULL);
	if ((random >> 60) < 4) {
		size_t size = 1 + (random >> 20) % 3000; /* never 0: that would be a free */
		void *moved = realloc(block, size);
		block = moved ? moved : block;
	} else if ((random >> 60) < 10 || !block) {
		free(block);
		block = allocate(random);
	} else {
		free(block);
		block = NULL;
	}
	free(atomic_exchange(place, block));
}

static void *work(void *argument)
{
	uint64_t state = (uint64_t)(uintptr_t)argument * 0x9e3779b97f4a7c15u + 1;
	for (unsigned long n = 0; n < operations; n++)
		operate(next_random(&state));
	return NULL;
}

static void **make_permanent(unsigned long count)
{
	void **blocks = malloc(count * sizeof(void *));
	for (unsigned long n = 0; n < count; n++)
		blocks[n] = malloc(48); /* PERMANENT */
	say_ready();
	return blocks;
}

int main(int argc, char **argv)
{
	unsigned long threads = argc > 1 ? strtoul(argv[1], NULL, 0) : 4;
	operations = argc > 2 ? strtoul(argv[2], NULL, 0) : operations;
	unsigned long seed = argc > 3 ? strtoul(argv[3], NULL, 0) : 1;
	unsigned long generations = argc > 4 ? strtoul(argv[4], NULL, 0) : 3;
	unsigned long permanent = argc > 5 ? strtoul(argv[5], NULL, 0) : 0;
	static pthread_t ids[256];
	if (threads > 256)
		return 2;
	void **blocks = permanent ? make_permanent(permanent) : NULL;
	for (unsigned long generation = 0; generation < generations; generation++) {
		for (unsigned long n = 0; n < threads; n++)
			if (pthread_create(&ids[n], NULL, work, (void *)(uintptr_t)(seed + generation * threads + n)) != 0)
				return 1;
		for (unsigned long n = 0; n < threads; n++)
			pthread_join(ids[n], NULL);
	}
	for (int n = 0; n < SHELF; n++)
		free(shelf[n]);
	for (unsigned long n = 0; n < permanent; n++)
		free(blocks[n]);
	free(blocks);
	return 0;
}
