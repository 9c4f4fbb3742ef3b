/* SPDX-License-Identifier: MIT */
/*
 * The usual event, inlined into the hooks that matter: the outermost of its thread, with a place for the block, or a block that has one.
 * What it cannot do begins again the general way (tracker.h), which does the same.
 */
#ifndef PRELOAD_TRACKER_QUICK_H
#define PRELOAD_TRACKER_QUICK_H

#include "blocks-quick.h"
#include "event.h"
#include "sampling.h"
#include "threads-count.h"
#include "tracker.h"
#include "unwind.h"

#define QUICK static inline __attribute__((always_inline))

QUICK bool alloc_quickly(struct thread_state *thread, uintptr_t block, size_t size, const uintptr_t *frame)
{
	/* The slot is needed last and takes longest to come. */
	struct blocks_window window = blocks_window(block);
	__builtin_prefetch((const void *)&window.leaf[window.first], 1);
	uint32_t stack = unwind_kept_stack(frame);
	if (stack == STACK_ROOT)
		stack = unwind_stack(frame);
	if (stack == STACK_ROOT || !blocks_insert_quickly(window, block, size, stack))
		return false;
	threads_count_own_alloc(thread->cell, size, stack);
	thread->last_block = block;
	thread->last_stack = stack;
	return true;
}

/* Recording is off, and this allocation is nothing to us: all that a process pays which waits to be started.  (A sampled thread may have a
 * mark to pass.)  Asked by the hooks before the real call, and not again. */
QUICK bool tracker_passes_over(const struct thread_state *thread)
{
	return __builtin_expect(!tracker_wants_blocks(), 0) && !sampling_is_on(thread);
}

/* tracker_alloc_unskipped() and tracker_free(). */
QUICK void tracker_alloc_quickly(void *block, size_t size, const uintptr_t *frame)
{
	struct thread_state *thread = &thread_state;
	struct event here;
	if (__builtin_expect(!block, 0))
		return;
	if (__builtin_expect(event_enter_quickly(&here, thread), 1)) {
		bool done = alloc_quickly(thread, (uintptr_t)block, size, frame);
		event_leave_quickly(&here, thread);
		if (__builtin_expect(done, 1))
			return;
	}
	tracker_alloc_unskipped(block, size, frame);
}

QUICK bool free_quickly(struct thread_state *thread, uintptr_t block)
{
	uint64_t slot = blocks_take_quickly(block);
	if (slot == 0)
		return false;
	threads_count_own_free(thread->cell, HDT_SLOT_SIZE(slot));
	if (block == thread->last_block) {
		thread->last_block = 0;
		threads_count_own_temporary(thread->cell, HDT_SLOT_STACK(slot));
	}
	return true;
}

QUICK void tracker_free_quickly(void *block)
{
	struct thread_state *thread = &thread_state;
	struct event here;
	if (__builtin_expect(block && event_enter_quickly(&here, thread), 1)) {
		bool done = free_quickly(thread, (uintptr_t)block);
		event_leave_quickly(&here, thread);
		if (__builtin_expect(done, 1))
			return;
	}
	tracker_free(block);
}

#undef QUICK

#endif
