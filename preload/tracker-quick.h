/* SPDX-License-Identifier: MIT */
/*
 * The usual event, inlined into the hooks that matter: the outermost of its thread, with a place for the block, or a block that has one.
 * What it cannot do begins again the general way (tracker.h), which does the same.
 *
 * Nothing is called on the usual way, and what is called elsewhere ends the event and returns what the hook returns: so the hooks need no
 * registers saved for it.  A fold that is due is an event of its own, after this one.
 */
#ifndef PRELOAD_TRACKER_QUICK_H
#define PRELOAD_TRACKER_QUICK_H

#include "ages.h"
#include "blocks-quick.h"
#include "event.h"
#include "sampling.h"
#include "threads-count.h"
#include "tracker.h"
#include "unwind.h"

#define QUICK static inline __attribute__((always_inline))

/* Recording is off, and this allocation is nothing to us: all that a process pays which waits to be started.  (A sampled thread may have a
 * mark to pass.)  Asked by the hooks before the real call, and not again. */
QUICK bool tracker_passes_over(const struct thread_state *thread)
{
	return __builtin_expect(!tracker_wants_blocks(), 0) && !sampling_is_on(thread);
}

/* What follows needs the frame of the function that this stands in: no jump. */
QUICK void *tracker_not_a_jump(void *block)
{
	__asm__ volatile("" : "+r"(block));
	return block;
}

/* tracker_alloc_unskipped(), with the frame of the hook that this stands in. */
QUICK void *tracker_alloc_quickly(void *block, size_t size)
{
	struct thread_state *thread = &thread_state;
	struct event here;
	if (__builtin_expect(!block || !event_enter_quickly(&here, thread), 0))
		return tracker_not_a_jump(tracker_alloc_unskipped(block, size, UNWIND_FRAME));
	ages_pass(thread, 1);
	/* The slot is needed last and takes longest to come. */
	table_word *place = blocks_place((uintptr_t)block);
	uint32_t stack = unwind_kept_stack(UNWIND_FRAME);
	struct hdt_cached_totals *entry = threads_entry(thread->cell, stack);
	if (__builtin_expect(!threads_is_cached(entry, stack) || !blocks_insert_quickly(place, (uintptr_t)block, size, stack), 0))
		return tracker_not_a_jump(tracker_alloc_begun(block, size, UNWIND_FRAME, place));
	bool fold = threads_count_own_alloc(thread->cell, entry, size);
	guard_note_last(thread, (uintptr_t)block, place, blocks_slot((uintptr_t)block, size, stack), entry);
	event_leave_quickly(thread);
	return __builtin_expect(fold, 0) ? tracker_fold(block) : block;
}

/*
 * The thread's latest block, at once.  What stands in its slot now, if that has not changed, is its record: a slot is never used again
 * after it was copied elsewhere.  The entry of its stack is in the thread's cache unless a handler has left the event that replaced it.
 */
QUICK uint64_t tracker_take_last(struct thread_state *thread)
{
	uint64_t slot = thread->last_slot;
	struct hdt_cached_totals *entry = thread->last_entry;
	if (slot == 0 || atomic_load_explicit(&entry->node, memory_order_relaxed) != HDT_SLOT_STACK(slot) ||
	    !swap_slot(thread->last_place, slot, 0))
		return 0;
	thread->last_block = GUARD_NO_BLOCK;
	threads_count_own_temporary(thread->cell, entry);
	return slot;
}

/* True: the block's record is taken out; else nothing is done. */
QUICK bool tracker_free_quickly(void *block, bool *fold)
{
	struct thread_state *thread = &thread_state;
	struct event here;
	if (__builtin_expect(!event_enter_quickly(&here, thread), 0))
		return false;
	uint64_t slot = (uintptr_t)block == thread->last_block ? tracker_take_last(thread) : blocks_take_quickly((uintptr_t)block);
	*fold = slot != 0 && threads_count_own_free(thread->cell, HDT_SLOT_SIZE(slot));
	event_leave_quickly(thread);
	return slot != 0;
}

#undef QUICK

#endif
