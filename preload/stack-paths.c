/* SPDX-License-Identifier: MIT */
/*
 * In: nodes of stacks.  Out: the same, as hints.
 *
 * Sets of two, the newer hint first.  They lie in zeroed memory of which a program with few stacks touches little: the sets in use are as
 * many as there are nodes, up to the array's end.  With each doubling about half of the hints are in the wrong set, and are found anew.
 */
#include "stack-paths.h"

enum { FIRST_SETS = 256 };

_Atomic(uint32_t) stack_paths[(1 << STACK_PATHS_BITS) * STACK_PATHS_WAYS];
_Atomic(uint32_t) stack_paths_mask = FIRST_SETS - 1;

/* A quarter of the nodes are the innermost ones of stacks that somebody asks for, or so. */
static uint32_t grow_with(uint64_t nodes)
{
	uint32_t mask = atomic_load_explicit(&stack_paths_mask, memory_order_relaxed);
	if (nodes / 4 <= mask || mask >= (1 << STACK_PATHS_BITS) - 1)
		return mask;
	atomic_store_explicit(&stack_paths_mask, 2 * mask + 1, memory_order_relaxed);
	return 2 * mask + 1;
}

void stack_paths_keep(uint32_t path, uint32_t node)
{
	uint32_t set = path & grow_with(trace_used(HDT_AREA_NODES) / sizeof(struct hdt_node));
	_Atomic(uint32_t) *ways = &stack_paths[set * STACK_PATHS_WAYS];
	atomic_store_explicit(&ways[1], atomic_load_explicit(&ways[0], memory_order_relaxed), memory_order_release);
	atomic_store_explicit(&ways[0], node, memory_order_release);
}
