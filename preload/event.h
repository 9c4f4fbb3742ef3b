/* SPDX-License-Identifier: MIT */
/*
 * Beginning and end of an event.
 *
 * They mark that this thread is in one: a signal handler that allocates inside an event is nested, records its block as well, but does not
 * unwind.  No event is open across a real call, so nothing of the program runs inside one, except signal handlers; one that leaves by
 * longjmp leaves the mark behind, which the next event finds by the guard word on the stack.
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
	uintptr_t guard; /* event_guard() as long as the event runs and is the outermost */
	uintptr_t outer_guard;
	uint32_t outer_depth;
};

/* A word that nothing else puts there: its own address, made odd. */
static inline uintptr_t event_guard(const uintptr_t *guard)
{
	return (uintptr_t)guard + 1;
}

static inline void event_set_guard(struct thread_state *thread, uintptr_t guard)
{
	atomic_signal_fence(memory_order_seq_cst);
	thread->guard = guard;
	atomic_signal_fence(memory_order_seq_cst);
}

static inline void event_begin(struct event *event, struct thread_state *thread)
{
	*(volatile uintptr_t *)&event->guard = event_guard(&event->guard);
	event_set_guard(thread, event_guard(&event->guard));
}

/* These tables, and no allocation of ours: the halves of `gate` are compared at once where they lie as in a number. */
static inline bool event_is_quick(const struct thread_state *thread)
{
	uint32_t wanted = ~trace_epoch();
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
	return thread->gate == wanted;
#else
	return thread->own == 0 && thread->quick == wanted;
#endif
}

/* False: this is no event, because the allocation is ours or there are no tables.  `frame` is the address of the hook's (UNWIND_FRAME): it tells a call
 * from inside an event from one after an event that a handler has left, even where this function lies deeper than that event did. */
bool event_enter_from(struct event *event, struct thread_state *thread, uintptr_t frame);

static inline bool event_enter(struct event *event, struct thread_state *thread)
{
	return event_enter_from(event, thread, (uintptr_t)&event->guard);
}

static inline void event_leave(struct event *event, struct thread_state *thread)
{
	thread->depth = event->outer_depth;
	event_set_guard(thread, event->outer_guard);
}

static inline void event_leave_quickly(struct thread_state *thread)
{
	event_set_guard(thread, 0);
}

/*
 * The usual event, the outermost of a thread with a cell of its own: inlined, and nothing else is possible inside.  False: ask
 * event_enter().  First the guard, then a look at the tables: a handler that forks in between leaves the child with them or without, but
 * never in doubt.
 */
static inline bool event_enter_quickly(struct event *event, struct thread_state *thread)
{
	if (__builtin_expect(thread->guard != 0, 0))
		return false;
	event_begin(event, thread);
	if (__builtin_expect(event_is_quick(thread), 1))
		return true;
	event_leave_quickly(thread);
	return false;
}

#endif
