/* links: preload */
/* SPDX-License-Identifier: MIT */
/* When blocks came: codes of moments; each block keeps its own through growth, gets a new one from realloc; the clock is looked at. */
#include "ages.h"
#include "blocks.h"
#include "extras.h"
#include "heapdelta/age.h"
#include "modules.h"
#include "stacks.h"
#include "tables.h"
#include "tracker.h"
#include "unwind.h"

#define HEAP UINT64_C(0x500000000000)
#define TICK (UINT64_C(1) << AGE_TICK_SHIFT)

static void setup(void)
{
	make_test_directory();
	create_trace(TEST_RESERVE);
	blocks_reset();
	modules_reset();
	atomic_store(&trace.header->tracing, HDT_TRACING_ON);
}

static void teardown(void)
{
	remove_test_directory();
}

static void set_time(uint16_t code)
{
	atomic_store(&trace.header->age_now, code);
}

static void put(uint32_t domain, uintptr_t address, uint64_t size)
{
	struct block old;

	EXPECT(blocks_insert(domain, address, (struct block){size, 1}, &old) == BLOCK_INSERTED);
}

/* The code beside the slot in which an outside reader would find the block. */
static unsigned age_of(uintptr_t address)
{
	const uint64_t *regions = trace_at(HDT_AREA_REGIONS, 0), *slots = trace_at(HDT_AREA_SLOTS, 0);
	const struct hdt_page_node *nodes = trace_at(HDT_AREA_PAGES, 0);
	uint32_t node = 1;

	while (regions[node] != address >> HDT_REGION_SHIFT)
		node++;
	uint64_t word = nodes[node].words[address >> HDT_PAGE_SHIFT & (HDT_PAGES_PER_NODE - 1)];
	for (uint64_t at = HDT_DIR_LEAF(word); at < HDT_DIR_LEAF(word) + (1u << HDT_DIR_BITS(word)); at++)
		if (slots[at] & HDT_SLOT_LIVE && HDT_SLOT_OFFSET(slots[at]) == (address >> 3 & 511))
			return atomic_load(ages_of_slot(at));
	return UINT32_MAX;
}

/* ---- Codes ---- */

START_TEST(moments_come_back)
{
	for (uint64_t ticks = 0; ticks < 5000; ticks++) {
		uint16_t code = age_encode(ticks * TICK + TICK / 2);
		uint64_t back = age_decode(code) / TICK;
		EXPECT(back <= ticks);
		EXPECT(ticks - back <= (ticks < 4096 ? 0 : 1));
	}
}
END_TEST

START_TEST(later_moments_have_no_smaller_codes)
{
	uint64_t step = 1;

	for (uint64_t ns = 0, last = 0; ns < UINT64_C(1) << 62; ns += step, step += step / 1000 + 1) {
		uint16_t code = age_encode(ns);
		EXPECT(code >= last);
		EXPECT(age_decode(code) <= ns);
		EXPECT(ns - age_decode(code) <= (ns >> AGE_MANTISSA_BITS) + TICK);
		last = code;
	}
}
END_TEST

START_TEST(every_code_is_a_moment)
{
	for (unsigned code = 1; code <= AGE_CODE_MAX; code++) {
		EXPECT(age_decode((uint16_t)code) >= age_decode((uint16_t)(code - 1)));
		if (age_decode((uint16_t)code) != UINT64_MAX)
			EXPECT(age_encode(age_decode((uint16_t)code)) == code);
	}
	EXPECT(age_encode(UINT64_MAX) > age_encode(UINT64_MAX / 2));
}
END_TEST

/* ---- Blocks ---- */

START_TEST(blocks_keep_their_age_when_a_leaf_grows)
{
	for (unsigned i = 0; i < 256; i++) {
		set_time((uint16_t)(1000 + i));
		put(0, HEAP + 16 * i, 10);
		for (unsigned j = 0; j <= i; j++)
			EXPECT(age_of(HEAP + 16 * j) == 1000 + j);
	}
}
END_TEST

START_TEST(a_slot_that_is_used_again_has_the_new_age)
{
	struct block old;

	set_time(5);
	put(0, HEAP, 10);
	ck_assert(blocks_remove(0, HEAP, &old));
	set_time(6);
	put(0, HEAP, 20);
	ck_assert_uint_eq(age_of(HEAP), 6);
	set_time(7); /* a free that nobody saw */
	ck_assert_int_eq(blocks_insert(0, HEAP, (struct block){30, 1}, &old), BLOCK_REPLACED);
	ck_assert_uint_eq(age_of(HEAP), 7);
}
END_TEST

