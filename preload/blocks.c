/* SPDX-License-Identifier: MIT */
/*
 * Comes in: addresses of blocks; goes out: one slot each in the leaf of its heap page (heapdelta/trace.h), found through a private index
 * address >> 21 → page node.  What does not fit a slot goes to extras.c.
 *
 * A page's leaf keeps the blocks in the order of their addresses, so neighbours share cache lines and a full page needs little more than
 * one word per block.  Insert and remove are one CAS of a slot.  No look afterwards is needed: a CAS succeeds only while the slot is not
 * frozen, and frozen slots are what is copied to the next leaf.  Whoever meets a frozen slot finishes the copy and starts again.
 */
#include "blocks.h"

#include <stddef.h>
#include <sys/mman.h>

#include "blocks-quick.h"
#include "extras.h"
#include "leaves.h"
#include "trace.h"

#define TABLE_BYTES (sizeof(uint32_t) << BLOCKS_TABLE_BITS)

/* Kept out of the functions that every event runs through, which then need no registers saved. */
#define SLOW_PATH __attribute__((noinline, cold))

/* Its tables are wiped in a fork child, where the nodes that they name do not exist. */
_Atomic(blocks_index_entry *) blocks_index[1u << BLOCKS_TOP_BITS];

void blocks_reset(void)
{
	for (unsigned i = 0; i < 1u << BLOCKS_TOP_BITS; i++) {
		blocks_index_entry *table = atomic_load_explicit(&blocks_index[i], memory_order_acquire);
		if (table == NULL)
			continue;
		atomic_store_explicit(&blocks_index[i], NULL, memory_order_release);
		munmap((void *)table, TABLE_BYTES);
	}
}

/* ---- From address to directory word ------------------------------------------------------------------------------------------ */

static inline bool fits_slot(uint32_t domain, uintptr_t address)
{
	return domain == 0 && blocks_fits(address);
}

static blocks_index_entry *make_table(uintptr_t address)
{
	blocks_index_entry *table = atomic_load_explicit(blocks_table_of(address), memory_order_acquire);

	if (table != NULL)
		return table;
	blocks_index_entry *mine = trace_map_private(TABLE_BYTES, true);
	if (mine == NULL)
		return NULL;
	if (atomic_compare_exchange_strong_explicit(blocks_table_of(address), &table, mine, memory_order_acq_rel, memory_order_acquire))
		return mine;
	munmap((void *)mine, TABLE_BYTES);
	return table;
}

static _Atomic(uint64_t) *region_at(uint32_t node)
{
	return (_Atomic(uint64_t) *)trace_at(HDT_AREA_REGIONS, 0) + node;
}

/* Others may take entries at the same time: an entry is there when the area has grown past it, whoever made it grow. */
static bool have_region(uint32_t node)
{
	uint64_t end = ((uint64_t)node + 1) * sizeof(uint64_t), used = trace_used(HDT_AREA_REGIONS);

	while (used < end) {
		bool grown = trace_alloc(HDT_AREA_REGIONS, sizeof(uint64_t), sizeof(uint64_t)) != TRACE_NONE;
		used = trace_used(HDT_AREA_REGIONS);
		if (!grown)
			return used >= end;
	}
	return true;
}

/* A new node that names its region; 0: no room. */
static uint32_t make_node(uintptr_t address)
{
	uint64_t offset = trace_alloc(HDT_AREA_PAGES, sizeof(struct hdt_page_node), sizeof(struct hdt_page_node));
	uint32_t node = (uint32_t)(offset / sizeof(struct hdt_page_node));

	if (offset == TRACE_NONE || !have_region(node))
		return 0;
	atomic_store_explicit(region_at(node), address >> HDT_REGION_SHIFT, memory_order_release);
	return node;
}

static table_word *make_directory(uintptr_t address)
{
	blocks_index_entry *table = make_table(address);
	uint32_t mine = table != NULL ? make_node(address) : 0, node = 0;

	if (mine == 0)
		return NULL;
	if (atomic_compare_exchange_strong_explicit(blocks_entry_in(table, address), &node, mine, memory_order_acq_rel,
						    memory_order_acquire))
		return blocks_directory_in(mine, address);
	atomic_store_explicit(region_at(mine), 0, memory_order_release);
	return blocks_directory_in(node, address);
}

