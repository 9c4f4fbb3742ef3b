/* SPDX-License-Identifier: MIT */
/*
 * A recursion that keeps a block in every frame, as parsers and tree walkers do: recursion DEPTH BLOCKS.  Goes DEPTH calls down and up again
 * until BLOCKS blocks have been allocated on the way down and freed on the way up.  Prints nanoseconds per block by the wall clock.
 */
#include <stdio.h>
#include <stdlib.h>

#include "clock.h"

static long __attribute__((noinline)) descend(long depth)
{
	char *volatile block = malloc(48);
	long result = depth > 1 ? descend(depth - 1) + 1 : 1;

	free(block);
	return result;
}

int main(int argc, char **argv)
{
	long depth = argc > 1 ? atol(argv[1]) : 500, blocks = argc > 2 ? atol(argv[2]) : 100000, done = 0;
	double start = now_ns();

	while (done < blocks)
		done += descend(depth);
	printf("%.2f\n", done ? (now_ns() - start) / (double)done : 0);
	return 0;
}