START_TEST(realloc_gives_a_new_age_and_none_if_it_fails)
{
	struct tracker_realloc event;

	tracker_alloc((void *)HEAP, 10, UNWIND_FRAME);
	set_time(UINT16_MAX - 1); /* later than the clock: it does not set it back */
	tracker_realloc_begin(&event, (void *)HEAP);
	tracker_realloc_end(&event, NULL, 20, UNWIND_FRAME);
	ck_assert_uint_ne(age_of(HEAP), UINT16_MAX - 1);
	tracker_realloc_begin(&event, (void *)HEAP);
	tracker_realloc_end(&event, (void *)HEAP, 20, UNWIND_FRAME);
	ck_assert_uint_eq(age_of(HEAP), UINT16_MAX - 1);
	set_time(UINT16_MAX);
	tracker_realloc_begin(&event, (void *)HEAP);
	tracker_realloc_end(&event, (void *)(HEAP + 4096), 30, UNWIND_FRAME);
	ck_assert_uint_eq(age_of(HEAP + 4096), UINT16_MAX);
}
END_TEST

START_TEST(blocks_that_need_an_extra_have_ages_too)
{
	const _Atomic(uint16_t) *codes;
	struct extra extra;

	set_time(8);
	put(0, HEAP, UINT64_C(1) << 40);
	set_time(9);
	put(7, HEAP, 10);
	set_time(10);
	put(0, HEAP + 3, 10);
	ck_assert_uint_eq(age_of(HEAP), 8);
	codes = trace_at(HDT_AREA_EXTRA_AGES, 0);
	for (uint32_t number = 1; number < extras_end(); number++) {
		ck_assert(extras_get(number, &extra));
		ck_assert_uint_eq(atomic_load(&codes[number]), extra.domain == 7 ? 9 : extra.address == HEAP ? 8 : 10);
	}
	ck_assert_uint_eq(extras_end(), 4);
}
END_TEST

/* ---- The clock ---- */

START_TEST(threads_look_often_where_events_are_rare)
{
	struct thread_state *thread = &thread_state;

	/* Nothing new: twice as many events before the next look, up to a bound. */
	trace.header->start_monotonic_ns = UINT64_MAX; /* it stays the beginning */
	for (unsigned i = 0; i < 20; i++)
		ages_look(thread);
	ck_assert_int_eq(thread->age_left, AGES_STRIDE - 1);
	for (int i = 0; i < AGES_STRIDE - 1; i++)
		ages_pass(thread, 1);
	ck_assert_int_eq(thread->age_left, 0);
	/* Each look finds another time: soon every event looks. */
	for (unsigned i = 0; i < 20; i++) {
		thread->age_seen = UINT16_MAX;
		ages_look(thread);
	}
	ck_assert_int_eq(thread->age_left, 0);
}
END_TEST

START_TEST(the_time_is_that_since_the_start)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	uint64_t ns = (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
	trace.header->start_monotonic_ns = ns - ns / 2;
	set_time(0);
	ages_look(&thread_state);
	ck_assert_uint_ge(ages_now() + 4u, age_encode(ns / 2));
	set_time(UINT16_MAX);
	ages_look(&thread_state);
	ck_assert_uint_eq(ages_now(), UINT16_MAX); /* it never goes back */
}
END_TEST

static TCase *cases(void)
{
	TCase *tcase = tcase_create("ages");

	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_set_timeout(tcase, 60);
	tcase_add_test(tcase, moments_come_back);
	tcase_add_test(tcase, later_moments_have_no_smaller_codes);
	tcase_add_test(tcase, every_code_is_a_moment);
	tcase_add_test(tcase, blocks_keep_their_age_when_a_leaf_grows);
	tcase_add_test(tcase, a_slot_that_is_used_again_has_the_new_age);
	tcase_add_test(tcase, realloc_gives_a_new_age_and_none_if_it_fails);
	tcase_add_test(tcase, blocks_that_need_an_extra_have_ages_too);
	tcase_add_test(tcase, threads_look_often_where_events_are_rare);
	tcase_add_test(tcase, the_time_is_that_since_the_start);
	return tcase;
}

int main(void)
{
	return run_suite("ages", cases);
}
