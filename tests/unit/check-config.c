/* links: preload */
/* SPDX-License-Identifier: MIT */
/* The environment → struct config: values, hostile values, what children get.  Each test runs in a process of its own. */
#include <check.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "config.h"

/* Load with one variable set; returns what was said on standard error. */
static const char *load_with(const char *name, const char *value)
{
	static char said[4096];
	char path[] = "/tmp/check-config-XXXXXX";
	int fd = mkstemp(path);
	unlink(path);
	int saved = dup(STDERR_FILENO);
	dup2(fd, STDERR_FILENO);
	setenv(name, value, 1);
	config_load();
	dup2(saved, STDERR_FILENO);
	close(saved);
	ssize_t length = pread(fd, said, sizeof(said) - 1, 0);
	close(fd);
	said[length > 0 ? length : 0] = '\0';
	return said;
}

START_TEST(defaults)
{
	config_load();
	ck_assert(config.follow && config.start && !config.verbose);
	ck_assert_ptr_null(config.output);
	ck_assert_ptr_null(config.run);
	ck_assert_uint_eq(config.nframe, 0);
}
END_TEST

START_TEST(frame_limits)
{
	ck_assert_str_eq(load_with("HEAPDELTA_NFRAME", "65535"), "");
	ck_assert_uint_eq(config.nframe, 65535);
}
END_TEST

START_TEST(sampling_distances)
{
	static const struct {
		const char *text;
		uint64_t bytes;
	} values[] = {
		{"0", 0},        {"off", 0},        {"1", 0},           {"0K", 0},           {"512", 512},
		{"64K", 65536},  {"64k", 65536},    {"512KiB", 524288}, {"1.5M", 3 << 19},   {"0.5K", 512},
		{"2m", 2 << 20}, {"1GiB", 1 << 30}, {"1g", 1 << 30},    {"524288B", 524288}, {"1.0009K", 1024},
	};
	ck_assert_str_eq(load_with("HEAPDELTA_SAMPLE", values[_i].text), "");
	ck_assert_uint_eq(config.sample_bytes, values[_i].bytes);
}
END_TEST

START_TEST(bad_distances_say_one_line_and_record_every_block)
{
	static const char *const values[] = {
		"",  "2", "511", "1.1G", "1.5", "64kB", "64 K", "K", "-1", "1e6", ".5K", "5.K", "0x400", "on", "99999999999999999999G",
		"2T"};
	const char *said = load_with("HEAPDELTA_SAMPLE", values[_i]);
	ck_assert_ptr_nonnull(strstr(said, "HEAPDELTA_SAMPLE"));
	ck_assert_ptr_eq(strchr(said, '\n'), said + strlen(said) - 1);
	ck_assert_uint_eq(config.sample_bytes, 0);
}
END_TEST

START_TEST(trace_limits)
{
	static const struct {
		const char *text;
		uint64_t bytes;
	} values[] = {
		{"0", 0}, {"off", 0}, {"1M", 1 << 20}, {"1048576", 1 << 20}, {"1.5G", UINT64_C(3) << 29}, {"1024G", UINT64_C(1) << 40}};
	ck_assert_str_eq(load_with("HEAPDELTA_TRACE_LIMIT", values[_i].text), "");
	ck_assert_uint_eq(config.trace_limit, values[_i].bytes);
}
END_TEST

START_TEST(bad_limits_say_one_line_and_are_none)
{
	static const char *const values[] = {"", "1", "1048575", "1025G", "1099511627777G", "17179869184G", "-1", "1MB", "64 M"};
	const char *said = load_with("HEAPDELTA_TRACE_LIMIT", values[_i]);
	ck_assert_ptr_nonnull(strstr(said, "HEAPDELTA_TRACE_LIMIT"));
	ck_assert_uint_eq(config.trace_limit, 0);
}
END_TEST

