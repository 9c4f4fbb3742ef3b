/* SPDX-License-Identifier: MIT */
/*
 * Events.  In: hooks.c's calls around the real functions.  Out: records in the block table, counts in the thread's cell.
 *
 * Every function here is one event (event.h), in general; the usual one is in tracker-quick.h, which is inlined into the hooks and comes here
 * whenever something is different.  Any thread, at any time.
 */
#include "tracker.h"

#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/auxv.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "ages.h"
#include "blocks-quick.h"
#include "blocks.h"
#include "config.h"
#include "elf-view.h"
#include "event.h"
#include "guard.h"
#include "real.h"
#include "sampling.h"
#include "stacks.h"
#include "start.h"
#include "threads-count.h"
#include "threads.h"
#include "trace.h"
#include "unwind-rules.h"
#include "unwind-verify.h"
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

static struct sampling_weight weight_of(uint32_t domain, uint64_t size)
{
	return sampling_weigh(domain == 0 ? sampling_distance : 0, size);
}

/* Of a block whose record was taken out; of a sampled one, what it stands for. */
static SLOW_PATH void count_free(const struct thread_state *thread, uint32_t domain, uintptr_t address, uint64_t size)
{
	if (sampling_distance == 0) {
		threads_count_free(thread->cell, size);
		return;
	}
	if (domain == 0)
		page_filter_remove(address);
	threads_count_sampled_free(thread->cell, weight_of(domain, size));
}

/* The insertion was not simply one.  False: the block is not recorded. */
static SLOW_PATH bool account_insert(struct thread_state *thread, uint32_t domain, uintptr_t address, enum block_insert result,
				     const struct block *old)
{
	if (result == BLOCK_NO_ROOM) {
		trace_lost(HDT_LOSS_BLOCK, 1);
		return false;
	}
	count_free(thread, domain, address, old->size);
	if (domain == 0)
		trace_lost(HDT_LOSS_MISSED_FREE, 1);
	return true;
}

static inline bool put(struct thread_state *thread, uint32_t domain, uintptr_t address, struct block block)
{
	struct block old;
	ages_pass(thread, AGES_OF_A_WALK);
	enum block_insert result = blocks_insert(domain, address, block, &old);
	if (unlikely(result != BLOCK_INSERTED) && !account_insert(thread, domain, address, result, &old))
		return false;
	threads_count_alloc(thread->cell, block.size, block.stack, thread->depth > 1);
	return true;
}

static inline void record(struct thread_state *thread, void *block, size_t size, const uintptr_t *frame)
{
	uint32_t stack = stack_of_event(thread, frame);
	if (put(thread, 0, (uintptr_t)block, (struct block){.size = size, .stack = stack}) && likely(thread->depth == 1)) {
		thread->last_block = (uintptr_t)block;
		thread->last_slot = 0;
	}
}

/* Of any domain, in sampled recording or not. */
static SLOW_PATH bool put_weighed(struct thread_state *thread, uint32_t domain, uintptr_t address, struct block block)
{
	if (sampling_distance == 0)
		return put(thread, domain, address, block);
	struct block old;
	ages_look(thread);
	if (domain == 0)
		page_filter_add(address);
	enum block_insert result = blocks_insert(domain, address, block, &old);
	if (result != BLOCK_INSERTED && !account_insert(thread, domain, address, result, &old)) {
		if (domain == 0)
			page_filter_remove(address);
		return false;
	}
	threads_count_sampled_alloc(thread->cell, weight_of(domain, block.size), block.stack);
	return true;
}

/* sampling_skips() said no to this allocation: does it hold the mark?  Then draw the next one.  `begun`: the thread had drawn by then. */
static SLOW_PATH bool has_mark(struct thread_state *thread, bool begun, uint64_t size)
{
	if ((!begun || size == 0) && sampling_passes(thread, size))
		return false;
	sampling_draw(thread);
	return true;
}

static SLOW_PATH void record_sampled(struct thread_state *thread, void *block, size_t size, const uintptr_t *frame)
{
	uint32_t stack = stack_of_event(thread, frame);
	if (put_weighed(thread, 0, (uintptr_t)block, (struct block){.size = size, .stack = stack}) && thread->depth == 1) {
		thread->last_block = (uintptr_t)block;
		thread->last_slot = 0;
		thread->last_gap = thread->gap;
	}
}

/* No event: the thread is at work for us, or there are no tables. */
static SLOW_PATH void miss(struct thread_state *thread)
{
	if (sampling_is_on(thread))
		sampling_draw(thread);
	if (!thread->own)
		start_count_missed();
}

