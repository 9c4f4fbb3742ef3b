/* SPDX-License-Identifier: MIT */
/*
 * The calling thread's state: one small initial-exec thread-local struct, so that access never allocates.
 *
 * Who writes: the thread itself, also from signal handlers that interrupt it (a nested event).  `guard` says that an event runs.  `depth`
 * tells them apart where that matters: 1 in the outermost one, more in a nested one, which must neither unwind nor use anything below
 * `depth == 1` fields; the usual event (event.h) leaves it as it is, because nothing asks for it there.
 * After a fork the struct is stale until `epoch` fits trace_epoch() (trace.h); tracker.c resets it.
 */
#ifndef PRELOAD_GUARD_H
#define PRELOAD_GUARD_H

#include <stdatomic.h>
#include <stdint.h>

#include "heapdelta/trace.h"

struct thread_memory; /* private memory of the unwinder, mapped lazily (unwind.c) */

/* No block's address: not NULL's either. */
#define GUARD_NO_BLOCK ((uintptr_t)1)

struct thread_state {
	union {
		struct {
			uint32_t
				quick; /* ~trace_epoch() of the tables for which this thread's events may be handled the quick way, else 0 */
			uint32_t own;  /* > 0: allocations are ours (libunwind's, the loader's for us) and are not recorded */
		};
		uint64_t gate; /* both at once */
	};
	uintptr_t guard;                      /* of the outermost event (event.h), 0: none runs */
	uintptr_t last_block;                 /* the thread's latest allocation, GUARD_NO_BLOCK after it was freed: temporary blocks */
	uint64_t last_slot;                   /* its slot's content; 0: it is elsewhere */
	_Atomic(uint64_t) *last_place;        /* its slot, if last_slot says so */
	struct hdt_cached_totals *last_entry; /* where its stack was counted, likewise */
	struct hdt_thread *cell;              /* NULL: not attached yet */
	struct thread_memory *memory;         /* depth == 1 only */
	uint64_t gap;                         /* bytes before the next mark (sampling.h); 0 in exact recording */
	uint64_t random;                      /* state of the generator of gaps; 0: exact recording, or the thread has not begun */
	uint64_t last_gap;                    /* gap when last_block was recorded: the same = no allocation since */
	uint64_t leaf_next, leaf_end;         /* slots this thread may give to leaves; depth == 1 only */
	uint32_t depth;                       /* events being recorded by this thread: more than 1 = nested in a signal handler */
	uint32_t epoch;                       /* ~trace_epoch() that the fields belong to */
	int32_t age_left;                     /* events before the next look at the clock (ages.h) */
	uint16_t age_stride, age_seen;        /* how many there were after the last one, and what it saw */
};
_Static_assert(sizeof(struct thread_state) <= 120, "thread-local storage stays small");

extern __thread struct thread_state thread_state __attribute__((tls_model("initial-exec")));

/* Hot path.  A handler may leave for good between any two of these. */
static inline void guard_note_last(struct thread_state *thread, uintptr_t block, _Atomic(uint64_t) *place, uint64_t slot,
				   struct hdt_cached_totals *entry)
{
	thread->last_block = GUARD_NO_BLOCK;
	atomic_signal_fence(memory_order_seq_cst);
	thread->last_place = place;
	thread->last_slot = slot;
	thread->last_entry = entry;
	atomic_signal_fence(memory_order_seq_cst);
	thread->last_block = block;
}

#endif
