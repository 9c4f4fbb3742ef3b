/* SPDX-License-Identifier: MIT */
/*
 * Preloaded into a command: its FAIL_NTH-th allocation fails, all others are libc's.  FAIL_NTH=0 lets none fail.  With FAIL_COUNT=FILE the
 * number of allocations is written to that file when the process exits.
 *
 * Only the process that was started is meant: the variables are taken out of the environment.  calloc during dlsym is served from a
 * static buffer.  Allocations of libdw's own code never fail and do not count: elfutils 0.188 asserts or crashes where they do, which is not
 * ours to test.
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void *(*real_malloc)(size_t);
static void *(*real_calloc)(size_t, size_t);
static void *(*real_realloc)(void *, size_t);
static long fail_nth;
static _Atomic long count;
static char early[4096] __attribute__((aligned(16)));
static size_t early_used;
static char count_path[512];

static uintptr_t spared_start, spared_end; /* libdw */

static int find_spared(struct dl_phdr_info *info, size_t size, void *unused)
{
	(void)size, (void)unused;
	if (!strstr(info->dlpi_name, "/libdw"))
		return 0;
	for (int i = 0; i < info->dlpi_phnum; i++) {
		const ElfW(Phdr) *segment = &info->dlpi_phdr[i];

		if (segment->p_type != PT_LOAD || !(segment->p_flags & PF_X))
			continue;
		spared_start = info->dlpi_addr + segment->p_vaddr;
		spared_end = spared_start + segment->p_memsz;
	}
	return 1;
}

static void __attribute__((constructor)) start(void)
{
	const char *nth = getenv("FAIL_NTH"), *path = getenv("FAIL_COUNT");

	real_malloc = (void *(*)(size_t))dlsym(RTLD_NEXT, "malloc");
	real_realloc = (void *(*)(void *, size_t))dlsym(RTLD_NEXT, "realloc");
	real_calloc = (void *(*)(size_t, size_t))dlsym(RTLD_NEXT, "calloc");
	dl_iterate_phdr(find_spared, NULL);
	if (path && strlen(path) < sizeof(count_path))
		strcpy(count_path, path);
	if (nth)
		fail_nth = atol(nth);
	atomic_store(&count, 0);
	unsetenv("FAIL_NTH");
	unsetenv("FAIL_COUNT");
}

static void __attribute__((destructor)) finish(void)
{
	char text[24];
	int fd = *count_path ? open(count_path, O_WRONLY | O_CREAT | O_TRUNC, 0600) : -1;
	int length = snprintf(text, sizeof(text), "%ld\n", atomic_load(&count));

	if (fd >= 0 && (write(fd, text, (size_t)length) != length || close(fd) != 0))
		_exit(99);
}

static int fails(const void *caller)
{
	if ((uintptr_t)caller >= spared_start && (uintptr_t)caller < spared_end)
		return 0;
	if (atomic_fetch_add(&count, 1) + 1 != fail_nth)
		return 0;
	errno = ENOMEM;
	return 1;
}

void *malloc(size_t size)
{
	if (!real_malloc)
		real_malloc = (void *(*)(size_t))dlsym(RTLD_NEXT, "malloc");
	return fails(__builtin_return_address(0)) ? NULL : real_malloc(size);
}

void *calloc(size_t members, size_t size)
{
	if (!real_calloc) {
		char *block = early + early_used;

		early_used += (members * size + 15) & ~(size_t)15;
		return early_used <= sizeof(early) ? block : NULL;
	}
	return fails(__builtin_return_address(0)) ? NULL : real_calloc(members, size);
}

void *realloc(void *block, size_t size)
{
	if (!real_realloc)
		real_realloc = (void *(*)(void *, size_t))dlsym(RTLD_NEXT, "realloc");
	return fails(__builtin_return_address(0)) ? NULL : real_realloc(block, size);
}
