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
#include "trace.h"

enum {
	FIRST_FRAMES = 120, /* four pages, of which a thread touches what it needs */
	CHECKS_PER_FRAME = 2,
	OWNERS = 256,
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
	struct thread_memory *memory = trace_map_private(sizeof(*memory) + arrays_bytes(FIRST_FRAMES), false);
	if (!memory)
		return NULL;
	memory->owner = owner;
	place_arrays(memory, memory + 1, FIRST_FRAMES);
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
		memory->count = 0;
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
	if (old.frames != (struct frame *)(memory + 1))
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
