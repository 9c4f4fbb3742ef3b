/* SPDX-License-Identifier: MIT */
/*
 * Counting of usual events, inlined into them: the outermost of its thread, which has a cell of its own.
 *
 * A cell has one writer, its thread; but a signal handler may interrupt that thread at any instruction and write the same cell.  So every
 * change is one read-modify-write instruction.  It need not be locked against other processors, which only read; the overflow cell, which
 * many threads share, uses locked ones.  The cache is written by outermost events only: a nested event adds to the stack's totals.
 */
#ifndef PRELOAD_THREADS_COUNT_H
#define PRELOAD_THREADS_COUNT_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "heapdelta/trace.h"

#if defined(__SANITIZE_THREAD__)
#define THREADS_SEEN_BY_TSAN 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define THREADS_SEEN_BY_TSAN 1
#endif
#endif

/* ---- Changes that a signal handler cannot tear ------------------------------------------------------------------------------- */

static inline bool threads_is_shared(const struct hdt_thread *cell)
{
	return cell->number == 0;
}

#if defined(__x86_64__) && !defined(THREADS_SEEN_BY_TSAN)

static inline void threads_add(_Atomic(uint64_t) *at, uint64_t amount, bool shared)
{
	if (shared)
		atomic_fetch_add_explicit(at, amount, memory_order_relaxed);
	else
		__asm__ volatile("addq %1, %0" : "+m"(*at) : "re"(amount) : "cc");
}

/* The new value. */
static inline int64_t threads_add_level(_Atomic(int64_t) *at, int64_t amount, bool shared)
{
	int64_t old = amount;

	if (shared)
		return atomic_fetch_add_explicit(at, amount, memory_order_relaxed) + amount;
	__asm__ volatile("xaddq %1, %0" : "+m"(*at), "+r"(old) : : "cc");
	return old + amount;
}

#else

static inline void threads_add(_Atomic(uint64_t) *at, uint64_t amount, bool shared)
{
	(void)shared;
	atomic_fetch_add_explicit(at, amount, memory_order_relaxed);
}

static inline int64_t threads_add_level(_Atomic(int64_t) *at, int64_t amount, bool shared)
{
	(void)shared;
	return atomic_fetch_add_explicit(at, amount, memory_order_relaxed) + amount;
}

#endif

/* Raise a maximum.  Only reset_peak writes it from another thread, which may miss a raise at this very moment. */
static inline bool threads_lift(_Atomic(int64_t) *at, int64_t value, bool shared)
{
	int64_t old = atomic_load_explicit(at, memory_order_relaxed);

	(void)shared;
	while (old < value) {
#if defined(__x86_64__) && !defined(THREADS_SEEN_BY_TSAN)
		if (!shared) {
			bool done;
			__asm__ volatile("cmpxchgq %3, %1" : "=@cce"(done), "+m"(*at), "+a"(old) : "r"(value) : "memory");
			if (done)
				return true;
			continue;
		}
#endif
		if (atomic_compare_exchange_weak_explicit(at, &old, value, memory_order_relaxed, memory_order_relaxed))
			return true;
	}
	return false;
}

/* ---- The thread's cache of totals per stack ---------------------------------------------------------------------------------- */

static inline struct hdt_cached_totals *threads_entry(struct hdt_thread *cell, uint32_t stack)
{
	return &cell->cache[stack * UINT32_C(0x9e3779b1) >> 24];
}

static inline bool threads_is_cached(const struct hdt_cached_totals *entry, uint32_t stack)
{
	return atomic_load_explicit(&entry->node, memory_order_relaxed) == stack && stack != 0;
}

/* The entry of a stack that is not cached: it takes the place of another, whose totals move. */
void threads_fill_entry(struct hdt_cached_totals *entry, uint32_t stack);

static inline struct hdt_cached_totals *threads_filled_entry(struct hdt_thread *cell, uint32_t stack)
{
	struct hdt_cached_totals *entry = threads_entry(cell, stack);

	if (__builtin_expect(!threads_is_cached(entry, stack), 0))
		threads_fill_entry(entry, stack);
	return entry;
}

/* current → the header's sum. */
void threads_fold(struct hdt_thread *cell);

/* The same, if it has become large. */
static inline void threads_fold_if_due(struct hdt_thread *cell)
{
	int64_t current = atomic_load_explicit(&cell->current, memory_order_relaxed);

	if (current > HDT_FOLD_BYTES || current < -HDT_FOLD_BYTES)
		threads_fold(cell);
}

/* ---- Events ------------------------------------------------------------------------------------------------------------------ */

static inline void threads_count_level(struct hdt_thread *cell, int64_t amount, bool shared)
{
	int64_t current = threads_add_level(&cell->current, amount, shared);

	/* high is at most HDT_FOLD_BYTES: what does not raise it is not more either. */
	if (amount >= 0 && current > atomic_load_explicit(&cell->high, memory_order_relaxed)) {
		threads_lift(&cell->high, current, shared);
		if (current > HDT_FOLD_BYTES)
			threads_fold(cell);
	} else if (__builtin_expect(current < -HDT_FOLD_BYTES, 0)) {
		threads_fold(cell);
	}
}

/* `entry`: the stack's, which is cached.  True: threads_fold() is due; it may wait until the event is over. */
static inline bool threads_count_own_alloc(struct hdt_thread *cell, struct hdt_cached_totals *entry, uint64_t bytes)
{
	threads_add(&cell->alloc_blocks, 1, false);
	threads_add(&cell->alloc_bytes, bytes, false);
	threads_add(&entry->blocks, 1, false);
	threads_add(&entry->bytes, bytes, false);
	int64_t current = threads_add_level(&cell->current, (int64_t)bytes, false);
	if (current <= atomic_load_explicit(&cell->high, memory_order_relaxed))
		return false;
	threads_lift(&cell->high, current, false);
	return current > HDT_FOLD_BYTES;
}

/* The same. */
static inline bool threads_count_own_free(struct hdt_thread *cell, uint64_t bytes)
{
	threads_add(&cell->free_blocks, 1, false);
	threads_add(&cell->free_bytes, bytes, false);
	return threads_add_level(&cell->current, -(int64_t)bytes, false) < -HDT_FOLD_BYTES;
}

static inline void threads_count_own_temporary(struct hdt_thread *cell, struct hdt_cached_totals *entry)
{
	threads_add(&cell->temporary_blocks, 1, false);
	threads_add(&entry->temporary, 1, false);
}

#endif
