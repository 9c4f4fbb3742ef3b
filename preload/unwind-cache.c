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
#include "stack-paths.h"
#include "trace.h"

enum {
	FIRST_FRAMES = 60, /* two pages, of which a thread touches what it needs */
	CHECKS_PER_FRAME = 2,
	OWNERS = 256,
	TAILS_BYTES = sizeof(struct tail_set) << TAIL_SETS_BITS,
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
	struct thread_memory *memory = trace_map_private(sizeof(*memory) + TAILS_BYTES + arrays_bytes(FIRST_FRAMES), false);
	if (!memory)
		return NULL;
	memory->owner = owner;
	memory->tails = (struct tail_set *)(memory + 1);
	memory->first = memory->tails + (1 << TAIL_SETS_BITS);
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

static inline struct check *add_check(struct check *check, uintptr_t slot, uintptr_t value)
{
	if (slot == 0)
		return check;
	*check = (struct check){slot, value};
	return check + 1;
}

/* The fresh frame inside frame[-1], or as the outermost one.  Returns past its checks. */
static inline struct check *keep_frame(struct frame *frame, bool is_outermost, const struct fresh *fresh, const struct rule_state *outer,
				       struct check *check)
{
	bool outer_needs_fp = !is_outermost && frame[-1].flags & FRAME_NEEDS_FP;
	uint32_t path = is_outermost ? 0 : frame[-1].path;
	frame->ip = fresh->state.ip;
	frame->sp = fresh->state.sp;
	frame->fp = fresh->state.fp;
	frame->flags = fresh->flags | (outer_needs_fp && fresh->fp_slot == 0 ? FRAME_NEEDS_FP : 0);
	frame->path = fresh->flags & FRAME_TRACER ? path : stack_paths_step(path, fresh->state.ip);
	/* What is read last is compared last: checks run from the end of the array to its beginning. */
	if (outer_needs_fp)
		check = add_check(check, fresh->fp_slot, outer->fp);
	check = add_check(check, fresh->ra_slot, outer->ip);
	return add_check(check, fresh->cfa_slot, outer->sp);
}

uint32_t unwind_keep(struct thread_memory *memory, uint32_t count, uint32_t stored, const struct rule_state *outer)
{
	enum { MOST = 3 };
	struct check *check = memory->checks + (count > 0 ? memory->frames[count - 1].checks : 0);
	const struct check *last = memory->checks + CHECKS_PER_FRAME * memory->capacity - MOST;
	for (const struct fresh *fresh = memory->fresh + stored; fresh-- > memory->fresh; count++) {
		if (!(fresh->flags & FRAME_KEPT) || count == memory->capacity || check > last)
			break;
		struct frame *frame = &memory->frames[count];
		check = keep_frame(frame, count == 0, fresh, outer, check);
		frame->checks = (uint32_t)(check - memory->checks);
		outer = &fresh->state;
	}
	return count;
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

void unwind_drop(struct thread_memory *memory)
{
	unwind_set_count(memory, 0);
	if (++memory->stamp != 0)
		return;
	memset(memory->tails, 0, TAILS_BYTES); /* stamps begin again */
	memory->stamp = 1;
}
