/* SPDX-License-Identifier: MIT */
/*
 * Beginning and end of an event.
 *
 * They count the depth of this thread's events: a signal handler that allocates inside an event is nested, records its block as well, but
 * does not unwind.  No guard is held across a real call, so nothing of the program runs inside an event, except signal handlers; one that
 * leaves by longjmp leaves the depth behind, which the next event finds by the guard word on the stack.
 */
#ifndef PRELOAD_EVENT_H
#define PRELOAD_EVENT_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "guard.h"
#include "trace.h"

/* One event, on the stack of the function that handles it.  What it found in thread_state is put back at its end, so that an event in a
 * signal handler changes nothing for the one that it interrupts, wherever that was. */
struct event {
	uintptr_t guard; /* event_guard() of its own address as long as the event runs */
	const uintptr_t *outer_guard;
	uint32_t outer_depth;
};

static inline uintptr_t event_guard(const uintptr_t *guard)
{
	return ~(uintptr_t)guard;
}

static inline void event_set_depth(struct thread_state *thread, uint32_t depth)
{
	atomic_signal_fence(memory_order_seq_cst);
	thread->depth = depth;
	atomic_signal_fence(memory_order_seq_cst);
}

static inline void event_set_guard(struct event *event, struct thread_state *thread)
{
	event->guard = event_guard(&event->guard);
	thread->guard = &event->guard;
}

/* False: this is no event, because the allocation is ours or there are no tables. */
bool event_enter(struct event *event, struct thread_state *thread);

static inline void event_leave(struct event *event, struct thread_state *thread)
{
	event_set_depth(thread, event->outer_depth);
	thread->guard = event->outer_guard;
}

/* depth or own is not 0.  True: it was an event that a handler has left by longjmp, and the thread is free again. */
bool event_recover(struct event *event, struct thread_state *thread);

static inline void event_leave_quickly(const struct event *event, struct thread_state *thread)
{
	event_set_depth(thread, 0);
	thread->guard = event->outer_guard;
}

/*
 * The usual event, the outermost of a thread with a cell of its own: inlined, and nothing else is possible inside.  False: ask
 * event_enter().  First the depth, then a look at the tables: a handler that forks in between leaves the child with them or without, but
 * never in doubt.
 */
static inline bool event_enter_quickly(struct event *event, struct thread_state *thread)
{
	if (__builtin_expect((thread->depth | thread->own) != 0, 0) && !event_recover(event, thread))
		return false;
	event->outer_guard = thread->guard;
	event_set_guard(event, thread);
	event_set_depth(thread, 1);
	if (__builtin_expect(thread->quick == ~trace_epoch(), 1))
		return true;
	event_leave_quickly(event, thread);
	return false;
}

#endif
