/* SPDX-License-Identifier: MIT */
/*
 * In: the block table, the totals and the threads' caches of totals, while other threads change them.  Out: sums per node of the trie.
 *
 * The number of nodes is taken first: a block whose stack is younger is younger than the snapshot.  Totals move from a thread's cache to
 * the table now and then, so the caches are copied first and looked at again after the table: an entry that is still there is added to its
 * stack's numbers, of one that moved the table is asked again.  Signal-safe; arrays are mappings of which only used pages come to exist.
 */
#include "dump-sums.h"

#include <errno.h>
#include <sched.h>
#include <stdatomic.h>
#include <sys/mman.h>

#include "blocks.h"
#include "heapdelta/sampling.h"
#include "heapdelta/trace.h"
#include "trace.h"

enum { FOREIGN_MIN = 64, FLUSH_LOOKS = 20 /* the flushing thread may be the one that a signal handler interrupted: us */ };

#define LOAD(field) atomic_load_explicit(&(field), memory_order_relaxed)
#define LOAD_ACQUIRE(field) atomic_load_explicit(&(field), memory_order_acquire)

/* A copy of one cache entry. */
struct cached {
	uint32_t node, state;
	uint64_t blocks, bytes, temporary;
};

/* ---- Live blocks --------------------------------------------------------------------------------------------------------------- */

static struct foreign_sums *foreign_row(const struct dump_sums *sums, uint32_t node, uint32_t domain)
{
	uint64_t hash = ((uint64_t)node << 32 | domain) * UINT64_C(0x9e3779b97f4a7c15);
	for (uint32_t n = 0; n < sums->foreign_count; n++) {
		struct foreign_sums *row = &sums->foreign[((uint32_t)(hash >> 32) + n) & (sums->foreign_count - 1)];
		if (row->blocks == 0 || (row->node == node && row->domain == domain))
			return row;
	}
	return NULL;
}

/* The totals of a node belong to no domain; they are shown with its lowest one. */
static void note_lowest(struct dump_sums *sums, const struct foreign_sums *row)
{
	struct node_sums *node = &sums->nodes[row->node];
	if (!node->foreign || sums->foreign[node->foreign - 1].domain > row->domain)
		node->foreign = (uint32_t)(row - sums->foreign) + 1;
}

/* False: the rows, made for all blocks tracked at the start, are full, so this block is younger than the snapshot. */
static bool add_foreign(struct dump_sums *sums, uint32_t domain, struct block block)
{
	struct foreign_sums *row = foreign_row(sums, block.stack, domain);
	if (!row)
		return false;
	if (row->blocks++ == 0) {
		row->node = block.stack;
		row->domain = domain;
		note_lowest(sums, row);
	}
	row->bytes += block.size;
	return true;
}

/* Blocks in parts, until everything is added up. */
static void add_sampled(struct dump_sums *sums, struct block block)
{
	struct node_sums *node = &sums->nodes[block.stack];
	struct sampling_weight weight = sampling_weigh(trace.header->sample_bytes, block.size);
	node->live_blocks += weight.parts;
	node->live_bytes += weight.bytes;
	node->variance = sampling_add_variance(node->variance, sampling_variance(weight, block.size));
	sums->live_bytes += weight.bytes;
}

static void add_block(void *context, uint32_t domain, uintptr_t address, struct block block)
{
	struct dump_sums *sums = context;
	(void)address;
	if (block.stack >= sums->node_count || (domain != 0 && !add_foreign(sums, domain, block)))
		return;
	if (domain == 0 && trace.header->sample_bytes != 0) {
		add_sampled(sums, block);
		return;
	}
	if (domain == 0) {
		sums->nodes[block.stack].live_blocks++;
		sums->nodes[block.stack].live_bytes += block.size;
	}
	sums->live_blocks++;
	sums->live_bytes += block.size;
}

/* ---- Totals -------------------------------------------------------------------------------------------------------------------- */

static uint64_t cell_count(void)
{
	return trace_used(HDT_AREA_THREADS) / sizeof(struct hdt_thread);
}

static struct hdt_cached_totals *entry_at(uint64_t number)
{
	struct hdt_thread *cell = trace_at(HDT_AREA_THREADS, number / HDT_CACHE_ENTRIES * sizeof(struct hdt_thread));
	return &cell->cache[number % HDT_CACHE_ENTRIES];
}

static struct cached copy_entry(struct hdt_cached_totals *entry)
{
	struct cached copy = {.node = LOAD_ACQUIRE(entry->node), .state = LOAD_ACQUIRE(entry->state)};
	copy.blocks = LOAD_ACQUIRE(entry->blocks);
	copy.bytes = LOAD_ACQUIRE(entry->bytes);
	copy.temporary = LOAD_ACQUIRE(entry->temporary);
	return copy;
}

static void add_totals(struct dump_sums *sums)
{
	uint64_t count = trace_used(HDT_AREA_TOTALS) / sizeof(struct hdt_totals);
	for (uint64_t n = 1; n < count; n++) {
		struct hdt_totals *totals = trace_at(HDT_AREA_TOTALS, n * sizeof(struct hdt_totals));
		uint32_t node = LOAD_ACQUIRE(totals->node);
		if (node == 0 || node >= sums->node_count)
			continue;
		sums->nodes[node].blocks = LOAD(totals->blocks);
		sums->nodes[node].bytes = LOAD(totals->bytes);
		sums->nodes[node].temporary = LOAD(totals->temporary);
	}
}

