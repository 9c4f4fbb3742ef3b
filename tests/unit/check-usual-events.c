/* links: preload */
/* SPDX-License-Identifier: MIT */
/*
 * The usual event of tracker-quick.h, as it stands in malloc and free, with addresses that nobody has allocated: that it is usual, that it
 * leaves what the general way leaves, and that a handler that comes in at any instruction, with events of its own or leaving for good, finds
 * and leaves whole records.
 */
#include <setjmp.h>
#include <signal.h>
#include <ucontext.h>

#include "blocks.h"
#include "modules.h"
#include "stacks.h"
#include "tables.h"
#include "threads.h"
#include "tracker-quick.h"
#include "unwind-rules.h"

#define HEAP UINT64_C(0x500000000000)

#if defined(__x86_64__) && !UNDER_SANITIZER
#define CAN_STEP 1
#else
#define CAN_STEP 0
#endif

static void *at(unsigned number)
{
	return (void *)(HEAP + 64 * (uintptr_t)number);
}

static unsigned folds;

/* What malloc does, and free. */
static __attribute__((noinline)) void *make(unsigned number, uint64_t size)
{
	return tracker_alloc_quickly(at(number), size);
}

static __attribute__((noinline)) void end(unsigned number)
{
	bool fold = false;

	if (!tracker_free_quickly(at(number), &fold))
		tracker_free(at(number));
	else if (fold && ++folds)
		tracker_fold(NULL);
}

static __attribute__((noinline)) void make_nested(unsigned number, uint64_t size)
{
	tracker_alloc(at(number), size, UNWIND_FRAME);
}

/* The size of a block's record, 0: there is none. */
static void find(void *context, uint32_t domain, uintptr_t address, struct block block)
{
	uint64_t(*sizes)[8] = context;
	uintptr_t number = (address - HEAP) / 64;

	if (domain == 0 && address >= HEAP && number < 8)
		(*sizes)[number] += block.size;
}

static uint64_t recorded(unsigned number)
{
	uint64_t sizes[8] = {0};

	blocks_each(find, &sizes);
	return sizes[number];
}

static uint32_t stack_of(unsigned number)
{
	struct block block;

	EXPECT(blocks_find(0, (uintptr_t)at(number), &block));
	return block.stack;
}

static void setup(void)
{
	make_test_directory();
	create_trace(TEST_RESERVE);
	blocks_reset();
	modules_reset();
	memset(&thread_state, 0, sizeof(thread_state));
	atomic_store(&trace.header->tracing, HDT_TRACING_ON);
	ck_assert(rules_start());
	folds = 0;
	for (unsigned i = 0; i < 8; i++) /* until the leaf has room for all */
		make(i, 1);
	for (unsigned i = 0; i < 8; i++)
		end(i);
	threads_reset_peak();
}

static void teardown(void)
{
	remove_test_directory();
}

/* ---- Without interruption */

START_TEST(a_block_that_goes_at_once_is_temporary)
{
	struct thread_sums before = threads_sum();

	make(1, 100);
	ck_assert_uint_eq(thread_state.last_block, (uintptr_t)at(1));
	ck_assert(thread_state.last_slot != 0 && atomic_load(thread_state.last_place) == thread_state.last_slot);
	ck_assert_uint_eq(recorded(1), 100);
	end(1);
	ck_assert_uint_eq(recorded(1), 0);
	ck_assert_uint_eq(thread_state.last_block, GUARD_NO_BLOCK);
	struct thread_sums after = threads_sum();
	ck_assert_uint_eq(after.alloc_blocks, before.alloc_blocks + 1);
	ck_assert_uint_eq(after.alloc_bytes, before.alloc_bytes + 100);
	ck_assert_uint_eq(after.free_bytes, before.free_bytes + 100);
	ck_assert_uint_eq(after.temporary_blocks, before.temporary_blocks + 1);
	ck_assert_int_eq(after.live_bytes, before.live_bytes);
	ck_assert_int_eq(after.peak_bytes, before.live_bytes + 100);
	ck_assert_uint_eq(thread_state.guard, 0);
}
END_TEST

START_TEST(another_block_in_its_slot_is_left_alone)
{
	struct block old;

	make(1, 100);
	ck_assert(blocks_remove(0, (uintptr_t)at(1), &old)); /* as another thread's free */
	ck_assert_int_eq(blocks_insert(0, (uintptr_t)at(1), (struct block){200, 1}, &old), BLOCK_INSERTED);
	end(1);
	ck_assert_uint_eq(recorded(1), 0);
	make(1, 100);
	ck_assert(blocks_remove(0, (uintptr_t)at(1), &old));
	end(1);
	ck_assert_uint_eq(recorded(1), 0);
}
END_TEST

/* Its leaf grows between. */
START_TEST(a_block_that_has_moved_is_found)
{
	struct block old;

	make(1, 100);
	_Atomic(uint64_t) *place = thread_state.last_place;
	thread_state.depth = 1;
	for (unsigned i = 2; i < 64; i++)
		blocks_insert(0, (uintptr_t)at(i), (struct block){1, 1}, &old);
	thread_state.depth = 0;
	ck_assert(atomic_load(place) & HDT_SLOT_FROZEN);
	end(1);
	ck_assert_uint_eq(recorded(1), 0);
	ck_assert_uint_eq(recorded(2), 1);
}
END_TEST

