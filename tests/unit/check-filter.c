/* links: analyzer */
/* SPDX-License-Identifier: MIT */
/* Patterns against CPython's answers, SPECs, and lists of filters on frames. */
#include "filter.h"
#include "traces.h"

static struct intern *intern;

static bool ends_in_pyc(const char *text)
{
	size_t length = strlen(text);

	return length >= 4 && strcmp(text + length - 4, ".pyc") == 0;
}

START_TEST(patterns_of_cpython)
{
	json_t *vectors = vectors_load();
	const json_t *list = json_object_get(vectors, "filter_pattern"), *one;
	size_t i, checked = 0;

	ck_assert_uint_eq(json_array_size(list), 98);
	json_array_foreach(list, i, one)
	{
		const char *pattern = json_string_value(json_array_get(one, 0)), *name = json_string_value(json_array_get(one, 1));
		/* The rule that .pyc is the same as .py is CPython's own affair. */
		if (ends_in_pyc(pattern) != ends_in_pyc(name))
			continue;
		ck_assert_msg(pattern_match(pattern, name) == json_is_true(json_array_get(one, 2)), "'%s' on '%s'", pattern, name);
		checked++;
	}
	ck_assert_uint_ge(checked, 90);
	list = json_object_get(vectors, "libc_fnmatch_differences");
	json_array_foreach(list, i, one)
	{
		const char *pattern = json_string_value(json_array_get(one, 0)), *name = json_string_value(json_array_get(one, 1));
		ck_assert_msg(pattern_match(pattern, name) == json_is_true(json_array_get(one, 2)), "'%s' on '%s'", pattern, name);
	}
	json_decref(vectors);
}
END_TEST

/* What CPython 3.11 answers where reversed ranges stand in front of a '!'; and bytes that are not UTF-8. */
START_TEST(odd_sets)
{
	ck_assert(!pattern_match("[z-a!b]", "b"));
	ck_assert(pattern_match("[z-a!b]", "c"));
	ck_assert(!pattern_match("[z-a!-c]", "c"));
	ck_assert(!pattern_match("[z-a!-c]", "-"));
	ck_assert(pattern_match("[z-a!-c]", "b"));
	ck_assert(pattern_match("?", "\xff"));
	ck_assert(!pattern_match("?", "\xc3\xc3"));
	ck_assert(pattern_match("[\xff]", "\xff"));
}
END_TEST

START_TEST(long_patterns_end)
{
	char pattern[401], name[4001];

	for (size_t i = 0; i < 400; i += 2)
		memcpy(pattern + i, "*a", 3);
	memset(name, 'a', 4000);
	name[4000] = '\0';
	name[3999] = 'b';
	ck_assert(!pattern_match(pattern, name));
	name[3999] = 'a';
	ck_assert(pattern_match(pattern, name));
}
END_TEST

static const struct {
	const char *spec, *pattern;
	int64_t line;
	bool all_frames;
	int64_t domain;
} specs[] = {
	{"a.c", "a.c", -1, false, -1},
	{"a.c:10", "a.c", 10, false, -1},
	{"a.c:0", "a.c", 0, false, -1},
	{"a:b:7@all-frames@domain=3", "a:b", 7, true, 3},
	{"a.c@domain=0@all-frames", "a.c", -1, true, 0},
	{"@domain=4294967295", NULL, -1, false, 4294967295},
	{"a.c:x", "a.c:x", -1, false, -1},
	{"a.c:99999999999", "a.c:99999999999", -1, false, -1},
	{"user@host.c", "user@host.c", -1, false, -1},
	{"<unknown>", "<unknown>", -1, false, -1},
};

START_TEST(good_specs)
{
	struct error error = {0};
	struct filter filter;

	ck_assert_msg(filter_parse(&filter, true, specs[_i].spec, intern, &error) == 0, "%s", error.text);
	if (specs[_i].pattern)
		ck_assert_str_eq(filter.pattern, specs[_i].pattern);
	else
		ck_assert_ptr_null(filter.pattern);
	ck_assert_int_eq(filter.line, specs[_i].line);
	ck_assert_int_eq(filter.domain, specs[_i].domain);
	ck_assert(filter.all_frames == specs[_i].all_frames && filter.inclusive);
}
END_TEST

