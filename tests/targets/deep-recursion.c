/* SPDX-License-Identifier: MIT */
/* Allocations on each level of a deep recursion, on the way down and on the way up, through two functions that take turns irregularly. */
#include <stdlib.h>

__attribute__((noinline)) static long odd(long left, unsigned pattern);

__attribute__((noinline)) static long even(long left, unsigned pattern)
{
	char *block = malloc(16);
	long sum = left == 0 ? 0 : pattern & 1 ? odd(left - 1, pattern >> 1 | pattern << 31) : even(left - 1, pattern >> 1 | pattern << 31);
	block = realloc(block, 64);
	block[0] = (char)sum;
	sum += block[0];
	free(block);
	return sum + 1;
}

__attribute__((noinline)) static long odd(long left, unsigned pattern)
{
	volatile char room[200];
	room[left % 200] = 1;
	void *block = calloc(1, 32);
	long sum = left == 0 ? 0 : pattern & 2 ? even(left - 1, pattern >> 1 | pattern << 31) : odd(left - 1, pattern >> 1 | pattern << 31);
	free(block);
	return sum + room[left % 200];
}

int main(int argc, char **argv)
{
	long depth = argc > 1 ? atol(argv[1]) : 200;
	for (unsigned round = 1; round <= 3; round++)
		if (even(depth, 0x5a3c9e71u * round) == 0)
			return 1;
	return 0;
}
