/* links: preload */
/* SPDX-License-Identifier: MIT */
/*
 * No event pauses its thread for long: growth is bounded by counters, which hold on any machine.  An event opens at most 1 MiB of the trace
 * file, whatever areas it meets at their watermark, and copies at most 512 slots; what exists at the start, and for a thread, is small.
 */
#include <pthread.h>

#include "blocks.h"
#include "stacks.h"
#include "tables.h"
#include "threads.h"

#define HEAP UINT64_C(0x500000000000)
#define MOST_OPENED (UINT64_C(1) << 20)
#define MOST_COPIED 512u
#define NEW_FRAMES 20u /* of an event's stack, at most */

static void setup(void)
{
	make_test_directory();
	create_trace(TEST_RESERVE);
	blocks_reset();
}

static void teardown(void)
{
	trace_forget();
	remove_test_directory();
}

static uint64_t opened_bytes(void)
{
	uint64_t bytes = 0;

	for (unsigned i = 0; i < HDT_AREA_COUNT; i++)
		bytes += atomic_load(&trace.header->areas[i].opened);
	return bytes;
}

/* A stack that shares its outer part with others and often has new frames inside. */
static uint32_t some_stack(uint64_t *seed)
{
	uint32_t stack = stacks_child(STACK_ROOT, 0x401000, 1, 0);

	for (unsigned i = random_next(seed) % NEW_FRAMES; i > 0; i--)
		stack = stacks_child(stack, 0x401000 + random_next(seed) % 64 * 16, 1, 0);
	return stack;
}

/* Sizes of a heap's life: crowded pages, pages with one block, neighbours and leaps. */
static uintptr_t some_address(uint64_t *seed, unsigned number)
{
	uint64_t kind = random_next(seed) % 4;

	return kind == 0 ? HEAP + random_next(seed) % (UINT64_C(1) << 32) / 16 * 16
			 : HEAP + kind * (UINT64_C(1) << 36) + number * kind * 16;
}

START_TEST(an_event_opens_little)
{
	uint64_t seed = 20261125, most = 0, before = opened_bytes(), start = before;
	unsigned events = UNDER_SANITIZER ? 100000 : 1000000;
	struct block old;

	for (unsigned i = 0; i < events; i++) {
		uint32_t stack = some_stack(&seed);
		struct hdt_totals *totals = stacks_totals(stack);

		EXPECT(totals != NULL);
		EXPECT(blocks_insert(0, some_address(&seed, i), (struct block){16, stack}, &old) != BLOCK_NO_ROOM);
		uint64_t after = opened_bytes();
		most = after - before > most ? after - before : most;
		before = after;
	}
	ck_assert_uint_gt(before - start, UNDER_SANITIZER ? 4 << 20 : 32 << 20);
	ck_assert_uint_le(most, MOST_OPENED);
}
END_TEST

/* A nested event takes leaves of their exact size from the area, so what is taken is what was copied into. */
START_TEST(an_event_copies_few_slots)
{
	uint64_t seed = 4711, most = 0;
	struct block old;

	thread_state.depth = 2;
	for (unsigned page = 0; page < 2000; page++) {
		for (unsigned i = 0; i < 512; i++) {
			uint64_t before = trace_used(HDT_AREA_SLOTS);
			uintptr_t address = HEAP + page * UINT64_C(4096) + (page % 2 ? i : random_next(&seed) % 512) * 8;

			blocks_insert(0, address, (struct block){8, 1}, &old);
			uint64_t taken = (trace_used(HDT_AREA_SLOTS) - before) / sizeof(uint64_t);
			most = taken > most ? taken : most;
		}
	}
	/* Leaves of 2^k slots are copied into larger ones, the largest of which has 512. */
	ck_assert_uint_ge(most, MOST_COPIED / 2);
	ck_assert_uint_le(most, 2 * MOST_COPIED);
}
END_TEST

/* Blocks of the file that exist, whatever its size says. */
static uint64_t file_bytes(void)
{
	struct stat st;

	ck_assert_int_eq(stat(trace.path, &st), 0);
	return (uint64_t)st.st_blocks * 512;
}

START_TEST(little_exists_at_the_start)
{
	ck_assert_uint_le(file_bytes(), 128 << 10);
}
END_TEST

#define THREADS 64u

static pthread_barrier_t all_attached, all_counted;

static void *attach(void *unused)
{
	memset(&thread_state, 0, sizeof(thread_state));
	thread_state.depth = 1;
	threads_attach((uintptr_t)&thread_state);
	pthread_barrier_wait(&all_attached);
	pthread_barrier_wait(&all_counted);
	return unused;
}

START_TEST(a_thread_takes_little_of_the_file)
{
	pthread_t threads[THREADS];
	uint64_t before = file_bytes();

	pthread_barrier_init(&all_attached, NULL, THREADS + 1);
	pthread_barrier_init(&all_counted, NULL, THREADS + 1);
	for (unsigned i = 0; i < THREADS; i++)
		ck_assert_int_eq(pthread_create(&threads[i], NULL, attach, NULL), 0);
	pthread_barrier_wait(&all_attached);
	uint64_t after = file_bytes();
	pthread_barrier_wait(&all_counted);
	for (unsigned i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	ck_assert_uint_gt(after, before);
	ck_assert_uint_le((after - before) / THREADS, 16 << 10);
}
END_TEST

static TCase *cases(void)
{
	TCase *tcase = tcase_create("growth");

	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_set_timeout(tcase, 240);
	tcase_add_test(tcase, an_event_opens_little);
	tcase_add_test(tcase, an_event_copies_few_slots);
	tcase_add_test(tcase, little_exists_at_the_start);
	tcase_add_test(tcase, a_thread_takes_little_of_the_file);
	return tcase;
}

int main(void)
{
	return run_suite("growth", cases);
}