/* ---- Slots of one page ------------------------------------------------------------------------------------------------------- */

static uint64_t make_slot(uintptr_t address, struct block block)
{
	return blocks_slot(address, block.size < HDT_SIZE_MAX ? block.size : HDT_SIZE_MAX, block.stack);
}

/* Which slots are empty, and where, is anybody's guess: nothing branches on it. */
table_word *blocks_place_near(struct blocks_window window, unsigned offset)
{
	const uint64_t wanted = blocks_plain_slot(offset), compared = blocks_plain_slot(~0u);
	const size_t mask = blocks_mask(window.word), last = HDT_DIR_MAXD(window.word);
	table_word *leaf = leaf_of(window.word);
	size_t at = (size_t)(window.first - leaf);
	uint64_t empty = 0, seen = 0;
	unsigned same = 0;

	if (last > 63)
		return NULL;
	for (size_t distance = 0; distance <= last; distance++, at++) {
		uint64_t slot = atomic_load_explicit(&leaf[at & mask], memory_order_relaxed);
		seen |= slot;
		empty |= (uint64_t)(slot == 0) << distance;
		same |= ((slot ^ wanted) & compared) == 0;
	}
	if (empty == 0 || same != 0 || seen & HDT_SLOT_FROZEN)
		return NULL;
	return blocks_beyond(window, (unsigned)__builtin_ctzll(empty));
}

/* What a look at a block's window shows. */
struct view {
	table_word *found; /* the block's slot, or NULL */
	table_word *empty; /* the nearest empty slot, or NULL */
	uint64_t slot;     /* content of `found` */
	uint64_t seen;     /* all slots looked at, or-ed */
};

static inline struct view look(uint64_t word, unsigned offset)
{
	unsigned bits = HDT_DIR_BITS(word), place = leaf_place(offset, bits), mask = (1u << bits) - 1;
	table_word *leaf = leaf_of(word);
	struct view view = {NULL, NULL, 0, 0};

	for (unsigned distance = 0; distance <= HDT_DIR_MAXD(word); distance++) {
		table_word *at = &leaf[(place + distance) & mask];
		uint64_t slot = atomic_load_explicit(at, memory_order_acquire);
		view.seen |= slot;
		if (slot & HDT_SLOT_LIVE && HDT_SLOT_OFFSET(slot) == offset) {
			view.found = at;
			view.slot = slot;
			break;
		}
		if (slot == 0 && view.empty == NULL)
			view.empty = at;
	}
	return view;
}

static inline bool is_frozen(const struct view *view)
{
	return (view->seen & HDT_SLOT_FROZEN) != 0;
}

/* The window is full: look further, or get a larger leaf.  False: no room. */
static bool widen(table_word *directory, uint64_t word)
{
	unsigned bits = HDT_DIR_BITS(word), distance = HDT_DIR_MAXD(word) + 1;

	if (leaves_is_too_far(word, distance))
		return leaves_grow(directory, word);
	swap_slot(directory, word, HDT_DIR_WORD(HDT_DIR_LEAF(word), bits, distance));
	return true;
}

static bool put_now(table_word *place, uint64_t standing, uint64_t slot)
{
	ages_note(place);
	return swap_slot(place, standing, slot);
}

/* Put `slot` into its page.  True: done, *standing is the slot that stood there or 0. */
static SLOW_PATH bool put(table_word *directory, uint64_t slot, uint64_t *standing)
{
	for (;;) {
		uint64_t word = atomic_load_explicit(directory, memory_order_acquire);
		bool room = true;

		if (word == 0) {
			room = leaves_begin(directory);
		} else {
			struct view view = look(word, HDT_SLOT_OFFSET(slot));
			table_word *at = view.found != NULL ? view.found : view.empty;
			*standing = view.slot;
			if (is_frozen(&view))
				room = leaves_grow(directory, word);
			else if (at == NULL)
				room = widen(directory, word);
			else if (put_now(at, view.slot, slot))
				return true;
		}
		if (!room)
			return false;
	}
}

/* The block's slot as it is now; false: not recorded.  With the place full and its leaf half copied by a thread that this one
 * interrupted, the block cannot be found: that is a loss. */
