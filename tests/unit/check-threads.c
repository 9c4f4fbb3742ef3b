/* links: preload */
/* SPDX-License-Identifier: MIT */
/*
 * Thread cells: sums and peak against a model, byte for byte with one thread; totals per stack through the caches; cells that are taken
 * over, freed, shared; handlers that count inside a count.
 */
#include "threads.h"

#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/time.h>
#include <sys/wait.h>

#include "stacks.h"
#include "tables.h"

static void setup(void)
{
	make_test_directory();
	create_trace(TEST_RESERVE);
}

static void teardown(void)
{
	trace_forget();
	remove_test_directory();
}

static struct hdt_thread *attach(void)
{
	thread_state.depth = 1;
	thread_state.cell = threads_attach((uintptr_t)&thread_state);
	return thread_state.cell;
}

static uint32_t make_stack(uint32_t number)
{
	return stacks_child(STACK_ROOT, 0x1000 + number, 1, 0);
}

struct sum {
	uint64_t blocks, bytes, temporary;
};

/* What a reader finds for a stack: its totals and every cache's entry. */
static struct sum totals_of(uint32_t stack)
{
	const struct hdt_totals *record = stacks_totals(stack);
	struct sum sum = {atomic_load(&record->blocks), atomic_load(&record->bytes), atomic_load(&record->temporary)};
	uint64_t cells = trace_used(HDT_AREA_THREADS) / sizeof(struct hdt_thread);

	for (uint64_t i = 0; i < cells; i++) {
		const struct hdt_thread *cell = (const struct hdt_thread *)trace_at(HDT_AREA_THREADS, 0) + i;
		for (unsigned entry = 0; entry < HDT_CACHE_ENTRIES; entry++) {
			if (atomic_load(&cell->cache[entry].node) != stack)
				continue;
			sum.blocks += atomic_load(&cell->cache[entry].blocks);
			sum.bytes += atomic_load(&cell->cache[entry].bytes);
			sum.temporary += atomic_load(&cell->cache[entry].temporary);
		}
	}
	return sum;
}

static void expect_no_losses(void)
{
	for (unsigned loss = 0; loss < HDT_LOSS_COUNT; loss++)
		ck_assert_uint_eq(atomic_load(&trace.header->losses[loss]), 0);
}

/* ---- One thread: exact */

static uint64_t model_size(uint64_t *seed)
{
	uint64_t kind = random_next(seed) % 100;

	return kind < 90 ? random_next(seed) % 300 : kind < 99 ? random_next(seed) % 70000 : random_next(seed) % 5000000;
}

START_TEST(live_and_peak_are_exact_after_every_event)
{
	static uint64_t sizes[500];
	struct hdt_thread *cell = attach();
	uint64_t seed = 362436069 + (uint64_t)_i;
	int64_t live = 0, peak = 0;

	for (unsigned step = 0; step < 40000; step++) {
		uint64_t *size = &sizes[random_next(&seed) % (step % 10000 < 5000 ? 500 : 20)];
		if (*size != 0) {
			threads_count_free(cell, *size - 1);
			live -= (int64_t)*size - 1;
			*size = 0;
		} else {
			*size = 1 + model_size(&seed);
			threads_count_alloc(cell, *size - 1, 1, false);
			live += (int64_t)*size - 1;
			peak = live > peak ? live : peak;
		}
		struct thread_sums sums = threads_sum();
		EXPECT(sums.live_bytes == live);
		EXPECT(sums.peak_bytes == peak);
		if (step % 7000 == 6999) {
			threads_reset_peak();
			peak = live;
		}
	}
	ck_assert_uint_ne(atomic_load(&trace.header->peak_monotonic_ns), 0);
}
END_TEST

