/* SPDX-License-Identifier: MIT */
/*
 * Events.  In: hooks.c's calls around the real functions.  Out: records in the block table, counts in the thread's cell.
 *
 * An event is bracketed by enter() and leave().  They count the depth of this thread's events: a signal handler that allocates inside an
 * event is nested, records its block as well (each table step is one CAS), but does not unwind and gets the stack `[during tracing]`.  No
 * guard is held across a real call, so nothing of the program runs inside it, except signal handlers; one that leaves by longjmp leaves
 * the depth behind, which the next event finds by the guard word on the stack (guard_is_stale).  Any thread, at any time.
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
#include "guard.h"
#include "real.h"
#include "stacks.h"
#include "start.h"
#include "threads.h"
#include "trace.h"
#include "unwind-rules.h"
#include "unwind.h"

#define unlikely(condition) __builtin_expect(!!(condition), 0)

bool tracker_started;

/* ---- Beginning and end of an event */

static void renew_thread(struct thread_state *thread)
{
	thread->cell = NULL;
	thread->leaf_next = thread->leaf_end = 0;
	thread->last_block = 0;
	thread->process = trace.process_number;
	unwind_forget();
}

/* One event, on the stack of the function that handles it.  What it found in thread_state is put back at its end, so that an event in a
 * signal handler changes nothing for the one that it interrupts, wherever that was. */
struct event {
	uintptr_t guard;
	struct thread_state *thread;
	const uintptr_t *outer_guard;
	uint32_t outer_depth;
};

static uintptr_t guard_value(const uintptr_t *guard)
{
	return ~(uintptr_t)guard;
}

/* Without a fault where nothing is mapped any more: the kernel copies the set before it refuses the operation. */
static bool is_readable(const void *address)
{
	return syscall(SYS_rt_sigprocmask, -1, address, NULL, sizeof(uint64_t)) == 0 || errno != EFAULT;
}

static bool is_on_alternate_stack(void)
{
	stack_t alternate;
	return sigaltstack(NULL, &alternate) != 0 || (alternate.ss_flags & SS_ONSTACK);
}

/*
 * depth says that an event is running; true when it cannot be, because a handler left it by longjmp: this call's frame is not inside its
 * frame, or its guard was overwritten by what ran since.  (Neither shows at once when the next event is deeper in the stack, beside a
 * guard that nobody has overwritten yet.)
 */
static bool guard_is_stale(const struct event *event)
{
	enum { STACK_SPAN = 8 << 20 };
	const struct thread_state *thread = event->thread;
	int saved = errno;
	uintptr_t above = (uintptr_t)&event->guard - (uintptr_t)thread->guard;
	bool stale = (above < STACK_SPAN && !is_on_alternate_stack()) || !is_readable(thread->guard) ||
		     *(const volatile uintptr_t *)thread->guard != guard_value(thread->guard);
	errno = saved;
	return stale;
}

static void leave(struct event *event)
{
	struct thread_state *thread = event->thread;
	atomic_signal_fence(memory_order_seq_cst);
	thread->depth = event->outer_depth;
	atomic_signal_fence(memory_order_seq_cst);
	event->guard = 0;
	thread->guard = event->outer_guard;
}

/* First the depth, then a look at the tables: a handler that forks in between leaves the child with them or without, but never in doubt. */
static struct thread_state *enter(struct event *event)
{
	struct thread_state *thread = event->thread = &thread_state;
	if (unlikely(thread->own))
		return NULL;
	if (unlikely(thread->depth > 0) && guard_is_stale(event))
		thread->depth = 0;
	event->outer_depth = thread->depth;
	event->outer_guard = thread->guard;
	if (thread->depth == 0) {
		event->guard = guard_value(&event->guard);
		thread->guard = &event->guard;
	}
	atomic_signal_fence(memory_order_seq_cst);
	thread->depth = event->outer_depth + 1;
	atomic_signal_fence(memory_order_seq_cst);
	if (unlikely(!trace_attached()) && (event->outer_depth > 0 || !start_process())) {
		leave(event);
		return NULL;
	}
	if (unlikely(thread->process != trace.process_number))
		renew_thread(thread);
	if (unlikely(!thread->cell))
		thread->cell = threads_attach((uintptr_t)thread);
	return thread;
}

static bool tracing(void)
{
	return atomic_load_explicit(&trace.header->tracing, memory_order_relaxed) != 0;
}

/* ---- Blocks */

