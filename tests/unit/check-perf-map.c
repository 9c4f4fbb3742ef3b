/* links: analyzer */
/* SPDX-License-Identifier: MIT */
/* Names of code without a file, from maps good and bad, in a directory that stands for the process's root. */
#include <check.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "perf-map.h"

enum { PID = 4711, COUNT = 4 };
static const uint64_t addresses[COUNT] = {0x1000, 0x1040, 0x1041, 0x2010};

static char root[64], path[128];
static struct intern *intern;
static struct snapshot snapshot;
static uint32_t nodes[COUNT];

static void make(struct snapshot *made)
{
	uint32_t parent = 0;

	snapshot_init(made, intern);
	made->name = "test";
	made->info.pid = PID;
	for (size_t i = 0; i < COUNT; i++)
		parent = nodes[i] = snapshot_node(made, parent, &(struct address){.module = HDS_MODULE_NONE, .offset = addresses[i]});
	ck_assert_int_eq(snapshot_reserve_stacks(made, 1), 0);
	made->stacks[made->stack_count++] = (struct stack){.node = parent, .live_blocks = 1, .live_bytes = 10};
}

static void setup(void)
{
	strcpy(root, "/tmp/check-perf-map.XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(root));
	snprintf(path, sizeof(path), "%s/tmp", root);
	ck_assert_int_eq(mkdir(path, 0700), 0);
	snprintf(path, sizeof(path), "%s/tmp/perf-%d.map", root, PID);
	intern = intern_new();
	make(&snapshot);
}

static void teardown(void)
{
	unlink(path);
	*strrchr(path, '/') = '\0';
	rmdir(path);
	rmdir(root);
	snapshot_release(&snapshot);
	intern_free(intern);
}

static void write_map(const char *text, size_t size)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(write(fd, text, size), (ssize_t)size);
	close(fd);
}

static void apply(void)
{
	struct error error = {0};

	ck_assert_int_eq(perf_map_apply(&snapshot, root, getuid(), &error), 0);
}

/* NULL: it has none. */
static const struct location *location_of(const struct snapshot *of, size_t i)
{
	const struct address *address = snapshot_address_of(of, nodes[i]);

	return address->location_count ? &of->locations[address->first_location] : NULL;
}

static void expect(const char *const names[COUNT])
{
	for (size_t i = 0; i < COUNT; i++) {
		const struct location *location = location_of(&snapshot, i);
		ck_assert_pstr_eq(location ? location->function : NULL, names[i]);
	}
}

static void apply_text(const char *text)
{
	write_map(text, strlen(text));
	apply();
}

/* A return address belongs to the code before it. */
START_TEST(addresses_are_named)
{
	apply_text("0fc0 40 before\n1000 40 py::handle:/app/server.py\n1040 10 after\n2000 100 last\n");
	expect((const char *[]){"before", "py::handle:/app/server.py", "after", "last"});
	ck_assert_str_eq(location_of(&snapshot, 1)->file, "[jit](py::handle:/app/server.py)");
	ck_assert_uint_eq(location_of(&snapshot, 1)->line, 0);
	ck_assert(snapshot_address_of(&snapshot, nodes[1])->offset & HDS_NO_ADDRESS);
}
END_TEST

START_TEST(the_last_line_wins)
{
	apply_text("1000 2000 all\n1000 41 again\n2000 100 last\n");
	expect((const char *[]){NULL, "again", "again", "last"});
}
END_TEST

START_TEST(scripts_have_places)
{
	static const struct {
		const char *name, *function, *file;
		uint32_t line;
	} cases[] = {
		{"JS:*render /app/page.js:10:5", "render", "/app/page.js", 10},
		{"JS:^ file:///app/main.mjs:1:1", "(script)", "/app/main.mjs", 1},
		{"LazyCompile:~a b /app/with space.js:7:123", "a b", "/app/with space.js", 7},
		{"JS:*f node:internal/x:3:4", "JS:*f node:internal/x:3:4", "[jit](JS:*f node:internal/x:3:4)", 0},
		{"JS:*f /app/x.js", "JS:*f /app/x.js", "[jit](JS:*f /app/x.js)", 0},
		{"JS:*f /app/x.js:1", "JS:*f /app/x.js:1", "[jit](JS:*f /app/x.js:1)", 0},
		{"JS:*f /app/x.js:1:12345678901", "JS:*f /app/x.js:1:12345678901", "[jit](JS:*f /app/x.js:1:12345678901)", 0},
		{"f /app/x.js", "f /app/x.js", "[jit](f /app/x.js)", 0},
		{":", ":", "[jit](:)", 0},
		{": /:1:1", "(script)", "/", 1},
	};
	char line[200];
	const struct location *location;

	snprintf(line, sizeof(line), "1000 40 %s\n", cases[_i].name);
	apply_text(line);
	location = location_of(&snapshot, 1);
	ck_assert_ptr_nonnull(location);
	ck_assert_str_eq(location->function, cases[_i].function);
	ck_assert_str_eq(location->file, cases[_i].file);
	ck_assert_uint_eq(location->line, cases[_i].line);
}
END_TEST