START_TEST(totals_per_stack_are_exact)
{
	enum { STACKS = 2000 };
	static struct sum model[STACKS];
	struct hdt_thread *cell = attach();
	uint64_t seed = 521288629, temporary = 0;
	uint32_t stacks[STACKS];

	for (uint32_t i = 0; i < STACKS; i++)
		stacks[i] = make_stack(i);
	for (unsigned step = 0; step < 100000; step++) {
		unsigned number = (unsigned)(random_next(&seed) % (step % 1000 < 500 ? 10 : STACKS));
		bool nested = random_next(&seed) % 8 == 0;
		threads_count_alloc(cell, number * 3, stacks[number], nested);
		model[number].blocks++;
		model[number].bytes += number * 3;
		if (random_next(&seed) % 4 == 0) {
			threads_count_temporary(cell, stacks[number], nested);
			model[number].temporary++;
			temporary++;
		}
	}
	for (unsigned i = 0; i < STACKS; i++) {
		struct sum found = totals_of(stacks[i]);
		ck_assert_uint_eq(found.blocks, model[i].blocks);
		ck_assert_uint_eq(found.bytes, model[i].bytes);
		ck_assert_uint_eq(found.temporary, model[i].temporary);
	}
	ck_assert_uint_eq(threads_sum().alloc_blocks, 100000);
	ck_assert_uint_eq(threads_sum().temporary_blocks, temporary);
	expect_no_losses();
}
END_TEST

START_TEST(a_flush_that_was_left_is_a_loss)
{
	struct hdt_thread *cell = attach();
	uint32_t stack = make_stack(1), other = stack;
	unsigned slot = stack * UINT32_C(0x9e3779b1) >> 24;

	threads_count_alloc(cell, 8, stack, false);
	ck_assert_uint_eq(atomic_load(&cell->cache[slot].node), stack);
	atomic_store(&cell->cache[slot].state, HDT_CACHE_FLUSHING); /* a handler's longjmp out of the eviction */
	for (uint32_t i = 2; other == stack || other * UINT32_C(0x9e3779b1) >> 24 != slot; i++)
		other = make_stack(i);
	threads_count_alloc(cell, 8, other, false);
	ck_assert_uint_eq(atomic_load(&cell->cache[slot].node), other);
	ck_assert_uint_eq(atomic_load(&cell->cache[slot].state), 0);
	ck_assert_uint_eq(atomic_load(&trace.header->losses[HDT_LOSS_FLUSH]), 1);
}
END_TEST

START_TEST(without_a_stack_the_totals_say_so)
{
	struct hdt_thread *cell = attach();

	threads_count_alloc(cell, 8, STACK_ROOT, false);
	ck_assert_uint_eq(atomic_load(&trace.header->losses[HDT_LOSS_TOTALS]), 1);
	ck_assert_uint_eq(threads_sum().alloc_blocks, 1);
}
END_TEST

/* ---- Cells */

static void *attach_once(void *owner)
{
	struct hdt_thread *cell = threads_attach(owner != NULL ? (uintptr_t)owner : (uintptr_t)&thread_state);

	threads_count_alloc(cell, 10, 1, true);
	return cell;
}

static struct hdt_thread *in_thread(void *owner)
{
	pthread_t thread;
	void *cell;

	ck_assert_int_eq(pthread_create(&thread, NULL, attach_once, owner), 0);
	pthread_join(thread, &cell);
	return cell;
}

START_TEST(a_cell_is_taken_over_by_the_next_thread_there)
{
	struct hdt_thread *own = attach(), *first = in_thread((void *)0x1000), *other = in_thread((void *)0x2000);

	ck_assert_ptr_ne(own, first);
	ck_assert_ptr_ne(first, other);
	ck_assert_uint_ne(first->number, 0);
	uint32_t tid = atomic_load(&first->tid);
	ck_assert_ptr_eq(in_thread((void *)0x1000), first);
	ck_assert_uint_ne(atomic_load(&first->tid), tid);
	ck_assert_uint_eq(atomic_load(&first->alloc_blocks), 2);
	ck_assert_ptr_eq(attach(), own);
	ck_assert_uint_eq(atomic_load(&own->tid), (uint32_t)gettid());
}
END_TEST

