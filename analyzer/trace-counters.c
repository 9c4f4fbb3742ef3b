/* SPDX-License-Identifier: MIT */
/*
 * Comes in: an open trace file, of a process that may be alive.  Goes out: sums.
 * Cells are read one after the other while their threads count, so the sums are a few events apart; what was freed is read first in each
 * cell's copy, and a sum below zero is taken for zero.
 */
#include "trace-counters.h"

#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "heapdelta/sampling.h"
#include "trace-file.h"

struct sums {
	int64_t blocks, bytes;
};

static int add_cells(struct trace_file *file, struct sums *sums)
{
	enum { PART = offsetof(struct hdt_thread, cache) };
	uint64_t used;

	if (trace_file_used(file, HDT_AREA_THREADS, &used))
		return -1;
	for (uint64_t at = 0; at + sizeof(struct hdt_thread) <= used; at += sizeof(struct hdt_thread)) {
		_Alignas(struct hdt_thread) char part[PART];
		const struct hdt_thread *cell = (const struct hdt_thread *)(const void *)part;
		if (trace_file_read(file, HDT_AREA_THREADS, at, part, PART))
			return -1;
		sums->blocks += (int64_t)(cell->alloc_blocks - cell->free_blocks);
		sums->bytes += (int64_t)(cell->alloc_bytes - cell->free_bytes);
	}
	return 0;
}

static uint64_t held(int fd, const char *root, const char *spill_path)
{
	char path[4096];
	struct stat status;
	uint64_t bytes = fstat(fd, &status) == 0 ? (uint64_t)status.st_blocks * 512 : 0;

	if (spill_path[0] == '/' && (size_t)snprintf(path, sizeof(path), "%s%s", root, spill_path) < sizeof(path) &&
	    lstat(path, &status) == 0 && S_ISREG(status.st_mode))
		bytes += (uint64_t)status.st_blocks * 512;
	return bytes;
}

static uint64_t up_ns(const struct hdt_header *header, bool alive)
{
	struct timespec time;
	uint64_t end = header->end_monotonic_ns;

	if (alive) {
		clock_gettime(CLOCK_MONOTONIC, &time);
		end = (uint64_t)time.tv_sec * 1000000000 + (uint64_t)time.tv_nsec;
	}
	return end > header->start_monotonic_ns ? end - header->start_monotonic_ns : 0;
}

static uint64_t positive(int64_t value)
{
	return value > 0 ? (uint64_t)value : 0;
}

static void fill(struct trace_counters *counters, const struct trace_file *file, const struct hdt_header *header, struct sums sums)
{
	uint64_t blocks = positive(sums.blocks - (int64_t)header->cleared_blocks);

	counters->alive = file->alive;
	counters->live_blocks = file->header.sample_bytes ? sampling_round_blocks(blocks) : blocks;
	counters->live_bytes = positive(sums.bytes - (int64_t)header->cleared_bytes);
	for (int i = 0; i < HDT_LOSS_ROOM; i++)
		counters->lost_events += header->losses[i];
	counters->up_ns = up_ns(header, file->alive);
	counters->tracing = header->tracing;
	counters->flags = header->flags;
	counters->state = header->state;
	counters->owner = file->owner;
}

int trace_counters_read(int fd, const char *root, const char *name, struct trace_counters *counters, struct error *error)
{
	struct trace_file file;
	struct hdt_header header;
	struct sums sums = {0};
	char spill_path[sizeof(header.spill_path) + 1] = "";

	*counters = (struct trace_counters){0};
	int result = trace_file_open(&file, fd, name, root, error);
	if (!result)
		result = add_cells(&file, &sums) || trace_file_refresh(&file, &header) ? -1 : 0;
	if (!result) {
		memcpy(spill_path, header.spill_path, sizeof(header.spill_path));
		fill(counters, &file, &header, sums);
		counters->memory = held(fd, root, spill_path);
	}
	trace_file_close(&file);
	return result;
}