static bool find_slot(table_word *directory, unsigned offset, struct view *view)
{
	for (;;) {
		uint64_t word = atomic_load_explicit(directory, memory_order_acquire);
		if (word == 0)
			return false;
		*view = look(word, offset);
		if (!is_frozen(view))
			return view->found != NULL;
		if (!leaves_grow(directory, word)) {
			trace_lost(HDT_LOSS_BLOCK, 1);
			return false;
		}
	}
}

/* If the block's slot has the REALLOC mark as told (and, with a `like` that is not 0, that stack and size), turn the mark over, or take the
 * record out with a `keep` of 0.  What stood there, or 0. */
static SLOW_PATH uint64_t change(uintptr_t address, uint64_t mark, uint64_t like, uint64_t keep)
{
	const uint64_t same = ~(HDT_SLOT_REALLOC | HDT_SLOT_FROZEN);
	table_word *directory = blocks_directory(address);
	struct view view;

	while (directory != NULL && find_slot(directory, blocks_offset(address), &view)) {
		if ((view.slot & HDT_SLOT_REALLOC) != mark || (like != 0 && ((view.slot ^ like) & same) != 0))
			return 0;
		if (swap_slot(view.found, view.slot, (view.slot ^ HDT_SLOT_REALLOC) & keep))
			return view.slot;
	}
	return 0;
}

#define TAKE UINT64_C(0)
#define TURN UINT64_MAX

/* ---- Blocks that need an extra ----------------------------------------------------------------------------------------------- */

static struct extra extra_key(uint32_t domain, uintptr_t address, enum hdt_extra_state state)
{
	return (struct extra){.address = address, .size = EXTRA_ANY_SIZE, .domain = domain, .state = state};
}

static SLOW_PATH enum block_insert insert_extra(uint32_t domain, uintptr_t address, struct block block, struct block *old)
{
	struct extra key = extra_key(domain, address, HDT_EXTRA_LIVE), taken;
	struct extra extra = {address, block.size, domain, block.stack, HDT_EXTRA_LIVE};
	bool stood = extras_take(&key, &taken);

	if (stood)
		*old = (struct block){taken.size, taken.stack};
	if (!extras_put(&extra)) {
		if (stood)
			trace_lost(HDT_LOSS_MISSED_FREE, 1);
		return BLOCK_NO_ROOM;
	}
	return stood ? BLOCK_REPLACED : BLOCK_INSERTED;
}

static SLOW_PATH bool remove_extra(uint32_t domain, uintptr_t address, struct block *old)
{
	struct extra key = extra_key(domain, address, HDT_EXTRA_LIVE), taken;

	if (!extras_take(&key, &taken))
		return false;
	*old = (struct block){taken.size, taken.stack};
	return true;
}

static bool is_oversize(uint64_t size)
{
	return size >= HDT_SIZE_MAX;
}

/* The block that a slot, which this caller has taken out, stood for. */
static struct block take_block(uintptr_t address, uint64_t slot)
{
	uint64_t size = HDT_SLOT_SIZE(slot);

	return (struct block){is_oversize(size) ? extras_take_size(address) : size, HDT_SLOT_STACK(slot)};
}

/* The same of a slot over which a block of `size` has been put: now two sizes may stand for one address. */
static struct block take_replaced(uintptr_t address, uint64_t slot, uint64_t size)
{
	struct block old = take_block(address, slot);

	if (is_oversize(HDT_SLOT_SIZE(slot)) && old.size == size) {
		old.size = extras_take_size(address);
		extras_put_size(address, size);
	}
	return old;
}

/* ---- realloc of a block too large for a slot: its size is marked as the slot is ---------------------------------------------- */

static struct extra size_key(uintptr_t address, uint64_t size, enum hdt_extra_state state)
{
	return (struct extra){.address = address, .size = size, .state = state};
}

static uint64_t mark_size(uintptr_t address)
{
	struct extra key = size_key(address, EXTRA_ANY_SIZE, HDT_EXTRA_SIZE);

	extras_change(&key, HDT_EXTRA_REALLOC_SIZE);
	return extras_find_size(address, true);
}

static void drop_marked_size(uintptr_t address, uint64_t size)
{
	struct extra key = size_key(address, size, HDT_EXTRA_REALLOC_SIZE), taken;

	extras_take(&key, &taken);
}

static void unmark_size(uintptr_t address, uint64_t size)
{
	struct extra key = size_key(address, size, HDT_EXTRA_REALLOC_SIZE);

	if (!extras_change(&key, HDT_EXTRA_SIZE))
		extras_put_size(address, size);
}

