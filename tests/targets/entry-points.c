/* SPDX-License-Identifier: MIT */
/* Calls each allocation entry point of libc once and keeps a block of a size of its own from each: 10 blocks, 16 + 32 + … + 8192
 * = 16368 bytes.  Failing calls must fail as libc says and leave nothing. */
#include <errno.h>
#include <malloc.h>
#include <stdint.h>
#include <stdlib.h>

static void *kept[32];

static int check_failures(void)
{
	/* volatile: the compiler must not see that these overflow */
	volatile size_t huge = SIZE_MAX / 2;
	errno = 0;
	if (calloc(huge, 4) || errno != ENOMEM)
		return 1;
	errno = 0;
	if (reallocarray(NULL, huge, 4) || errno != ENOMEM)
		return 2;
	errno = 0;
	if (malloc(huge + 1) || errno != ENOMEM)
		return 3;
	void *untouched = kept;
	errno = 0;
	volatile size_t odd = 3;
	if (posix_memalign(&untouched, odd, 8) != EINVAL || untouched != kept || errno != 0)
		return 4;
	errno = 7;
	free(malloc(100000000));
	return errno == 7 ? 0 : 5;
}

static int check_realloc(void)
{
	void *block = malloc(100);
	volatile size_t huge = SIZE_MAX / 2 + 1;
	if (realloc(block, huge)) /* fails: the block stays */
		return 6;
	block = realloc(block, 200);
	return realloc(block, 0) ? 7 : 0; /* frees */
}

int main(void)
{
	kept[0] = malloc(16);
	kept[1] = calloc(2, 16);
	kept[2] = realloc(NULL, 64);
	kept[3] = realloc(malloc(5), 128);
	kept[4] = reallocarray(NULL, 16, 16);
	if (posix_memalign(&kept[5], 64, 512) != 0)
		return 10;
	kept[6] = aligned_alloc(64, 1024);
	kept[7] = memalign(4096, 2048);
	kept[8] = valloc(4096);
	kept[9] = pvalloc(8192); /* requested size, not the rounded one */
	if ((uintptr_t)kept[5] % 64 || (uintptr_t)kept[6] % 64 || (uintptr_t)kept[7] % 4096 || (uintptr_t)kept[8] % 4096)
		return 11;
	if (malloc_usable_size(kept[0]) < 16 || malloc_usable_size(NULL) != 0)
		return 12;
	free(NULL);
	int status = check_failures();
	return status ? status : check_realloc();
}
