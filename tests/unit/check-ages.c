/* links: analyzer */
/* SPDX-License-Identifier: MIT */
/* Lists of ages: how they are rounded and collected, added up over processes, and what is left of a snapshot when some are picked out. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "ages.h"

#define SECOND UINT64_C(1000000000)

static struct intern *intern;
static struct snapshot snapshot;
static struct error error;

/* Stack 0: 10 of 1 s, 20 of 100 s; stack 1: 5 of 100 s; stack 2 lived. */
static void fill(struct snapshot *to)
{
	static const struct age ages[] = {{1, 100, 5, 500, 9}, {0, 100, 15, 1500, 2}, {0, 1, 10, 1000, 1}, {0, 100, 5, 500, 1}};
	struct age_list list;

	snapshot_init(to, intern);
	to->name = "some.hds";
	ck_assert_int_eq(snapshot_reserve_stacks(to, 3), 0);
	to->stacks[0] = (struct stack){.live_blocks = 30, .live_bytes = 3000, .variance = 4, .total_blocks = 99};
	to->stacks[1] = (struct stack){.live_blocks = 5, .live_bytes = 500, .variance = 9};
	to->stacks[2] = (struct stack){.total_blocks = 7};
	to->stack_count = 3;
	age_list_init(&list);
	for (size_t i = 0; i < sizeof(ages) / sizeof(ages[0]); i++)
		ck_assert_int_eq(age_list_add(&list, &ages[i]), 0);
	age_list_move(&list, to);
}

static void setup(void)
{
	intern = intern_new();
	error = (struct error){0};
	fill(&snapshot);
}

static void teardown(void)
{
	snapshot_release(&snapshot);
	intern_free(intern);
}

START_TEST(ages_are_exact_at_first_and_then_to_a_part)
{
	ck_assert_uint_eq(age_rounded(0), 0);
	ck_assert_uint_eq(age_rounded(SECOND - 1), 0);
	for (uint64_t seconds = 0; seconds < 64; seconds++)
		ck_assert_uint_eq(age_rounded(seconds * SECOND), seconds);
	for (uint64_t seconds = 64; seconds < 2000000; seconds += 997) {
		uint32_t rounded = age_rounded(seconds * SECOND);
		ck_assert_uint_le(rounded, seconds);
		ck_assert_uint_lt((seconds - rounded) * 32, seconds);
		ck_assert_uint_eq(age_rounded(rounded * SECOND), rounded);
	}
	ck_assert_uint_eq(age_rounded(UINT64_MAX), age_rounded((UINT64_MAX / SECOND) * SECOND));
}
END_TEST

START_TEST(equal_ages_of_a_stack_are_one)
{
	ck_assert(snapshot.has_ages);
	ck_assert_uint_eq(snapshot.age_count, 3);
	ck_assert_uint_eq(snapshot.ages[0].seconds, 1);
	ck_assert_uint_eq(snapshot.ages[1].seconds, 100);
	ck_assert_uint_eq(snapshot.ages[1].blocks, 20);
	ck_assert_uint_eq(snapshot.ages[1].bytes, 2000);
	ck_assert_uint_eq(snapshot.ages[1].variance, 3);
	ck_assert_uint_eq(snapshot.ages[2].stack, 1);
}
END_TEST

static const struct {
	unsigned long long older, newer; /* seconds; AGES_UNSET */
	uint64_t first, second;          /* bytes that are left */
} picks[] = {
	{AGES_UNSET, AGES_UNSET, 3000, 500},
	{100, AGES_UNSET, 2000, 500},
	{101, AGES_UNSET, 0, 0},
	{0, AGES_UNSET, 3000, 500},
	{AGES_UNSET, 100, 1000, 0},
	{AGES_UNSET, 101, 3000, 500},
	{AGES_UNSET, 0, 0, 0},
	{2, 100, 0, 0},
	{1, 2, 1000, 0},
};

static unsigned long long in_nanoseconds(unsigned long long seconds)
{
	return seconds == AGES_UNSET ? AGES_UNSET : seconds * SECOND;
}

START_TEST(what_is_picked_is_left)
{
	ck_assert_int_eq(ages_select(&snapshot, in_nanoseconds(picks[_i].older), in_nanoseconds(picks[_i].newer), &error), 0);
	ck_assert_uint_eq(snapshot.stacks[0].live_bytes, picks[_i].first);
	ck_assert_uint_eq(snapshot.stacks[0].live_blocks, picks[_i].first / 100);
	ck_assert_uint_eq(snapshot.stacks[1].live_bytes, picks[_i].second);
	ck_assert_uint_eq(snapshot.stacks[1].variance, picks[_i].second ? 9 : 0);
	ck_assert_uint_eq(snapshot.stacks[0].total_blocks, 99);
	ck_assert_uint_eq(snapshot.stack_count, 3);
}
END_TEST

START_TEST(a_list_of_blocks_does_not_outlive_the_picking)
{
	snapshot.blocks = calloc(1, sizeof(*snapshot.blocks));
	snapshot.block_count = 1;
	ck_assert_int_eq(ages_select(&snapshot, 0, AGES_UNSET, &error), 0);
	ck_assert_uint_eq(snapshot.block_count, 0);
}
END_TEST

START_TEST(who_does_not_know_says_so)
{
	snapshot.has_ages = false;
	ck_assert_int_eq(ages_select(&snapshot, AGES_UNSET, AGES_UNSET, &error), 0);
	ck_assert_int_eq(ages_select(&snapshot, SECOND, AGES_UNSET, &error), -1);
	ck_assert_str_eq(error.text, "'some.hds' does not say how old its blocks are");
	error = (struct error){0};
	snapshot.kind = SNAPSHOT_JSON;
	ck_assert_int_eq(ages_select(&snapshot, AGES_UNSET, SECOND, &error), -1);
	ck_assert_ptr_nonnull(strstr(error.text, "interchange JSON"));
}
END_TEST

START_TEST(processes_are_added_up)
{
	struct snapshot sum, ignorant;

	snapshot_init(&sum, intern);
	ck_assert_int_eq(ages_append(&sum, &snapshot, 0), 0);
	ck_assert_int_eq(ages_append(&sum, &snapshot, 3), 0);
	ck_assert(sum.has_ages);
	ck_assert_uint_eq(sum.age_count, 6);
	ck_assert_uint_eq(sum.ages[5].stack, 4);
	ck_assert_uint_eq(sum.ages[5].bytes, 500);
	snapshot_init(&ignorant, intern);
	ck_assert_int_eq(ages_append(&sum, &ignorant, 6), 0);
	ck_assert(!sum.has_ages);
	ck_assert_uint_eq(sum.age_count, 0);
	ck_assert_int_eq(ages_append(&sum, &snapshot, 9), 0);
	ck_assert(!sum.has_ages);
	snapshot_release(&sum);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("ages");
	TCase *tcase = tcase_create("ages");
	SRunner *runner = srunner_create(suite);

	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_test(tcase, ages_are_exact_at_first_and_then_to_a_part);
	tcase_add_test(tcase, equal_ages_of_a_stack_are_one);
	tcase_add_loop_test(tcase, what_is_picked_is_left, 0, sizeof(picks) / sizeof(picks[0]));
	tcase_add_test(tcase, a_list_of_blocks_does_not_outlive_the_picking);
	tcase_add_test(tcase, who_does_not_know_says_so);
	tcase_add_test(tcase, processes_are_added_up);
	suite_add_tcase(suite, tcase);
	srunner_run_all(runner, CK_NORMAL);
	int failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
