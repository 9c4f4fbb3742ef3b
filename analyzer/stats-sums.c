/* SPDX-License-Identifier: MIT */
/*
 * From the last node to the first: a parent has a lower number than its children, so each sum is complete when it is added to the parent's.
 */
#include "stats-sums.h"

void stats_sum_add(struct stats_sum *sum, const struct stats_sum *more)
{
	sum->allocated += more->allocated;
	if (!more->counted)
		return;
	sum->size += more->size;
	sum->count += more->count;
	sum->variance += more->variance;
	sum->one_time = more->one_time && (sum->one_time || !sum->counted);
	sum->counted = true;
}

void stats_sums_propagate(struct node_sum *sums, const struct node *nodes, size_t count)
{
	for (size_t i = count; i-- > 1;) {
		struct node_sum *outer = &sums[nodes[i].parent];
		if (!sums[i].first || !nodes[i].parent)
			continue;
		stats_sum_add(&outer->sum, &sums[i].sum);
		if (!outer->first || sums[i].first < outer->first)
			outer->first = sums[i].first;
	}
}
