/* SPDX-License-Identifier: MIT */
/*
 * An event of the program → stack id → block table → counters.  Called by hooks.c around the real functions, in the order that keeps the
 * table right: a record is taken out before the real free, put in after the real malloc.
 *
 * All functions: any thread, nested in signal handlers, after destructors; errno is kept; nothing of the program is called.
 */
#ifndef PRELOAD_TRACKER_H
#define PRELOAD_TRACKER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "trace.h"

/* Set once the real functions are known, the tables exist and the unwinder is loaded; until then hooks call tracker_boot with the address
 * they return to.  False: the look-up of the real functions is running, serve the call from bootstrap.c. */
extern bool tracker_started __attribute__((visibility("hidden")));
bool tracker_boot(uintptr_t caller);

/* The same without the unwinder, from the constructor: a program that never allocates does not pay for it. */
bool tracker_prepare(void);

/* Are new blocks to be recorded, and frees of recorded ones?  Both say yes where there are no tables yet; making them decides. */
static inline bool tracker_wants_blocks(void)
{
	return (atomic_load_explicit(trace_tracing, memory_order_relaxed) & HDT_TRACING_NEW) != 0;
}
static inline bool tracker_wants_frees(void)
{
	return (atomic_load_explicit(trace_tracing, memory_order_relaxed) & HDT_TRACING_FREES) != 0;
}

/* A block came into being.  NULL is ignored (the real call failed).  `frame`: the hook's UNWIND_FRAME (unwind.h). */
void tracker_alloc(void *block, size_t size, const uintptr_t *frame);
/* The same after sampling_skips() has said no.  Returns `block`. */
void *tracker_alloc_unskipped(void *block, size_t size, const uintptr_t *frame);

/* For tracker-quick.h.  The rest of an allocation whose event has begun quickly, when its stack or its place in the thread's cache is not the
 * usual one; `place`: blocks_place().  Returns `block`. */
void *tracker_alloc_begun(void *block, size_t size, const uintptr_t *frame, _Atomic(uint64_t) *place);
/* The thread's level of live bytes has become large.  Returns `block`. */
void *tracker_fold(void *block);

/* A block is about to be freed.  NULL is ignored. */
void tracker_free(void *block);

/* realloc: begin before the real call, then end with its result. */
struct tracker_realloc {
	void *old;
	uint64_t old_size;
	uint32_t old_stack;
	uint32_t epoch; /* at the beginning: a fork in between makes the old block somebody else's */
	bool known;
};
void tracker_realloc_begin(struct tracker_realloc *event, void *old);
void tracker_realloc_end(struct tracker_realloc *event, void *result, size_t size, const uintptr_t *frame);

/* Blocks that are not malloc's (heapdelta_track): domain ≠ 0 or any address.  0, or −1 when there is no room. */
int tracker_track(uint32_t domain, uintptr_t address, uint64_t size, const uintptr_t *frame);
bool tracker_untrack(uint32_t domain, uintptr_t address);

/* Before no more memory can be had: in a sampled process nothing may have been recorded so far, and this makes what the first recorded block
 * needs. */
void tracker_warm_up(const uintptr_t *frame);

/* Recording on and off; off forgets every block, as tracemalloc's stop().  What is switched off from outside only pauses. */
void tracker_start(void);
void tracker_stop(void);
void tracker_clear(void);
bool tracker_is_tracing(void);
bool tracker_has_traces(void); /* recording, or paused */

/* Around fork, from lifecycle.c: the child drops its parent's tables and makes its own at its first event. */
void tracker_fork_prepare(void);
void tracker_fork_parent(void);
void tracker_fork_child(void);

/* Own allocations of the tracer (dlopen, libunwind) run between these and are not recorded. */
void tracker_own_begin(void);
void tracker_own_end(void);

#endif
