/* links: preload */
/* SPDX-License-Identifier: MIT */
/* Names of snapshots: conversions, additions, labels that must not leave the directory, names that are too long. */
#include <check.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <time.h>

#include "config.h"
#include "output.h"

static const struct output_name app = {.directory = "/home/u", .exe = "/usr/bin/app", .pid = 4711, .number = 7, .attempt = 1};

static void spells(struct output_name name, const char *expected)
{
	char path[PATH_MAX];
	ck_assert_int_eq(output_spell(&name, path, sizeof(path)), 0);
	ck_assert_str_eq(path, expected);
}

static struct output_name with_pattern(const char *pattern)
{
	struct output_name name = app;
	name.pattern = pattern;
	return name;
}

START_TEST(default_name)
{
	spells(app, "/home/u/heapdelta.app.4711.hds");
	spells(with_pattern(""), "/home/u/heapdelta.app.4711.hds");
	struct output_name name = app;
	name.directory = "";
	name.exe = "plain";
	spells(name, "heapdelta.plain.4711.hds");
	ck_assert(!output_is_explicit(&app));
}
END_TEST

START_TEST(attempts_are_numbered_before_the_extension)
{
	struct output_name name = app;
	name.attempt = 2;
	spells(name, "/home/u/heapdelta.app.4711.2.hds");
	name.is_one_of_many = true;
	name.label = "before";
	spells(name, "/home/u/heapdelta.app.4711.before.2.hds");
	name = with_pattern("x");
	name.attempt = 3;
	spells(name, "/home/u/x.3");
}
END_TEST

START_TEST(conversions)
{
	struct utsname host;
	char expected[PATH_MAX];
	ck_assert_int_eq(uname(&host), 0);
	setenv("OUTPUT_TEST", "a/b", 1);
	unsetenv("OUTPUT_NONE");
	spells(with_pattern("/d/%e-%p-%n-%%-%q{OUTPUT_TEST}-%q{OUTPUT_NONE}.hds"), "/d/app-4711-0007-%-a/b-.hds");
	snprintf(expected, sizeof(expected), "/d/%s.hds", host.nodename);
	spells(with_pattern("/d/%h.hds"), expected);
	spells(with_pattern("rel.hds"), "/home/u/rel.hds");
}
END_TEST

START_TEST(time_is_in_seconds)
{
	char path[PATH_MAX];
	struct output_name name = with_pattern("/%t");
	long before = (long)time(NULL);
	ck_assert_int_eq(output_spell(&name, path, sizeof(path)), 0);
	long said = atol(path + 1);
	ck_assert_int_ge(said, before);
	ck_assert_int_le(said, (long)time(NULL));
}
END_TEST

START_TEST(what_is_no_conversion_stays)
{
	spells(with_pattern("/%"), "/%");
	spells(with_pattern("/%z"), "/%z");
	spells(with_pattern("/%q"), "/%q");
	spells(with_pattern("/%q{OPEN"), "/%q{OPEN");
	spells(with_pattern("/%%p"), "/%p");
}
END_TEST

START_TEST(series)
{
	struct output_name name = app;
	name.is_one_of_many = true;
	spells(name, "/home/u/heapdelta.app.4711.0007.hds");
	name.pattern = "/s.%n.hds";
	spells(name, "/s.0007.hds");
	name.label = "after";
	spells(name, "/s.0007.after.hds");
	name.pattern = "/s.hds";
	spells(name, "/s.after.hds");
	name.number = 123456;
	name.label = "";
	spells(name, "/s.123456.hds");
}
END_TEST

START_TEST(fork_children_do_not_take_their_parents_name)
{
	struct output_name name = with_pattern("/out.hds");
	name.add_pid = true;
	spells(name, "/out.4711.hds");
	name.pattern = "/out.%p.hds";
	spells(name, "/out.4711.hds");
	name.pattern = "/out.%%p.hds";
	spells(name, "/out.%p.4711.hds");
	name.pattern = NULL;
	spells(name, "/home/u/heapdelta.app.4711.hds");
}
END_TEST

START_TEST(labels_stay_in_the_directory)
{
	struct output_name name = app;
	char label[200];
	name.label = "../../etc/pass wd\n%p\xc3\xa4";
	spells(name, "/home/u/heapdelta.app.4711..._.._etc_pass_wd__p__.hds");
	memset(label, 'x', sizeof(label) - 1);
	label[sizeof(label) - 1] = '\0';
	name.label = label;
	char path[PATH_MAX];
	ck_assert_int_eq(output_spell(&name, path, sizeof(path)), 0);
	ck_assert_uint_eq(strlen(path), strlen("/home/u/heapdelta.app.4711..hds") + 64);
}
END_TEST

START_TEST(directories)
{
	struct output_name name = with_pattern("/var/out");
	name.in_directory = true;
	spells(name, "/var/out/heapdelta.app.4711.hds");
	ck_assert(!output_is_explicit(&name));
	name.pattern = "out";
	spells(name, "/home/u/out/heapdelta.app.4711.hds");
}
END_TEST

START_TEST(too_long)
{
	char pattern[100], path[64];
	memset(pattern, 'y', sizeof(pattern));
	pattern[0] = '/';
	for (size_t length = 50; length < 80; length++) {
		struct output_name name = with_pattern(pattern);
		pattern[length] = '\0';
		memset(path, 'Z', sizeof(path));
		int error = output_spell(&name, path, sizeof(path) - 1);
		ck_assert_int_eq(error, length < sizeof(path) - 1 ? 0 : -ENAMETOOLONG);
		ck_assert_int_eq(path[sizeof(path) - 1], 'Z');
		pattern[length] = 'y';
	}
}
END_TEST

START_TEST(fallback_directory)
{
	config.tmpdir = NULL;
	ck_assert_str_eq(output_fallback_directory(), "/tmp");
	config.tmpdir = "relative";
	ck_assert_str_eq(output_fallback_directory(), "/tmp");
	config.tmpdir = "/var/tmp/x";
	ck_assert_str_eq(output_fallback_directory(), "/var/tmp/x");
}
END_TEST

int main(void)
{
	TCase *names = tcase_create("names");
	tcase_add_test(names, default_name);
	tcase_add_test(names, attempts_are_numbered_before_the_extension);
	tcase_add_test(names, conversions);
	tcase_add_test(names, time_is_in_seconds);
	tcase_add_test(names, what_is_no_conversion_stays);
	tcase_add_test(names, series);
	tcase_add_test(names, fork_children_do_not_take_their_parents_name);
	tcase_add_test(names, labels_stay_in_the_directory);
	tcase_add_test(names, directories);
	tcase_add_test(names, too_long);
	tcase_add_test(names, fallback_directory);
	Suite *suite = suite_create("output");
	suite_add_tcase(suite, names);
	SRunner *runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	int failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
