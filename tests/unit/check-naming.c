/* links: analyzer */
/* SPDX-License-Identifier: MIT */
/* Names of snapshot files: patterns, what is refused before the start, additions in front of the extension, names that are taken. */
#include <check.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "naming.h"

static char directory[] = "/tmp/check-naming-XXXXXX", work[sizeof(directory)];
static struct naming naming;
static struct error error;

static void setup(void)
{
	strcpy(work, directory);
	ck_assert_ptr_nonnull(mkdtemp(work));
	ck_assert_int_eq(chdir(work), 0);
	error = (struct error){0};
	naming = (struct naming){0};
}

static void teardown(void)
{
	char command[64];

	naming_release(&naming);
	ck_assert_int_eq(chdir("/"), 0);
	snprintf(command, sizeof(command), "rm -rf %s", work);
	ck_assert_int_eq(system(command), 0);
}

static void is(char *got, const char *expected)
{
	ck_assert_str_eq(got, expected);
	free(got);
}

static void touch(const char *path)
{
	close(open(path, O_CREAT | O_WRONLY, 0600));
}

static void refused(const char *pattern, const char *text)
{
	error = (struct error){0};
	ck_assert_msg(naming_init(&naming, pattern, "app", &error) < 0, "'%s' was taken", pattern);
	ck_assert_msg(strstr(error.text, text) != NULL, "'%s' not in '%s'", text, error.text);
	naming_release(&naming);
}

static void taken(const char *pattern)
{
	naming_release(&naming);
	ck_assert_msg(naming_init(&naming, pattern, "app", &error) == 0, "%s", error.text);
}

START_TEST(default_names)
{
	taken(NULL);
	is(naming_file(&naming, "app", 12, 0), "heapdelta.app.12.hds");
	is(naming_file(&naming, "app", 12, 7), "heapdelta.app.12.0007.hds");
	ck_assert(!naming_is_explicit(&naming));
	ck_assert(!naming_has_pid(&naming));
	is(naming_directory("heapdelta.app.12.hds"), "heapdelta.app.12.d");
}
END_TEST

START_TEST(patterns)
{
	setenv("FLAVOUR", "hot", 1);
	taken("%q{FLAVOUR}-%e-%p-%%.hds");
	is(naming_file(&naming, "app", 12, 0), "hot-app-12-%.hds");
	is(naming_file(&naming, "app", 12, 3), "hot-app-12-%.0003.hds");
	ck_assert(naming_has_pid(&naming));
	ck_assert(naming_is_explicit(&naming));
	taken("x%n.hds");
	is(naming_file(&naming, "app", 12, 3), "x0003.hds");
	ck_assert(naming_counts(&naming));
	taken("%%p.hds");
	ck_assert(!naming_has_pid(&naming));
	taken("no-extension");
	is(naming_file(&naming, "app", 12, 3), "no-extension.0003");
	is(naming_directory("no-extension"), "no-extension.d");
}
END_TEST

START_TEST(refused_before_the_start)
{
	refused("x.%z.hds", "'%z'");
	refused("x.%", "'%'");
	refused("%q{NO_SUCH_VARIABLE}", "'NO_SUCH_VARIABLE'");
	refused("%q{open", "%q{NAME}");
	refused("%qx", "%q{NAME}");
	refused("%p/x.hds", "differs between processes");
	refused("", "needs a file name");
	refused("no/where.hds", "cannot write to 'no'");
	refused("/dev/null", "'/dev/null' is not a regular file");
	refused("missing/", "cannot write to 'missing/'");
}
END_TEST

START_TEST(a_directory_takes_default_names)
{
	mkdir("sub", 0700);
	taken("sub");
	is(naming_file(&naming, "app", 12, 0), "sub/heapdelta.app.12.hds");
	ck_assert(!naming_is_explicit(&naming));
	taken("sub/");
	is(naming_file(&naming, "app", 12, 0), "sub/heapdelta.app.12.hds");
}
END_TEST

START_TEST(free_names)
{
	is(naming_free_name("a.hds"), "a.hds");
	touch("a.hds");
	is(naming_free_name("a.hds"), "a.2.hds");
	touch("a.2.hds");
	is(naming_free_name("a.hds"), "a.3.hds");
	ck_assert_int_eq(symlink("nowhere", "link.hds"), 0);
	is(naming_free_name("link.hds"), "link.2.hds");
}
END_TEST

START_TEST(survivors_get_an_absolute_pattern_with_a_pid)
{
	char expected[PATH_MAX];

	taken(NULL);
	snprintf(expected, sizeof(expected), "%s/heapdelta.%%e.%%p.hds", work);
	is(naming_for_survivors(&naming), expected);
	mkdir("a%p", 0700);
	taken("x.hds");
	is(naming_for_survivors(&naming), expected);
	taken("%e-%p.hds");
	snprintf(expected, sizeof(expected), "%s/%%e-%%p.hds", work);
	is(naming_for_survivors(&naming), expected);
	ck_assert_int_eq(chdir("a%p"), 0);
	taken(NULL);
	snprintf(expected, sizeof(expected), "%s/a%%%%p/heapdelta.%%e.%%p.hds", work);
	is(naming_for_survivors(&naming), expected);
	taken("/tmp/x.hds");
	is(naming_for_survivors(&naming), "/tmp/heapdelta.%e.%p.hds");
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("naming");
	TCase *tcase = tcase_create("naming");
	SRunner *runner;
	int failed;

	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_test(tcase, default_names);
	tcase_add_test(tcase, patterns);
	tcase_add_test(tcase, refused_before_the_start);
	tcase_add_test(tcase, a_directory_takes_default_names);
	tcase_add_test(tcase, free_names);
	tcase_add_test(tcase, survivors_get_an_absolute_pattern_with_a_pid);
	suite_add_tcase(suite, tcase);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
