/* SPDX-License-Identifier: MIT */
/*
 * Which pages may hold a block that is of interest to free(): a quick no for all others.  Counts of blocks, many pages to an entry.
 *
 * Never too low: what it denies is nobody's.  An entry that is full stays full, so it may be too high, and the tables decide.  Private memory
 * and no lock: any thread, nested, in fork children.
 */
#ifndef PRELOAD_PAGE_FILTER_H
#define PRELOAD_PAGE_FILTER_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

enum { PAGE_FILTER_ENTRIES = 1 << 16, PAGE_FILTER_SHIFT = 12 };
extern _Atomic(uint8_t) page_filter[PAGE_FILTER_ENTRIES] __attribute__((visibility("hidden")));

static inline _Atomic(uint8_t) *page_filter_entry(uintptr_t address)
{
	return &page_filter[address >> PAGE_FILTER_SHIFT & (PAGE_FILTER_ENTRIES - 1)];
}

/* Hot path. */
static inline bool page_filter_denies(const void *block)
{
	return atomic_load_explicit(page_filter_entry((uintptr_t)block), memory_order_relaxed) == 0;
}

/* A block comes, before anybody can free it; a block has gone. */
void page_filter_add(uintptr_t address);
void page_filter_remove(uintptr_t address);

/* All of a range, for good. */
void page_filter_pin(uintptr_t start, uintptr_t end);

/* Forget all blocks; ranges stay. */
void page_filter_clear(void);

#endif
