/* SPDX-License-Identifier: MIT */
/*
 * Comes in: events, each with its thread's cell; goes out: counters in that cell, folded into the header every 64 KiB, and per-stack
 * totals through the cell's cache.
 *
 * A cell has one writer, its thread; but a signal handler may interrupt that thread at any instruction and write the same cell.  So every
 * change is one read-modify-write instruction.  It need not be locked against other processors, which only read; the overflow cell, which
 * many threads share, uses locked ones.  The cache is written by outermost events only: a nested event adds to the stack's totals.
 */
#include "threads.h"

#include <string.h>
#include <time.h>

#include "single-thread.h"
#include "stacks.h"
#include "threads-count.h"
#include "trace.h"

/* Kept out of the functions that every event runs through, which then need no registers saved. */
#define SLOW_PATH __attribute__((noinline, cold))

typedef _Atomic(uint64_t) counter;
typedef _Atomic(int64_t) level;

/* ---- Current and peak bytes -------------------------------------------------------------------------------------------------- */

static void stamp_peak(void)
{
	struct timespec now = {0};

	clock_gettime(CLOCK_MONOTONIC, &now);
	atomic_store_explicit(&trace.header->peak_monotonic_ns, (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec,
			      memory_order_relaxed);
}

static void raise_peak(int64_t bytes)
{
	if (threads_lift(&trace.header->peak_bytes, bytes, true))
		stamp_peak();
}

/*
 * current → G.  The peak is raised first and `high` reset before G grows, so that at no moment G + high is more than there ever was.
 * When `high` changes on the way a handler has counted something: its level is judged before G grows too, which may show it up to
 * HDT_FOLD_BYTES too low.  `high` is never left below `current`.
 */
void threads_fold(struct hdt_thread *cell)
{
	level *total = &trace.header->folded_bytes;
	int64_t high = atomic_load_explicit(&cell->high, memory_order_relaxed);

	raise_peak(atomic_load_explicit(total, memory_order_relaxed) + high);
	int64_t current = atomic_exchange_explicit(&cell->current, 0, memory_order_acq_rel);
	while (!atomic_compare_exchange_strong_explicit(&cell->high, &high, 0, memory_order_acq_rel, memory_order_relaxed)) {
		if (current > 0)
			raise_peak(atomic_load_explicit(total, memory_order_relaxed) + high);
	}
	threads_lift(&cell->high, atomic_load_explicit(&cell->current, memory_order_relaxed), true);
	atomic_fetch_add_explicit(total, current, memory_order_acq_rel);
}

/* ---- Totals per stack -------------------------------------------------------------------------------------------------------- */

struct totals {
	uint64_t blocks, bytes, temporary;
};

static SLOW_PATH void add_to_stack(uint32_t stack, const struct totals *amount)
{
	struct hdt_totals *totals = stacks_totals(stack);

	if (totals == NULL) {
		uint64_t events = amount->blocks + amount->temporary;
		trace_lost(HDT_LOSS_TOTALS, trace.header->sample_bytes == 0 ? events : events / SAMPLING_PARTS);
		return;
	}
	bool shared = !single_threaded();
	threads_add(&totals->blocks, amount->blocks, shared);
	threads_add(&totals->bytes, amount->bytes, shared);
	if (amount->temporary != 0)
		threads_add(&totals->temporary, amount->temporary, shared);
}

/* Release stores: whoever reads the file after a kill must find them in this order. */
static void put(counter *at, uint64_t value)
{
	atomic_store_explicit(at, value, memory_order_release);
}

/* Whoever finds an add in the table finds the mark, too.  x86 keeps stores in order by itself: nothing waits for those under way, which go to
 * memory that is far off. */
static inline void begin_flush(struct hdt_cached_totals *entry)
{
#if defined(__x86_64__)
	atomic_store_explicit(&entry->state, HDT_CACHE_FLUSHING, memory_order_release);
	atomic_signal_fence(memory_order_seq_cst);
#else
	atomic_store_explicit(&entry->state, HDT_CACHE_FLUSHING, memory_order_seq_cst);
#endif
}

void threads_fill_entry(struct hdt_cached_totals *entry, uint32_t stack)
{
	uint32_t old = atomic_load_explicit(&entry->node, memory_order_relaxed);
	struct totals amount = {atomic_load_explicit(&entry->blocks, memory_order_relaxed),
				atomic_load_explicit(&entry->bytes, memory_order_relaxed),
				atomic_load_explicit(&entry->temporary, memory_order_relaxed)};

	/* A handler that left an earlier eviction by longjmp: nobody knows how much of the entry has moved. */
	if (atomic_load_explicit(&entry->state, memory_order_relaxed) == HDT_CACHE_FLUSHING)
		trace_lost(HDT_LOSS_FLUSH, 1);
	else if (old != 0) {
		begin_flush(entry);
		add_to_stack(old, &amount);
	}
	put(&entry->blocks, 0);
	put(&entry->bytes, 0);
	put(&entry->temporary, 0);
	atomic_store_explicit(&entry->node, stack, memory_order_release);
	atomic_store_explicit(&entry->state, 0, memory_order_release);
}

/* ---- Events ------------------------------------------------------------------------------------------------------------------ */

/* Other events than the outermost of a thread with a cell of its own do not use the cache. */
static bool is_own(const struct hdt_thread *cell, uint32_t stack, bool nested)
{
	return !nested && !threads_is_shared(cell) && stack != STACK_ROOT;
}

void threads_count_alloc(struct hdt_thread *cell, uint64_t bytes, uint32_t stack, bool nested)
{
	bool shared = threads_is_shared(cell);

	if (is_own(cell, stack, nested)) {
		if (threads_count_own_alloc(cell, threads_filled_entry(cell, stack), bytes))
			threads_fold(cell);
		return;
	}
	threads_add(&cell->alloc_blocks, 1, shared);
	threads_add(&cell->alloc_bytes, bytes, shared);
	threads_count_level(cell, (int64_t)bytes, shared);
	add_to_stack(stack, &(struct totals){1, bytes, 0});
}

void threads_count_free(struct hdt_thread *cell, uint64_t bytes)
{
	bool shared = threads_is_shared(cell);

	threads_add(&cell->free_blocks, 1, shared);
	threads_add(&cell->free_bytes, bytes, shared);
	threads_count_level(cell, -(int64_t)bytes, shared);
}

void threads_count_temporary(struct hdt_thread *cell, uint32_t stack, bool nested)
{
	if (is_own(cell, stack, nested)) {
		threads_count_own_temporary(cell, threads_filled_entry(cell, stack));
		return;
	}
	threads_add(&cell->temporary_blocks, 1, threads_is_shared(cell));
	add_to_stack(stack, &(struct totals){0, 0, 1});
}

/* ---- Sampled events: too rare for a cache ------------------------------------------------------------------------------------ */

void threads_count_sampled_alloc(struct hdt_thread *cell, struct sampling_weight weight, uint32_t stack)
{
	bool shared = threads_is_shared(cell);

	threads_add(&cell->alloc_blocks, weight.parts, shared);
	threads_add(&cell->alloc_bytes, weight.bytes, shared);
	threads_count_level(cell, (int64_t)weight.bytes, shared);
	add_to_stack(stack, &(struct totals){weight.parts, weight.bytes, 0});
}

void threads_count_sampled_free(struct hdt_thread *cell, struct sampling_weight weight)
{
	bool shared = threads_is_shared(cell);

	threads_add(&cell->free_blocks, weight.parts, shared);
	threads_add(&cell->free_bytes, weight.bytes, shared);
	threads_count_level(cell, -(int64_t)weight.bytes, shared);
}

void threads_count_sampled_temporary(struct hdt_thread *cell, struct sampling_weight weight, uint32_t stack)
{
	threads_add(&cell->temporary_blocks, weight.parts, threads_is_shared(cell));
	add_to_stack(stack, &(struct totals){0, 0, weight.parts});
}

/* ---- Sums -------------------------------------------------------------------------------------------------------------------- */

static struct hdt_thread *cell_at(uint32_t number)
{
	return trace_at(HDT_AREA_THREADS, (uint64_t)number * sizeof(struct hdt_thread));
}

static uint32_t cell_count(void)
{
	return (uint32_t)(trace_used(HDT_AREA_THREADS) / sizeof(struct hdt_thread));
}

static uint64_t get(const counter *at)
{
	return atomic_load_explicit(at, memory_order_relaxed);
}

struct thread_sums threads_sum(void)
{
	struct thread_sums sums = {0};
	int64_t above = 0; /* how much higher than now one thread was since its last fold; the others' levels stand still meanwhile */

	for (uint32_t i = 0; i < cell_count(); i++) {
		const struct hdt_thread *cell = cell_at(i);
		int64_t fall = atomic_load_explicit(&cell->high, memory_order_relaxed) -
			       atomic_load_explicit(&cell->current, memory_order_relaxed);
		sums.alloc_blocks += get(&cell->alloc_blocks);
		sums.alloc_bytes += get(&cell->alloc_bytes);
		sums.free_blocks += get(&cell->free_blocks);
		sums.free_bytes += get(&cell->free_bytes);
		sums.temporary_blocks += get(&cell->temporary_blocks);
		above = fall > above ? fall : above;
	}
	sums.live_bytes = (int64_t)(sums.alloc_bytes - sums.free_bytes - get(&trace.header->cleared_bytes));
	sums.peak_bytes = atomic_load(&trace.header->peak_bytes);
	if (sums.peak_bytes < sums.live_bytes + above)
		sums.peak_bytes = sums.live_bytes + above;
	return sums;
}

/* `high` is the other threads' own; an allocation that raises it at this moment may be missed in the new peak, as any within 64 KiB. */
void threads_reset_peak(void)
{
	for (uint32_t i = 0; i < cell_count(); i++)
		atomic_store_explicit(&cell_at(i)->high, atomic_load_explicit(&cell_at(i)->current, memory_order_relaxed),
				      memory_order_relaxed);
	atomic_store(&trace.header->peak_bytes, threads_sum().live_bytes);
	stamp_peak();
}