START_TEST(cells_of_ended_threads_are_used_again)
{
	enum { ENDED = 600 };
	struct hdt_thread *own = attach();

	for (uintptr_t i = 1; i <= ENDED; i++)
		in_thread((void *)(i * 4096));
	ck_assert_uint_le(trace_used(HDT_AREA_THREADS) / sizeof(struct hdt_thread), 20);
	ck_assert_uint_eq(threads_sum().alloc_blocks, ENDED);
	ck_assert_uint_eq(threads_sum().alloc_bytes, ENDED * 10);
	ck_assert_uint_eq(atomic_load(&own->owner), (uintptr_t)&thread_state);
	expect_no_losses();
}
END_TEST

static pthread_barrier_t all_attached;
static struct hdt_thread *cells_of_all[40];

static void *hold_cell(void *argument)
{
	uintptr_t number = (uintptr_t)argument;
	struct hdt_thread *cell = attach();
	uint32_t stack = make_stack((uint32_t)number % 3);

	cells_of_all[number] = cell;
	pthread_barrier_wait(&all_attached);
	for (unsigned i = 0; i < 5000; i++) {
		threads_count_alloc(cell, 100, stack, false);
		threads_count_free(cell, 100);
	}
	pthread_barrier_wait(&all_attached);
	return NULL;
}

static unsigned hold_cells(unsigned count)
{
	pthread_t threads[40];
	unsigned shared = 0;

	pthread_barrier_init(&all_attached, NULL, count);
	for (uintptr_t i = 0; i < count; i++)
		ck_assert_int_eq(pthread_create(&threads[i], NULL, hold_cell, (void *)i), 0);
	for (unsigned i = 0; i < count; i++)
		pthread_join(threads[i], NULL);
	for (unsigned i = 0; i < count; i++) {
		shared += cells_of_all[i]->number == 0;
		for (unsigned other = 0; other < i; other++)
			ck_assert(cells_of_all[i]->number == 0 || cells_of_all[i] != cells_of_all[other]);
	}
	return shared;
}

static void expect_balanced(uint64_t blocks)
{
	struct thread_sums sums = threads_sum();
	uint64_t totals = 0;

	for (uint32_t i = 0; i < 3; i++)
		totals += totals_of(make_stack(i)).blocks;
	ck_assert_uint_eq(sums.alloc_blocks, blocks);
	ck_assert_uint_eq(sums.free_blocks, blocks);
	ck_assert_int_eq(sums.live_bytes, 0);
	ck_assert_uint_eq(totals, blocks);
}

START_TEST(living_threads_keep_their_cells)
{
	ck_assert_uint_eq(hold_cells(40), 0);
	expect_balanced(40 * 5000);
	expect_no_losses();
}
END_TEST

/*
 * Many threads attach at once, several times each: what they hold together must be different cells, whether the cells are new, left by
 * threads that have ended under the same owner (taken over) or under another (freed by whoever looks through them, while others attach).
 */
enum { CROWD = 6, HOLDINGS = 12 };
static struct hdt_thread *holdings[CROWD][HOLDINGS];
static _Atomic(unsigned) crowd_waiting;
static unsigned crowd_round;

static uintptr_t owner_in_round(unsigned thread, unsigned holding)
{
	unsigned number = thread * HOLDINGS + holding;

	switch (crowd_round % 4) {
	case 0: /* nobody's before */
		return 4096 + (uintptr_t)(crowd_round * CROWD * HOLDINGS + number) * 64;
	case 1: /* all of the round before, by other threads */
		return 4096 + (uintptr_t)((crowd_round - 1) * CROWD * HOLDINGS + CROWD * HOLDINGS - 1 - number) * 64;
	default: /* every other one used before and maybe free by now */
		return 64 * (uintptr_t)(number % 2 == 0 ? number + 1 : (crowd_round << 12) + number);
	}
}

static void *hold_several(void *argument)
{
	uintptr_t number = (uintptr_t)argument;

	atomic_fetch_add(&crowd_waiting, 1);
	while (atomic_load(&crowd_waiting) < CROWD)
		sched_yield();
	for (unsigned i = 0; i < HOLDINGS; i++) {
		holdings[number][i] = threads_attach(owner_in_round((unsigned)number, i));
		threads_count_alloc(holdings[number][i], 1, STACK_ROOT, true);
	}
	/* Nobody leaves before all have what they want: all of these threads live. */
	pthread_barrier_wait(&all_attached);
	for (unsigned i = 0; i < HOLDINGS; i++)
		EXPECT(atomic_load(&holdings[number][i]->tid) == (uint32_t)gettid());
	pthread_barrier_wait(&all_attached);
	return NULL;
}

