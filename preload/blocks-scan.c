/* SPDX-License-Identifier: MIT */
/*
 * The block table as a whole: every record once, while others work on it.
 *
 * Pages are visited node by node.  A leaf is copied and its directory word looked at again: if the leaf is still the page's, every block
 * that was live throughout was in its one slot; if not, the page is done again.  Taking everything out needs no copy: a record is gone
 * when its slot's CAS succeeds.  Slow path; needs 4 KiB of stack.
 */
#include <stddef.h>

#include "blocks.h"
#include "extras.h"
#include "leaves.h"
#include "trace.h"

struct scan {
	block_visitor *visit;
	void *context;
};

struct page {
	table_word *directory;
	uintptr_t address;
};

static uintptr_t address_of(const struct page *page, uint64_t slot)
{
	return page->address + ((uintptr_t)HDT_SLOT_OFFSET(slot) << 3);
}

static void report(const struct scan *scan, const struct page *page, uint64_t slot, uint64_t size)
{
	scan->visit(scan->context, 0, address_of(page, slot), (struct block){size, HDT_SLOT_STACK(slot)});
}

/* The page's slots; how many. */
static unsigned copy_leaf(const struct page *page, uint64_t *slots)
{
	uint64_t word = atomic_load_explicit(page->directory, memory_order_acquire), copied;
	unsigned count;

	do {
		copied = word;
		count = word != 0 ? 1u << HDT_DIR_BITS(word) : 0;
		for (unsigned i = 0; i < count; i++)
			slots[i] = atomic_load_explicit(leaf_of(word) + i, memory_order_acquire);
		word = atomic_load_explicit(page->directory, memory_order_acquire);
	} while (HDT_DIR_LEAF(word) != HDT_DIR_LEAF(copied));
	return count;
}

static void visit_page(const struct page *page, const struct scan *scan)
{
	uint64_t slots[1u << HDT_LEAF_BITS_MAX];
	unsigned count = copy_leaf(page, slots);

	for (unsigned i = 0; i < count; i++) {
		uint64_t size = HDT_SLOT_SIZE(slots[i]);
		if (!(slots[i] & HDT_SLOT_LIVE))
			continue;
		if (size == HDT_SIZE_MAX)
			size = extras_find_size(address_of(page, slots[i]), (slots[i] & HDT_SLOT_REALLOC) != 0);
		report(scan, page, slots[i], size);
	}
}

/* Take a slot's record out; false when it is frozen. */
static bool clear_slot(const struct page *page, table_word *at, const struct scan *scan)
{
	uint64_t slot = atomic_load_explicit(at, memory_order_acquire);

	while (slot & HDT_SLOT_LIVE && !(slot & (HDT_SLOT_REALLOC | HDT_SLOT_FROZEN))) {
		if (!atomic_compare_exchange_weak_explicit(at, &slot, 0, memory_order_acq_rel, memory_order_acquire))
			continue;
		uint64_t size = HDT_SLOT_SIZE(slot);
		report(scan, page, slot, size == HDT_SIZE_MAX ? extras_take_size(address_of(page, slot)) : size);
		break;
	}
	return !(slot & HDT_SLOT_FROZEN);
}

static void clear_page(const struct page *page, const struct scan *scan)
{
	uint64_t word = 0, now = atomic_load_explicit(page->directory, memory_order_acquire);

	while (HDT_DIR_LEAF(now) != HDT_DIR_LEAF(word)) {
		bool frozen = false;
		word = now;
		for (unsigned i = 0; i < 1u << HDT_DIR_BITS(word); i++)
			frozen |= !clear_slot(page, leaf_of(word) + i, scan);
		if (frozen && !leaves_grow(page->directory, word))
			trace_lost(HDT_LOSS_BLOCK, 1);
		now = atomic_load_explicit(page->directory, memory_order_acquire);
	}
}

typedef void page_function(const struct page *page, const struct scan *scan);

static void each_page_of(uint32_t node, uint64_t region, page_function *function, const struct scan *scan)
{
	struct hdt_page_node *pages = (struct hdt_page_node *)trace_at(HDT_AREA_PAGES, 0) + node;

	for (unsigned i = 0; i < HDT_PAGES_PER_NODE; i++) {
		struct page page = {&pages->words[i], (region << HDT_REGION_SHIFT) + ((uintptr_t)i << HDT_PAGE_SHIFT)};
		if (atomic_load_explicit(page.directory, memory_order_relaxed) != 0)
			function(&page, scan);
	}
}

static void each_page(page_function *function, const struct scan *scan)
{
	uint64_t nodes = trace_used(HDT_AREA_PAGES) / sizeof(struct hdt_page_node);
	uint64_t named = trace_used(HDT_AREA_REGIONS) / sizeof(uint64_t);
	_Atomic(uint64_t) *regions = trace_at(HDT_AREA_REGIONS, 0);

	for (uint32_t node = 1; node < nodes && node < named; node++) {
		uint64_t region = atomic_load_explicit(&regions[node], memory_order_acquire);
		if (region != 0)
			each_page_of(node, region, function, scan);
	}
}

void blocks_each(block_visitor *visit, void *context)
{
	struct scan scan = {visit, context};
	struct extra extra;

	each_page(visit_page, &scan);
	for (uint32_t number = 1; number < extras_end(); number++) {
		if (extras_get(number, &extra) && extra.state == HDT_EXTRA_LIVE)
			visit(context, extra.domain, extra.address, (struct block){extra.size, extra.stack});
	}
}

void blocks_clear(block_visitor *removed, void *context)
{
	struct scan scan = {removed, context};
	struct extra extra, taken;

	each_page(clear_page, &scan);
	for (uint32_t number = 1; number < extras_end(); number++) {
		if (extras_get(number, &extra) && extra.state == HDT_EXTRA_LIVE && extras_take(&extra, &taken))
			removed(context, taken.domain, taken.address, (struct block){taken.size, taken.stack});
	}
}
