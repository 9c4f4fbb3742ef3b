/* SPDX-License-Identifier: MIT */
/*
 * Sums per node of the trie, for statistics that credit every frame of a stack: what all stacks through a node add up to, without walking each
 * of them to the root.
 */
#ifndef ANALYZER_STATS_SUMS_H
#define ANALYZER_STATS_SUMS_H

#include <stdbool.h>
#include <stdint.h>

#include "snapshot.h"

typedef __int128 wide;

/* Of one stack or of many. */
struct stats_sum {
	wide size, count;
	wide allocated;  /* bytes in total, also of stacks that have nothing else */
	double variance; /* of size */
	bool counted;    /* there is more than `allocated` */
	bool one_time;   /* whatever is counted are the runtime's one-time blocks */
};

void stats_sum_add(struct stats_sum *sum, const struct stats_sum *more);

struct node_sum {
	struct stats_sum sum;
	uint32_t first; /* lowest number of a stack + 1; 0: none has come here */
};

/* Sums of the stacks that end at each node become those of all stacks that go through it; nodes[0] stays that of stacks without frames. */
void stats_sums_propagate(struct node_sum *sums, const struct node *nodes, size_t count);

#endif
