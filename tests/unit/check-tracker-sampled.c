/* links: preload */
/* SPDX-License-Identifier: MIT */
/*
 * Sampled events through the tracker, with addresses that nobody has allocated: what is recorded, what is left alone, and that whatever was
 * counted when a block came is taken out, to the last part, when it goes.
 */
#include <math.h>
#include <pthread.h>
#include <sys/wait.h>

#include "blocks.h"
#include "modules.h"
#include "sampling.h"
#include "tables.h"
#include "threads.h"
#include "tracker.h"
#include "unwind.h"

#define HEAP UINT64_C(0x500000000000)
#define DISTANCE UINT64_C(65536)

static void setup(void)
{
	make_test_directory();
	create_trace(TEST_RESERVE);
	blocks_reset();
	modules_reset();
	memset(&thread_state, 0, sizeof(thread_state));
	trace.header->sample_bytes = DISTANCE;
	atomic_store(&trace.header->tracing, HDT_TRACING_ON);
	sampling_start(DISTANCE, 0);
	sampling_seed(1);
}

/* Of a thread that has begun already. */
static void setup_begun(void)
{
	setup();
	tracker_alloc((void *)HEAP, 1, UNWIND_FRAME);
	tracker_clear();
	sampling_begin(&thread_state);
	trace.header->cleared_blocks = trace.header->cleared_bytes = 0;
	ck_assert(sampling_is_on(&thread_state));
}

static void teardown(void)
{
	remove_test_directory();
}

static void *at(uint64_t number)
{
	return (void *)(HEAP + 16 * number);
}

static void make(uint64_t number, uint64_t size)
{
	tracker_alloc(at(number), size, UNWIND_FRAME);
}

static void make_recorded(uint64_t number, uint64_t size)
{
	thread_state.gap = 0;
	make(number, size);
}

static void make_unrecorded(uint64_t number, uint64_t size)
{
	thread_state.gap = size + 1000;
	make(number, size);
}

static bool is_recorded(uint64_t number)
{
	struct block block;

	return blocks_find(0, (uintptr_t)at(number), &block);
}

static void *change(uint64_t from, void *result, uint64_t size, bool recorded)
{
	struct tracker_realloc event;

	tracker_realloc_begin(&event, at(from));
	thread_state.gap = recorded ? 0 : size + 1000;
	tracker_realloc_end(&event, result, size, UNWIND_FRAME);
	return result;
}

struct sums {
	uint64_t parts, bytes;
};

static void weigh(void *context, uint32_t domain, uintptr_t address, struct block block)
{
	struct sums *sums = context;
	struct sampling_weight weight = sampling_weigh(domain == 0 ? DISTANCE : 0, block.size);

	(void)address;
	sums->parts += weight.parts;
	sums->bytes += weight.bytes;
}

/* The counters say what the table holds. */
static void expect_consistent(void)
{
	struct thread_sums sums = threads_sum();
	struct sums live = {0};

	blocks_each(weigh, &live);
	ck_assert_uint_eq(sums.alloc_blocks - sums.free_blocks - trace.header->cleared_blocks, live.parts);
	ck_assert_uint_eq(sums.alloc_bytes - sums.free_bytes - trace.header->cleared_bytes, live.bytes);
	ck_assert_int_eq(sums.live_bytes, (int64_t)live.bytes);
	ck_assert_int_ge(sums.peak_bytes, sums.live_bytes);
}

static void expect_nothing(void)
{
	struct thread_sums sums = threads_sum();
	struct sums live = {0};

	blocks_each(weigh, &live);
	ck_assert_uint_eq(live.parts, 0);
	expect_consistent();
	for (unsigned i = 0; i < HDT_LOSS_COUNT; i++)
		ck_assert_uint_eq(trace.header->losses[i], 0);
	for (unsigned i = 0; i < PAGE_FILTER_ENTRIES; i++)
		if (page_filter[i] != 0)
			ck_abort_msg("page %u is still taken for one with a recorded block", i);
	ck_assert_int_eq(sums.live_bytes, 0);
}

/* ---- What is left alone -------------------------------------------------------------------------------------------------------- */

