/* links: analyzer */
/* SPDX-License-Identifier: MIT */
/* Source paths made comparable. */
#include <check.h>
#include <stdlib.h>

#include "source-path.h"

static const char *const cases[][3] = {
	{"/src", "a.c", "/src/a.c"},
	{"/src/", "./a.c", "/src/a.c"},
	{"/src/build", "../lib/a.c", "/src/lib/a.c"},
	{"/src", "/usr/bin/../lib/gcc/../../include/a.h", "/usr/include/a.h"},
	{"/src", "/a//b/./c/.", "/a/b/c"},
	{"/", "../../a.c", "/a.c"},
	{"/a", "../../../b/../c.c", "/c.c"},
	{NULL, "a.c", "a.c"},
	{"", "a.c", "a.c"},
	{NULL, "./x/../a.c", "a.c"},
	{NULL, "../a.c", "../a.c"},
	{NULL, "../../x/../a.c", "../../a.c"},
	{NULL, "x/../../a.c", "../a.c"},
	{".", "../a.c", "../a.c"},
	{"relative", "x/a.c", "relative/x/a.c"},
	{NULL, "..a/...b/.c", "..a/...b/.c"},
	{NULL, "/", "/"},
	{NULL, "a/..", ""},
	{NULL, "", ""},
};

START_TEST(paths_are_normalised)
{
	char *path = source_path(cases[_i][0], cases[_i][1]);

	ck_assert_str_eq(path, cases[_i][2]);
	free(path);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("source-path");
	TCase *tcase = tcase_create("source-path");
	SRunner *runner;
	int failed;

	tcase_add_loop_test(tcase, paths_are_normalised, 0, sizeof(cases) / sizeof(*cases));
	suite_add_tcase(suite, tcase);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