/* Of any kind: sampled, nested, the thread's first, or one that only finds no slot where it is quick to look. */
static void alloc_slowly(struct thread_state *thread, void *block, size_t size, const uintptr_t *frame)
{
	struct event here;
	bool begun = sampling_is_on(thread);
	if (!event_enter_from(&here, thread, (uintptr_t)frame)) {
		miss(thread);
		return;
	}
	if (!sampling_is_on(thread)) {
		if (tracker_wants_blocks())
			record(thread, block, size, frame);
	} else if (has_mark(thread, begun, size) && tracker_wants_blocks()) {
		record_sampled(thread, block, size, frame);
	}
	event_leave(&here, thread);
}

void tracker_alloc(void *block, size_t size, const uintptr_t *frame)
{
	if (!sampling_skips(&thread_state, size))
		tracker_alloc_unskipped(block, size, frame);
}

void *tracker_alloc_unskipped(void *block, size_t size, const uintptr_t *frame)
{
	if (likely(block))
		alloc_slowly(&thread_state, block, size, frame);
	return block;
}

void *tracker_alloc_begun(void *block, size_t size, const uintptr_t *frame, table_word *place)
{
	struct thread_state *thread = &thread_state;
	ages_pass(thread, AGES_OF_A_WALK - 1);
	uint32_t stack = unwind_stack(frame);
	if (stack == STACK_ROOT || !blocks_insert_quickly(place, (uintptr_t)block, size, stack)) {
		event_leave_quickly(thread);
		return tracker_alloc_unskipped(block, size, frame);
	}
	struct hdt_cached_totals *entry = threads_filled_entry(thread->cell, stack);
	if (threads_count_own_alloc(thread->cell, entry, size))
		threads_fold(thread->cell);
	guard_note_last(thread, (uintptr_t)block, place, blocks_slot((uintptr_t)block, size, stack), entry);
	event_leave_quickly(thread);
	return block;
}

void *tracker_fold(void *block)
{
	struct thread_state *thread = &thread_state;
	struct event here;
	if (event_enter(&here, thread)) {
		threads_fold_if_due(thread->cell);
		event_leave(&here, thread);
	}
	return block;
}

/* Of a sampled process, most frees are of blocks that nobody recorded; of one that is paused, too. */
static SLOW_PATH void ignore_free(void)
{
	if (sampling_distance == 0 && tracker_wants_blocks())
		atomic_fetch_add_explicit(&trace.header->ignored_frees, 1, memory_order_relaxed);
}

/* Each allocation since the last recorded one has made the gap smaller. */
static SLOW_PATH void forget_sampled(struct thread_state *thread, uintptr_t address, const struct block *old)
{
	count_free(thread, 0, address, old->size);
	if (address != thread->last_block)
		return;
	thread->last_block = GUARD_NO_BLOCK;
	if (thread->gap == thread->last_gap)
		threads_count_sampled_temporary(thread->cell, weight_of(0, old->size), old->stack);
}

static inline void forget(struct thread_state *thread, uintptr_t address)
{
	struct block old;
	if (unlikely(!blocks_remove(0, address, &old))) {
		ignore_free();
		return;
	}
	if (unlikely(sampling_is_on(thread))) {
		forget_sampled(thread, address, &old);
		return;
	}
	threads_count_free(thread->cell, old.size);
	if (address == thread->last_block) {
		thread->last_block = GUARD_NO_BLOCK;
		threads_count_temporary(thread->cell, old.stack, thread->depth > 1);
	}
}

void tracker_free(void *block)
{
	struct thread_state *thread = &thread_state;
	struct event here;
	if (!block || unlikely(sampling_knows_not(thread, block)) || unlikely(!event_enter(&here, thread)))
		return;
	if (likely(tracker_wants_frees()))
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
	if (!tracker_wants_frees() || unlikely(sampling_knows_not(thread, old)) || unlikely(!event_enter(&here, thread)))
		return;
	event->epoch = trace_epoch();
	event->known = tracker_wants_frees() && blocks_realloc_begin((uintptr_t)old, &block);
	if (event->known) {
		event->old_size = block.size;
		event->old_stack = block.stack;
	}
	event_leave(&here, thread);
}

/* `next`: where a record will be put now, or NULL. */
static void end_old_block(struct thread_state *thread, const struct tracker_realloc *event, const void *next)
{
	uintptr_t address = (uintptr_t)event->old;
	struct block old = {.size = event->old_size, .stack = event->old_stack};
	/* At an unchanged address the new record replaces the marked one in a single step: a reader never misses the block. */
	if (next != event->old)
		blocks_realloc_finish(address, old);
	count_free(thread, 0, address, old.size);
	if (address == thread->last_block)
		thread->last_block = GUARD_NO_BLOCK;
}

