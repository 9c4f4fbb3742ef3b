/* SPDX-License-Identifier: MIT */
/*
 * Comes in: the cells of all threads and the table of totals, both of which change while we read.  Goes out: totals per stack, per thread
 * and of the process.
 * A number moves from a thread's cache to the table now and then.  The caches are copied before and after the table: an entry that is
 * the same in both copies is not in the table's copy yet; of one that has moved, the table is asked again.
 */
#include "snapshot-trace-totals.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define FLUSH_LOOKS 20 /* at a flush that does not end; the thread may have been interrupted in it */

struct totals_reader {
	struct trace_numbers *numbers;
	struct trace_file *file;
	struct hdt_thread *cells, *again;
	size_t count;
};

static void add_totals(struct node_numbers *node, uint64_t blocks, uint64_t bytes, uint64_t temporary)
{
	node->total_blocks += blocks;
	node->total_bytes += bytes;
	node->temporary_blocks += temporary;
}

static int read_table(struct totals_reader *reader)
{
	size_t size;
	struct hdt_totals *table = trace_file_load(reader->file, HDT_AREA_TOTALS, &size);

	if (!table || trace_numbers_grow(reader->numbers)) {
		free(table);
		return -1;
	}
	for (size_t i = 1; i < size / sizeof(*table); i++)
		if (table[i].node && table[i].node < reader->numbers->node_count)
			add_totals(&reader->numbers->nodes[table[i].node], table[i].blocks, table[i].bytes, table[i].temporary);
	free(table);
	return 0;
}

/* What the table says about one stack by now. */
static int read_again(struct totals_reader *reader, uint32_t id)
{
	struct node_numbers *node = &reader->numbers->nodes[id];
	struct hdt_node record;
	struct hdt_totals totals;
	uint64_t used;

	if (trace_file_read(reader->file, HDT_AREA_NODES, (uint64_t)id * sizeof(record), &record, sizeof(record)) ||
	    trace_file_used(reader->file, HDT_AREA_TOTALS, &used))
		return -1;
	uint64_t at = (uint64_t)record.totals * sizeof(totals);
	if (!record.totals || at >= used)
		return 0;
	if (trace_file_read(reader->file, HDT_AREA_TOTALS, at, &totals, sizeof(totals)))
		return -1;
	if (totals.node != id)
		return 0;
	node->total_blocks = node->total_bytes = node->temporary_blocks = 0;
	add_totals(node, totals.blocks, totals.bytes, totals.temporary);
	return 0;
}

/* Wait a little for a flush to end.  *ended is false when its process died in it. */
static int wait_for_flush(struct totals_reader *reader, size_t cell, size_t entry, bool *ended)
{
	uint64_t at = cell * sizeof(struct hdt_thread) + offsetof(struct hdt_thread, cache) + entry * sizeof(struct hdt_cached_totals);
	struct hdt_cached_totals now;

	*ended = false;
	for (int look = 0; look < FLUSH_LOOKS && reader->file->alive && !*ended; look++) {
		if (look)
			usleep(100);
		if (trace_file_read(reader->file, HDT_AREA_THREADS, at, &now, sizeof(now)))
			return -1;
		*ended = now.state != HDT_CACHE_FLUSHING;
	}
	return 0;
}

/* An entry that moved between the two copies: have its stack from the table, and leave the entry out. */
static int settle_entry(struct totals_reader *reader, size_t cell, size_t at)
{
	const struct hdt_cached_totals *before = &reader->cells[cell].cache[at];
	struct hdt_cached_totals *after = &reader->again[cell].cache[at];
	bool flushing = before->state == HDT_CACHE_FLUSHING || after->state == HDT_CACHE_FLUSHING, ended = true;

	if (!before->node || before->node >= reader->numbers->node_count)
		return 0;
	if (!flushing && after->node == before->node && after->blocks >= before->blocks)
		return 0;
	if (flushing && wait_for_flush(reader, cell, at, &ended))
		return -1;
	if (!ended) {
		/* Nobody can tell how much has arrived: count all of it, and say so. */
		reader->numbers->lost[HDT_LOSS_FLUSH]++;
		*after = *before;
		return 0;
	}
	after->node = 0;
	return read_again(reader, before->node);
}

