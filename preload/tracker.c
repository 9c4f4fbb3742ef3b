/* SPDX-License-Identifier: MIT */
/*
 * Events.  In: hooks.c's calls around the real functions.  Out: records in the block table, counts in the thread's cell.
 *
 * Every function here is one event (event.h).  The usual one, outermost in its thread and with nothing in its way, is inlined into
 * tracker_alloc and tracker_free; whatever is different takes the general way, which does the same.  Any thread, at any time.
 */
#include "tracker.h"

#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/auxv.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "blocks.h"
#include "config.h"
#include "elf-view.h"
#include "event.h"
#include "guard.h"
#include "real.h"
#include "stacks.h"
#include "start.h"
#include "threads-count.h"
#include "threads.h"
#include "trace.h"
#include "unwind-rules.h"
#include "unwind.h"

#define likely(condition) __builtin_expect(!!(condition), 1)
#define unlikely(condition) __builtin_expect(!!(condition), 0)

/* Kept out of the functions that every event runs through, which then need fewer registers saved. */
#define SLOW_PATH __attribute__((noinline, cold))

bool tracker_started;

/* ---- Blocks */

static SLOW_PATH uint32_t nested_stack(void)
{
	atomic_fetch_add_explicit(&trace.header->nested_events, 1, memory_order_relaxed);
	return stacks_special(HDT_SPECIAL_NESTED);
}

static inline uint32_t stack_of_event(const struct thread_state *thread, const uintptr_t *frame)
{
	return likely(thread->depth == 1) ? unwind_stack(frame) : nested_stack();
}

/* The insertion was not simply one.  False: the block is not recorded. */
static SLOW_PATH bool account_insert(struct thread_state *thread, uint32_t domain, enum block_insert result, const struct block *old)
{
	if (result == BLOCK_NO_ROOM) {
		trace_lost(HDT_LOSS_BLOCK, 1);
		return false;
	}
	threads_count_free(thread->cell, old->size);
	if (domain == 0)
		trace_lost(HDT_LOSS_MISSED_FREE, 1);
	return true;
}

static inline bool put(struct thread_state *thread, uint32_t domain, uintptr_t address, struct block block)
{
	struct block old;
	enum block_insert result = blocks_insert(domain, address, block, &old);
	if (unlikely(result != BLOCK_INSERTED) && !account_insert(thread, domain, result, &old))
		return false;
	threads_count_alloc(thread->cell, block.size, block.stack, thread->depth > 1);
	return true;
}

static inline void record(struct thread_state *thread, void *block, size_t size, const uintptr_t *frame)
{
	uint32_t stack = stack_of_event(thread, frame);
	if (put(thread, 0, (uintptr_t)block, (struct block){.size = size, .stack = stack}) && likely(thread->depth == 1)) {
		thread->last_block = (uintptr_t)block;
		thread->last_stack = stack;
	}
}

static SLOW_PATH void miss(const struct thread_state *thread)
{
	if (!thread->own)
		start_count_missed();
}

/* Nested, or the thread's first event, or without a cell of its own. */
static SLOW_PATH void alloc_slowly(struct thread_state *thread, void *block, size_t size, const uintptr_t *frame)
{
	struct event here;
	if (!event_enter(&here, thread)) {
		miss(thread);
		return;
	}
	if (tracker_is_on())
		record(thread, block, size, frame);
	event_leave(&here, thread);
}

void tracker_alloc(void *block, size_t size, const uintptr_t *frame)
{
	struct thread_state *thread = &thread_state;
	struct event here;
	if (unlikely(!block))
		return;
	if (unlikely(!event_enter_quickly(&here, thread))) {
		alloc_slowly(thread, block, size, frame);
		return;
	}
	if (likely(tracker_is_on())) {
		uint32_t stack = unwind_stack(frame);
		if (likely(put(thread, 0, (uintptr_t)block, (struct block){.size = size, .stack = stack}))) {
			thread->last_block = (uintptr_t)block;
			thread->last_stack = stack;
		}
	}
	event_leave_quickly(&here, thread);
}

static SLOW_PATH void ignore_free(void)
{
	atomic_fetch_add_explicit(&trace.header->ignored_frees, 1, memory_order_relaxed);
}

static SLOW_PATH void forget(struct thread_state *thread, uintptr_t address)
{
	struct block old;
	if (unlikely(!blocks_remove(0, address, &old))) {
		ignore_free();
		return;
	}
	threads_count_free(thread->cell, old.size);
	if (address == thread->last_block) {
		thread->last_block = 0;
		threads_count_temporary(thread->cell, old.stack, thread->depth > 1);
	}
}

void tracker_free(void *block)
{
	struct thread_state *thread = &thread_state;
	struct event here;
	if (!block || !event_enter(&here, thread))
		return;
	if (tracker_is_on())
		forget(thread, (uintptr_t)block);
	event_leave(&here, thread);
}

/* ---- realloc: one free and one allocation of the full new size */

void tracker_realloc_begin(struct tracker_realloc *event, void *old)
{
	struct thread_state *thread = &thread_state;
	struct event here;
	struct block block;
	event->old = old;
	event->known = false;
	if (unlikely(!event_enter(&here, thread)))
		return;
	event->epoch = trace_epoch();
	event->known = tracker_is_on() && blocks_realloc_begin((uintptr_t)old, &block);
	if (event->known) {
		event->old_size = block.size;
		event->old_stack = block.stack;
	}
	event_leave(&here, thread);
}