START_TEST(an_allocation_without_a_mark_is_no_event)
{
	struct thread_state before = {.gap = 1000, .random = 1};
	thread_state = before;
	make(1, 400);
	make(2, 600);
	tracker_free(at(1));
	tracker_free(at(77));
	ck_assert_uint_eq(thread_state.gap, 0);
	thread_state.gap = before.gap;
	/* No cell, no tables, no pages. */
	EXPECT(memcmp(&thread_state, &before, sizeof(before)) == 0);
	ck_assert(!is_recorded(1) && !is_recorded(2));
	ck_assert_uint_eq(trace_used(HDT_AREA_PAGES), 0);
	ck_assert_uint_eq(trace.header->ignored_frees, 0);
}
END_TEST

START_TEST(frees_of_unrecorded_neighbours_are_nothing)
{
	make_recorded(1, 64);
	make_unrecorded(2, 64);
	struct thread_sums before = threads_sum();
	tracker_free(at(2)); /* of the same page: this one is looked up */
	struct thread_sums after = threads_sum();
	EXPECT(memcmp(&before, &after, sizeof(before)) == 0);
	ck_assert_uint_eq(trace.header->ignored_frees, 0);
	ck_assert(is_recorded(1));
	expect_consistent();
}
END_TEST

START_TEST(a_block_of_no_bytes_counts_as_one_of_one)
{
	unsigned recorded = 0;
	thread_state.gap = 1;
	make(1, 0);
	ck_assert_uint_eq(thread_state.gap, 0);
	ck_assert(!is_recorded(1));
	make(2, 0);
	ck_assert(is_recorded(2));
	tracker_free(at(2));
	sampling_start(SAMPLING_MIN, 0);
	sampling_seed(9);
	for (unsigned i = 0; i < 200000; i++) {
		make(1, 0);
		recorded += is_recorded(1);
		tracker_free(at(1));
	}
	double p = -expm1(-1.0 / (double)SAMPLING_MIN), sigma = sqrt(200000 * p);
	ck_assert_double_lt(fabs(recorded - 200000 * p), 4 * sigma);
}
END_TEST

/* ---- What is counted ----------------------------------------------------------------------------------------------------------- */

START_TEST(a_recorded_block_counts_for_what_it_stands_for)
{
	static const uint64_t sizes[] = {0, 1, 64, 65536, 1000000, UINT64_C(40) << 20};
	struct sampling_weight weight = sampling_weigh(DISTANCE, sizes[_i]);
	struct thread_sums before = threads_sum();
	make_recorded(1, sizes[_i]);
	struct thread_sums after = threads_sum();
	ck_assert_uint_eq(after.alloc_blocks - before.alloc_blocks, weight.parts);
	ck_assert_uint_eq(after.alloc_bytes - before.alloc_bytes, weight.bytes);
	expect_consistent();
	tracker_free(at(1));
	expect_nothing();
}
END_TEST

START_TEST(temporary_is_what_goes_before_the_next_allocation_recorded_or_not)
{
	struct sampling_weight weight = sampling_weigh(DISTANCE, 64);
	make_recorded(1, 64);
	tracker_free(at(1));
	ck_assert_uint_eq(threads_sum().temporary_blocks, weight.parts);
	make_recorded(1, 64);
	make(2, thread_state.gap / 2);
	tracker_free(at(1));
	ck_assert_uint_eq(threads_sum().temporary_blocks, weight.parts);
	make_recorded(1, 64);
	tracker_free(at(2));
	tracker_free(at(1));
	ck_assert_uint_eq(threads_sum().temporary_blocks, 2 * weight.parts);
	expect_nothing();
}
END_TEST

START_TEST(reallocs_of_all_kinds)
{
	bool was_recorded = _i & 1, is_moved = _i & 2, becomes_recorded = _i & 4;
	if (was_recorded)
		make_recorded(1, 100);
	else
		make_unrecorded(1, 100);
	ck_assert(is_recorded(1) == was_recorded);
	uint64_t to = is_moved ? 9 : 1;
	change(1, at(to), 300000, becomes_recorded);
	ck_assert(is_recorded(to) == becomes_recorded);
	ck_assert(!is_moved || !is_recorded(1));
	expect_consistent();
	tracker_free(at(to));
	expect_nothing();
}
END_TEST

