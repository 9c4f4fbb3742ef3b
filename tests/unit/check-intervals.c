/* links: analyzer */
/* SPDX-License-Identifier: MIT */
/* Address ranges that nest and overlap: every answer is compared with a search through all of them. */
#include <check.h>
#include <stdlib.h>

#include "intervals.h"

static struct intervals intervals;

static void teardown(void)
{
	intervals_release(&intervals);
}

static void add(uint64_t low, uint64_t high, uint32_t value)
{
	ck_assert_int_eq(intervals_add(&intervals, &(struct interval){.low = low, .high = high, .value = value, .rank = value}), 0);
}

static uint32_t value_at(uint64_t address)
{
	uint32_t found = intervals_find(&intervals, address);

	return found == INTERVAL_NONE ? INTERVAL_NONE : intervals.list[found].value;
}

START_TEST(innermost_is_found)
{
	add(10, 100, 1);
	add(20, 50, 2);
	add(20, 50, 3);
	add(60, 60, 4); /* empty */
	add(40, 70, 5); /* overlaps */
	intervals_finish(&intervals);
	ck_assert_uint_eq(value_at(9), INTERVAL_NONE);
	ck_assert_uint_eq(value_at(10), 1);
	ck_assert_uint_eq(value_at(20), 3);
	ck_assert_uint_eq(value_at(45), 5);
	ck_assert_uint_eq(value_at(60), 5);
	ck_assert_uint_eq(value_at(70), 1);
	ck_assert_uint_eq(value_at(100), INTERVAL_NONE);
}
END_TEST

START_TEST(open_ones_end_at_the_next_start)
{
	add(20, 30, 1);
	ck_assert_int_eq(intervals_add(&intervals, &(struct interval){.low = 10, .high = 90, .value = 2, .open = true}), 0);
	ck_assert_int_eq(intervals_add(&intervals, &(struct interval){.low = 10, .high = 90, .value = 3, .rank = 9, .open = true}), 0);
	ck_assert_int_eq(intervals_add(&intervals, &(struct interval){.low = 40, .high = 90, .value = 4, .open = true}), 0);
	intervals_finish(&intervals);
	ck_assert_uint_eq(value_at(19), 3);
	ck_assert_uint_eq(value_at(29), 1);
	ck_assert_uint_eq(value_at(30), INTERVAL_NONE);
	ck_assert_uint_eq(value_at(89), 4);
	ck_assert_uint_eq(value_at(90), INTERVAL_NONE);
}
END_TEST

START_TEST(nothing_is_found_in_nothing)
{
	intervals_finish(&intervals);
	ck_assert_uint_eq(intervals_find(&intervals, 0), INTERVAL_NONE);
	ck_assert_uint_eq(intervals_find(&intervals, UINT64_MAX), INTERVAL_NONE);
}
END_TEST

/* The chain from the innermost one outward names all intervals with the address, each once. */
START_TEST(chain_names_all_that_contain_the_address)
{
	enum { COUNT = 60, SPACE = 200 };

	srand((unsigned)_i);
	for (uint32_t i = 0; i < COUNT; i++) {
		uint64_t low = (uint64_t)(rand() % SPACE), high = low + (uint64_t)(rand() % (_i % 2 ? 12 : SPACE));
		add(low, high, i);
	}
	intervals_finish(&intervals);
	for (uint64_t address = 0; address < 2 * SPACE; address++) {
		size_t expected = 0, met = 0;
		for (size_t i = 0; i < intervals.count; i++)
			expected += intervals.list[i].low <= address && address < intervals.list[i].high;
		for (uint32_t i = intervals_find(&intervals, address); i != INTERVAL_NONE; i = intervals_outer(&intervals, i, address)) {
			ck_assert(intervals.list[i].low <= address && address < intervals.list[i].high);
			met++;
		}
		/* Of overlapping ones that do not nest, those between may be left out, but never all. */
		ck_assert_uint_le(met, expected);
		ck_assert_int_eq(met > 0, expected > 0);
	}
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("intervals");
	TCase *tcase = tcase_create("intervals");
	SRunner *runner;
	int failed;

	tcase_add_checked_fixture(tcase, NULL, teardown);
	tcase_add_test(tcase, innermost_is_found);
	tcase_add_test(tcase, open_ones_end_at_the_next_start);
	tcase_add_test(tcase, nothing_is_found_in_nothing);
	tcase_add_loop_test(tcase, chain_names_all_that_contain_the_address, 0, 100);
	suite_add_tcase(suite, tcase);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