static uint32_t stack_of_event(const struct thread_state *thread)
{
	if (!unlikely(thread->depth > 1))
		return unwind_stack();
	atomic_fetch_add_explicit(&trace.header->nested_events, 1, memory_order_relaxed);
	return stacks_special(HDT_SPECIAL_NESTED);
}

static bool put(struct thread_state *thread, uint32_t domain, uintptr_t address, struct block block)
{
	struct block old;
	switch (blocks_insert(domain, address, block, &old)) {
	case BLOCK_NO_ROOM:
		trace_lost(HDT_LOSS_BLOCK, 1);
		return false;
	case BLOCK_REPLACED:
		threads_count_free(thread->cell, old.size);
		if (domain == 0)
			trace_lost(HDT_LOSS_MISSED_FREE, 1);
		break;
	case BLOCK_INSERTED:
		break;
	}
	threads_count_alloc(thread->cell, block.size, block.stack, thread->depth > 1);
	return true;
}

static void record(struct thread_state *thread, void *block, size_t size)
{
	uint32_t stack = stack_of_event(thread);
	if (put(thread, 0, (uintptr_t)block, (struct block){.size = size, .stack = stack}) && thread->depth == 1) {
		thread->last_block = (uintptr_t)block;
		thread->last_stack = stack;
	}
}

void tracker_alloc(void *block, size_t size)
{
	if (!block)
		return;
	struct event here;
	struct thread_state *thread = enter(&here);
	if (!thread) {
		if (!thread_state.own)
			start_count_missed();
		return;
	}
	if (tracing())
		record(thread, block, size);
	leave(&here);
}

static void forget(struct thread_state *thread, uintptr_t address)
{
	struct block old;
	if (!blocks_remove(0, address, &old)) {
		atomic_fetch_add_explicit(&trace.header->ignored_frees, 1, memory_order_relaxed);
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
	if (!block)
		return;
	struct event here;
	struct thread_state *thread = enter(&here);
	if (!thread)
		return;
	if (tracing())
		forget(thread, (uintptr_t)block);
	leave(&here);
}

/* ---- realloc: one free and one allocation of the full new size */

void tracker_realloc_begin(struct tracker_realloc *event, void *old)
{
	event->old = old;
	event->known = false;
	struct event here;
	struct thread_state *thread = enter(&here);
	if (!thread)
		return;
	struct block block;
	event->process = trace.process_number;
	event->known = tracing() && blocks_realloc_begin((uintptr_t)old, &block);
	if (event->known) {
		event->old_size = block.size;
		event->old_stack = block.stack;
	}
	leave(&here);
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
	if (result != event->old || !tracing())
		blocks_realloc_finish(address, old);
	threads_count_free(thread->cell, old.size);
	if (address == thread->last_block)
		thread->last_block = 0;
}

void tracker_realloc_end(struct tracker_realloc *event, void *result, size_t size, bool freed)
{
	struct event here;
	struct thread_state *thread = enter(&here);
	if (!thread) {
		if (result && !thread_state.own)
			start_count_missed();
		return;
	}
	if (event->known && event->process == trace.process_number)
		end_old_block(thread, event, result, freed);
	if (result && tracing())
		record(thread, result, size);
	leave(&here);
}

/* ---- Other domains */

int tracker_track(uint32_t domain, uintptr_t address, uint64_t size)
{
	struct event here;
	struct thread_state *thread = enter(&here);
	if (!thread)
		return -1;
	bool stored = put(thread, domain, address, (struct block){.size = size, .stack = stack_of_event(thread)});
	leave(&here);
	return stored ? 0 : -1;
}

bool tracker_untrack(uint32_t domain, uintptr_t address)
{
	struct event here;
	struct thread_state *thread = enter(&here);
	if (!thread)
		return false;
	struct block old;
	bool known = blocks_remove(domain, address, &old);
	if (known)
		threads_count_free(thread->cell, old.size);
	leave(&here);
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
	struct event here;
	struct thread_state *thread = enter(&here);
	if (!thread)
		return;
	if (atomic_exchange(&trace.header->tracing, on) != on)
		clear(); /* also when starting: an event that overlapped the last stop may have left its record */
	leave(&here);
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
	struct event here;
	struct thread_state *thread = enter(&here);
	if (!thread)
		return;
	if (tracing())
		clear();
	leave(&here);
}

bool tracker_is_tracing(void)
{
	return trace_attached() && tracing();
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
