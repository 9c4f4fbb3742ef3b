/* SPDX-License-Identifier: MIT */
/*
 * Stacks by a hash of all their frames: where the node of one lay the last time that somebody asked for it.  The stack table finds a node
 * from its parent; here the innermost one is found at once, and from there the others are compared on the way out.
 *
 * A hint and no more: whoever takes one compares the node and its parents with the frames in hand.  So entries may be lost, or be of tables
 * that a fork has left behind.  Shared by all threads, lock-free, async-signal-safe.
 */
#ifndef PRELOAD_STACK_PATHS_H
#define PRELOAD_STACK_PATHS_H

#include <stdatomic.h>
#include <stdint.h>

#include "trace.h"

enum { STACK_PATHS_WAYS = 2, STACK_PATHS_BITS = 16 };
extern _Atomic(uint32_t) stack_paths[(1 << STACK_PATHS_BITS) * STACK_PATHS_WAYS];
extern _Atomic(uint32_t) stack_paths_mask; /* of the sets in use, 2^n - 1 */

/* The hash of a stack with one more frame inside; of no frames: 0. */
static inline uint32_t stack_paths_step(uint32_t path, uint64_t address)
{
	return (uint32_t)((path ^ address) * UINT64_C(0x9e3779b97f4a7c15) >> 32);
}

/* The nodes that a stack with this hash may have; 0: none.  They exist, in these tables. */
static inline uint32_t stack_paths_hint(uint32_t path, unsigned way)
{
	uint32_t set = path & atomic_load_explicit(&stack_paths_mask, memory_order_relaxed);
	uint32_t node = atomic_load_explicit(&stack_paths[set * STACK_PATHS_WAYS + way], memory_order_acquire);
	return node < trace_used(HDT_AREA_NODES) / sizeof(struct hdt_node) ? node : 0;
}

/* This stack has this node, which the table has given. */
void stack_paths_keep(uint32_t path, uint32_t node);

#endif