START_TEST(bad_values_say_one_line_and_change_nothing)
{
	static const char *const pairs[][2] = {
		{"HEAPDELTA_NFRAME", "65536"}, {"HEAPDELTA_NFRAME", ""},
		{"HEAPDELTA_NFRAME", "12x"},   {"HEAPDELTA_NFRAME", "18446744073709551617"},
		{"HEAPDELTA_NFRAME", "-3"},    {"HEAPDELTA_FOLLOW", "yes"},
		{"HEAPDELTA_START", ""},       {"HEAPDELTA_RUN", "../escape"},
		{"HEAPDELTA_RUN", ".hidden"},  {"HEAPDELTA_RUN", "a b"},
		{"HEAPDELTA_VERIFY", "-1"},    {"HEAPDELTA_VERIFY", "4294967296"},
	};
	const char *said = load_with(pairs[_i][0], pairs[_i][1]);
	ck_assert_ptr_nonnull(strstr(said, pairs[_i][0]));
	ck_assert_ptr_eq(strchr(said, '\n'), said + strlen(said) - 1);
	ck_assert(config.follow && config.start);
	ck_assert_ptr_null(config.run);
	ck_assert_uint_eq(config.nframe, 0);
	ck_assert_uint_eq(config.verify, 0);
}
END_TEST

START_TEST(a_huge_value_is_refused)
{
	static char huge[100000];
	memset(huge, 'x', sizeof(huge) - 1);
	ck_assert_str_ne(load_with("HEAPDELTA_OUTPUT", huge), "");
	ck_assert_ptr_null(config.output);
}
END_TEST

START_TEST(values_are_copies)
{
	load_with("HEAPDELTA_OUTPUT", "here.hds");
	memset(getenv("HEAPDELTA_OUTPUT"), 'z', 4);
	ck_assert_str_eq(config.output, "here.hds");
}
END_TEST

START_TEST(children_get_the_same_assignment)
{
	load_with("HEAPDELTA_NFRAME", "7");
	size_t found = 0;
	for (size_t n = 0; config_variable(n); n++)
		if (config_assignment(n)) {
			ck_assert_str_eq(config_assignment(n), "HEAPDELTA_NFRAME=7");
			found++;
		}
	ck_assert_uint_eq(found, 1);
}
END_TEST

START_TEST(directories_end_and_are_absolute)
{
	setenv("TMPDIR", "relative/place", 1);
	config_load();
	struct config_directories directories;
	config_directories(&directories);
	char expected[64];
	snprintf(expected, sizeof(expected), "/dev/shm/heapdelta-%u", (unsigned)geteuid());
	ck_assert_str_eq(directories.list[0], expected);
	snprintf(expected, sizeof(expected), "/var/tmp/heapdelta-%u", (unsigned)geteuid());
	ck_assert_str_eq(directories.list[1], expected);
	ck_assert_ptr_null(directories.list[2]);
}
END_TEST

int main(void)
{
	static const char *const variables[] = {"HEAPDELTA_OUTPUT", "HEAPDELTA_DIR", "HEAPDELTA_RUN", "HEAPDELTA_LOCK", "TMPDIR"};
	for (size_t n = 0; n < sizeof(variables) / sizeof(variables[0]); n++)
		unsetenv(variables[n]);
	Suite *suite = suite_create("config");
	TCase *tests = tcase_create("environment");
	tcase_add_test(tests, defaults);
	tcase_add_test(tests, frame_limits);
	tcase_add_loop_test(tests, sampling_distances, 0, 15);
	tcase_add_loop_test(tests, bad_distances_say_one_line_and_record_every_block, 0, 16);
	tcase_add_loop_test(tests, trace_limits, 0, 6);
	tcase_add_loop_test(tests, bad_limits_say_one_line_and_are_none, 0, 9);
	tcase_add_loop_test(tests, bad_values_say_one_line_and_change_nothing, 0, 12);
	tcase_add_test(tests, a_huge_value_is_refused);
	tcase_add_test(tests, values_are_copies);
	tcase_add_test(tests, children_get_the_same_assignment);
	tcase_add_test(tests, directories_end_and_are_absolute);
	suite_add_tcase(suite, tests);
	SRunner *runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	int failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
