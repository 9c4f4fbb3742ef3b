/* SPDX-License-Identifier: MIT */
/*
 * The calling thread's state: one small initial-exec thread-local struct, so that access never allocates.
 *
 * Who writes: the thread itself, also from signal handlers that interrupt it (a nested event).  `depth` tells them apart: 1 in the
 * outermost event, more in a nested one, which must neither unwind nor use anything below `depth == 1` fields.
 * After a fork the struct is stale until `epoch` fits trace_epoch() (trace.h); tracker.c resets it.
 */
#ifndef PRELOAD_GUARD_H
#define PRELOAD_GUARD_H

#include <stdint.h>

#include "heapdelta/trace.h"

struct thread_memory; /* private memory of the unwinder, mapped lazily (unwind.c) */

struct thread_state {
	uint32_t depth;               /* events being recorded by this thread: more than 1 = nested in a signal handler */
	uint32_t own;                 /* > 0: allocations are ours (libunwind's, the loader's for us) and are not recorded */
	uint32_t epoch;               /* ~trace_epoch() that the fields below belong to */
	uint32_t quick;               /* the same, if the thread's events may be handled the quick way (event.h), else 0 */
	const uintptr_t *guard;       /* on the stack of the event that made depth 1: holds GUARD_VALUE as long as that event runs */
	uintptr_t last_block;         /* the thread's latest allocation, 0 after it was freed: temporary blocks */
	struct hdt_thread *cell;      /* NULL: not attached yet */
	struct thread_memory *memory; /* depth == 1 only */
	uint64_t leaf_next, leaf_end; /* slots this thread may give to leaves; depth == 1 only */
	uint64_t gap;                 /* bytes before the next mark (sampling.h); 0 in exact recording */
	uint64_t last_gap;            /* gap when last_block was recorded: the same = no allocation since */
	uint64_t random;              /* state of the generator of gaps; 0: exact recording, or the thread has not begun */
	uint32_t last_stack;          /* of last_block */
};
_Static_assert(sizeof(struct thread_state) <= 96, "thread-local storage stays small");

extern __thread struct thread_state thread_state __attribute__((tls_model("initial-exec")));

#endif