START_TEST(a_realloc_that_fails_changes_nothing)
{
	make_recorded(1, 100);
	make_unrecorded(2, 100);
	struct thread_sums before = threads_sum();
	uint64_t gap = thread_state.gap;
	for (uint64_t number = 1; number <= 2; number++) {
		struct tracker_realloc event;
		tracker_realloc_begin(&event, at(number));
		tracker_realloc_end(&event, NULL, UINT64_MAX, UNWIND_FRAME);
	}
	struct thread_sums after = threads_sum();
	EXPECT(memcmp(&before, &after, sizeof(before)) == 0);
	ck_assert_uint_eq(thread_state.gap, gap);
	ck_assert(is_recorded(1) && !is_recorded(2));
	tracker_free(at(1));
	expect_nothing();
}
END_TEST

START_TEST(a_realloc_to_nothing_is_a_free)
{
	make_recorded(1, 100);
	change(1, NULL, 0, false);
	expect_nothing();
	make_unrecorded(1, 100);
	change(1, NULL, 0, false);
	expect_nothing();
}
END_TEST

START_TEST(a_missed_free_is_counted_and_taken_out)
{
	make_recorded(1, 100);
	make_recorded(1, 5000);
	ck_assert_uint_eq(trace.header->losses[HDT_LOSS_MISSED_FREE], 1);
	trace.header->losses[HDT_LOSS_MISSED_FREE] = 0;
	expect_consistent();
	tracker_free(at(1));
	expect_nothing();
}
END_TEST

START_TEST(other_domains_are_recorded_completely)
{
	struct thread_sums before = threads_sum();
	thread_state.gap = UINT64_C(1) << 40;
	for (unsigned i = 0; i < 100; i++)
		ck_assert_int_eq(tracker_track(7, i, 10, UNWIND_FRAME), 0);
	struct thread_sums after = threads_sum();
	ck_assert_uint_eq(after.alloc_blocks - before.alloc_blocks, 100 * SAMPLING_PARTS);
	ck_assert_uint_eq(after.alloc_bytes - before.alloc_bytes, 1000);
	ck_assert_uint_eq(thread_state.gap, UINT64_C(1) << 40);
	expect_consistent();
	ck_assert_int_eq(tracker_track(7, 3, 5000, UNWIND_FRAME), 0); /* in place of the one that stands there */
	expect_consistent();
	for (unsigned i = 0; i < 100; i++)
		ck_assert(tracker_untrack(7, i));
	expect_nothing();
}
END_TEST

START_TEST(tracked_blocks_of_domain_0_are_sampled)
{
	thread_state.gap = 100;
	ck_assert_int_eq(tracker_track(0, 1001, 50, UNWIND_FRAME), 0);
	ck_assert_uint_eq(thread_state.gap, 50);
	ck_assert_int_eq(tracker_track(0, 1001, 51, UNWIND_FRAME), 0);
	ck_assert(!sampling_knows_not(&thread_state, (void *)(uintptr_t)1001));
	expect_consistent();
	thread_state.gap = 100; /* in place of the recorded one, and itself not */
	ck_assert_int_eq(tracker_track(0, 1001, 50, UNWIND_FRAME), 0);
	expect_nothing();
}
END_TEST

START_TEST(clearing_takes_out_what_blocks_stand_for)
{
	for (uint64_t i = 0; i < 300; i++)
		make(i, 5000);
	ck_assert_int_eq(tracker_track(3, 5, 777, UNWIND_FRAME), 0);
	expect_consistent();
	tracker_clear();
	expect_nothing();
	for (uint64_t i = 0; i < 300; i++)
		tracker_free(at(i));
	expect_nothing();
	ck_assert_uint_gt(trace.header->cleared_bytes, 777);
}
END_TEST

START_TEST(no_allocation_is_recorded_while_tracing_is_off)
{
	tracker_stop();
	for (uint64_t i = 0; i < 1000; i++)
		make(i, 5000);
	expect_nothing();
	tracker_start();
	for (uint64_t i = 0; i < 1000; i++)
		tracker_free(at(i));
	expect_nothing();
}
END_TEST

static void pause_from_outside(void)
{
	atomic_store(&trace.header->tracing, HDT_TRACING_FREES | HDT_TRACING_PAUSED);
}