static void read_totals_again(struct dump_sums *sums, uint32_t node)
{
	const struct hdt_node *record = trace_at(HDT_AREA_NODES, (uint64_t)node * sizeof(struct hdt_node));
	uint32_t number = LOAD_ACQUIRE(record->totals);
	if (number == 0)
		return;
	struct hdt_totals *totals = trace_at(HDT_AREA_TOTALS, (uint64_t)number * sizeof(struct hdt_totals));
	sums->nodes[node].blocks = LOAD(totals->blocks);
	sums->nodes[node].bytes = LOAD(totals->bytes);
	sums->nodes[node].temporary = LOAD(totals->temporary);
}

static bool is_flushing(struct hdt_cached_totals *entry)
{
	for (int look = 0; look < FLUSH_LOOKS; look++) {
		if (LOAD_ACQUIRE(entry->state) != HDT_CACHE_FLUSHING)
			return false;
		sched_yield();
	}
	return true;
}

/* Has the entry moved to the table since it was copied?  One whose flush does not end counts as still there, and is reported. */
static bool has_moved(struct dump_sums *sums, const struct cached *copy, struct hdt_cached_totals *entry)
{
	bool flushed = copy->state == HDT_CACHE_FLUSHING || LOAD_ACQUIRE(entry->state) == HDT_CACHE_FLUSHING;
	if (flushed && is_flushing(entry)) {
		sums->interrupted_flushes++;
		return false;
	}
	return flushed || LOAD_ACQUIRE(entry->node) != copy->node || LOAD_ACQUIRE(entry->blocks) < copy->blocks;
}

/* What moved comes first, because it replaces its stack's numbers; what stayed is added to them. */
static void add_caches(struct dump_sums *sums, struct cached *copies, uint64_t count)
{
	for (uint64_t n = 0; n < count; n++) {
		uint32_t node = copies[n].node;
		if (node >= sums->node_count)
			copies[n].node = 0;
		else if (node != 0 && has_moved(sums, &copies[n], entry_at(n))) {
			read_totals_again(sums, node);
			copies[n].node = 0;
		}
	}
	for (uint64_t n = 0; n < count; n++) {
		struct node_sums *node = &sums->nodes[copies[n].node];
		if (copies[n].node == 0)
			continue;
		node->blocks += copies[n].blocks;
		node->bytes += copies[n].bytes;
		node->temporary += copies[n].temporary;
	}
}

static int sum_totals(struct dump_sums *sums)
{
	uint64_t count = cell_count() * HDT_CACHE_ENTRIES;
	if (count == 0)
		return 0; /* the first thread is just being attached */
	struct cached *copies = trace_map_private(count * sizeof(struct cached), false);
	if (!copies)
		return -ENOMEM;
	for (uint64_t n = 0; n < count; n++)
		copies[n] = copy_entry(entry_at(n));
	add_totals(sums);
	add_caches(sums, copies, count);
	munmap(copies, count * sizeof(struct cached));
	return 0;
}

/* Parts → blocks. */
static void make_whole(struct dump_sums *sums)
{
	for (uint32_t n = 0; n < sums->node_count; n++) {
		struct node_sums *node = &sums->nodes[n];
		if ((node->live_blocks | node->blocks | node->temporary) == 0)
			continue; /* its page may not exist */
		node->live_blocks = sampling_whole_blocks(node->live_blocks, n);
		node->blocks = sampling_whole_blocks(node->blocks, n);
		node->temporary = sampling_whole_blocks(node->temporary, n);
		sums->live_blocks += node->live_blocks;
	}
}

/* ---- Both ---------------------------------------------------------------------------------------------------------------------- */

void dump_sums_clear(struct dump_sums *sums)
{
	if (sums->nodes)
		munmap(sums->nodes, sums->node_count * sizeof(struct node_sums));
	if (sums->foreign)
		munmap(sums->foreign, sums->foreign_count * sizeof(struct foreign_sums));
	*sums = (struct dump_sums){0};
}

int dump_sums_collect(struct dump_sums *sums)
{
	uint64_t nodes = trace_used(HDT_AREA_NODES) / sizeof(struct hdt_node);
	*sums = (struct dump_sums){.node_count = nodes ? (uint32_t)nodes : 1, .foreign_count = FOREIGN_MIN};
	while (sums->foreign_count < 2 * (trace_used(HDT_AREA_EXTRAS) / sizeof(struct hdt_extra)))
		sums->foreign_count *= 2;
	sums->nodes = trace_map_private(sums->node_count * sizeof(struct node_sums), false);
	sums->foreign = trace_map_private(sums->foreign_count * sizeof(struct foreign_sums), false);
	int error = sums->nodes && sums->foreign ? 0 : -ENOMEM;
	if (!error) {
		blocks_each(add_block, sums);
		error = sum_totals(sums);
	}
	if (!error && trace.header->sample_bytes != 0)
		make_whole(sums);
	if (error)
		dump_sums_clear(sums);
	return error;
}
