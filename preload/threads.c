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

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "single-thread.h"
#include "stacks.h"
#include "threads-count.h"
#include "trace.h"

#define CELL_SCAN_MIN 8u
#define HOLDERS_MAX 65536u
#define BUSY UINT32_MAX /* no thread's id */

/* Kept out of the functions that every event runs through, which then need no registers saved. */
#define SLOW_PATH __attribute__((noinline, cold))

typedef _Atomic(uint64_t) counter;
typedef _Atomic(int64_t) level;

/* ---- Cells ------------------------------------------------------------------------------------------------------------------- */

/*
 * Who has which cell is decided here and not in the trace file: a private copy is quick to search, and the cell keeps its last thread's
 * tid for readers.  `claim` is {changes:32 | tid:32}; every change of hands is one CAS of it, and because it counts them, a CAS that
 * succeeds proves that nothing has changed since the word was read.  tid 0: the cell is free; BUSY: being handed over, nobody else's
 * business; the word 0: the cell is not complete yet.  `owner` changes only while the claim is BUSY.
 */
struct holder {
	_Atomic(uint64_t) owner; /* address of the thread's thread_state */
	_Atomic(uint64_t) claim;
};

/* Zeros in a fork child.  process: of whom, process_number + 1; 0: nobody's yet. */
struct holders {
	_Atomic(uint64_t) process;
	struct holder of_cell[HOLDERS_MAX];
};
static _Atomic(struct holders *) all_holders;
static _Atomic(uint32_t) cells_left_by_scan;

static struct hdt_thread *cell_at(uint32_t number)
{
	return trace_at(HDT_AREA_THREADS, (uint64_t)number * sizeof(struct hdt_thread));
}

static uint32_t cell_count(void)
{
	return (uint32_t)(trace_used(HDT_AREA_THREADS) / sizeof(struct hdt_thread));
}

static bool are_ours(struct holders *holders)
{
	uint64_t nobody = 0, ours = (uint64_t)trace.process_number + 1;

	return atomic_compare_exchange_strong(&holders->process, &nobody, ours) || nobody == ours;
}

/* NULL: no memory; then cells are never used again. */
static struct holders *find_holders(void)
{
	struct holders *known = atomic_load_explicit(&all_holders, memory_order_acquire);

	if (known != NULL && are_ours(known))
		return known;
	struct holders *mine = trace_map_private(sizeof(struct holders), true);
	if (mine == NULL || !are_ours(mine) || atomic_compare_exchange_strong(&all_holders, &known, mine))
		return mine;
	munmap(mine, sizeof(struct holders));
	return known;
}

static uint32_t holding_tid(uint64_t claim)
{
	return (uint32_t)claim;
}

static uint64_t next_claim(uint64_t claim, uint32_t tid)
{
	return ((claim >> 32) + 1) << 32 | tid;
}

static bool hand_over(struct holder *holder, uint64_t *claim, uint32_t tid)
{
	uint64_t next = next_claim(*claim, tid);

	if (!atomic_compare_exchange_strong(&holder->claim, claim, next))
		return false;
	*claim = next;
	return true;
}

/* A thread at the same address is proof that the cell's last owner is dead. */
static bool take_over(struct holder *holder, uintptr_t owner, uint32_t tid)
{
	uint64_t claim = atomic_load_explicit(&holder->claim, memory_order_acquire);

	return holding_tid(claim) != 0 && holding_tid(claim) != BUSY &&
	       atomic_load_explicit(&holder->owner, memory_order_relaxed) == owner && hand_over(holder, &claim, tid);
}

static bool take_free(struct holder *holder, uintptr_t owner, uint32_t tid)
{
	uint64_t claim = atomic_load_explicit(&holder->claim, memory_order_acquire);

	if (claim == 0 || holding_tid(claim) != 0 || !hand_over(holder, &claim, BUSY))
		return false;
	atomic_store_explicit(&holder->owner, owner, memory_order_relaxed);
	atomic_store_explicit(&holder->claim, next_claim(claim, tid), memory_order_release);
	return true;
}

