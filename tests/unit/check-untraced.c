/* links: analyzer */
/* SPDX-License-Identifier: MIT */
/* Notes about processes that were not traced: counted by kind, taken back, hostile. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "untraced.h"

static char path[] = "/tmp/check-untraced-XXXXXX";
static struct untraced *untraced;

static void setup(void)
{
	int fd = mkstemp(path);

	ck_assert_int_ge(fd, 0);
	close(fd);
	untraced = untraced_new();
	ck_assert_ptr_nonnull(untraced);
}

static void teardown(void)
{
	untraced_free(untraced);
	unlink(path);
}

/* The notes are exactly `size` bytes of `text`. */
static void notes(const char *text, size_t size)
{
	FILE *file = fopen(path, "w");

	ck_assert_ptr_nonnull(file);
	ck_assert_uint_eq(fwrite(text, 1, size, file), size);
	fclose(file);
	untraced_read(untraced, path);
}

static void is(size_t count, const char *text)
{
	struct strbuf kinds;

	strbuf_init(&kinds);
	untraced_describe(untraced, &kinds);
	ck_assert_uint_eq(untraced_count(untraced), count);
	ck_assert_str_eq(kinds.data ? kinds.data : "", text);
	strbuf_release(&kinds);
}

START_TEST(counted_by_kind)
{
	static const char text[] = "1 hello static\n2 sudo setuid\n0 hello static\n3 env LD_PRELOAD was cleared\n";

	notes(text, strlen(text));
	is(4, "hello: static x2; sudo: setuid; env: LD_PRELOAD was cleared");
	untraced_add(untraced, "sudo", "setuid");
	is(5, "hello: static x2; sudo: setuid x2; env: LD_PRELOAD was cleared");
}
END_TEST

START_TEST(an_exec_that_failed_takes_its_own_back)
{
	static const char text[] = "7 a static\n8 b static\n7 c musl\n7 - void\n9 - void\n7 - void\n7 - void\n";

	notes(text, strlen(text));
	is(1, "b: static");
}
END_TEST

START_TEST(none)
{
	is(0, "");
	untraced_read(untraced, "/no/such/notes");
	notes("", 0);
	is(0, "");
}
END_TEST

START_TEST(many_kinds_are_cut)
{
	char text[4096] = "";

	for (int i = 0; i < 200; i++)
		sprintf(text + strlen(text), "%d p%d x\n", i, i);
	notes(text, strlen(text));
	is(200, "p0: x; p1: x; p2: x; p3: x; …");
}
END_TEST

START_TEST(hostile)
{
	static const char text[] = "\n\n1\n1 x\n-5 neg ative\nx y z\n99999999999999999999999 big num\n1 a\033[0m b\tc\n\0 1 q r\n";
	char line[100000];

	notes(text, sizeof(text) - 1);
	memset(line, 'a', sizeof(line));
	memcpy(line, "1 ", 2);
	line[1000] = ' ';
	notes(line, sizeof(line));
	struct strbuf kinds;
	strbuf_init(&kinds);
	untraced_describe(untraced, &kinds);
	ck_assert_ptr_null(strchr(kinds.data, '\033'));
	ck_assert_ptr_null(strchr(kinds.data, '\t'));
	ck_assert_uint_lt(kinds.length, 1000);
	strbuf_release(&kinds);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("untraced");
	TCase *tests = tcase_create("untraced");

	tcase_add_checked_fixture(tests, setup, teardown);
	tcase_add_test(tests, counted_by_kind);
	tcase_add_test(tests, an_exec_that_failed_takes_its_own_back);
	tcase_add_test(tests, none);
	tcase_add_test(tests, many_kinds_are_cut);
	tcase_add_test(tests, hostile);
	suite_add_tcase(suite, tests);
	SRunner *runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	int failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
