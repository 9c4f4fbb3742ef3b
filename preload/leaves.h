/* SPDX-License-Identifier: MIT */
/*
 * Leaves of the block table: the slots of one heap page, and how they get more room.  Used by blocks.c only.
 * Lock-free, async-signal-safe, any thread.
 */
#ifndef PRELOAD_LEAVES_H
#define PRELOAD_LEAVES_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "single-thread.h"
#include "trace.h"

/* A slot, or the directory word of a page. */
typedef _Atomic(uint64_t) table_word;

static inline table_word *leaf_of(uint64_t word)
{
	return (table_word *)trace_at(HDT_AREA_SLOTS, 0) + HDT_DIR_LEAF(word);
}

/* Where a block at `offset` (8-byte units in its page) goes in a leaf of 2^bits slots. */
static inline unsigned leaf_place(unsigned offset, unsigned bits)
{
	return offset >> (HDT_LEAF_BITS_MAX - bits);
}

/* Compare and swap of a slot, unlocked while there is one thread. */
static inline bool swap_slot(table_word *at, uint64_t old, uint64_t new)
{
#if defined(__x86_64__) && !defined(__SANITIZE_THREAD__)
	bool done;
	__asm__ volatile("cmpb $0, %4\n\t"
			 "jne 1f\n\t"
			 "lock\n"
			 "1:\tcmpxchgq %3, %1"
			 : "=@cce"(done), "+m"(*at), "+a"(old)
			 : "r"(new), "m"(*single_thread_flag)
			 : "memory");
	return done;
#else
	return atomic_compare_exchange_strong_explicit(at, &old, new, memory_order_acq_rel, memory_order_relaxed);
#endif
}

/* Give a page without a leaf its first, unless somebody else is faster.  False: no room. */
bool leaves_begin(table_word *directory);

/* True when a leaf is to grow rather than be searched this far from a block's place. */
bool leaves_is_too_far(uint64_t word, unsigned distance);

/* The leaf of `word` becomes a larger one: freeze, copy, publish; or help whoever has begun.  False: no room, nothing is changed. */
bool leaves_grow(table_word *directory, uint64_t word);

#endif
