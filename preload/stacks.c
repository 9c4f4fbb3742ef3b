/* SPDX-License-Identifier: MIT */
/*
 * Comes in: (parent stack, frame); goes out: the id of the stack with that frame, the same for everyone who asks.
 *
 * Nodes are an array.  A node's children are a list as long as they are few, which most are: a child is made soon after its parent and lies
 * near it, so following a stack inwards runs through neighbouring cache lines.  The list grows at its head by CAS, and only by whoever has
 * seen all of it, so it never holds a frame twice and never more than CHILDREN_LISTED.  Once it is full its nodes go into an insert-only hash
 * trie as well, the word says so, and from then on the trie alone is asked.
 *
 * A trie, because it grows by single words: a slot is empty, or a node (id and part of its hash), or a table of eight more slots, one cache
 * line, made when a second frame comes to the slot.  A slot only ever goes in that direction, by CAS, so nobody waits and nothing is moved.
 * The loser of a race takes its node back: its id stays a hole.
 */
#include "stacks.h"

#include <stdbool.h>

#include "trace.h"

#define ROOT_BITS 10u
#define CHILD_BITS 3u
#define ROOT_BYTES (sizeof(uint64_t) << ROOT_BITS)
#define CHILD_BYTES (sizeof(uint64_t) << CHILD_BITS)
#define HASH_LEVELS ((64u - ROOT_BITS) / CHILD_BITS) /* below the root, before the first hash is used up */
#define LEVELS_MAX 40u

/* A slot that holds a node: {hash:36 | id:27 | 1}. */
#define ENTRY_ID_BITS 28u
#define ENTRY_TAG(value) ((value) >> ENTRY_ID_BITS)

/* hdt_node.children: the newest child, and whether all are in the index. */
#define CHILDREN_LISTED 4u
#define CHILDREN_INDEXED (UINT32_C(1) << 31)

typedef _Atomic(uint64_t) index_slot;

struct frame {
	uint64_t address;
	uint32_t parent, module, flags;
};

static uint64_t mix(uint64_t value)
{
	value ^= value >> 32;
	value *= UINT64_C(0xd6e8feb86659fd93);
	value ^= value >> 32;
	value *= UINT64_C(0xd6e8feb86659fd93);
	return value ^ value >> 32;
}

static uint64_t hash_frame(const struct frame *frame, uint64_t seed)
{
	uint64_t context = (uint64_t)frame->parent << 32 | (frame->module ^ frame->flags << 31);

	return mix(mix(frame->address + seed * UINT64_C(0x9e3779b97f4a7c15)) + context);
}

/* Where a frame goes in the table of a level. */
static unsigned digit(const struct frame *frame, uint64_t hash, unsigned level)
{
	if (level == 0)
		return (unsigned)hash & ((1u << ROOT_BITS) - 1);
	if (level > HASH_LEVELS)
		hash = hash_frame(frame, level);
	else
		hash >>= ROOT_BITS + CHILD_BITS * (level - 1);
	return (unsigned)hash & ((1u << CHILD_BITS) - 1);
}

static uint64_t make_entry(uint64_t hash, uint32_t id)
{
	return hash >> ENTRY_ID_BITS << ENTRY_ID_BITS | (uint64_t)id << 1 | 1;
}

static bool is_node(uint64_t value)
{
	return value & 1;
}

static uint32_t entry_id(uint64_t value)
{
	return (uint32_t)(value >> 1) & (HDT_NODE_MAX - 1);
}

static struct hdt_node *node_at(uint32_t id)
{
	return trace_at(HDT_AREA_NODES, (uint64_t)id * sizeof(struct hdt_node));
}

static struct frame frame_of(uint32_t id)
{
	const struct hdt_node *node = node_at(id);
	uint64_t address = atomic_load_explicit(&node->address, memory_order_acquire);

	return (struct frame){address, node->parent, node->module, node->flags};
}