static bool is_dead(pid_t tid)
{
	/* A clone that shares the memory but is a process of its own is not found among our threads. */
	return syscall(SYS_tgkill, trace.owner_pid, tid, 0) != 0 && errno == ESRCH && kill(tid, 0) != 0 && errno == ESRCH;
}

static bool free_if_dead(struct holder *holder)
{
	uint64_t claim = atomic_load_explicit(&holder->claim, memory_order_acquire);
	uint32_t tid = holding_tid(claim);

	return tid != 0 && tid != BUSY && is_dead((pid_t)tid) && hand_over(holder, &claim, 0);
}

/* Free the cells of threads that ended, if there may be as many of them as of others: then a scan costs each new thread little. */
static bool free_dead_cells(struct holders *holders, uint32_t count)
{
	uint32_t living = atomic_load(&cells_left_by_scan), freed = 0;

	/* More than there are: they were the parent's of this fork child. */
	if (count < CELL_SCAN_MIN || (living <= count && count < 2 * living) || trace.growth_closed ||
	    !atomic_compare_exchange_strong(&cells_left_by_scan, &living, count))
		return false;
	for (uint32_t i = 1; i < count && i < HOLDERS_MAX; i++)
		freed += free_if_dead(&holders->of_cell[i]);
	atomic_store(&cells_left_by_scan, count - freed);
	return freed > 0;
}

typedef bool take_cell(struct holder *holder, uintptr_t owner, uint32_t tid);

static struct hdt_thread *take_one(struct holders *holders, take_cell *take, uintptr_t owner, uint32_t tid)
{
	uint32_t count = cell_count();

	for (uint32_t i = 1; i < count && i < HOLDERS_MAX; i++) {
		if (take(&holders->of_cell[i], owner, tid))
			return cell_at(i);
	}
	return NULL;
}

static struct hdt_thread *take_used_cell(struct holders *holders, uintptr_t owner, uint32_t tid)
{
	struct hdt_thread *cell = take_one(holders, take_over, owner, tid);

	if (cell == NULL)
		cell = take_one(holders, take_free, owner, tid);
	if (cell == NULL && free_dead_cells(holders, cell_count()))
		cell = take_one(holders, take_free, owner, tid);
	return cell;
}

/* Nobody else can have it before its holder is known. */
static struct hdt_thread *make_cell(struct holders *holders, uintptr_t owner, uint32_t tid)
{
	uint64_t offset = trace_alloc(HDT_AREA_THREADS, sizeof(struct hdt_thread), 1);
	uint32_t number = (uint32_t)(offset / sizeof(struct hdt_thread));

	if (offset == TRACE_NONE)
		return NULL;
	cell_at(number)->number = number;
	if (holders != NULL && number < HOLDERS_MAX) {
		atomic_store_explicit(&holders->of_cell[number].owner, owner, memory_order_relaxed);
		atomic_store_explicit(&holders->of_cell[number].claim, next_claim(0, tid), memory_order_release);
	}
	return cell_at(number);
}

struct hdt_thread *threads_attach(uintptr_t owner)
{
	int saved = errno;
	uint32_t tid = (uint32_t)syscall(SYS_gettid);
	struct holders *holders = find_holders();
	struct hdt_thread *cell = holders != NULL ? take_used_cell(holders, owner, tid) : NULL;

	if (cell == NULL)
		cell = make_cell(holders, owner, tid);
	if (cell != NULL) {
		atomic_store_explicit(&cell->owner, owner, memory_order_relaxed);
		atomic_store_explicit(&cell->tid, tid, memory_order_relaxed);
	} else {
		trace_lost(HDT_LOSS_THREAD, 1);
		cell = cell_at(0);
	}
	errno = saved;
	return cell;
}

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
		atomic_store_explicit(&entry->state, HDT_CACHE_FLUSHING, memory_order_seq_cst);
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
		threads_count_own_alloc(cell, bytes, stack);
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
		threads_count_own_temporary(cell, stack);
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