/* What moved comes first, because it replaces its stack's numbers; what stayed is added to them. */
static int add_caches(struct totals_reader *reader)
{
	for (size_t cell = 0; cell < reader->count; cell++)
		for (size_t at = 0; at < HDT_CACHE_ENTRIES; at++)
			if (settle_entry(reader, cell, at))
				return -1;
	for (size_t cell = 0; cell < reader->count; cell++)
		for (size_t at = 0; at < HDT_CACHE_ENTRIES; at++) {
			const struct hdt_cached_totals *before = &reader->cells[cell].cache[at];
			if (before->node && before->node < reader->numbers->node_count &&
			    reader->again[cell].cache[at].node == before->node)
				add_totals(&reader->numbers->nodes[before->node], before->blocks, before->bytes, before->temporary);
		}
	return 0;
}

static void count_cell(struct snapshot_info *info, const struct hdt_thread *cell, int64_t *above)
{
	info->total_blocks += cell->alloc_blocks;
	info->total_bytes += cell->alloc_bytes;
	info->freed_blocks += cell->free_blocks;
	info->freed_bytes += cell->free_bytes;
	info->temporary_blocks += cell->temporary_blocks;
	int64_t fall;
	if (!__builtin_sub_overflow((int64_t)cell->high, (int64_t)cell->current, &fall) && fall > *above)
		*above = fall;
}

static int add_threads(struct totals_reader *reader, struct snapshot *snapshot, int64_t *above)
{
	snapshot->threads = calloc(reader->count ? reader->count : 1, sizeof(*snapshot->threads));
	if (!snapshot->threads)
		return error_nomem(reader->file->error);
	uint64_t distance = reader->numbers->distance;
	for (size_t i = 0; i < reader->count; i++) {
		const struct hdt_thread *cell = &reader->again[i];
		count_cell(&snapshot->info, cell, above);
		if (!cell->alloc_blocks && !cell->free_blocks)
			continue;
		snapshot->threads[snapshot->thread_count++] =
			(struct thread){.tid = cell->tid,
					.number = cell->number,
					.alloc_blocks = trace_blocks(distance, cell->alloc_blocks),
					.alloc_bytes = cell->alloc_bytes,
					.free_blocks = trace_blocks(distance, cell->free_blocks),
					.free_bytes = cell->free_bytes,
					.temporary_blocks = trace_blocks(distance, cell->temporary_blocks)};
	}
	snapshot->info.total_blocks = trace_blocks(distance, snapshot->info.total_blocks);
	snapshot->info.freed_blocks = trace_blocks(distance, snapshot->info.freed_blocks);
	snapshot->info.temporary_blocks = trace_blocks(distance, snapshot->info.temporary_blocks);
	return 0;
}

int trace_read_totals(struct trace_numbers *numbers, struct snapshot *snapshot, int64_t *above)
{
	struct totals_reader reader = {.numbers = numbers, .file = numbers->file};
	size_t size;
	int result = -1;

	reader.cells = trace_file_load(reader.file, HDT_AREA_THREADS, &size);
	if (!reader.cells || read_table(&reader))
		goto out;
	/* Threads that came later are younger than this snapshot. */
	reader.count = size / sizeof(*reader.cells);
	reader.again = malloc(size + 1);
	if (!reader.again) {
		error_nomem(reader.file->error);
		goto out;
	}
	if (trace_file_read(reader.file, HDT_AREA_THREADS, 0, reader.again, size) || add_caches(&reader))
		goto out;
	result = add_threads(&reader, snapshot, above);
out:
	free(reader.cells);
	free(reader.again);
	return result;
}
