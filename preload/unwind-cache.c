/* SPDX-License-Identifier: MIT */
/*
 * In: frames of walks.  Out: each thread's memory with the frames of its last stack and the slots that prove them.
 *
 * The memory is found by the address of the thread's thread_state, so a new thread in the place of a dead one takes it over.  It begins
 * with a few pages and grows to what the deepest stack needed.
 */
#include "unwind-cache.h"

#include <string.h>
#include <sys/mman.h>

#include "guard.h"
#include "modules.h"
#include "stacks.h"
#include "trace.h"

enum {
	FIRST_FRAMES = 60, /* two pages, of which a thread touches what it needs */
	CHECKS_PER_FRAME = 2,
	OWNERS = 256,
	CACHES_BYTES = (sizeof(struct tail_set) << TAIL_SETS_BITS) + (sizeof(struct edge) << EDGE_BITS),
};

static _Atomic(struct thread_memory *) owners[OWNERS];

static const uintptr_t never = 0;

static size_t arrays_bytes(uint32_t capacity)
{
	return sizeof(struct check) + capacity * (sizeof(struct frame) + CHECKS_PER_FRAME * sizeof(struct check) + sizeof(struct fresh));
}

static void place_arrays(struct thread_memory *memory, void *arrays, uint32_t capacity)
{
	memory->frames = arrays;
	memory->checks = (struct check *)(memory->frames + capacity) + 1;
	memory->checks[-1] = (struct check){(uintptr_t)&never, never + 1};
	memory->fresh = (struct fresh *)(memory->checks + CHECKS_PER_FRAME * capacity);
	memory->capacity = capacity;
}

static struct thread_memory *new_memory(uintptr_t owner, _Atomic(struct thread_memory *) *bucket)
{
	struct thread_memory *memory = trace_map_private(sizeof(*memory) + CACHES_BYTES + arrays_bytes(FIRST_FRAMES), false);
	if (!memory)
		return NULL;
	memory->owner = owner;
	memory->tails = (struct tail_set *)(memory + 1);
	memory->edges = (struct edge *)(memory->tails + (1 << TAIL_SETS_BITS));
	memory->first = memory->edges + (1 << EDGE_BITS);
	place_arrays(memory, memory->first, FIRST_FRAMES);
	memory->next = atomic_load_explicit(bucket, memory_order_relaxed);
	while (!atomic_compare_exchange_weak_explicit(bucket, &memory->next, memory, memory_order_release, memory_order_relaxed))
		;
	return memory;
}

/* Memory that stands under this owner's address was a dead thread's, or is a forgotten own. */
struct thread_memory *unwind_memory(void)
{
	uintptr_t owner = (uintptr_t)&thread_state;
	_Atomic(struct thread_memory *) *bucket = &owners[(owner >> 6 ^ owner >> 16) % OWNERS];
	struct thread_memory *memory = atomic_load_explicit(bucket, memory_order_acquire);
	while (memory && memory->owner != owner)
		memory = memory->next;
	if (!memory)
		memory = new_memory(owner, bucket);
	if (memory) {
		unwind_drop(memory);
		stack_bounds_init(&memory->bounds);
	}
	return memory;
}

bool unwind_memory_grow(struct thread_memory *memory, uint32_t most)
{
	struct thread_memory old = *memory;
	uint32_t capacity = 4 * old.capacity < most ? 4 * old.capacity : most;
	void *arrays = capacity > old.capacity ? trace_map_private(arrays_bytes(capacity), false) : NULL;
	if (!arrays)
		return false;
	place_arrays(memory, arrays, capacity);
	memcpy(memory->frames, old.frames, old.capacity * sizeof(*old.frames));
	memcpy(memory->checks, old.checks, CHECKS_PER_FRAME * old.capacity * sizeof(*old.checks));
	memcpy(memory->fresh, old.fresh, old.capacity * sizeof(*old.fresh));
	if (old.frames != old.first)
		munmap(old.frames, arrays_bytes(old.capacity));
	return true;
}

static inline void add_check(struct thread_memory *memory, struct frame *frame, uintptr_t slot, uintptr_t value)
{
	if (slot != 0)
		memory->checks[frame->checks++] = (struct check){slot, value};
}

