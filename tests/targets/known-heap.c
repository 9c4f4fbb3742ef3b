/* SPDX-License-Identifier: MIT */
/*
 * A heap of known sites, from many blocks of 1 byte to two of 8 MiB, allocated in turns: what a sample of it says is compared with what an
 * exact recording says.
 *
 * known-heap [keep|free|threads|realloc|fork|grow|wait]: keep it all; free it all again; have four threads do it, of which each frees what
 * another has allocated; get each block by two reallocs; have a fork child do the same again, and leave by _exit; take a snapshot "before",
 * allocate more at one site, and free and allocate at another, and take one "after"; say the process id and wait to be killed.
 * No stdio: its buffer would be a block more.
 */
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <heapdelta/heapdelta.h>

#include "ready.h"

enum { BLOCKS_MAX = 200000, THREADS = 4, MORE = 40000 };
static void *blocks[BLOCKS_MAX + MORE];
static unsigned count;
static int by_realloc;

/* Each site is a function: `heapdelta stats -k function` tells them apart. */
#define SITE(name, size) \
	static __attribute__((noinline)) void *name(void) \
	{ \
		return by_realloc ? realloc(realloc(malloc((size) / 3 + 1), (size) / 2 + 1), size) : malloc(size); \
	}
SITE(bytes_1, 1)
SITE(bytes_24, 24)
SITE(bytes_80, 80)
SITE(bytes_500, 500)
SITE(bytes_4096, 4096)
SITE(bytes_40000, 40000)
SITE(bytes_300000, 300000)
SITE(mebibytes_1, 1 << 20)
SITE(mebibytes_8, 8 << 20)

static const struct site {
	void *(*allocate)(void);
	unsigned count;
} sites[] = {{bytes_1, 20000},   {bytes_24, 60000},  {bytes_80, 80000}, {bytes_500, 15000}, {bytes_4096, 2000},
	     {bytes_40000, 200}, {bytes_300000, 30}, {mebibytes_1, 6},  {mebibytes_8, 2}};
enum { SITES = sizeof(sites) / sizeof(sites[0]) };

/* The blocks of all sites, evenly mixed, but only every `step`-th from `first` on. */
static void make_heap(unsigned first, unsigned step)
{
	unsigned total = 0, made[SITES] = {0};

	for (unsigned site = 0; site < SITES; site++)
		total += sites[site].count;
	for (unsigned n = 0; n < total; n++) {
		unsigned next = 0;
		/* The site that is furthest behind. */
		for (unsigned site = 1; site < SITES; site++)
			if ((uint64_t)made[site] * sites[next].count < (uint64_t)made[next] * sites[site].count)
				next = site;
		if (n % step == first)
			blocks[n] = sites[next].allocate();
		made[next]++;
	}
	count = total;
}

static void free_heap(unsigned first, unsigned step)
{
	for (unsigned n = first; n < count; n += step)
		free(blocks[n]);
}

static void *work(void *number)
{
	make_heap((unsigned)(uintptr_t)number, THREADS);
	return NULL;
}

static void *tidy(void *number)
{
	free_heap(((unsigned)(uintptr_t)number + 1) % THREADS, THREADS);
	return NULL;
}

static void run_threads(void *(*function)(void *))
{
	pthread_t threads[THREADS];

	for (uintptr_t n = 0; n < THREADS; n++)
		if (pthread_create(&threads[n], NULL, function, (void *)n) != 0)
			abort();
	for (unsigned n = 0; n < THREADS; n++)
		pthread_join(threads[n], NULL);
}

static __attribute__((noinline)) void *growing(void)
{
	return malloc(400);
}

static void grow(void)
{
	make_heap(0, 1);
	heapdelta_take_snapshot("before");
	for (unsigned n = 0; n < MORE; n++)
		blocks[BLOCKS_MAX + n] = n % 2 ? growing() : bytes_80();
	for (unsigned n = 0; n < MORE; n += 4)
		free(blocks[BLOCKS_MAX + n]);
	heapdelta_take_snapshot("after");
}

static int fork_and_make(void)
{
	int status = 1;

	make_heap(0, 1);
	pid_t child = fork();
	if (child == 0) {
		free_heap(0, 1);
		make_heap(0, 1);
		_exit(0);
	}
	waitpid(child, &status, 0);
	return status != 0;
}

int main(int argc, char **argv)
{
	const char *how = argc > 1 ? argv[1] : "keep";

	by_realloc = strcmp(how, "realloc") == 0;
	if (strcmp(how, "grow") == 0) {
		grow();
	} else if (strcmp(how, "fork") == 0) {
		return fork_and_make();
	} else if (strcmp(how, "threads") == 0) {
		run_threads(work);
		run_threads(tidy);
		run_threads(work);
	} else {
		make_heap(0, 1);
	}
	if (strcmp(how, "free") == 0)
		free_heap(0, 1);
	if (strcmp(how, "wait") == 0) {
		say_ready();
		for (;;)
			pause();
	}
	return 0;
}