START_TEST(bad_lines_are_passed_over)
{
	static const char *const texts[] = {
		"",
		"\n\n\n",
		"1000",
		"1000 40",
		"1000 40 \n",
		"1000 40\n",
		"xyz 40 name\n",
		"1000 xyz name\n",
		"1000 0 name\n",
		"1000 40 the end of the line is still missing",
		"ffffffffffffffff ffffffffffffffff name\n",
		"ffffffffffffffffffff 1 name\n",
	};

	apply_text(texts[_i]);
	expect((const char *[]){NULL, NULL, NULL, NULL});
}
END_TEST

START_TEST(long_and_binary_lines)
{
	enum { LONG = 300000 };
	char *text = malloc(LONG + 200);
	static const char end[] = "\n1040 4 b\0c\x01\n";

	memset(text, 'x', LONG);
	memcpy(text, "1000 40 ", 8);
	memcpy(text + LONG, end, sizeof(end) - 1);
	write_map(text, LONG + sizeof(end) - 1);
	free(text);
	apply();
	ck_assert_uint_eq(strlen(location_of(&snapshot, 1)->function), 1023 - 8);
	ck_assert_str_eq(location_of(&snapshot, 2)->function, "b?c\x01");
}
END_TEST

START_TEST(what_is_not_read)
{
	struct error error = {0};
	char target[200];

	write_map("1000 40 name\n", 13);
	ck_assert_int_eq(perf_map_apply(&snapshot, root, getuid() + 1, &error), 0); /* somebody else's */
	snapshot.info.start_realtime_ns = UINT64_MAX / 2;
	apply(); /* of a process that had this number before */
	snapshot.info.start_realtime_ns = 0;
	snprintf(target, sizeof(target), "%s/target", root);
	ck_assert_int_eq(rename(path, target), 0);
	ck_assert_int_eq(symlink(target, path), 0);
	apply();
	ck_assert_int_eq(unlink(path), 0);
	ck_assert_int_eq(unlink(target), 0);
	ck_assert_int_eq(mkfifo(path, 0600), 0);
	apply();
	ck_assert_int_eq(unlink(path), 0);
	ck_assert_int_eq(mkdir(path, 0700), 0);
	apply();
	ck_assert_int_eq(rmdir(path), 0);
	apply();
	expect((const char *[]){NULL, NULL, NULL, NULL});
}
END_TEST

/* The next process's code at the same address has another name. */
START_TEST(names_are_kept_apart_and_written)
{
	struct snapshot other, sum, read;
	struct error error = {0};
	char file[100];

	apply_text("1000 40 ours\n");
	make(&other);
	write_map("1000 40 theirs\n", 15);
	ck_assert_int_eq(perf_map_apply(&other, root, getuid(), &error), 0);
	snapshot_init(&sum, intern);
	ck_assert_int_eq(snapshot_add(&sum, &snapshot, "1", &error), 0);
	ck_assert_int_eq(snapshot_add(&sum, &other, "2", &error), 0);
	snprintf(file, sizeof(file), "%s/sum.hds", root);
	ck_assert_int_eq(snapshot_write(&sum, file, false, &error), 0);
	ck_assert_int_eq(snapshot_read(&read, intern, file, &error), 0);
	bool found[2] = {false, false};
	for (size_t i = 0; i < read.location_count; i++) {
		found[0] |= !strcmp(read.locations[i].function, "ours");
		found[1] |= !strcmp(read.locations[i].function, "theirs");
	}
	ck_assert(found[0] && found[1]);
	ck_assert_uint_eq(read.stack_count, 2);
	unlink(file);
	snapshot_release(&read);
	snapshot_release(&sum);
	snapshot_release(&other);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("perf-map");
	TCase *tests = tcase_create("maps");
	tcase_add_checked_fixture(tests, setup, teardown);
	tcase_add_test(tests, addresses_are_named);
	tcase_add_test(tests, the_last_line_wins);
	tcase_add_loop_test(tests, scripts_have_places, 0, 10);
	tcase_add_loop_test(tests, bad_lines_are_passed_over, 0, 12);
	tcase_add_test(tests, long_and_binary_lines);
	tcase_add_test(tests, what_is_not_read);
	tcase_add_test(tests, names_are_kept_apart_and_written);
	suite_add_tcase(suite, tests);
	SRunner *runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	int failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
