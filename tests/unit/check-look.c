/* links: analyzer */
/* SPDX-License-Identifier: MIT */
/* What names a process, how rates are reckoned, what a mark may be called. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "control.h"
#include "look.h"
#include "ps-history.h"

static char directory[] = "/tmp/check-look-XXXXXX";

static void setup(void)
{
	strcpy(directory + strlen(directory) - 6, "XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(directory));
	ck_assert_int_eq(chdir(directory), 0);
}

static void teardown(void)
{
	unlink("file");
	unlink("script");
	unlink("4711");
	ck_assert_int_eq(chdir("/"), 0);
	rmdir(directory);
}

static void put(const char *name, const char *text)
{
	FILE *file = fopen(name, "w");

	ck_assert_ptr_nonnull(file);
	fputs(text, file);
	fclose(file);
}

START_TEST(files_come_before_processes)
{
	static const char *const none[] = {"", "-", "a/b", "./server", "x.hds", "x.hdt", "x.json", "run.d"};

	for (size_t i = 0; i < sizeof(none) / sizeof(none[0]); i++)
		ck_assert_msg(!look_is_process(none[i]), "'%s' is no process", none[i]);
	ck_assert(look_is_process("4711") && look_is_process("server") && look_is_process(".hds") && look_is_process("my.server"));
	put("4711", "HDSNAP");
	put("file", "");
	ck_assert(!look_is_process("4711") && !look_is_process("file"));
}
END_TEST

START_TEST(a_program_is_no_snapshot)
{
	put("script", "#!/bin/sh\n");
	put("file", "\177ELF and more");
	ck_assert(look_is_process("script") && look_is_process("file"));
}
END_TEST

START_TEST(rates_are_per_minute_and_of_the_same_file)
{
	struct ps_process old[2] = {{.inode = 1, .device = 9, .counters = {.live_bytes = 5000}},
				    {.inode = 2, .device = 9, .counters = {.live_bytes = 7000}}};
	struct ps_process new[3] = {{.inode = 2, .device = 9, .counters = {.live_bytes = 4000}},
				    {.inode = 1, .device = 9, .counters = {.live_bytes = 6000}},
				    {.inode = 1, .device = 8, .counters = {.live_bytes = 6000}}};
	struct ps_look before = {old, 2, 2, 2, 1000}, now = {new, 3, 3, 3, 1000 + 30000000000};

	ps_rate(&now, &before);
	ck_assert(new[0].has_rate &&new[1].has_rate && !new[2].has_rate);
	ck_assert_double_eq_tol(new[0].rate, -6000, 1e-6);
	ck_assert_double_eq_tol(new[1].rate, 2000, 1e-6);
	new[0].has_rate = false;
	now.monotonic_ns = before.monotonic_ns;
	ps_rate(&now, &before);
	ck_assert(!new[0].has_rate);
}
END_TEST

START_TEST(rates_are_over_a_minute_at_most)
{
	static struct ps_history history;
	static const uint64_t seconds[] = {0, 10, 50, 69, 70, 111, 200};
	static const uint64_t spans[] = {0, 10, 50, 69, 60, 61, 89};

	for (size_t i = 0; i < sizeof(seconds) / sizeof(seconds[0]); i++) {
		history.list[history.count++] = (struct ps_look){.monotonic_ns = 5 + seconds[i] * 1000000000};
		ps_history_trim(&history);
		ck_assert_uint_eq(ps_history_ns(&history), spans[i] * 1000000000);
	}
	ck_assert_uint_eq(history.count, 2);
	ps_forget(&history);
}
END_TEST

START_TEST(names_of_marks)
{
	char longest[49];
	struct error error = {0};

	memset(longest, 'x', sizeof(longest));
	longest[47] = '\0';
	ck_assert_int_eq(control_check_name(longest, &error), 0);
	ck_assert_int_eq(control_check_name("größer als vorher", &error), 0);
	longest[47] = 'x';
	longest[48] = '\0';
	ck_assert_int_lt(control_check_name(longest, &error), 0);
	ck_assert_int_lt(control_check_name("", &error), 0);
	ck_assert_int_lt(control_check_name("a\033[31m", &error), 0);
	ck_assert_int_lt(control_check_name("a\177", &error), 0);
}
END_TEST

START_TEST(namespaces_of_our_own)
{
	ck_assert_uint_eq(process_namespace(0), process_namespace(getpid()));
	ck_assert_uint_ne(process_namespace(0), 0);
	ck_assert_int_eq(process_inner_pid(getpid()), getpid());
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("look");
	TCase *names = tcase_create("names"), *rest = tcase_create("rest");

	tcase_add_checked_fixture(names, setup, teardown);
	tcase_add_test(names, files_come_before_processes);
	tcase_add_test(names, a_program_is_no_snapshot);
	tcase_add_test(rest, rates_are_per_minute_and_of_the_same_file);
	tcase_add_test(rest, rates_are_over_a_minute_at_most);
	tcase_add_test(rest, names_of_marks);
	tcase_add_test(rest, namespaces_of_our_own);
	suite_add_tcase(suite, names);
	suite_add_tcase(suite, rest);
	SRunner *runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	int failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
