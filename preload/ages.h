/* SPDX-License-Identifier: MIT */
/*
 * When blocks came: beside each slot and each extra a code of heapdelta/age.h, in an area of its own, at the same place.
 *
 * The code is a word in the header, which events only read and which changes when time has gone on: a look at the clock costs as much as an
 * event.  Threads look as often as they can without feeling it: at each event where these are rare, at each 64th where they are many, more
 * often where events take longer.  So a block may be taken for older by a pause of all threads, if it is among the first that a busy thread makes after
 * it; never for younger.
 *
 * A code is written before its block is: who finds a block finds its age, or a later one, of a block that came and went there.
 * Lock-free, signal-safe.
 */
#ifndef PRELOAD_AGES_H
#define PRELOAD_AGES_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "guard.h"
#include "trace.h"

enum { AGES_STRIDE = 64, AGES_OF_A_WALK = 2 };

typedef _Atomic(uint16_t) age_code;

static inline age_code *ages_of_slot(uint64_t slot)
{
	return (age_code *)trace_at(HDT_AREA_AGES, 0) + slot;
}

static inline uint16_t ages_now(void)
{
	return (uint16_t)atomic_load_explicit(&trace.header->age_now, memory_order_relaxed);
}

/* Hot path: the block that is about to be put into this slot comes now. */
static inline void ages_note(const _Atomic(uint64_t) *place)
{
	const _Atomic(uint64_t) *slots = trace_at(HDT_AREA_SLOTS, 0);

	atomic_store_explicit(ages_of_slot((uint64_t)(place - slots)), ages_now(), memory_order_relaxed);
}

/* A slot's block is copied to another one. */
static inline void ages_copy(uint64_t from, uint64_t to)
{
	atomic_store_explicit(ages_of_slot(to), atomic_load_explicit(ages_of_slot(from), memory_order_relaxed), memory_order_relaxed);
}

/* Room for the codes of all slots or extras below `end`.  False: there is none. */
bool ages_reach(enum hdt_area_id area, uint64_t end);

/* The block of an extra comes now. */
void ages_note_extra(uint32_t number);

/* What time is it?  The thread's own count of events that need not ask begins again. */
void ages_look(struct thread_state *thread);

/* Hot path: an event that takes as long as so many usual ones. */
static inline void ages_pass(struct thread_state *thread, int32_t events)
{
	if (__builtin_expect((thread->age_left -= events) < 0, 0))
		ages_look(thread);
}

#endif