bool unwind_keep(struct thread_memory *memory, uint32_t count, const struct fresh *fresh, const struct rule_state *outer, uint32_t node)
{
	enum { MOST = 3 };
	uint32_t checks = count > 0 ? memory->frames[count - 1].checks : 0;
	if (!(fresh->flags & FRAME_KEPT) || count == memory->capacity || checks + MOST > CHECKS_PER_FRAME * memory->capacity)
		return false;
	struct frame *frame = &memory->frames[count];
	*frame = (struct frame){fresh->state.ip, fresh->state.sp, fresh->state.fp, node, checks, fresh->flags};
	bool outer_needs_fp = count > 0 && memory->frames[count - 1].flags & FRAME_NEEDS_FP;
	if (outer_needs_fp && fresh->fp_slot == 0)
		frame->flags |= FRAME_NEEDS_FP;
	/* What is read last is compared last: checks run from the end of the array to its beginning. */
	if (outer_needs_fp)
		add_check(memory, frame, fresh->fp_slot, outer->fp);
	add_check(memory, frame, fresh->ra_slot, outer->ip);
	add_check(memory, frame, fresh->cfa_slot, outer->sp);
	return true;
}

/* The way that has this very stack, with another join, or else the next to go. */
static unsigned choose_way(struct thread_memory *memory, const struct tail_set *set, const struct frame *leaf)
{
	for (unsigned way = 0; way < TAIL_WAYS; way++)
		if (set->tails[way].stamp != memory->stamp || (set->tails[way].node == leaf->node && set->keys[way].sp == leaf->sp))
			return way;
	return memory->victim++ % TAIL_WAYS;
}

static void write_tail(struct tail *tail, const struct frame *leaf, const struct frame *outer, const struct check *checks)
{
	tail->node = leaf->node;
	tail->fp = leaf->fp;
	tail->needs_fp = (leaf->flags & FRAME_NEEDS_FP) != 0;
	tail->join_node = outer->node;
	tail->join_depth = (uint32_t)(outer->sp - leaf->sp);
	tail->join_fp = outer->fp;
	tail->count = (uint8_t)(leaf->checks - outer->checks);
	for (uint32_t i = 0; i < tail->count; i++) {
		tail->slots[i] = (uint32_t)(checks[outer->checks + i].slot - leaf->sp);
		tail->values[i] = checks[outer->checks + i].value;
	}
}

void unwind_keep_tail(struct thread_memory *memory, uint32_t join)
{
	const struct frame *outer = &memory->frames[join], *leaf = &memory->frames[memory->count - 1];
	if (leaf->checks - outer->checks > TAIL_CHECKS || leaf->flags & FRAME_EXACT || outer->sp - leaf->sp > UINT32_MAX)
		return;
	struct tail_set *set = unwind_tails_of(memory, leaf->ip, leaf->sp);
	unsigned way = choose_way(memory, set, leaf);
	struct tail *tail = &set->tails[way];
	tail->stamp = 0;
	atomic_signal_fence(memory_order_seq_cst);
	set->keys[way].ip = leaf->ip;
	set->keys[way].sp = leaf->sp;
	tail->join = join;
	write_tail(tail, leaf, outer, memory->checks);
	atomic_signal_fence(memory_order_seq_cst);
	tail->stamp = memory->stamp;
}

static __attribute__((noinline)) uint32_t ask_table(struct edge *edge, uint64_t frame, uint32_t parent, const struct fresh *fresh)
{
	uint32_t node = stacks_child(parent, fresh->state.ip, fresh->module, fresh->flags & FRAME_EXACT ? HDT_NODE_EXACT : 0);
	edge->frame = 0;
	atomic_signal_fence(memory_order_seq_cst);
	edge->parent = parent;
	edge->node = node;
	atomic_signal_fence(memory_order_seq_cst);
	edge->frame = node != STACK_ROOT && fresh->module != MODULES_NONE ? frame : 0; /* code without a module comes and goes */
	return node;
}

/* An address stands for its module as long as nothing is unloaded, and then stamps change. */
uint32_t unwind_child(struct thread_memory *memory, uint32_t parent, const struct fresh *fresh)
{
	uint64_t frame = fresh->state.ip ^ (uint64_t)(fresh->flags & FRAME_EXACT) << 47 ^ (uint64_t)memory->stamp << 48;
	struct edge *edge = &memory->edges[(frame + parent) * UINT64_C(0x9e3779b97f4a7c15) >> (64 - EDGE_BITS)];
	return edge->frame == frame && edge->parent == parent ? edge->node : ask_table(edge, frame, parent, fresh);
}

void unwind_drop(struct thread_memory *memory)
{
	unwind_set_count(memory, 0);
	if (++memory->stamp != 0)
		return;
	memset(memory->tails, 0, CACHES_BYTES); /* stamps begin again */
	memory->stamp = 1;
}
