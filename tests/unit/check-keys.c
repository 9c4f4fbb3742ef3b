/* links: analyzer */
/* SPDX-License-Identifier: MIT */
/* Keys as numbers: equal lists, tracemalloc's order, and how many steps it takes to find and to compare them. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "intern.h"
#include "keys.h"

static struct intern *intern;
static struct keys *keys;

static void setup(void)
{
	intern = intern_new();
	keys = keys_new();
}

static void teardown(void)
{
	keys_free(keys);
	intern_free(intern);
}

static uint32_t frame(const char *file, uint32_t line)
{
	return keys_frame(keys, intern_add(intern, file), line, NULL);
}

/* A list of lines of one file, outermost first. */
static uint32_t list(const uint32_t *lines, size_t count)
{
	uint32_t key = KEYS_EMPTY;

	for (size_t i = 0; i < count; i++)
		key = keys_list(keys, key, frame("a.c", lines[i]));
	return key;
}

START_TEST(equal_lists_are_one_number)
{
	const char *f = intern_add(intern, "f"), *file = intern_add(intern, "a.c");
	uint32_t a = list((uint32_t[]){1, 2, 3}, 3), b = list((uint32_t[]){1, 2, 4}, 3);

	ck_assert_uint_eq(list((uint32_t[]){1, 2, 3}, 3), a);
	ck_assert_uint_eq(list((uint32_t[]){1, 2, 4}, 3), b);
	ck_assert_uint_ne(a, b);
	ck_assert_uint_ne(list((uint32_t[]){1, 2}, 2), a);
	ck_assert_uint_ne(list((uint32_t[]){2, 1, 3}, 3), a);
	ck_assert_uint_ne(keys_frame(keys, file, 1, f), keys_frame(keys, file, 1, NULL));
	ck_assert_uint_eq(keys_frame(keys, file, 1, f), keys_frame(keys, file, 1, f));
	/* More continuations of one list than are linked. */
	for (uint32_t round = 0; round < 2; round++) {
		for (uint32_t line = 0; line < 100; line++)
			ck_assert_uint_eq(list((uint32_t[]){7, line}, 2), list((uint32_t[]){7, line}, 2));
	}
	ck_assert_uint_eq(keys_count(keys), 1 + 4 + 3 + 101);
}
END_TEST

START_TEST(order_of_tracebacks)
{
	uint32_t a = keys_list(keys, keys_list(keys, KEYS_EMPTY, frame("main.c", 1)), frame("in.c", 9));
	uint32_t b = keys_list(keys, keys_list(keys, KEYS_EMPTY, frame("main.c", 2)), frame("in.c", 1));
	uint32_t shorter = keys_list(keys, KEYS_EMPTY, frame("main.c", 1));

	/* The oldest frame decides first; a strict prefix (from there) is smaller. */
	ck_assert_int_lt(keys_compare(keys, a, b), 0);
	ck_assert_int_gt(keys_compare(keys, b, a), 0);
	ck_assert_int_lt(keys_compare(keys, shorter, a), 0);
	ck_assert_int_gt(keys_compare(keys, a, shorter), 0);
	ck_assert_int_eq(keys_compare(keys, a, a), 0);
	ck_assert_int_lt(keys_compare(keys, KEYS_EMPTY, shorter), 0);
	/* Lines are numbers, files bytes, functions the last resort. */
	ck_assert_int_lt(keys_compare(keys, list((uint32_t[]){9}, 1), list((uint32_t[]){10}, 1)), 0);
	ck_assert_int_lt(keys_compare(keys, keys_list(keys, 0, frame("b.c", 9)), keys_list(keys, 0, frame("\xc3", 1))), 0);
	uint32_t f = keys_frame(keys, intern_add(intern, "a.c"), 0, intern_add(intern, "f"));
	uint32_t g = keys_frame(keys, intern_add(intern, "a.c"), 0, intern_add(intern, "g"));
	ck_assert_int_lt(keys_compare(keys, keys_list(keys, 0, f), keys_list(keys, 0, g)), 0);
	ck_assert_int_lt(keys_compare(keys, keys_list(keys, 0, frame("a.c", 0)), keys_list(keys, 0, f)), 0);
}
END_TEST

static int compare_lines(const uint32_t *a, size_t a_count, const uint32_t *b, size_t b_count)
{
	for (size_t i = 0; i < a_count && i < b_count; i++) {
		if (a[i] != b[i])
			return a[i] < b[i] ? -1 : 1;
	}
	return (a_count > b_count) - (a_count < b_count);
}

static int sign(int number)
{
	return (number > 0) - (number < 0);
}

/* Random lists that share long beginnings, against a comparison line by line. */
START_TEST(order_is_that_of_the_lines)
{
	enum { LISTS = 300, LONGEST = 70 };
	static uint32_t lines[LISTS][LONGEST], numbers[LISTS];
	static size_t counts[LISTS];

	srand(7);
	for (int i = 0; i < LISTS; i++) {
		int from = i ? rand() % i : 0;
		counts[i] = 1 + (size_t)rand() % LONGEST;
		for (size_t at = 0; at < counts[i]; at++)
			lines[i][at] = i && at < counts[from] && rand() % 40 ? lines[from][at] : (uint32_t)rand() % 3;
		numbers[i] = list(lines[i], counts[i]);
	}
	for (int i = 0; i < LISTS; i++) {
		for (int j = 0; j < LISTS; j++) {
			int order = compare_lines(lines[i], counts[i], lines[j], counts[j]);
			ck_assert_int_eq(sign(keys_compare(keys, numbers[i], numbers[j])), order);
			ck_assert_int_eq(numbers[i] == numbers[j], order == 0);
		}
	}
}
END_TEST

/* Two hundred thousand frames deep, parting at any depth: a walk would take as many steps. */
START_TEST(deep_lists_are_compared_in_few_steps)
{
	enum { DEPTH = 200000, BRANCHES = 100 };
	uint32_t spine = KEYS_EMPTY, ends[BRANCHES];
	size_t before;

	for (uint32_t i = 0; i < DEPTH; i++) {
		spine = keys_list(keys, spine, frame("a.c", 1));
		if (i % (DEPTH / BRANCHES) == 0)
			ends[i / (DEPTH / BRANCHES)] = spine;
	}
	for (uint32_t i = 0; i < BRANCHES; i++) {
		for (uint32_t at = 0; at < DEPTH / 10; at++)
			ends[i] = keys_list(keys, ends[i], frame("a.c", 2));
	}
	before = keys_steps(keys);
	for (uint32_t i = 0; i < BRANCHES; i++) {
		for (uint32_t j = 0; j < BRANCHES; j++)
			ck_assert_int_eq(keys_compare(keys, ends[i], ends[j]), i < j ? 1 : i > j ? -1 : 0);
		ck_assert_int_lt(keys_compare(keys, spine, ends[i]), 0);
	}
	/* 3 log2 of the depth, twice. */
	ck_assert_uint_lt(keys_steps(keys) - before, BRANCHES * (BRANCHES + 1) * 6 * 18);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("keys");
	TCase *cases = tcase_create("keys");

	tcase_set_timeout(cases, 60);
	tcase_add_checked_fixture(cases, setup, teardown);
	tcase_add_test(cases, equal_lists_are_one_number);
	tcase_add_test(cases, order_of_tracebacks);
	tcase_add_test(cases, order_is_that_of_the_lines);
	tcase_add_test(cases, deep_lists_are_compared_in_few_steps);
	suite_add_tcase(suite, cases);
	SRunner *runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	int failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