static bool is_frame(uint32_t id, const struct frame *frame)
{
	struct frame other = frame_of(id);

	return other.address == frame->address && other.parent == frame->parent && other.module == frame->module &&
	       other.flags == frame->flags;
}

static uint32_t make_node(const struct frame *frame)
{
	uint64_t offset = trace_alloc(HDT_AREA_NODES, sizeof(struct hdt_node), 1);
	uint64_t id = offset / sizeof(struct hdt_node);

	if (offset == TRACE_NONE || id >= HDT_NODE_MAX)
		return 0;
	struct hdt_node *node = node_at((uint32_t)id);
	node->parent = frame->parent;
	node->module = frame->module;
	node->flags = frame->flags;
	atomic_store_explicit(&node->address, frame->address, memory_order_release);
	return (uint32_t)id;
}

static void drop_node(uint32_t id)
{
	if (id == 0)
		return;
	struct hdt_node *node = node_at(id);
	atomic_store_explicit(&node->address, 0, memory_order_release);
	node->parent = 0;
	node->module = HDT_MODULE_NONE;
	node->flags = 0;
	node->sibling = 0;
}

/* The root table is at offset 0.  Threads that make it together take room for it several times over, or fail because another has taken the
 * last: what counts is whether it is there. */
static bool have_root(void)
{
	if (trace_used(HDT_AREA_INDEX) < ROOT_BYTES)
		trace_alloc(HDT_AREA_INDEX, ROOT_BYTES, CHILD_BYTES);
	return trace_used(HDT_AREA_INDEX) >= ROOT_BYTES;
}

static index_slot *slot_in(uint64_t table, unsigned number)
{
	return (index_slot *)trace_at(HDT_AREA_INDEX, table) + number;
}

/* Two frames meet in a slot: put a table there, with the frame that came first in it.  False: no room. */
static bool split(index_slot *slot, uint64_t value, unsigned level)
{
	struct frame first = frame_of(entry_id(value));
	uint64_t table = trace_alloc(HDT_AREA_INDEX, CHILD_BYTES, CHILD_BYTES);

	if (table == TRACE_NONE)
		return false;
	unsigned number = digit(&first, hash_frame(&first, 0), level + 1);
	atomic_store_explicit(slot_in(table, number), value, memory_order_relaxed);
	atomic_compare_exchange_strong_explicit(slot, &value, table, memory_order_acq_rel, memory_order_relaxed);
	return true;
}

/* What the slot holds for `frame`, putting a new node there if it is empty.  `*made` is this call's own node, 0 before it is made. */
static uint64_t fill(index_slot *slot, const struct frame *frame, uint64_t hash, uint32_t *made)
{
	uint64_t value = atomic_load_explicit(slot, memory_order_acquire);

	if (value != 0)
		return value;
	if (*made == 0 && (*made = make_node(frame)) == 0)
		return 0;
	uint64_t entry = make_entry(hash, *made);
	if (atomic_compare_exchange_strong_explicit(slot, &value, entry, memory_order_acq_rel, memory_order_acquire))
		return entry;
	return value;
}

static uint32_t find_in_index(const struct frame *frame, uint32_t *made)
{
	uint64_t hash = hash_frame(frame, 0), table = 0;

	if (!have_root())
		return STACK_ROOT;
	for (unsigned level = 0; level < LEVELS_MAX; level++) {
		index_slot *slot = slot_in(table, digit(frame, hash, level));
		uint64_t value = fill(slot, frame, hash, made);
		if (value == 0)
			return STACK_ROOT;
		if (is_node(value)) {
			if (ENTRY_TAG(value) == ENTRY_TAG(hash) && is_frame(entry_id(value), frame))
				return entry_id(value);
			if (!split(slot, value, level))
				return STACK_ROOT;
			value = atomic_load_explicit(slot, memory_order_acquire);
		}
		table = value;
	}
	return STACK_ROOT;
}

