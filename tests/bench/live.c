/* SPDX-License-Identifier: MIT */
/*
 * Many live blocks from many call sites: live SITES SIZES END BLOCKS.
 *
 * SIZES is small (64 bytes), mixed (16 to 1024, as many of each doubling) or large (16 to 64 KiB, untouched).  END says what follows when
 * all BLOCKS live: `free` them in random order and print nanoseconds per block by the wall clock, from the first malloc to the last free;
 * `leave` main at once, having printed the moment (CLOCK_MONOTONIC, seconds); or `wait` for a signal, having printed the process's number.
 * With free, rss_kib= and shmem_kib= say what this process held in memory at the most, bytes= what it asked for.
 */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "clock.h"
#include "sites.h"

static size_t choose_size(const char *sizes, uint64_t *random)
{
	size_t low = sizes[0] == 'l' ? (size_t)16384 << next_random(random) % 2 : (size_t)16 << next_random(random) % 6;

	return sizes[0] == 's' ? 64 : low + next_random(random) % low;
}

static size_t allocate(void **blocks, long count, long sites, const char *sizes)
{
	uint64_t random = 1;
	size_t bytes = 0;

	for (long i = 0; i < count; i++) {
		size_t size = choose_size(sizes, &random);

		blocks[i] = site_functions[next_random(&random) % (uint32_t)sites](size);
		bytes += size;
	}
	return bytes;
}

static void free_in_random_order(void **blocks, long count)
{
	uint64_t random = 2;

	for (long left = count; left > 0; left--) {
		long picked = (long)(next_random(&random) % (uint32_t)left);

		free(blocks[picked]);
		blocks[picked] = blocks[left - 1];
	}
}

/* Prints what /proc/self/status says, without a call of malloc. */
static void print_memory(size_t bytes)
{
	char text[8192], *rss, *shmem;
	int file = open("/proc/self/status", O_RDONLY | O_CLOEXEC);
	ssize_t length = read(file, text, sizeof(text) - 1);

	close(file);
	text[length > 0 ? length : 0] = '\0';
	rss = strstr(text, "VmRSS:");
	shmem = strstr(text, "RssShmem:");
	printf("rss_kib=%ld\nshmem_kib=%ld\nbytes=%zu\n", rss ? atol(rss + 6) : 0, shmem ? atol(shmem + 9) : 0, bytes);
}

static void end(const char *how, void **blocks, long count, double start, size_t bytes)
{
	double built = now_ns() - start, freed;

	if (strcmp(how, "free") != 0) {
		printf(strcmp(how, "wait") == 0 ? "%.0f\n" : "%.6f\n", strcmp(how, "wait") == 0 ? getpid() : now_ns() / 1e9);
		fflush(stdout);
		while (strcmp(how, "wait") == 0)
			pause();
		return;
	}
	print_memory(bytes);
	freed = now_ns();
	free_in_random_order(blocks, count);
	printf("%.2f\n", count ? (built + now_ns() - freed) / (double)count : 0);
}

int main(int argc, char **argv)
{
	long sites = argc > 4 ? atol(argv[1]) : 0, count = argc > 4 ? atol(argv[4]) : 0;
	void **blocks = calloc((size_t)count + 1, sizeof(void *));
	double start = now_ns();

	if (sites < 1 || sites > SITES || !blocks)
		return 2;
	end(argv[3], blocks, count, start, allocate(blocks, count, sites, argv[2]));
	return 0;
}
