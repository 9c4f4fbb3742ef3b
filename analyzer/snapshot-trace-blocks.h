/* SPDX-License-Identifier: MIT */
/* What a trace file's tables say per stack, as numbers by node; filled by snapshot-trace-blocks.c and snapshot-trace-totals.c. */
#ifndef ANALYZER_SNAPSHOT_TRACE_BLOCKS_H
#define ANALYZER_SNAPSHOT_TRACE_BLOCKS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "snapshot-trace-ages.h"
#include "snapshot.h"
#include "trace-file.h"

/* Of a sampled process, blocks are in parts (SAMPLING_PARTS) until everything is added up. */
struct node_numbers {
	uint64_t live_blocks, live_bytes, live_variance; /* domain 0 */
	uint64_t total_blocks, total_bytes, temporary_blocks;
};

/* A live block of another domain. */
struct other_block {
	uint64_t address, size;
	uint32_t node, domain;
	uint32_t seconds; /* its age */
};

struct trace_numbers {
	struct trace_file *file;
	uint64_t distance; /* of samples; 0: every block is recorded */
	struct node_numbers *nodes;
	size_t node_count, node_room; /* ids below node_count are known to exist */
	struct other_block *others;
	size_t other_count, other_room;
	struct trace_ages ages;
	bool with_blocks;
	struct block *blocks; /* of domain 0; `stack` is a node */
	size_t block_count, block_room;
	uint64_t lost[HDT_LOSS_ROOM]; /* what could not be read */
};

/* Learn how many nodes there are by now. */
int trace_numbers_grow(struct trace_numbers *numbers);
void trace_numbers_release(struct trace_numbers *numbers);

/* A count of the recorder's as whole blocks. */
uint64_t trace_blocks(uint64_t distance, uint64_t count);

/* Every live block, each exactly once. */
int trace_read_blocks(struct trace_numbers *numbers);

#endif