START_TEST(a_pause_keeps_what_is_recorded_and_honours_its_frees)
{
	make_recorded(1, 500);
	make_recorded(2, 600);
	make_recorded(3, 700);
	pause_from_outside();
	make_recorded(4, 5000);
	tracker_free(at(1));
	ck_assert(change(2, at(5), 800, false) == at(5));
	ck_assert(!is_recorded(1) && !is_recorded(2) && is_recorded(3) && !is_recorded(4) && !is_recorded(5));
	ck_assert(!tracker_is_tracing() && tracker_has_traces());
	expect_consistent();
	tracker_start();
	ck_assert(is_recorded(3));
	tracker_free(at(3));
	expect_nothing();
}
END_TEST

START_TEST(an_allocation_that_a_pause_passes_over_takes_its_mark_along)
{
	pause_from_outside();
	make_recorded(1, 5000);
	ck_assert_uint_gt(thread_state.gap, 0);
	expect_nothing();
}
END_TEST

/* ---- Many events --------------------------------------------------------------------------------------------------------------- */

enum { SHELF = 3000 };

static void operate(uint64_t random, bool *stands)
{
	uint64_t number = (random >> 20) % SHELF, size = (random >> 40) % (random & 7 ? 300 : 300000);

	if (!stands[number]) {
		make(number, size);
		stands[number] = true;
	} else if (random & 8) {
		tracker_free(at(number));
		stands[number] = false;
	} else {
		struct tracker_realloc event;
		uint64_t to = random & 16 || stands[(number + 1) % SHELF] ? number : (number + 1) % SHELF;
		tracker_realloc_begin(&event, at(number));
		tracker_realloc_end(&event, random & 32 ? at(to) : NULL, size + 1, UNWIND_FRAME);
		stands[to] |= (random & 32) != 0;
		stands[number] = to == number || !(random & 32);
	}
}

START_TEST(everything_freed_is_exactly_nothing)
{
	static bool stands[SHELF];
	uint64_t random = 88172645463325252u + (uint64_t)_i;
	for (int i = 0; i < 200000; i++)
		operate(random_next(&random), stands);
	expect_consistent();
	ck_assert_uint_gt(threads_sum().alloc_blocks, 50000 * SAMPLING_PARTS);
	for (uint64_t i = 0; i < SHELF; i++)
		if (stands[i])
			tracker_free(at(i));
	expect_nothing();
	ck_assert_uint_eq(threads_sum().alloc_blocks, threads_sum().free_blocks);
}
END_TEST

/* The totals of the process are unbiased as well. */
START_TEST(totals_are_estimates_of_what_was_allocated)
{
	enum { BLOCKS = 200000, SIZE = 640 };
	for (uint64_t i = 0; i < BLOCKS; i++) {
		make(i % 5000, SIZE);
		tracker_free(at(i % 5000));
	}
	struct thread_sums sums = threads_sum();
	double truth = (double)BLOCKS * SIZE, sigma = sqrt(truth * DISTANCE);
	ck_assert_double_lt(fabs((double)sums.alloc_bytes - truth), 3 * sigma);
	ck_assert_double_lt(fabs((double)sums.alloc_blocks / SAMPLING_PARTS - BLOCKS), 3 * sigma / SIZE);
	ck_assert_uint_eq(sums.temporary_blocks, sums.alloc_blocks);
	expect_nothing();
}
END_TEST

/* ---- Threads and forks --------------------------------------------------------------------------------------------------------- */

/* A thread that allocates once has the same chance as any other. */
START_TEST(first_events_are_sampled_with_their_probability)
{
	enum { THREADS = 40000, SIZE = 30000 };
	unsigned recorded = 0;
	for (uint64_t i = 0; i < THREADS; i++) {
		memset(&thread_state, 0, sizeof(thread_state));
		make(i % 3, SIZE);
		recorded += is_recorded(i % 3);
		tracker_free(at(i % 3));
	}
	double p = -expm1(-(double)SIZE / DISTANCE), sigma = sqrt(THREADS * p * (1 - p));
	ck_assert_double_lt(fabs(recorded - THREADS * p), 4 * sigma);
}
END_TEST

/* First events that are frees, begun before anything was drawn. */
START_TEST(a_thread_may_begin_with_a_free)
{
	make_recorded(1, 100);
	memset(&thread_state, 0, sizeof(thread_state));
	tracker_free(at(1));
	ck_assert(sampling_is_on(&thread_state));
	expect_nothing();
}
END_TEST