/* All nodes of a full list.  False: no room. */
static bool index_children(uint32_t first)
{
	for (uint32_t id = first; id != 0; id = node_at(id)->sibling) {
		struct frame frame = frame_of(id);
		uint32_t known = id;
		if (find_in_index(&frame, &known) != id)
			return false;
	}
	return true;
}

/* The listed child with this frame, or 0; `*count`: how many there are. */
static inline uint32_t find_in_list(uint32_t first, const struct frame *frame, unsigned *count)
{
	*count = 0;
	for (uint32_t id = first; id != 0; id = node_at(id)->sibling, ++*count) {
		const struct hdt_node *node = node_at(id);
		if (atomic_load_explicit(&node->address, memory_order_relaxed) == frame->address && node->module == frame->module &&
		    node->flags == frame->flags)
			return id;
	}
	return 0;
}

/* A new child in front of a list that is not full.  False: the list has changed, or there is no room and *made stays 0. */
static bool put_in_list(_Atomic(uint32_t) *children, uint32_t first, const struct frame *frame, uint32_t *made)
{
	if (*made == 0 && (*made = make_node(frame)) == 0)
		return false;
	node_at(*made)->sibling = first;
	return atomic_compare_exchange_strong_explicit(children, &first, *made, memory_order_acq_rel, memory_order_relaxed);
}

static uint32_t find(const struct frame *frame, uint32_t *made)
{
	_Atomic(uint32_t) *children = &node_at(frame->parent)->children;
	uint32_t first;

	while (!((first = atomic_load_explicit(children, memory_order_acquire)) & CHILDREN_INDEXED)) {
		unsigned count;
		uint32_t found = find_in_list(first, frame, &count);
		if (found != 0)
			return found;
		if (count >= CHILDREN_LISTED) {
			if (!index_children(first))
				return STACK_ROOT;
			atomic_fetch_or_explicit(children, CHILDREN_INDEXED, memory_order_acq_rel);
		} else if (put_in_list(children, first, frame, made)) {
			return *made;
		} else if (*made == 0) {
			return STACK_ROOT;
		}
	}
	return find_in_index(frame, made);
}

uint32_t stacks_child(uint32_t parent, uint64_t address, uint32_t module, uint32_t flags)
{
	struct frame frame = {address, parent, module, flags};
	uint32_t made = 0;

	uint32_t found = find(&frame, &made);
	if (found != made)
		drop_node(made);
	return found;
}

uint32_t stacks_special(enum hdt_special special)
{
	return stacks_child(STACK_ROOT, special, HDT_MODULE_SPECIAL, 0);
}

static struct hdt_totals *totals_at(uint32_t record)
{
	return trace_at(HDT_AREA_TOTALS, (uint64_t)record * sizeof(struct hdt_totals));
}

static struct hdt_totals *make_totals(uint32_t id)
{
	struct hdt_node *node = node_at(id);
	uint64_t offset = trace_alloc(HDT_AREA_TOTALS, sizeof(struct hdt_totals), sizeof(struct hdt_totals));
	uint32_t none = 0;

	if (offset == TRACE_NONE)
		return NULL;
	uint32_t record = (uint32_t)(offset / sizeof(struct hdt_totals));
	/* Before the node points here, so that no count is ever in a record without an owner. */
	atomic_store_explicit(&totals_at(record)->node, id, memory_order_release);
	if (atomic_compare_exchange_strong_explicit(&node->totals, &none, record, memory_order_acq_rel, memory_order_acquire))
		return totals_at(record);
	atomic_store_explicit(&totals_at(record)->node, 0, memory_order_release);
	return totals_at(none);
}

struct hdt_totals *stacks_totals(uint32_t node)
{
	if (node == STACK_ROOT)
		return NULL;
	uint32_t record = atomic_load_explicit(&node_at(node)->totals, memory_order_acquire);
	return record != 0 ? totals_at(record) : make_totals(node);
}
