/* SPDX-License-Identifier: MIT */
/* The largest line is not that of the largest stack: three callers of one line keep 600 bytes each, another line keeps 1000. */
#include <stdlib.h>

static void *kept[4];

static __attribute__((noinline)) void *shared(void)
{
	return malloc(600); /* SHARED */
}

int main(void)
{
	kept[0] = shared();
	kept[1] = shared();
	kept[2] = shared();
	kept[3] = malloc(1000); /* ALONE */
	return kept[3] == NULL;
}
