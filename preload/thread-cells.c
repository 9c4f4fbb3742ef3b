/* SPDX-License-Identifier: MIT */
/*
 * Comes in: threads, at their first event; goes out: a cell in the trace file for each, its own until the thread has ended.
 *
 * Cells of ended threads are used again, their sums go on: a thread at the same address (of its thread-local struct) proves that the last
 * one has ended; others are looked for when there are twice as many cells as threads were living the last time.  Lock-free; also nested.
 */
#include "thread-cells.h"

#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "trace.h"

#define CELL_SCAN_MIN 8u
#define HOLDERS_MAX 65536u
#define BUSY UINT32_MAX /* no thread's id */

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
