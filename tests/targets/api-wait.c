/* SPDX-License-Identifier: MIT */
/*
 * api-wait: blocks of many sizes, stacks, threads and domains, of which some go again; then a snapshot from inside, its pid on stdout, and
 * rest until standard input ends, so that an outside reader finds the same state.
 */
#include <heapdelta/heapdelta.h>

#include <pthread.h>

#include "ready.h"

enum { BLOCKS = 2000, THREADS = 4, DEPTH = 40 };
static void *blocks[THREADS][BLOCKS];

static void *at_depth(int depth, size_t size)
{
	void *volatile block = depth > 0 ? at_depth(depth - 1, size) : malloc(size);
	return block;
}

static void *work(void *argument)
{
	uintptr_t thread = (uintptr_t)argument;

	for (int n = 0; n < BLOCKS; n++) {
		blocks[thread][n] = at_depth(n % DEPTH, (size_t)(n * 37 % 5000));
		if (n % 3 == 0)
			blocks[thread][n] = realloc(blocks[thread][n], (size_t)n + 1);
		if (n % 5 == 0)
			free(malloc(10));
		heapdelta_track((unsigned)thread, &blocks[thread][n], (size_t)n);
	}
	for (int n = 0; n < BLOCKS; n += 2)
		free(blocks[thread][n]);
	return NULL;
}

int main(void)
{
	pthread_t threads[THREADS];
	char byte;

	for (uintptr_t n = 0; n < THREADS; n++)
		pthread_create(&threads[n], NULL, work, (void *)n);
	for (int n = 0; n < THREADS; n++)
		pthread_join(threads[n], NULL);
	free(malloc((size_t)64 << 20)); /* the peak, and a size that no slot holds */
	blocks[0][0] = malloc((size_t)48 << 20);
	if (heapdelta_mark("filled\nand ready") != 0 || heapdelta_take_snapshot("inside") != 0)
		return 1;
	say_ready();
	while (read(STDIN_FILENO, &byte, 1) > 0)
		;
	return 0;
}
