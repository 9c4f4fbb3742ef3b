/* links: analyzer */
/* SPDX-License-Identifier: MIT */
/*
 * Trace files as files, and the way from a process to its own: headers made here, mapped and locked by real children as the library does.
 */
#include <check.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "process.h"
#include "traces.h"

static char work[64];
static struct error error;
static struct hdt_header header;
static pid_t child;

static void setup(void)
{
	strcpy(work, "/tmp/check-process-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(work));
	ck_assert_int_eq(chdir(work), 0);
	setenv("HEAPDELTA_DIR", work, 1);
	error = (struct error){0};
	memset(&header, 0, sizeof(header));
	header.magic = HDT_MAGIC;
	header.major = HDT_MAJOR;
	header.header_size = sizeof(header);
	header.area_count = HDT_AREA_COUNT;
	header.areas[HDT_AREA_STRINGS] = (struct hdt_area){.offset = 4096, .reserved = 4096, .opened = 4096, .used = 4096};
}

static void teardown(void)
{
	char command[128];

	if (child > 0) {
		kill(child, SIGKILL);
		waitpid(child, NULL, 0);
		child = 0;
	}
	ck_assert_int_eq(chdir("/"), 0);
	snprintf(command, sizeof(command), "rm -rf %s", work);
	ck_assert_int_eq(system(command), 0);
}

/* A header page, a page of strings: "" at 0, exe at 1, argv at 200. */
static int make_file(const char *name, const char *exe, const char *argv, size_t argv_size)
{
	char strings[4096] = "";
	int fd = open(name, O_CREAT | O_RDWR | O_TRUNC, 0600);

	ck_assert_int_ge(fd, 0);
	header.exe = 1;
	header.command = 200;
	header.command_size = (uint32_t)argv_size;
	strcpy(strings + 1, exe);
	memcpy(strings + 200, argv, argv_size);
	ck_assert_int_eq(pwrite(fd, &header, sizeof(header), 0), (ssize_t)sizeof(header));
	ck_assert_int_eq(pwrite(fd, strings, sizeof(strings), 4096), (ssize_t)sizeof(strings));
	return fd;
}

/* A child that holds a file as the library does: mapped, locked, no descriptor. */
static void hold(const char *name, const char *comm)
{
	int ready[2];
	char byte;

	ck_assert_int_eq(pipe(ready), 0);
	child = fork();
	if (child == 0) {
		int fd = open(comm, O_CREAT | O_WRONLY, 0600);
		close(fd);
		fd = open("/proc/self/comm", O_WRONLY);
		if (write(fd, comm, strlen(comm)) < 0)
			_exit(1);
		close(fd);
		header.pid = getpid();
		header.pid_start_ticks = traces_start_ticks(getpid());
		snprintf(header.comm, sizeof(header.comm), "%.15s", comm);
		fd = make_file(name, comm, comm, strlen(comm) + 1);
		mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
		flock(fd, LOCK_EX);
		close(fd);
		if (write(ready[1], "x", 1) == 1)
			pause();
		_exit(0);
	}
	ck_assert_int_eq(read(ready[0], &byte, 1), 1);
}

static void named(const char *expected, const char *exe, const char *comm, const char *argv, size_t argv_size)
{
	struct trace_peek peek;

	memset(header.comm, 0, sizeof(header.comm));
	snprintf(header.comm, sizeof(header.comm), "%.15s", comm);
	int fd = make_file("x.hdt", exe, argv, argv_size);
	ck_assert_int_eq(traces_peek(fd, &peek), 0);
	ck_assert_str_eq(peek.name, expected);
	close(fd);
}

START_TEST(names_of_programs)
{
	static const char app[] = "./app\0-v", script[] = "/bin/sh\0./run-tests.sh\0x", option[] = "python3\0-u\0/opt/tool.py",
			  renamed[] = "server: worker";

	named("app", "/opt/app", "app", app, sizeof(app));
	named("a-rather-long-name-of-a-program", "/opt/a-rather-long-name-of-a-program", "a-rather-long-n", app, sizeof(app));
	named("run-tests.sh", "/usr/bin/dash", "run-tests.sh", script, sizeof(script));
	named("tool.py", "/usr/bin/python3.11", "tool.py", option, sizeof(option));
	named("server", "/usr/sbin/server", "worker", renamed, sizeof(renamed));
	named("odd_na_me", "/opt/odd na\nme", "", app, sizeof(app));
	named("_hidden", "/opt/.hidden", "", app, sizeof(app));
	named("unknown", "", "", app, sizeof(app));
}
END_TEST

START_TEST(what_is_no_trace_file)
{
	struct trace_peek peek;
	int fd = make_file("x.hdt", "app", "", 1);

	for (off_t size = 0; size < (off_t)sizeof(header); size += 7) {
		int short_fd = make_file("y.hdt", "app", "", 1);
		ck_assert_int_eq(ftruncate(short_fd, size), 0);
		ck_assert_int_lt(traces_peek(short_fd, &peek), 0);
		ck_assert_int_lt(traces_live_bytes(short_fd), 0);
		close(short_fd);
	}
	header.major = HDT_MAJOR + 1;
	ck_assert_int_eq(pwrite(fd, &header, sizeof(header), 0), (ssize_t)sizeof(header));
	ck_assert_int_lt(traces_peek(fd, &peek), 0);
	close(fd);
}
END_TEST

/* Strings and threads that point anywhere: no crash, and a name all the same. */
START_TEST(hostile_offsets)
{
	static const uint64_t odd[] = {1, 4095, 1 << 20, INT64_MAX / 2 - 1, INT64_MAX, UINT64_MAX - 4096, UINT64_MAX};
	struct trace_peek peek;

	for (size_t i = 0; i < sizeof(odd) / sizeof(odd[0]); i++) {
		header.areas[HDT_AREA_STRINGS] = (struct hdt_area){.offset = odd[i], .used = UINT64_MAX};
		header.areas[HDT_AREA_THREADS] = (struct hdt_area){.offset = odd[i], .used = UINT64_MAX};
		int fd = make_file("x.hdt", "app", "", 1);
		ck_assert_int_eq(traces_peek(fd, &peek), 0);
		ck_assert_str_ne(peek.name, "");
		ck_assert_int_ge(traces_live_bytes(fd), 0);
		close(fd);
	}
}
END_TEST

START_TEST(the_lock_tells_who_lives)
{
	hold("run-1-0.hdt", "holder");
	int fd = open("run-1-0.hdt", O_RDONLY);
	ck_assert(traces_is_alive(fd));
	ck_assert(traces_has_memory(child));
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
	ck_assert(!traces_is_alive(fd));
	ck_assert(!traces_has_memory(child));
	ck_assert_uint_eq(traces_start_ticks(child), 0);
	child = 0;
	close(fd);
}
END_TEST

static size_t files;
static void count_file(void *data, const char *path)
{
	(void)data;
	files += strstr(path, work) != NULL;
}

START_TEST(files_of_a_run)
{
	struct trace_peek peek;

	close(make_file("run1-1-0.hdt", "app", "", 1));
	strcpy(header.spill_path, work);
	strcat(header.spill_path, "/run1-2-0.spill.hdt");
	int fd = make_file("run1-2-0.hdt", "app", "", 1);
	close(make_file("run1-2-0.spill.hdt", "app", "", 1));
	close(make_file("run10-1-0.hdt", "app", "", 1));
	close(make_file("run1.lock", "app", "", 1));
	traces_files("run1-", count_file, NULL);
	ck_assert_uint_eq(files, 3);
	ck_assert_int_eq(traces_peek(fd, &peek), 0);
	close(fd);
	traces_remove("run1-2-0.hdt", &peek);
	files = 0;
	traces_files("run1-", count_file, NULL);
	ck_assert_uint_eq(files, 1);
	/* A name in a header is not an order to delete whatever it names. */
	close(open("precious.txt", O_CREAT | O_WRONLY, 0600));
	snprintf(peek.spill_path, sizeof(peek.spill_path), "%s/precious.txt", work);
	traces_remove("run1-1-0.hdt", &peek);
	ck_assert_int_eq(access("precious.txt", F_OK), 0);
}
END_TEST

START_TEST(found_by_pid_and_by_name)
{
	struct process process;
	char pid[16];

	hold("run-1-0.hdt", "very-unusual-nm");
	snprintf(pid, sizeof(pid), "%d", (int)child);
	ck_assert_msg(process_find(&process, pid, &error) == 0, "%s", error.text);
	ck_assert_int_eq(process.pid, child);
	ck_assert_str_eq(process.peek.comm, "very-unusual-nm");
	ck_assert_str_eq(process.root, "");
	ck_assert_ptr_nonnull(strstr(process.path, "/run-1-0.hdt"));
	process_close(&process);
	unsetenv("HEAPDELTA_DIR");
	ck_assert_msg(process_find(&process, "very-unusual-nm", &error) == 0, "%s", error.text);
	ck_assert_int_eq(process.pid, child);
	process_close(&process);
}
END_TEST

START_TEST(another_file_in_its_place)
{
	struct process process;
	char pid[16];

	hold("run-1-0.hdt", "very-unusual-nm");
	unlink("run-1-0.hdt");
	close(make_file("run-1-0.hdt", "impostor", "", 1));
	snprintf(pid, sizeof(pid), "%d", (int)child);
	/* maps says "(deleted)"; root can still read the real one through the mapping. */
	if (process_find(&process, pid, &error) == 0)
		ck_assert_str_eq(process.peek.name, "very-unusual-nm");
	else
		ck_assert_ptr_nonnull(strstr(error.text, "was deleted"));
	process_close(&process);
}
END_TEST

static void not_found(const char *who, const char *text)
{
	struct process process;

	error = (struct error){0};
	ck_assert_int_lt(process_find(&process, who, &error), 0);
	ck_assert_msg(strstr(error.text, text) != NULL, "'%s' not in '%s'", text, error.text);
	process_close(&process);
}

START_TEST(not_found_in_so_many_words)
{
	char pid[16];

	snprintf(pid, sizeof(pid), "%d", (int)getpid());
	not_found(pid, "is not traced, and heapdelta cannot attach; restart it with 'heapdelta run …' or see 'heapdelta env --help'");
	not_found("4194305", "there is no process 4194305");
	not_found("0", "'0' is not a process number");
	not_found("123456789012345678901", "is not a process number");
	not_found("", "there is no process named ''");
	not_found("../../etc", "there is no process named '../../etc'");
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("process");
	TCase *tcase = tcase_create("process");
	SRunner *runner;
	int failed;

	tcase_set_timeout(tcase, 60);
	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_test(tcase, names_of_programs);
	tcase_add_test(tcase, what_is_no_trace_file);
	tcase_add_test(tcase, hostile_offsets);
	tcase_add_test(tcase, the_lock_tells_who_lives);
	tcase_add_test(tcase, files_of_a_run);
	tcase_add_test(tcase, found_by_pid_and_by_name);
	tcase_add_test(tcase, another_file_in_its_place);
	tcase_add_test(tcase, not_found_in_so_many_words);
	suite_add_tcase(suite, tcase);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
