/* links: analyzer */
/* SPDX-License-Identifier: MIT */
/* Comparisons beyond tracemalloc's vectors: marks, other orders, series. */
#include "diff.h"

#include "traces.h"

enum { SNAPSHOTS = 3 };
static struct intern *intern;
static struct snapshot snapshots[SNAPSHOTS];
static struct stats series[SNAPSHOTS];
static struct keys *keys;
static struct diff diff;

static const char *const texts[SNAPSHOTS] = {
	"{\"size\":100,\"count\":1,\"frames\":[[\"same.c\",1]]},{\"size\":50,\"count\":5,\"frames\":[[\"shrinks.c\",1]]},"
	"{\"size\":10,\"count\":1,\"frames\":[[\"grows.c\",1]]},{\"size\":70,\"frames\":[[\"goes.c\",1]]}",
	"{\"size\":100,\"count\":1,\"frames\":[[\"same.c\",1]]},{\"size\":60,\"count\":6,\"frames\":[[\"shrinks.c\",1]]},"
	"{\"size\":20,\"count\":2,\"frames\":[[\"grows.c\",1]]},{\"size\":1,\"frames\":[[\"between.c\",1]]}",
	"{\"size\":100,\"count\":1,\"frames\":[[\"same.c\",1]]},{\"size\":5,\"count\":4,\"frames\":[[\"shrinks.c\",1]]},"
	"{\"size\":30,\"count\":9,\"frames\":[[\"grows.c\",1]]},{\"size\":40,\"frames\":[[\"comes.c\",1]]}",
};

static void compare(size_t count, enum diff_sort sort)
{
	struct error error = {0};

	ck_assert_int_eq(diff_make(&diff, series + SNAPSHOTS - count, count, &(struct diff_options){.sort = sort}, &error), 0);
}

/* The newest group says it. */
static const char *file_of(const struct diff_row *row)
{
	struct frames frames;
	const char *file = NULL;

	frames_init(&frames);
	for (size_t i = SNAPSHOTS; i-- > 0 && !file;) {
		if (row->any < series[i].groups || row->any >= series[i].groups + series[i].count)
			continue;
		ck_assert_int_eq(stats_frames(&series[i], row->any, &frames), 0);
		file = frames.list[0].file;
	}
	frames_release(&frames);
	return file;
}

static const struct diff_row *row(const char *file)
{
	for (size_t i = 0; i < diff.count; i++) {
		if (strcmp(file_of(&diff.rows[i]), file) == 0)
			return &diff.rows[i];
	}
	ck_abort_msg("no row %s", file);
}

static void expect_order(const char *const *files)
{
	for (size_t i = 0; i < diff.count; i++)
		ck_assert_str_eq(file_of(&diff.rows[i]), files[i]);
}

START_TEST(marks_and_numbers)
{
	compare(3, SORT_DIFF);
	ck_assert_int_eq(row("same.c")->mark, DIFF_SAME);
	ck_assert_int_eq(row("grows.c")->mark, DIFF_CHANGED);
	ck_assert_int_eq(row("comes.c")->mark, DIFF_NEW);
	ck_assert_int_eq(row("goes.c")->mark, DIFF_GONE);
	ck_assert_int_eq((long long)row("goes.c")->size_diff, -70);
	ck_assert_int_eq((long long)row("goes.c")->size, 0);
	ck_assert_int_eq((long long)row("comes.c")->count_diff, 1);
	ck_assert_int_eq((long long)row("shrinks.c")->count_diff, -1);
	ck_assert_int_eq((long long)diff.size, 175);
	ck_assert_int_eq((long long)diff.size_diff, -55);
	ck_assert_int_eq((long long)diff.count_diff, 15 - 8);
}
END_TEST

