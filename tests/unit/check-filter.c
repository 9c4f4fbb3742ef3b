/* links: analyzer */
/* SPDX-License-Identifier: MIT */
/* Patterns against CPython's answers, SPECs, and lists of filters on frames. */
#include "filter.h"
#include "pattern.h"
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
	enum filter_subject subject;
} specs[] = {
	{"a.c", "a.c", -1, false, -1, FILTER_FILE},
	{"a.c:10", "a.c", 10, false, -1, FILTER_FILE},
	{"a.c:0", "a.c", 0, false, -1, FILTER_FILE},
	{"a:b:7@all-frames@domain=3", "a:b", 7, true, 3, FILTER_FILE},
	{"a.c@domain=0@all-frames", "a.c", -1, true, 0, FILTER_FILE},
	{"@domain=4294967295", NULL, -1, false, 4294967295, FILTER_FILE},
	{"a.c:x", "a.c:x", -1, false, -1, FILTER_FILE},
	{"a.c:99999999999", "a.c:99999999999", -1, false, -1, FILTER_FILE},
	{"user@host.c", "user@host.c", -1, false, -1, FILTER_FILE},
	{"<unknown>", "<unknown>", -1, false, -1, FILTER_FILE},
	/* Digits behind a colon that belong to the name; and a name that begins like a prefix. */
	{"a[:]10", "a[:]10", -1, false, -1, FILTER_FILE},
	{"a[@]domain=3", "a[@]domain=3", -1, false, -1, FILTER_FILE},
	{"file:func:x", "func:x", -1, false, -1, FILTER_FILE},
	{"file:a.c:3", "a.c", 3, false, -1, FILTER_FILE},
	{"base:cache.c:42", "cache.c", 42, false, -1, FILTER_BASE},
	{"func:Cache::put", "Cache::put", -1, false, -1, FILTER_FUNCTION},
	{"func:Cache::put:7@all-frames", "Cache::put", 7, true, -1, FILTER_FUNCTION},
	{"module:libfoo.so.3@all-frames", "libfoo.so.3", -1, true, -1, FILTER_MODULE},
	{"thread:worker@domain=1", "worker", -1, false, 1, FILTER_THREAD},
	{"process:nc host:80", "nc host:80", -1, false, -1, FILTER_PROCESS},
	{"File:a.c", "File:a.c", -1, false, -1, FILTER_FILE},
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
	ck_assert_int_eq(filter.subject, specs[_i].subject);
	ck_assert_int_eq(filter.line, specs[_i].line);
	ck_assert_int_eq(filter.domain, specs[_i].domain);
	ck_assert(filter.all_frames == specs[_i].all_frames && filter.inclusive);
}
END_TEST

static const char *const bad_specs[] = {"",      "@all-frames",      "a@domain=x",     "a@domain=4294967296", "a@domain=-1",
					"file:", "base:@all-frames", "func:@domain=1", "thread:a@all-frames", "process:1@all-frames"};

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
	result = filters_decide(&filters, &(struct filter_facts){&bits[attributed], &any, &bits[2], NULL, 5});
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

/* Does one SPEC have this frame, or this process? */
static bool has(const char *spec, const struct frame *frame, const char *process)
{
	struct error error = {0};
	struct filters filters;
	uint64_t bits;

	ck_assert_msg(filters_init(&filters, SPECS(spec), NULL, intern, &error) == 0, "%s", error.text);
	filters.source_root = "/src";
	if (frame)
		filters_match(&filters, frame, &bits);
	else
		filters_match_process(&filters, process, &bits);
	filters_release(&filters);
	return bits;
}

START_TEST(subjects)
{
	const struct frame put = {.file = "/src/app/cache.c",
				  .line = 42,
				  .function = "void app::Cache<int>::put(std::string const&)",
				  .module = "/usr/lib/libapp.so.3"};
	const struct frame bare = {.file = "libapp.so.3+0x10", .module = "/usr/lib/libapp.so.3"};

	ck_assert(has("file:app/cache.c", &put, NULL) && !has("file:cache.c", &put, NULL));
	ck_assert(has("base:cache.c", &put, NULL) && has("base:cache.?:42", &put, NULL));
	ck_assert(!has("base:cache.c:41", &put, NULL) && !has("base:app/cache.c", &put, NULL) && !has("base:cache", &put, NULL));
	ck_assert(has("func:app::Cache<int>::put", &put, NULL) && has("func:app::Cache<*>::put:42", &put, NULL));
	ck_assert(has("func:void app::Cache<int>::put(std::string const&)", &put, NULL));
	ck_assert(!has("func:put", &put, NULL) && !has("func:*", &bare, NULL) && !has("func:app::Cache<int>", &put, NULL));
	ck_assert(has("module:libapp.so.3", &put, NULL) && has("module:/usr/lib/libapp*", &bare, NULL));
	ck_assert(!has("module:libapp", &put, NULL) && !has("module:*", &(struct frame){.file = "a.c"}, NULL));
	ck_assert(has("thread:app::Cache*", &put, NULL) && has("thread:libapp.so.3+0x10", &bare, NULL));
	ck_assert(!has("process:*", &put, NULL));
}
END_TEST

START_TEST(processes)
{
	static const char name[] = "4711 /usr/sbin/server -c /etc/server.conf";

	ck_assert(has("process:4711", NULL, name) && has("process:server", NULL, name) && has("process:serv*", NULL, name));
	ck_assert(has("process:/usr/sbin/server -c /etc/server.conf", NULL, name) && has("process:*-c /etc/*", NULL, name));
	ck_assert(has("process:4711 /usr/*", NULL, name) && has("process:a.json", NULL, "a.json"));
	ck_assert(!has("process:471", NULL, name) && !has("process:server.conf", NULL, name) && !has("process:usr", NULL, name));
	ck_assert(!has("server", NULL, name));
}
END_TEST

/* Prefixed filters are among the others; threads and processes have facts of their own. */
START_TEST(facts)
{
	const uint64_t bits[] = {1, 2, 4};
	struct filter_facts all = {&bits[0], NULL, &bits[1], &bits[2], 0}, thread = {&bits[1], NULL, &bits[0], &bits[0], 0};
	struct error error = {0};
	struct filters filters;

	ck_assert_int_eq(filters_init(&filters, SPECS("base:a.c", "thread:t"), SPECS("process:p"), intern, &error), 0);
	ck_assert(filters.threads && filters.processes && !filters.all_frames);
	ck_assert(!filters_decide(&filters, &all)); /* excluded by its process */
	ck_assert(!filters_decide(&filters, &thread));
	all.process = &bits[0];
	ck_assert(filters_decide(&filters, &all));
	ck_assert_uint_eq(filters.matches[0], 2);
	ck_assert_uint_eq(filters.matches[1], 2);
	ck_assert_uint_eq(filters.matches[2], 1);
	filters_release(&filters);
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
	tcase_add_test(group, subjects);
	tcase_add_test(group, processes);
	tcase_add_test(group, facts);
	suite_add_tcase(suite, group);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