void tracker_realloc_end(struct tracker_realloc *event, void *result, size_t size, const uintptr_t *frame)
{
	struct thread_state *thread = &thread_state;
	struct event here;
	bool wanted = result && !sampling_skips(thread, size);
	bool begun = sampling_is_on(thread);
	if (begun && !wanted && !event->known)
		return;
	if (!event->known && !tracker_wants_blocks()) {
		if (wanted && begun)
			sampling_draw(thread);
		return;
	}
	if (unlikely(!event_enter_from(&here, thread, (uintptr_t)frame))) {
		if (wanted)
			miss(thread);
		return;
	}
	if (wanted && unlikely(sampling_is_on(thread)))
		wanted = has_mark(thread, begun, size);
	wanted = wanted && tracker_wants_blocks();
	if (event->known && event->epoch == trace_epoch()) {
		if (result || size == 0)
			end_old_block(thread, event, wanted ? result : NULL);
		else
			blocks_realloc_cancel((uintptr_t)event->old, (struct block){.size = event->old_size, .stack = event->old_stack});
	}
	if (wanted && !sampling_is_on(thread))
		record(thread, result, size, frame);
	else if (wanted)
		record_sampled(thread, result, size, frame);
	event_leave(&here, thread);
}

/* ---- Other domains */

int tracker_track(uint32_t domain, uintptr_t address, uint64_t size, const uintptr_t *frame)
{
	struct thread_state *thread = &thread_state;
	struct event here;
	bool begun = sampling_is_on(thread);
	if (domain == 0 && sampling_skips(thread, size)) {
		tracker_untrack(domain, address); /* what stood there has been replaced, by nothing that is recorded */
		return 0;
	}
	if (!event_enter_from(&here, thread, (uintptr_t)frame))
		return -1;
	bool wanted = domain != 0 || !sampling_is_on(thread) || has_mark(thread, begun, size);
	bool stored = !wanted || put_weighed(thread, domain, address, (struct block){.size = size, .stack = stack_of_event(thread, frame)});
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
		count_free(thread, domain, address, old.size);
	event_leave(&here, thread);
	return known;
}

/* A block comes and goes that nobody counts. */
void tracker_warm_up(const uintptr_t *frame)
{
	struct thread_state *thread = &thread_state;
	struct event here;
	struct block old;
	void *block = sampling_distance != 0 ? real.malloc(1) : NULL;
	if (block && event_enter_from(&here, thread, (uintptr_t)frame)) {
		uint32_t stack = stack_of_event(thread, frame);
		if (blocks_insert(0, (uintptr_t)block, (struct block){.size = 1, .stack = stack}, &old) == BLOCK_INSERTED)
			blocks_remove(0, (uintptr_t)block, &old);
		event_leave(&here, thread);
	}
	real.free(block);
}

/* ---- Recording on and off */

static void count_cleared(void *context, uint32_t domain, uintptr_t address, struct block block)
{
	struct sampling_weight weight = weight_of(domain, block.size);
	(void)context;
	if (domain == 0 && sampling_distance != 0)
		page_filter_remove(address);
	atomic_fetch_add_explicit(&trace.header->cleared_blocks, sampling_distance != 0 ? weight.parts : 1, memory_order_relaxed);
	atomic_fetch_add_explicit(&trace.header->cleared_bytes, weight.bytes, memory_order_relaxed);
	atomic_fetch_sub_explicit(&trace.header->folded_bytes, (int64_t)weight.bytes, memory_order_relaxed);
}

static void clear(void)
{
	blocks_clear(count_cleared, NULL);
	threads_reset_peak();
}

/* What a switch leaves of the traces: nothing, unless recording was only paused.  Also when starting: an event that overlapped the last stop
 * may have left its record. */
static void switch_tracing(uint32_t to, uint32_t keeping)
{
	struct thread_state *thread = &thread_state;
	struct event here;
	if (!event_enter(&here, thread))
		return;
	if (!(atomic_exchange(&trace.header->tracing, to) & keeping))
		clear();
	event_leave(&here, thread);
}

void tracker_start(void)
{
	switch_tracing(HDT_TRACING_ON, HDT_TRACING_NEW | HDT_TRACING_PAUSED);
}

/* Frees go on being honoured, so that no record of a block outlives it, whoever starts next. */
void tracker_stop(void)
{
	switch_tracing(HDT_TRACING_FREES, 0);
}

void tracker_clear(void)
{
	struct thread_state *thread = &thread_state;
	struct event here;
	if (!event_enter(&here, thread))
		return;
	if (tracker_has_traces())
		clear();
	event_leave(&here, thread);
}

bool tracker_is_tracing(void)
{
	return trace_attached() && tracker_wants_blocks();
}

bool tracker_has_traces(void)
{
	return trace_attached() && (atomic_load(&trace.header->tracing) & (HDT_TRACING_NEW | HDT_TRACING_PAUSED));
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
	verify_start(config.verify);
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
	thread_state.gap = thread_state.random = 0; /* what is left of them is the parent's */
	start_forked(thread_state.guard != 0);
}
