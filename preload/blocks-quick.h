/* SPDX-License-Identifier: MIT */
/*
 * The block table's usual case, inlined into the events: the page of an address has a leaf, nobody is replacing it, and the block has a
 * slot, or there is room for one, near its place.  What these functions cannot do they leave to blocks.h, having changed nothing.
 */
#ifndef PRELOAD_BLOCKS_QUICK_H
#define PRELOAD_BLOCKS_QUICK_H

#include <stddef.h>

#include "ages.h"
#include "leaves.h"

#define BLOCKS_TOP_BITS 12u
#define BLOCKS_TABLE_BITS 15u                                /* of one table of the index: 64 GiB of address space */
#define BLOCKS_ADDRESS_MIN (UINT64_C(1) << HDT_REGION_SHIFT) /* region 0 would look like no region */
#define BLOCKS_ADDRESS_END (UINT64_C(1) << (HDT_REGION_SHIFT + BLOCKS_TOP_BITS + BLOCKS_TABLE_BITS))

/* Private to the process: address >> 21 → page node, in tables that a fork child finds empty. */
typedef _Atomic(uint32_t) blocks_index_entry;
extern _Atomic(blocks_index_entry *) blocks_index[1u << BLOCKS_TOP_BITS] __attribute__((visibility("hidden")));

/* Aligned to 8 and within the index: turned right, an address that is not aligned is too large. */
static inline bool blocks_fits(uintptr_t address)
{
	uint64_t offset = address - BLOCKS_ADDRESS_MIN;
	return __builtin_expect((offset >> 3 | offset << 61) < (BLOCKS_ADDRESS_END - BLOCKS_ADDRESS_MIN) >> 3, 1);
}

static inline _Atomic(blocks_index_entry *) *blocks_table_of(uintptr_t address)
{
	return &blocks_index[address >> (HDT_REGION_SHIFT + BLOCKS_TABLE_BITS)];
}

static inline blocks_index_entry *blocks_entry_in(blocks_index_entry *table, uintptr_t address)
{
	return &table[address >> HDT_REGION_SHIFT & ((1u << BLOCKS_TABLE_BITS) - 1)];
}

static inline table_word *blocks_directory_in(uint32_t node, uintptr_t address)
{
	struct hdt_page_node *nodes = trace_at(HDT_AREA_PAGES, 0);
	return &nodes[node].words[address >> HDT_PAGE_SHIFT & (HDT_PAGES_PER_NODE - 1)];
}

/* The directory word of the page at `address`, which fits; NULL when no block was ever recorded in its region. */
static inline table_word *blocks_directory(uintptr_t address)
{
	blocks_index_entry *table = atomic_load_explicit(blocks_table_of(address), memory_order_acquire);
	uint32_t node = table != NULL ? atomic_load_explicit(blocks_entry_in(table, address), memory_order_acquire) : 0;

	return node != 0 ? blocks_directory_in(node, address) : NULL;
}

static inline unsigned blocks_offset(uintptr_t address)
{
	return (unsigned)(address >> 3) & ((1u << HDT_LEAF_BITS_MAX) - 1);
}

static inline uint64_t blocks_slot(uintptr_t address, uint64_t size, uint32_t stack)
{
	return (uint64_t)blocks_offset(address) << HDT_SLOT_OFFSET_SHIFT | size << HDT_SLOT_SIZE_SHIFT |
	       (uint64_t)stack << HDT_SLOT_STACK_SHIFT | HDT_SLOT_LIVE;
}

/* Where to look for a block: at `first`, and in its leaf as far beyond as the directory word says. */
struct blocks_window {
	uint64_t word; /* 0: there is no leaf, and no `first` */
	table_word *first;
};

static inline struct blocks_window blocks_window(uintptr_t address)
{
	table_word *directory = blocks_fits(address) ? blocks_directory(address) : NULL;
	uint64_t word = directory != NULL ? atomic_load_explicit(directory, memory_order_acquire) : 0;

	return (struct blocks_window){word, leaf_of(word) + (blocks_offset(address) >> HDT_DIR_SHIFT(word))};
}

static inline size_t blocks_mask(uint64_t word)
{
	return ((1u << HDT_LEAF_BITS_MAX) - 1) >> HDT_DIR_SHIFT(word);
}

static inline table_word *blocks_beyond(struct blocks_window window, unsigned distance)
{
	table_word *leaf = leaf_of(window.word);

	return &leaf[((size_t)(window.first - leaf) + distance) & blocks_mask(window.word)];
}

/* What can be known beforehand of a block's slot. */
static inline uint64_t blocks_plain_slot(unsigned offset)
{
	return (uint64_t)offset << HDT_SLOT_OFFSET_SHIFT | HDT_SLOT_LIVE;
}

/* The nearest empty slot of a window that is more than one slot; NULL: there is none, or the block stands there, or the leaf is being replaced. */
table_word *blocks_place_near(struct blocks_window window, unsigned offset);

/* Where a block that is not recorded may be put, if nobody else is faster; NULL: ask blocks.h. */
static inline __attribute__((always_inline)) table_word *blocks_place(uintptr_t address)
{
	struct blocks_window window = blocks_window(address);

	if (__builtin_expect(window.word == 0, 0))
		return NULL;
	if (HDT_DIR_MAXD(window.word) != 0)
		return blocks_place_near(window, blocks_offset(address));
	__builtin_prefetch((const void *)window.first, 1);
	return window.first;
}

/* Record a block in its place, which may have been found earlier: it does not change any more once it has been copied elsewhere.  False:
 * not done. */
static inline __attribute__((always_inline)) bool blocks_insert_quickly(table_word *place, uintptr_t address, uint64_t size, uint32_t stack)
{
	/* Another block may stand there, with its own age. */
	if (place == NULL || size >= HDT_SIZE_MAX || atomic_load_explicit(place, memory_order_relaxed) != 0)
		return false;
	ages_note(place);
	return swap_slot(place, 0, blocks_slot(address, size, stack));
}

static inline bool blocks_is_plain(uint64_t slot, unsigned offset)
{
	const uint64_t compared = blocks_plain_slot(~0u) | HDT_SLOT_REALLOC | HDT_SLOT_FROZEN;

	return ((slot ^ blocks_plain_slot(offset)) & compared) == 0;
}

/* A block's slot beyond the first of its window, and what it holds; NULL: it is not there, or something goes on with it. */
static inline table_word *blocks_plain_near(struct blocks_window window, unsigned offset, uint64_t *slot)
{
	const size_t mask = blocks_mask(window.word);
	table_word *leaf = leaf_of(window.word);
	size_t at = (size_t)(window.first - leaf);

	for (size_t last = at + HDT_DIR_MAXD(window.word); at++ < last;) {
		*slot = atomic_load_explicit(&leaf[at & mask], memory_order_relaxed);
		if (blocks_is_plain(*slot, offset))
			return &leaf[at & mask];
	}
	return NULL;
}

/* Take a block's record out: its slot, or 0: not done. */
static inline __attribute__((always_inline)) uint64_t blocks_take_quickly(uintptr_t address)
{
	struct blocks_window window = blocks_window(address);
	table_word *place = window.first;

	if (window.word == 0)
		return 0;
	uint64_t slot = atomic_load_explicit(place, memory_order_relaxed);
	if (!blocks_is_plain(slot, blocks_offset(address)) && (place = blocks_plain_near(window, blocks_offset(address), &slot)) == NULL)
		return 0;
	return HDT_SLOT_SIZE(slot) != HDT_SIZE_MAX && swap_slot(place, slot, 0) ? slot : 0;
}

#endif