static void end_old_block(struct thread_state *thread, struct tracker_realloc *event, const void *result, bool freed)
{
	uintptr_t address = (uintptr_t)event->old;
	struct block old = {.size = event->old_size, .stack = event->old_stack};
	if (!result && !freed) {
		blocks_realloc_cancel(address, old);
		return;
	}
	/* At an unchanged address the new record replaces the marked one in a single step: a reader never misses the block. */
	if (result != event->old || !tracker_is_on())
		blocks_realloc_finish(address, old);
	threads_count_free(thread->cell, old.size);
	if (address == thread->last_block)
		thread->last_block = 0;
}

void tracker_realloc_end(struct tracker_realloc *event, void *result, size_t size, const uintptr_t *frame)
{
	struct thread_state *thread = &thread_state;
	struct event here;
	if (unlikely(!event_enter(&here, thread))) {
		if (result)
			miss(thread);
		return;
	}
	if (event->known && event->epoch == trace_epoch())
		end_old_block(thread, event, result, size == 0 && !result);
	if (result && tracker_is_on())
		record(thread, result, size, frame);
	event_leave(&here, thread);
}

/* ---- Other domains */

int tracker_track(uint32_t domain, uintptr_t address, uint64_t size, const uintptr_t *frame)
{
	struct thread_state *thread = &thread_state;
	struct event here;
	if (!event_enter(&here, thread))
		return -1;
	bool stored = put(thread, domain, address, (struct block){.size = size, .stack = stack_of_event(thread, frame)});
	event_leave(&here, thread);
	return stored ? 0 : -1;
}

bool tracker_untrack(uint32_t domain, uintptr_t address)
{
	struct thread_state *thread = &thread_state;
	struct event here;
	struct block old;
	if (!event_enter(&here, thread))
		return false;
	bool known = blocks_remove(domain, address, &old);
	if (known)
		threads_count_free(thread->cell, old.size);
	event_leave(&here, thread);
	return known;
}

/* ---- Recording on and off */

static void count_cleared(void *context, uint32_t domain, uintptr_t address, struct block block)
{
	(void)context;
	(void)domain;
	(void)address;
	atomic_fetch_add_explicit(&trace.header->cleared_blocks, 1, memory_order_relaxed);
	atomic_fetch_add_explicit(&trace.header->cleared_bytes, block.size, memory_order_relaxed);
	atomic_fetch_sub_explicit(&trace.header->folded_bytes, (int64_t)block.size, memory_order_relaxed);
}

static void clear(void)
{
	blocks_clear(count_cleared, NULL);
	threads_reset_peak();
}

static void switch_tracing(uint32_t on)
{
	struct thread_state *thread = &thread_state;
	struct event here;
	if (!event_enter(&here, thread))
		return;
	if (atomic_exchange(&trace.header->tracing, on) != on)
		clear(); /* also when starting: an event that overlapped the last stop may have left its record */
	event_leave(&here, thread);
}

void tracker_start(void)
{
	switch_tracing(1);
}

void tracker_stop(void)
{
	switch_tracing(0);
}

void tracker_clear(void)
{
	struct thread_state *thread = &thread_state;
	struct event here;
	if (!event_enter(&here, thread))
		return;
	if (tracker_is_on())
		clear();
	event_leave(&here, thread);
}

bool tracker_is_tracing(void)
{
	return trace_attached() && tracker_is_on();
}

/* ---- Start and fork */

void tracker_own_begin(void)
{
	thread_state.own++;
}

void tracker_own_end(void)
{
	thread_state.own--;
}

/* The loader's own calls come with its data structures half-way: no dlopen then.  (dladdr would take the loader's lock, and a handler that
 * leaves by longjmp would leave it taken.) */
static bool called_by_loader(uintptr_t caller)
{
	struct elf_view view;
	return elf_view_find(caller, &view) && view.start == getauxval(AT_BASE);
}

static void start_unwinder(void)
{
	tracker_own_begin();
	if (!rules_start())
		atomic_fetch_or(&trace.header->flags, HDT_FLAG_NO_UNWINDER);
	unwind_set_limit(config.nframe);
	tracker_own_end();
}

bool tracker_prepare(void)
{
	if (!real_resolve())
		return false;
	if (!thread_state.own && !trace_attached())
		start_process();
	return true;
}

bool tracker_boot(uintptr_t caller)
{
	static bool unwinder_started;
	uint64_t all = UINT64_MAX, mask;
	if (!tracker_prepare())
		return false;
	if (thread_state.own || called_by_loader(caller))
		return true;
	int saved = errno;
	/* No handler may leave this by longjmp: it must be whole, and the loader's lock would stay taken. */
	syscall(SYS_rt_sigprocmask, SIG_BLOCK, &all, &mask, sizeof(mask));
	if (!__atomic_exchange_n(&unwinder_started, true, __ATOMIC_SEQ_CST)) {
		if (trace_attached())
			start_unwinder();
		tracker_started = true;
	}
	syscall(SYS_rt_sigprocmask, SIG_SETMASK, &mask, NULL, sizeof(mask));
	errno = saved;
	return true;
}

void tracker_fork_prepare(void)
{
	rules_fork_prepare();
}

void tracker_fork_parent(void)
{
	rules_fork_done();
}

void tracker_fork_child(void)
{
	rules_child();
	start_forked(thread_state.depth > 0);
}
