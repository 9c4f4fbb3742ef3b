/* links: analyzer */
/* SPDX-License-Identifier: MIT */
/* What to install for a file's debug information, on systems that are made in a directory. */
#include <check.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "packages.h"

static char root[64];

static void make(const char *path, const char *text)
{
	char whole[300];

	snprintf(whole, sizeof(whole), "%s%s", root, path);
	for (char *slash = whole + strlen(root) + 1; (slash = strchr(slash, '/')) != NULL; slash++) {
		*slash = '\0';
		mkdir(whole, 0700);
		*slash = '/';
	}
	FILE *file = fopen(whole, "w");
	ck_assert_ptr_nonnull(file);
	fputs(text, file);
	fclose(file);
}

static void setup(void)
{
	strcpy(root, "/tmp/check-packages.XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(root));
}

static void teardown(void)
{
	char command[100];

	snprintf(command, sizeof(command), "rm -r '%s'", root);
	ck_assert_int_eq(system(command), 0);
}

static void expect(const char *path, const char *expected)
{
	struct strbuf text;

	strbuf_init(&text);
	packages_command(&text, root, path);
	ck_assert_str_eq(text.data, expected);
	strbuf_release(&text);
}

static void make_debian(const char *release)
{
	make("/etc/os-release", release);
	make("/var/lib/dpkg/info/libfoo3:amd64.list", "/.\n/usr\n/usr/lib/x/libfoo.so.3.1\n/usr/lib/x/libfoo.so.3\n");
	make("/var/lib/dpkg/info/libc6:amd64.list", "/.\n/lib/x/libc.so.6\n");
	make("/var/lib/dpkg/info/g++-12.list", "/.\n/usr/bin/g++-12\n/usr/bin/last\n");
	make("/var/lib/dpkg/info/g++-12.md5sums", "/usr/bin/nothing\n");
	make("/var/lib/dpkg/info/a;b.list", "\n/usr/bin/quote\n");
	make("/var/lib/dpkg/info/.list", "\n/usr/bin/nobody\n");
}

/* A list may have the file under the name before or after /lib became /usr/lib. */
START_TEST(debian)
{
	make_debian("PRETTY_NAME=\"Debian\"\nID=debian\n");
	expect("/usr/lib/x/libfoo.so.3", "apt install libfoo3-dbgsym");
	expect("/lib/x/libfoo.so.3", "apt install libfoo3-dbgsym");
	expect("/lib/x/libc.so.6", "apt install libc6-dbg");
	expect("/usr/lib/x/libc.so.6", "apt install libc6-dbg");
	expect("/usr/bin/g++-12", "apt install g++-12-dbgsym");
	expect("/bin/g++-12", "apt install g++-12-dbgsym");
	expect("/usr/bin/last", "apt install g++-12-dbgsym");
}
END_TEST

START_TEST(nobody_owns_it)
{
	static const char *const paths[] = {"/usr/lib/x/libfoo.so",
					    "/usr/lib/x",
					    "/home/me/app",
					    "libfoo.so.3",
					    "",
					    "/",
					    "/usr/bin/nothing",
					    "/usr/bin/quote",
					    "/usr/bin/nobody",
					    "/usr\n/usr/lib/x/libfoo.so.3.1"};

	make_debian("ID=debian\n");
	for (size_t i = 0; i < sizeof(paths) / sizeof(*paths); i++)
		expect(paths[i], "");
}
END_TEST

START_TEST(those_like_debian)
{
	make_debian("ID=linuxmint\nID_LIKE=\"ubuntu debian\"\n");
	expect("/usr/lib/x/libfoo.so.3", "apt install libfoo3-dbgsym");
}
END_TEST

START_TEST(others)
{
	static const struct {
		const char *release, *command;
	} cases[] = {
		{"ID=fedora\n", "dnf debuginfo-install $(rpm -qf /usr/lib64/libfoo.so.3)"},
		{"NAME=Rocky\nID=\"rocky\"\nID_LIKE=\"rhel centos fedora\"", "dnf debuginfo-install $(rpm -qf /usr/lib64/libfoo.so.3)"},
		{"ID='opensuse-leap'\nID_LIKE='suse opensuse'\n",
		 "zypper install $(rpm -qf --qf '%{NAME}' /usr/lib64/libfoo.so.3)-debuginfo"},
		{"ID=arch\n", ""},
		{"ID=myos\n", ""},
		{"ID=debianish\nVARIANT_ID=debian\n", ""},
		{"", ""},
	};

	make("/usr/lib/os-release", cases[_i].release);
	expect("/usr/lib64/libfoo.so.3", cases[_i].command);
}
END_TEST

START_TEST(a_path_for_a_shell)
{
	make("/etc/os-release", "ID=fedora\n");
	expect("/opt/a b;c", "dnf debuginfo-install $(rpm -qf '/opt/a b;c')");
}
END_TEST

START_TEST(files_that_are_none)
{
	char path[200];

	expect("/usr/lib/x/libfoo.so.3", "");
	make_debian("ID=debian\n");
	snprintf(path, sizeof(path), "%s/var/lib/dpkg/info/aaa.list", root);
	ck_assert_int_eq(mkfifo(path, 0600), 0);
	snprintf(path, sizeof(path), "%s/var/lib/dpkg/info/bbb.list", root);
	ck_assert_int_eq(mkdir(path, 0700), 0);
	expect("/usr/lib/x/libfoo.so.3", "apt install libfoo3-dbgsym");
	snprintf(path, sizeof(path), "%s/etc/os-release", root);
	ck_assert_int_eq(truncate(path, 1 << 30), 0);
	expect("/usr/lib/x/libfoo.so.3", "");
	ck_assert_int_eq(unlink(path), 0);
	ck_assert_int_eq(mkfifo(path, 0600), 0);
	expect("/usr/lib/x/libfoo.so.3", "");
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("packages");
	TCase *tests = tcase_create("systems");
	tcase_add_checked_fixture(tests, setup, teardown);
	tcase_add_test(tests, debian);
	tcase_add_test(tests, nobody_owns_it);
	tcase_add_test(tests, those_like_debian);
	tcase_add_loop_test(tests, others, 0, 7);
	tcase_add_test(tests, a_path_for_a_shell);
	tcase_add_test(tests, files_that_are_none);
	suite_add_tcase(suite, tests);
	SRunner *runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	int failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
