/* links: analyzer */
/* SPDX-License-Identifier: MIT */
/* Size texts against CPython's own answers (tests/data/vectors), and what options accept as sizes and times. */
#include <check.h>
#include <jansson.h>
#include <stdlib.h>

#include "size-text.h"

#define VECTORS "tests/data/vectors/tracemalloc.json"

START_TEST(text_is_cpythons)
{
	json_error_t problem;
	json_t *vectors = json_load_file(VECTORS, JSON_DECODE_INT_AS_REAL, &problem);
	char buffer[SIZE_TEXT_MAX];
	size_t index;
	json_t *vector;

	ck_assert_msg(vectors != NULL, "%s: %s", VECTORS, problem.text);
	json_t *cases = json_object_get(vectors, "format_size");
	ck_assert_uint_eq(json_array_size(cases), 246);
	json_array_foreach(cases, index, vector)
	{
		double size = json_number_value(json_array_get(vector, 0));
		bool sign = json_is_true(json_array_get(vector, 1));
		ck_assert_str_eq(size_text(buffer, size, sign), json_string_value(json_array_get(vector, 2)));
	}
	json_decref(vectors);
}
END_TEST

static const struct {
	const char *text;
	unsigned long long value;
} sizes[] = {
	{"0", 0},
	{"4096", 4096},
	{"4096B", 4096},
	{"64K", 65536},
	{"64k", 65536},
	{"64KiB", 65536},
	{"1.5MiB", 1572864},
	{"1.5M", 1572864},
	{"2G", 2147483648},
	{"1T", 1099511627776},
	{"0.1K", 102},
	{"9007199254740993", 9007199254740993},
	{"18446744073709551615", 18446744073709551615ULL},
};

START_TEST(sizes_parse)
{
	unsigned long long value = 1;

	ck_assert_int_eq(size_parse(sizes[_i].text, &value), 0);
	ck_assert_uint_eq(value, sizes[_i].value);
}
END_TEST

static const char *const not_sizes[] = {"",         "K",  "kB", "64kB", "64KB", "64kib", "-1",    "+1",   " 1",
					"1 ",       "1.", ".5", "1.5",  "1e3",  "0x10",  "1KiBs", "64Ki", "18446744073709551616",
					"16777216T"};

START_TEST(what_is_no_size)
{
	unsigned long long value;

	ck_assert_int_eq(size_parse(not_sizes[_i], &value), -1);
}
END_TEST

static const struct {
	const char *text;
	unsigned long long value;
} times[] = {
	{"30", 30000000000}, {"10s", 10000000000}, {"2m", 120000000000}, {"1.5h", 5400000000000}, {"0.25s", 250000000}, {"0", 0},
};

START_TEST(times_parse)
{
	unsigned long long value = 1;

	ck_assert_int_eq(time_parse(times[_i].text, &value), 0);
	ck_assert_uint_eq(value, times[_i].value);
}
END_TEST

static const char *const not_times[] = {"", "s", "1w", "1ms", "-1s", "1 s", "1.s", "10S", "6000000h"};

START_TEST(what_is_no_time)
{
	unsigned long long value;

	ck_assert_int_eq(time_parse(not_times[_i], &value), -1);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("size-text");
	TCase *cases = tcase_create("size-text");

	tcase_add_test(cases, text_is_cpythons);
	tcase_add_loop_test(cases, sizes_parse, 0, sizeof(sizes) / sizeof(sizes[0]));
	tcase_add_loop_test(cases, what_is_no_size, 0, sizeof(not_sizes) / sizeof(not_sizes[0]));
	tcase_add_loop_test(cases, times_parse, 0, sizeof(times) / sizeof(times[0]));
	tcase_add_loop_test(cases, what_is_no_time, 0, sizeof(not_times) / sizeof(not_times[0]));
	suite_add_tcase(suite, cases);
	SRunner *runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	int failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