START_TEST(a_series_knows_every_moment)
{
	compare(3, SORT_DIFF);
	ck_assert_uint_eq(diff.count, 6);
	ck_assert_uint_eq(row("grows.c")->grew, 2);
	ck_assert_uint_eq(row("shrinks.c")->grew, 1);
	ck_assert_uint_eq(row("between.c")->grew, 1);
	ck_assert_int_eq(row("between.c")->mark, DIFF_SAME);
	ck_assert_ptr_null(row("between.c")->groups[0]);
	ck_assert_int_eq((long long)row("between.c")->groups[1]->size, 1);
	ck_assert_ptr_null(row("between.c")->groups[2]);
	ck_assert_int_eq((long long)row("shrinks.c")->groups[1]->size, 60);
}
END_TEST

static const struct {
	enum diff_sort sort;
	const char *files[6];
} sorts[] = {
	{SORT_DIFF, {"goes.c", "shrinks.c", "comes.c", "grows.c", "same.c", "between.c"}},
	{SORT_GROWTH, {"comes.c", "grows.c", "same.c", "between.c", "shrinks.c", "goes.c"}},
	{SORT_SIZE, {"same.c", "comes.c", "grows.c", "shrinks.c", "goes.c", "between.c"}},
	{SORT_COUNT, {"grows.c", "shrinks.c", "comes.c", "same.c", "goes.c", "between.c"}},
	{SORT_COUNT_GROWTH, {"grows.c", "comes.c", "same.c", "between.c", "goes.c", "shrinks.c"}},
};

START_TEST(orders)
{
	compare(3, sorts[_i].sort);
	expect_order(sorts[_i].files);
}
END_TEST

START_TEST(functions_of_one_file_stay_apart)
{
	struct stats_options options = {.key = KEY_FUNCTION, .attribution = {.mode = ATTRIBUTE_RAW}, .keys = keys};
	struct snapshot pair[2];
	struct stats stats[2];
	struct error error = {0};

	traces_read(&pair[0], intern, "a", "{\"size\":1,\"frames\":[[\"a.c\",1,\"f\"]]}");
	traces_read(&pair[1], intern, "b", "{\"size\":1,\"frames\":[[\"a.c\",1,\"g\"]]}");
	for (size_t i = 0; i < 2; i++)
		ck_assert_int_eq(stats_make(&stats[i], &pair[i], &options, &error), 0);
	ck_assert_int_eq(diff_make(&diff, stats, 2, &(struct diff_options){SORT_DIFF, NULL}, &error), 0);
	ck_assert_uint_eq(diff.count, 2);
	for (size_t i = 0; i < 2; i++) {
		stats_release(&stats[i]);
		snapshot_release(&pair[i]);
	}
}
END_TEST

START_TEST(nothing_at_all)
{
	struct stats empty[2] = {0};
	struct error error = {0};

	ck_assert_int_eq(diff_make(&diff, empty, 2, &(struct diff_options){SORT_DIFF, NULL}, &error), 0);
	ck_assert_uint_eq(diff.count, 0);
}
END_TEST

static void set_up(void)
{
	struct stats_options raw = {.attribution = {.mode = ATTRIBUTE_RAW}};
	struct error error = {0};

	intern = intern_new();
	raw.keys = keys = keys_new();
	for (size_t i = 0; i < SNAPSHOTS; i++) {
		traces_read(&snapshots[i], intern, "test", texts[i]);
		ck_assert_int_eq(stats_make(&series[i], &snapshots[i], &raw, &error), 0);
	}
}

static void tear_down(void)
{
	diff_release(&diff);
	for (size_t i = 0; i < SNAPSHOTS; i++) {
		stats_release(&series[i]);
		snapshot_release(&snapshots[i]);
	}
	keys_free(keys);
	intern_free(intern);
}

int main(void)
{
	Suite *suite = suite_create("diff");
	TCase *group = tcase_create("diff");
	SRunner *runner;
	int failed;

	tcase_add_checked_fixture(group, set_up, tear_down);
	tcase_add_test(group, marks_and_numbers);
	tcase_add_test(group, a_series_knows_every_moment);
	tcase_add_loop_test(group, orders, 0, sizeof(sorts) / sizeof(*sorts));
	tcase_add_test(group, functions_of_one_file_stay_apart);
	tcase_add_test(group, nothing_at_all);
	suite_add_tcase(suite, group);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