START_TEST(a_level_that_has_become_large_is_folded)
{
	make(1, HDT_FOLD_BYTES + 1);
	ck_assert_int_eq(atomic_load(&thread_state.cell->current), 0);
	make(2, 1);
	ck_assert_int_eq(atomic_load(&trace.header->folded_bytes), HDT_FOLD_BYTES + 1);
	end(1);
	ck_assert_uint_eq(folds, 0); /* 1 - 65537: not below the bound yet */
	end(2);
	ck_assert_uint_eq(folds, 1);
	ck_assert_int_eq(atomic_load(&trace.header->folded_bytes), 0);
	ck_assert_int_eq(atomic_load(&trace.header->peak_bytes), HDT_FOLD_BYTES + 2);
}
END_TEST

START_TEST(nothing_is_recorded_of_what_is_ours)
{
	tracker_own_begin();
	make(1, 10);
	tracker_own_end();
	ck_assert_uint_eq(recorded(1), 0);
	make(1, 10);
	ck_assert_uint_eq(recorded(1), 10);
	tracker_own_begin();
	end(1);
	tracker_own_end();
	ck_assert_uint_eq(recorded(1), 10);
	ck_assert(tracker_alloc_quickly(NULL, 10) == NULL);
}
END_TEST

/* ---- At every instruction */

static unsigned steps_left;
static bool interrupted, leave;
static sigjmp_buf start;

#if CAN_STEP
#define TRAP_FLAG 0x100

static void set_stepping(bool on)
{
	if (on)
		__asm__ volatile("pushfq; orq $0x100, (%%rsp); popfq" : : : "memory", "cc");
	else
		__asm__ volatile("pushfq; andq $~0x100, (%%rsp); popfq" : : : "memory", "cc");
}

static void at_instruction(int signal, siginfo_t *info, void *context)
{
	(void)signal;
	(void)info;
	if (--steps_left > 0)
		return;
	((ucontext_t *)context)->uc_mcontext.gregs[REG_EFL] &= ~TRAP_FLAG;
	interrupted = true;
	if (leave)
		siglongjmp(start, 1);
	make_nested(3, 30);
	end(3);
	make_nested(4, 40);
}
#else
static void set_stepping(bool on)
{
	(void)on;
}

static void at_instruction(int signal, siginfo_t *info, void *context)
{
	(void)signal;
	(void)info;
	(void)context;
}
#endif

static bool can_step(void)
{
	struct sigaction action = {.sa_sigaction = at_instruction, .sa_flags = SA_SIGINFO | SA_NODEFER};

	if (!CAN_STEP)
		printf("SKIP needs single steps, no sanitizer\n");
	return CAN_STEP && sigaction(SIGTRAP, &action, NULL) == 0;
}

/* Not every instruction in CI. */
static unsigned stride(void)
{
	return getenv("HEAPDELTA_EVERY_INSTRUCTION") != NULL ? 1 : 7;
}

/* Blocks 1 and 2 come, 1 goes, and at the n-th instruction blocks 3 and 4 come and 3 goes. */
static bool run_interrupted(unsigned n)
{
	interrupted = false;
	steps_left = n;
	set_stepping(true);
	for (volatile unsigned i = 1; i <= 2; i++) {
		make(i, 10 * i);
		if (i == 1)
			end(1);
	}
	set_stepping(false);
	return interrupted;
}

START_TEST(events_of_a_handler_come_in_anywhere)
{
	unsigned n = 1;

	if (!can_step())
		return;
	for (; ck_assert(n < 20000), run_interrupted(n); n += stride()) {
		struct thread_sums sums = threads_sum();
		ck_assert_uint_eq(recorded(1) + recorded(3), 0);
		ck_assert_uint_eq(recorded(2), 20);
		ck_assert_uint_eq(recorded(4), 40);
		ck_assert_int_eq(sums.live_bytes, 60);
		ck_assert_uint_eq(thread_state.guard, 0);
		end(4);
		end(2);
		ck_assert_int_eq(threads_sum().live_bytes, 0);
	}
	ck_assert_uint_gt(n, 100);
}
END_TEST

/* The event is left half done; what was recorded before is taken out all the same, and nothing else. */
START_TEST(a_handler_leaves_anywhere)
{
	if (!can_step())
		return;
	leave = true;
	for (volatile unsigned n = 0, more = 1; more; n++) {
		ck_assert_uint_lt(n, 20000);
		make(5, 50);
		make(6, 60);
		interrupted = false;
		if (sigsetjmp(start, 1) == 0) {
			steps_left = n;
			set_stepping(n > 0); /* once without: to learn */
			make(1, 10);
			set_stepping(false);
		}
		make(7, 70); /* finds out that the event was left, although nothing has run yet that could overwrite its guard */
		more = n == 0 || interrupted;
		ck_assert(recorded(1) == 10 || interrupted);
		EXPECT(stack_of(7) != stacks_special(HDT_SPECIAL_NESTED));
		end(7);
		end(5);
		end(6);
		ck_assert_uint_eq(recorded(6), 0);
		end(1);
		ck_assert_uint_eq(recorded(1) + recorded(5), 0);
		ck_assert_uint_eq(thread_state.guard, 0);
	}
}
END_TEST

static TCase *cases(void)
{
	TCase *tcase = tcase_create("usual events");

	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_set_timeout(tcase, 120);
	tcase_add_test(tcase, a_block_that_goes_at_once_is_temporary);
	tcase_add_test(tcase, another_block_in_its_slot_is_left_alone);
	tcase_add_test(tcase, a_block_that_has_moved_is_found);
	tcase_add_test(tcase, a_level_that_has_become_large_is_folded);
	tcase_add_test(tcase, nothing_is_recorded_of_what_is_ours);
	tcase_add_test(tcase, events_of_a_handler_come_in_anywhere);
	tcase_add_test(tcase, a_handler_leaves_anywhere);
	return tcase;
}

int main(void)
{
	return run_suite("usual events", cases);
}