/* ---- Interface --------------------------------------------------------------------------------------------------------------- */

static SLOW_PATH enum block_insert insert_slowly(uintptr_t address, struct block block, struct block *old)
{
	uint64_t standing = 0;
	table_word *directory = blocks_directory(address);

	if (directory == NULL && (directory = make_directory(address)) == NULL)
		return BLOCK_NO_ROOM;
	if (is_oversize(block.size) && !extras_put_size(address, block.size))
		return BLOCK_NO_ROOM;
	if (!put(directory, make_slot(address, block), &standing)) {
		take_block(address, make_slot(address, block));
		return BLOCK_NO_ROOM;
	}
	if (standing & HDT_SLOT_REALLOC && is_oversize(HDT_SLOT_SIZE(standing)))
		drop_marked_size(address, EXTRA_ANY_SIZE);
	if (standing == 0 || standing & HDT_SLOT_REALLOC)
		return BLOCK_INSERTED;
	*old = take_replaced(address, standing, block.size);
	return BLOCK_REPLACED;
}

enum block_insert blocks_insert(uint32_t domain, uintptr_t address, struct block block, struct block *old)
{
	if (!fits_slot(domain, address))
		return insert_extra(domain, address, block, old);

	return blocks_insert_quickly(blocks_place(address), address, block.size, block.stack) ? BLOCK_INSERTED
											      : insert_slowly(address, block, old);
}

bool blocks_remove(uint32_t domain, uintptr_t address, struct block *old)
{
	if (!fits_slot(domain, address))
		return remove_extra(domain, address, old);

	uint64_t slot = blocks_take_quickly(address);
	if (slot == 0 && (slot = change(address, 0, 0, TAKE)) == 0)
		return false;
	*old = (struct block){HDT_SLOT_SIZE(slot), HDT_SLOT_STACK(slot)};
	if (is_oversize(old->size))
		old->size = extras_take_size(address);
	return true;
}

static bool find_extra(uint32_t domain, uintptr_t address, struct block *found)
{
	struct extra key = extra_key(domain, address, HDT_EXTRA_LIVE), extra;

	if (!extras_find(&key, &extra))
		return false;
	*found = (struct block){extra.size, extra.stack};
	return true;
}

bool blocks_find(uint32_t domain, uintptr_t address, struct block *found)
{
	if (!fits_slot(domain, address))
		return find_extra(domain, address, found);

	table_word *directory = blocks_directory(address);
	struct view view;
	if (directory == NULL || !find_slot(directory, blocks_offset(address), &view))
		return false;
	uint64_t size = HDT_SLOT_SIZE(view.slot);
	if (is_oversize(size))
		size = extras_find_size(address, (view.slot & HDT_SLOT_REALLOC) != 0);
	*found = (struct block){size, HDT_SLOT_STACK(view.slot)};
	return true;
}

/* A block without a slot has no mark: it is out of the table while its realloc lasts. */
bool blocks_realloc_begin(uintptr_t address, struct block *old)
{
	if (!fits_slot(0, address))
		return remove_extra(0, address, old);

	uint64_t slot = change(address, 0, 0, TURN);
	if (slot == 0)
		return false;
	uint64_t size = HDT_SLOT_SIZE(slot);
	*old = (struct block){is_oversize(size) ? mark_size(address) : size, HDT_SLOT_STACK(slot)};
	return true;
}

void blocks_realloc_finish(uintptr_t address, struct block old)
{
	if (!fits_slot(0, address))
		return;
	change(address, HDT_SLOT_REALLOC, make_slot(address, old), TAKE);
	if (is_oversize(old.size))
		drop_marked_size(address, old.size);
}

void blocks_realloc_cancel(uintptr_t address, struct block old)
{
	struct block none;

	if (fits_slot(0, address)) {
		if (is_oversize(old.size))
			unmark_size(address, old.size);
		if (change(address, HDT_SLOT_REALLOC, make_slot(address, old), TURN) != 0)
			return;
		/* Another thread, late in leaving a realloc of a block like this one at this address, has taken the record for its own. */
		if (is_oversize(old.size))
			extras_take_size(address);
	}
	if (blocks_insert(0, address, old, &none) == BLOCK_NO_ROOM)
		trace_lost(HDT_LOSS_BLOCK, 1);
}