static void expect_different_holdings(void)
{
	static bool held[4096];

	memset(held, 0, sizeof(held));
	for (unsigned i = 0; i < CROWD * HOLDINGS; i++) {
		uint32_t number = holdings[i / HOLDINGS][i % HOLDINGS]->number;
		EXPECT(number > 0 && number < 4096);
		EXPECT(holdings[i / HOLDINGS][i % HOLDINGS] ==
		       (struct hdt_thread *)trace_at(HDT_AREA_THREADS, number * sizeof(struct hdt_thread)));
		EXPECT(!held[number]);
		held[number] = true;
	}
}

START_TEST(threads_that_attach_together_get_different_cells)
{
	enum { ROUNDS = 24 };
	pthread_t threads[CROWD];

	pthread_barrier_init(&all_attached, NULL, CROWD);
	for (crowd_round = 0; crowd_round < ROUNDS; crowd_round++) {
		atomic_store(&crowd_waiting, 0);
		for (uintptr_t i = 0; i < CROWD; i++)
			ck_assert_int_eq(pthread_create(&threads[i], NULL, hold_several, (void *)i), 0);
		for (unsigned i = 0; i < CROWD; i++)
			pthread_join(threads[i], NULL);
		expect_different_holdings();
	}
	ck_assert_uint_eq(threads_sum().alloc_blocks, ROUNDS * CROWD * HOLDINGS);
	ck_assert_uint_le(trace_used(HDT_AREA_THREADS) / sizeof(struct hdt_thread), 8 * CROWD * HOLDINGS);
	ck_assert_uint_eq(atomic_load(&trace.header->losses[HDT_LOSS_THREAD]), 0);
}
END_TEST

START_TEST(without_cells_threads_share_one)
{
	trace_forget();
	create_trace(SMALL_RESERVE);
	unsigned shared = hold_cells(40);
	ck_assert_uint_gt(shared, 10);
	ck_assert_uint_eq(atomic_load(&trace.header->losses[HDT_LOSS_THREAD]), shared);
	expect_balanced(40 * 5000);
}
END_TEST

START_TEST(a_fork_child_has_cells_of_its_own)
{
	int status;

	attach();
	for (uintptr_t i = 1; i < 6; i++)
		in_thread((void *)(i * 4096));
	pid_t child = fork();
	if (child == 0) {
		trace_forget();
		create_trace(SMALL_RESERVE);
		struct hdt_thread *cell = attach();
		threads_count_alloc(cell, 5, 1, true);
		_exit(cell->number == 1 && threads_sum().alloc_blocks == 1 ? 0 : 1);
	}
	ck_assert_int_eq(waitpid(child, &status, 0), child);
	ck_assert_int_eq(status, 0);
	ck_assert_uint_eq(threads_sum().alloc_blocks, 5);
}
END_TEST

/* ---- Several threads, handlers */

static atomic_bool storm_ends;
static _Atomic(uint64_t) storm_blocks, storm_bytes, storm_handled;

static void *counting_thread(void *argument)
{
	uint64_t seed = 17 + (uintptr_t)argument, blocks = 0, bytes = 0;
	struct hdt_thread *cell = attach();

	while (!atomic_load(&storm_ends)) {
		for (unsigned i = 0; i < 500; i++) {
			uint64_t size = random_next(&seed) % 3000;
			threads_count_alloc(cell, size, make_stack((uint32_t)(random_next(&seed) % 3)), false);
			blocks++;
			bytes += size;
			if (i % 2 == 0)
				threads_count_free(cell, size);
			else
				threads_count_free(cell, 0);
		}
	}
	thread_state.depth = 0;
	atomic_fetch_add(&storm_blocks, blocks);
	atomic_fetch_add(&storm_bytes, bytes);
	return NULL;
}

