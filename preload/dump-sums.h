/* SPDX-License-Identifier: MIT */
/*
 * What lives and what was allocated in total, per stack: the sums that a snapshot from inside is written from.  System calls and anonymous
 * mappings only.  Part of dump.c.
 */
#ifndef PRELOAD_DUMP_SUMS_H
#define PRELOAD_DUMP_SUMS_H

#include <stdbool.h>
#include <stdint.h>

/* What is known about one node of the trie. */
struct node_sums {
	uint64_t live_blocks, live_bytes, variance; /* domain 0; variance of live_bytes, 0: exact */
	uint64_t blocks, bytes, temporary;          /* in total */
	uint32_t foreign;                           /* row of the lowest other domain + 1, 0: none */
	uint32_t reserved;
};

/* Live blocks of another domain (track), hashed by (node, domain). */
struct foreign_sums {
	uint32_t node, domain;
	uint64_t blocks, bytes; /* blocks 0: empty row */
};

struct dump_sums {
	struct node_sums *nodes;
	uint32_t node_count;
	struct foreign_sums *foreign;
	uint32_t foreign_count; /* a power of two */
	uint64_t live_blocks, live_bytes;
	uint64_t interrupted_flushes; /* thread caches whose flush did not end: totals are off by up to that entry */
};

/* Sum the tables as they are now; of a sampled process, what the recorded blocks stand for.  0, or -ENOMEM with nothing to clear. */
int dump_sums_collect(struct dump_sums *sums);
void dump_sums_clear(struct dump_sums *sums);

#endif