static void *free_all(void *argument)
{
	(void)argument;
	for (uint64_t i = 0; i < 2000; i++)
		tracker_free(at(i));
	return NULL;
}

START_TEST(blocks_may_be_freed_by_other_threads)
{
	pthread_t thread;
	for (uint64_t i = 0; i < 2000; i++)
		make(i, 3000);
	expect_consistent();
	ck_assert_int_eq(pthread_create(&thread, NULL, free_all, NULL), 0);
	pthread_join(thread, NULL);
	expect_nothing();
}
END_TEST

START_TEST(a_fork_child_begins_anew)
{
	thread_state.gap = 12345;
	ck_assert(sampling_is_on(&thread_state));
	tracker_fork_prepare();
	pid_t child = fork();
	if (child == 0) {
		tracker_fork_child();
		_exit(thread_state.gap != 0 || sampling_is_on(&thread_state));
	}
	tracker_fork_parent();
	int status;
	ck_assert_int_eq(waitpid(child, &status, 0), child);
	ck_assert(WIFEXITED(status) && WEXITSTATUS(status) == 0);
	ck_assert_uint_eq(thread_state.gap, 12345);
}
END_TEST

START_TEST(our_own_allocations_are_not_recorded_and_use_their_mark_up)
{
	struct thread_sums before = threads_sum();
	tracker_own_begin();
	uint64_t gaps[8];
	for (unsigned i = 0; i < 8; i++) {
		thread_state.gap = 0;
		make(i, 100000);
		gaps[i] = thread_state.gap;
		ck_assert(!is_recorded(i));
	}
	tracker_own_end();
	unsigned drawn = 0;
	for (unsigned i = 0; i < 8; i++)
		drawn += gaps[i] > 0;
	ck_assert_uint_ge(drawn, 7);
	struct thread_sums after = threads_sum();
	EXPECT(memcmp(&before, &after, sizeof(before)) == 0);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("tracker-sampled");
	TCase *fresh = tcase_create("fresh"), *begun = tcase_create("begun");
	tcase_set_timeout(fresh, 120);
	tcase_set_timeout(begun, 120);
	tcase_add_checked_fixture(fresh, setup, teardown);
	tcase_add_test(fresh, first_events_are_sampled_with_their_probability);
	tcase_add_test(fresh, totals_are_estimates_of_what_was_allocated);
	tcase_add_loop_test(fresh, everything_freed_is_exactly_nothing, 0, 3);
	tcase_add_test(fresh, an_allocation_without_a_mark_is_no_event);
	tcase_add_checked_fixture(begun, setup_begun, teardown);
	tcase_add_test(begun, frees_of_unrecorded_neighbours_are_nothing);
	tcase_add_test(begun, a_block_of_no_bytes_counts_as_one_of_one);
	tcase_add_loop_test(begun, a_recorded_block_counts_for_what_it_stands_for, 0, 6);
	tcase_add_test(begun, temporary_is_what_goes_before_the_next_allocation_recorded_or_not);
	tcase_add_loop_test(begun, reallocs_of_all_kinds, 0, 8);
	tcase_add_test(begun, a_realloc_that_fails_changes_nothing);
	tcase_add_test(begun, a_realloc_to_nothing_is_a_free);
	tcase_add_test(begun, a_missed_free_is_counted_and_taken_out);
	tcase_add_test(begun, other_domains_are_recorded_completely);
	tcase_add_test(begun, tracked_blocks_of_domain_0_are_sampled);
	tcase_add_test(begun, clearing_takes_out_what_blocks_stand_for);
	tcase_add_test(begun, no_allocation_is_recorded_while_tracing_is_off);
	tcase_add_test(begun, a_pause_keeps_what_is_recorded_and_honours_its_frees);
	tcase_add_test(begun, an_allocation_that_a_pause_passes_over_takes_its_mark_along);
	tcase_add_test(begun, a_thread_may_begin_with_a_free);
	tcase_add_test(begun, blocks_may_be_freed_by_other_threads);
	tcase_add_test(begun, a_fork_child_begins_anew);
	tcase_add_test(begun, our_own_allocations_are_not_recorded_and_use_their_mark_up);
	suite_add_tcase(suite, fresh);
	suite_add_tcase(suite, begun);
	SRunner *runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	int failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