static const char *const bad_specs[] = {"", "@all-frames", "a@domain=x", "a@domain=4294967296", "a@domain=-1", "base:a.c", "func:main"};

START_TEST(refused_specs)
{
	struct error error = {0};
	struct filter filter;

	ck_assert_int_eq(filter_parse(&filter, true, bad_specs[_i], intern, &error), -1);
	ck_assert_ptr_nonnull(strstr(error.text, "bad filter '"));
}
END_TEST

static bool passes(const char *const *include, const char *const *exclude, const char *root, size_t attributed)
{
	struct frame list[] = {{.file = "/src/lib/xmalloc.c", .line = 3}, {.file = "/src/app/cache.c", .line = 42}, {.file = "main.c"}};
	struct error error = {0};
	struct filters filters;
	uint64_t bits[3], any = 0;
	bool result;

	ck_assert_int_eq(filters_init(&filters, include, exclude, intern, &error), 0);
	filters.source_root = root;
	ck_assert_uint_eq(filters_words(&filters), 1);
	for (size_t i = 0; i < 3; i++) {
		filters_match(&filters, &list[i], &bits[i]);
		any |= bits[i];
	}
	result = filters_decide(&filters, &bits[attributed], &any, 5);
	filters_release(&filters);
	return result;
}

#define SPECS(...) ((const char *const[]){__VA_ARGS__ __VA_OPT__(, ) NULL})

START_TEST(lists)
{
	ck_assert(passes(SPECS(), SPECS(), NULL, 0));
	ck_assert(passes(SPECS("*xmalloc.c:3"), SPECS(), NULL, 0));
	ck_assert(!passes(SPECS("*xmalloc.c:4"), SPECS(), NULL, 0));
	ck_assert(!passes(SPECS("main.c"), SPECS(), NULL, 0));
	ck_assert(passes(SPECS("main.c@all-frames"), SPECS(), NULL, 0));
	ck_assert(passes(SPECS("main.c:0@all-frames@domain=5"), SPECS(), NULL, 0));
	ck_assert(!passes(SPECS("main.c@all-frames@domain=6"), SPECS(), NULL, 0));
	ck_assert(passes(SPECS("nothing", "@domain=5"), SPECS(), NULL, 0));
	ck_assert(!passes(SPECS("*"), SPECS("@domain=5"), NULL, 0));
	ck_assert(passes(SPECS(), SPECS("*@domain=4"), NULL, 0));
	/* The attributed frame stands for the innermost one. */
	ck_assert(passes(SPECS("*cache.c"), SPECS(), NULL, 1));
	ck_assert(!passes(SPECS("*cache.c"), SPECS(), NULL, 0));
}
END_TEST

START_TEST(names_below_the_root)
{
	ck_assert(passes(SPECS("app/cache.c:42"), SPECS(), "/src", 1));
	ck_assert(passes(SPECS("/src/app/cache.c"), SPECS(), "/src", 1));
	ck_assert(!passes(SPECS("app/cache.c"), SPECS(), "/sr", 1));
	ck_assert(!passes(SPECS("app/cache.c"), SPECS(), NULL, 1));
	ck_assert_ptr_null(filter_relative("/src", "/src/"));
	ck_assert_ptr_null(filter_relative("/src", "/srcs/a.c"));
}
END_TEST

static void set_up(void)
{
	intern = intern_new();
}

static void tear_down(void)
{
	intern_free(intern);
}

int main(void)
{
	Suite *suite = suite_create("filter");
	TCase *group = tcase_create("filter");
	SRunner *runner;
	int failed;

	tcase_add_checked_fixture(group, set_up, tear_down);
	tcase_add_test(group, patterns_of_cpython);
	tcase_add_test(group, odd_sets);
	tcase_add_test(group, long_patterns_end);
	tcase_add_loop_test(group, good_specs, 0, sizeof(specs) / sizeof(*specs));
	tcase_add_loop_test(group, refused_specs, 0, sizeof(bad_specs) / sizeof(*bad_specs));
	tcase_add_test(group, lists);
	tcase_add_test(group, names_below_the_root);
	suite_add_tcase(suite, group);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