static void nested_count(int signal)
{
	struct hdt_thread *cell = thread_state.cell;

	(void)signal;
	if (thread_state.depth == 0 || cell == NULL)
		return;
	thread_state.depth++;
	threads_count_alloc(cell, 40000, 1, true);
	threads_count_alloc(cell, 7, 2, true);
	threads_count_free(cell, 40000);
	threads_count_free(cell, 7);
	threads_count_temporary(cell, 1, true);
	atomic_fetch_add(&storm_handled, 1);
	thread_state.depth--;
}

START_TEST(sums_are_exact_whatever_interrupts_them)
{
	struct sigaction action = {.sa_handler = nested_count, .sa_flags = SA_RESTART};
	pthread_t threads[3];

	for (uint32_t i = 0; i < 3; i++)
		make_stack(i);
	sigaction(SIGUSR1, &action, NULL);
	double end = now_seconds() + storm_seconds();
	for (uintptr_t i = 0; i < 3; i++)
		pthread_create(&threads[i], NULL, counting_thread, (void *)i);
	do {
		for (unsigned i = 0; i < 2; i++)
			pthread_kill(threads[i], SIGUSR1);
		for (volatile unsigned pause = 0; pause < 1000; pause++)
			;
	} while (now_seconds() < end || atomic_load(&storm_handled) == 0);
	atomic_store(&storm_ends, true);
	for (unsigned i = 0; i < 3; i++)
		pthread_join(threads[i], NULL);
	uint64_t handled = atomic_load(&storm_handled), blocks = 0, bytes = 0;
	struct thread_sums sums = threads_sum();
	for (uint32_t i = 0; i < 3; i++) {
		blocks += totals_of(make_stack(i)).blocks;
		bytes += totals_of(make_stack(i)).bytes;
	}
	ck_assert_uint_eq(sums.alloc_blocks, atomic_load(&storm_blocks) + 2 * handled);
	ck_assert_uint_eq(sums.alloc_bytes, atomic_load(&storm_bytes) + 40007 * handled);
	ck_assert_uint_eq(sums.free_blocks, sums.alloc_blocks);
	ck_assert_uint_eq(blocks, sums.alloc_blocks);
	ck_assert_uint_eq(bytes, sums.alloc_bytes);
	ck_assert_uint_eq(sums.temporary_blocks, handled);
	/* What was folded and what was not are the live bytes, to the byte. */
	int64_t level = atomic_load(&trace.header->folded_bytes);
	for (uint64_t i = 0; i < trace_used(HDT_AREA_THREADS) / sizeof(struct hdt_thread); i++)
		level += atomic_load(&((struct hdt_thread *)trace_at(HDT_AREA_THREADS, 0))[i].current);
	ck_assert_int_eq(level, sums.live_bytes);
	ck_assert_int_ge(sums.peak_bytes, sums.live_bytes);
	expect_no_losses();
}
END_TEST

static TCase *cases(void)
{
	TCase *tcase = tcase_create("threads");

	tcase_set_timeout(tcase, 60 + 10 * storm_seconds());
	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_loop_test(tcase, live_and_peak_are_exact_after_every_event, 0, 4);
	tcase_add_test(tcase, totals_per_stack_are_exact);
	tcase_add_test(tcase, a_flush_that_was_left_is_a_loss);
	tcase_add_test(tcase, without_a_stack_the_totals_say_so);
	tcase_add_test(tcase, a_cell_is_taken_over_by_the_next_thread_there);
	tcase_add_test(tcase, cells_of_ended_threads_are_used_again);
	tcase_add_test(tcase, living_threads_keep_their_cells);
	tcase_add_loop_test(tcase, threads_that_attach_together_get_different_cells, 0, 10);
	tcase_add_test(tcase, without_cells_threads_share_one);
	tcase_add_test(tcase, a_fork_child_has_cells_of_its_own);
	tcase_add_test(tcase, sums_are_exact_whatever_interrupts_them);
	return tcase;
}

int main(void)
{
	return run_suite("threads", cases);
}
