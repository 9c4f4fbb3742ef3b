/* links: analyzer */
/* SPDX-License-Identifier: MIT */
/*
 * The snapshot file: what is written is read again to the last field; a file cut anywhere or with any bit flipped is refused or read as
 * it was; every case of tests/data; writing that fails leaves nothing behind.
 */
#include <check.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "snapshot-sample.h"

static char directory[64];
static struct intern *intern;
static struct error error;

static void setup(void)
{
	strcpy(directory, "/tmp/check-hds-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(directory));
	intern = intern_new();
	error = (struct error){0};
}

static int count_files(void)
{
	DIR *list = opendir(directory);
	int count = -2;

	while (readdir(list))
		count++;
	closedir(list);
	return count;
}

static void teardown(void)
{
	char command[100];

	intern_free(intern);
	snprintf(command, sizeof(command), "rm -r %s", directory);
	ck_assert_int_eq(system(command), 0);
}

static const char *in_directory(const char *name)
{
	static char path[128];

	snprintf(path, sizeof(path), "%s/%s", directory, name);
	return path;
}

static void *contents(const char *path, size_t *size)
{
	FILE *file = fopen(path, "r");
	uint8_t *data = malloc(1 << 20);

	ck_assert_ptr_nonnull(file);
	*size = fread(data, 1, 1 << 20, file);
	fclose(file);
	return data;
}

/* The bytes of the sample. */
static uint8_t *sample_bytes(size_t *size)
{
	struct snapshot sample;

	sample_make(&sample, intern, 0x400000);
	ck_assert_msg(!snapshot_write(&sample, in_directory("a.hds"), false, &error), "%s", error.text);
	snapshot_release(&sample);
	return contents(in_directory("a.hds"), size);
}

START_TEST(what_is_written_is_read)
{
	struct snapshot sample, read;

	sample_make(&sample, intern, 0x400000);
	ck_assert_int_eq(snapshot_write(&sample, in_directory("a.hds"), false, &error), 0);
	ck_assert_msg(!snapshot_read(&read, intern, in_directory("a.hds"), &error), "%s", error.text);
	same_snapshot(&sample, &read);
	ck_assert_str_eq(read.name, in_directory("a.hds"));
	ck_assert_int_eq(snapshot_write(&read, in_directory("b.hds"), false, &error), 0);
	size_t size_a, size_b;
	void *a = contents(in_directory("a.hds"), &size_a), *b = contents(in_directory("b.hds"), &size_b);
	ck_assert_uint_eq(size_a, size_b);
	ck_assert_mem_eq(a, b, size_a);
	ck_assert_int_eq(count_files(), 2);
	free(a);
	free(b);
	snapshot_release(&sample);
	snapshot_release(&read);
}
END_TEST

START_TEST(nothing_is_written_and_read)
{
	struct snapshot empty, read;

	snapshot_init(&empty, intern);
	ck_assert_int_eq(snapshot_write(&empty, in_directory("a.hds"), false, &error), 0);
	ck_assert_msg(!snapshot_read(&read, intern, in_directory("a.hds"), &error), "%s", error.text);
	ck_assert_uint_eq(read.node_count, 1);
	ck_assert_uint_eq(read.stack_count, 0);
	ck_assert(!read.symbolised);
	snapshot_release(&empty);
	snapshot_release(&read);
}
END_TEST

START_TEST(sums_keep_their_processes)
{
	struct snapshot one, other, sum, read;

	sample_make(&one, intern, 0x400000);
	sample_make(&other, intern, 0x900000);
	snapshot_init(&sum, intern);
	ck_assert_int_eq(snapshot_add(&sum, &one, "1 one", &error) | snapshot_add(&sum, &other, "2 two", &error), 0);
	ck_assert_int_eq(snapshot_write(&sum, in_directory("a.hds"), false, &error), 0);
	ck_assert_msg(!snapshot_read(&read, intern, in_directory("a.hds"), &error), "%s", error.text);
	same_snapshot(&sum, &read);
	ck_assert_uint_eq(read.process_count, 2);
	snapshot_release(&one);
	snapshot_release(&other);
	snapshot_release(&sum);
	snapshot_release(&read);
}
END_TEST

START_TEST(cut_at_every_byte)
{
	size_t size;
	uint8_t *data = sample_bytes(&size);
	struct snapshot read;

	for (size_t length = 0; length < size; length++) {
		uint8_t *copy = malloc(length + 1);
		memcpy(copy, data, length);
		error = (struct error){0};
		snapshot_init(&read, intern);
		ck_assert_int_eq(snapshot_read_hds(&read, copy, length, &error), -1);
		ck_assert_ptr_nonnull(strstr(error.text, "is truncated"));
		ck_assert_ptr_null(read.nodes);
		free(copy);
	}
	free(data);
}
END_TEST

START_TEST(every_bit_flipped)
{
	size_t size, refused = 0;
	uint8_t *data = sample_bytes(&size);
	struct snapshot sample, read;

	sample_make(&sample, intern, 0x400000);
	for (size_t bit = 0; bit < size * 8; bit++) {
		data[bit / 8] ^= (uint8_t)(1 << bit % 8);
		error = (struct error){0};
		snapshot_init(&read, intern);
		if (snapshot_read_hds(&read, data, size, &error)) {
			ck_assert_str_ne(error.text, "");
			refused++;
		} else
			same_snapshot(&sample, &read);
		snapshot_release(&read);
		data[bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
	/* All but the few bytes between chunks. */
	ck_assert_uint_gt(refused, size * 8 - 8 * 60);
	snapshot_release(&sample);
	free(data);
}
END_TEST

START_TEST(depth_is_bounded)
{
	struct snapshot deep, read;

	snapshot_init(&deep, intern);
	deep.nodes = calloc(HDS_DEPTH_MAX + 2, sizeof(*deep.nodes));
	deep.addresses = calloc(HDS_DEPTH_MAX + 2, sizeof(*deep.addresses));
	deep.address_count = HDS_DEPTH_MAX + 2;
	deep.node_count = HDS_DEPTH_MAX + 1;
	for (uint32_t i = 1; i < HDS_DEPTH_MAX + 2; i++) {
		deep.nodes[i] = (struct node){.parent = i - 1, .address = i};
		deep.addresses[i].offset = i;
	}
	ck_assert_int_eq(snapshot_write(&deep, in_directory("a.hds"), false, &error), 0);
	ck_assert_msg(!snapshot_read(&read, intern, in_directory("a.hds"), &error), "%s", error.text);
	snapshot_release(&read);
	deep.node_count++;
	ck_assert_int_eq(snapshot_write(&deep, in_directory("a.hds"), false, &error), 0);
	ck_assert_int_eq(snapshot_read(&read, intern, in_directory("a.hds"), &error), -1);
	ck_assert_ptr_nonnull(strstr(error.text, "is deeper than 131072 frames"));
	snapshot_release(&deep);
}
END_TEST

/* ---- Writing that fails ---- */

START_TEST(exclusive_never_replaces)
{
	struct snapshot sample;

	sample_make(&sample, intern, 0x400000);
	ck_assert_int_eq(snapshot_write(&sample, in_directory("a.hds"), true, &error), 0);
	errno = 0;
	ck_assert_int_eq(snapshot_write(&sample, in_directory("a.hds"), true, &error), -1);
	ck_assert_int_eq(errno, EEXIST);
	ck_assert_ptr_nonnull(strstr(error.text, "a.hds': File exists"));
	ck_assert_int_eq(count_files(), 1);
	snapshot_release(&sample);
}
END_TEST

/* A limit on file sizes is as good as a full disk. */
START_TEST(no_room_leaves_nothing)
{
	struct snapshot sample;
	struct rlimit limit = {600, RLIM_INFINITY};

	sample_make(&sample, intern, 0x400000);
	signal(SIGXFSZ, SIG_IGN);
	ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
	ck_assert_int_eq(snapshot_write(&sample, in_directory("a.hds"), false, &error), -1);
	limit.rlim_cur = RLIM_INFINITY;
	setrlimit(RLIMIT_FSIZE, &limit);
	ck_assert_ptr_nonnull(strstr(error.text, "a.hds': File too large"));
	ck_assert_int_eq(count_files(), 0);
	snapshot_release(&sample);
}
END_TEST

START_TEST(full_device)
{
	struct snapshot sample;
	struct stat status;

	sample_make(&sample, intern, 0x400000);
	ck_assert_int_eq(snapshot_write(&sample, "/dev/full", false, &error), -1);
	ck_assert_str_eq(error.text, "cannot write '/dev/full': No space left on device");
	/* A device is written to, not replaced. */
	error = (struct error){0};
	ck_assert_int_eq(snapshot_write(&sample, "/dev/null", false, &error), 0);
	ck_assert(!stat("/dev/null", &status) && S_ISCHR(status.st_mode));
	snapshot_release(&sample);
}
END_TEST

START_TEST(no_directory)
{
	struct snapshot sample;

	snapshot_init(&sample, intern);
	ck_assert_int_eq(snapshot_write(&sample, in_directory("no/where.hds"), false, &error), -1);
	ck_assert_ptr_nonnull(strstr(error.text, "No such file or directory"));
	error = (struct error){0};
	ck_assert_int_eq(snapshot_write(&sample, directory, false, &error), -1);
	ck_assert_ptr_nonnull(strstr(error.text, "Is a directory"));
}
END_TEST

START_TEST(a_link_is_followed)
{
	struct snapshot sample, read;
	struct stat status;

	sample_make(&sample, intern, 0x400000);
	ck_assert_int_eq(snapshot_write(&sample, in_directory("a.hds"), false, &error), 0);
	ck_assert_int_eq(symlink("a.hds", in_directory("link.hds")), 0);
	sample.info.pid = 99;
	ck_assert_int_eq(snapshot_write(&sample, in_directory("link.hds"), false, &error), 0);
	ck_assert(!lstat(in_directory("link.hds"), &status) && S_ISLNK(status.st_mode));
	ck_assert_int_eq(snapshot_read(&read, intern, in_directory("a.hds"), &error), 0);
	ck_assert_uint_eq(read.info.pid, 99);
	snapshot_release(&sample);
	snapshot_release(&read);
}
END_TEST

/* ---- Reading anything ---- */

START_TEST(what_is_no_file)
{
	struct snapshot read;

	ck_assert_int_eq(snapshot_read(&read, intern, in_directory("none"), &error), -1);
	ck_assert_ptr_nonnull(strstr(error.text, "none': No such file or directory"));
	error = (struct error){0};
	ck_assert_int_eq(snapshot_read(&read, intern, directory, &error), -1);
	ck_assert_ptr_nonnull(strstr(error.text, "is a directory without a snapshot"));
	error = (struct error){0};
	ck_assert_int_eq(snapshot_read(&read, intern, "/dev/zero", &error), -1);
	ck_assert_ptr_nonnull(strstr(error.text, "is not a heapdelta snapshot, trace file or interchange JSON"));
}
END_TEST

START_TEST(a_pipe_is_read)
{
	struct snapshot sample, read;
	size_t size;
	uint8_t *data = sample_bytes(&size);
	int ends[2];

	ck_assert_int_eq(pipe(ends), 0);
	ck_assert_int_eq(write(ends[1], data, size), (ssize_t)size);
	close(ends[1]);
	ck_assert_int_eq(dup2(ends[0], STDIN_FILENO), STDIN_FILENO);
	ck_assert_msg(!snapshot_read(&read, intern, "-", &error), "%s", error.text);
	sample_make(&sample, intern, 0x400000);
	same_snapshot(&sample, &read);
	snapshot_release(&sample);
	snapshot_release(&read);
	free(data);
}
END_TEST

/* Calls `each` for all cases of a kind; returns how many. */
static int each_case(const char *kind, const char *text_name, void (*each)(const char *input, const char *text))
{
	char path[300], text_path[320], text[400];
	int count = 0;

	snprintf(path, sizeof(path), "tests/data/%s", kind);
	DIR *list = opendir(path);
	ck_assert_ptr_nonnull(list);
	for (struct dirent *entry = readdir(list); entry; entry = readdir(list)) {
		if (entry->d_name[0] == '.')
			continue;
		snprintf(path, sizeof(path), "tests/data/%s/%.100s/input", kind, entry->d_name);
		snprintf(text_path, sizeof(text_path), "tests/data/%s/%.100s/%s", kind, entry->d_name, text_name);
		FILE *file = fopen(text_path, "r");
		ck_assert_msg(file && fgets(text, sizeof(text), file), "%s", text_path);
		fclose(file);
		text[strcspn(text, "\n")] = '\0';
		each(path, text);
		count++;
	}
	closedir(list);
	return count;
}

static void refuse(const char *input, const char *reason)
{
	struct snapshot read;

	error = (struct error){0};
	ck_assert_msg(snapshot_read(&read, intern, input, &error) == -1, "%s is accepted", input);
	ck_assert_msg(strstr(error.text, reason) != NULL, "%s: '%s' is not in '%s'", input, reason, error.text);
	ck_assert_ptr_nonnull(strstr(error.text, input));
	ck_assert_ptr_null(read.nodes);
}

START_TEST(invalid_cases)
{
	ck_assert_int_ge(each_case("invalid", "reason", refuse), 88);
}
END_TEST

static void accept(const char *input, const char *expected)
{
	struct snapshot read;
	char totals[400];

	error = (struct error){0};
	ck_assert_msg(!snapshot_read(&read, intern, input, &error), "%s: %s", input, error.text);
	snprintf(totals, sizeof(totals), "live %lu %lu total %lu %lu stacks %zu nodes %zu symbolised %d", read.info.live_blocks,
		 read.info.live_bytes, read.info.total_blocks, read.info.total_bytes, read.stack_count, read.node_count, read.symbolised);
	ck_assert_str_eq(totals, expected);
	snapshot_release(&read);
}

START_TEST(valid_cases)
{
	ck_assert_int_ge(each_case("valid", "expected", accept), 15);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		what_is_written_is_read,
		nothing_is_written_and_read,
		sums_keep_their_processes,
		cut_at_every_byte,
		every_bit_flipped,
		depth_is_bounded,
		exclusive_never_replaces,
		no_room_leaves_nothing,
		full_device,
		no_directory,
		a_link_is_followed,
		what_is_no_file,
		a_pipe_is_read,
		invalid_cases,
		valid_cases,
	};
	Suite *suite = suite_create("snapshot-hds");
	TCase *cases = tcase_create("snapshot-hds");

	tcase_add_checked_fixture(cases, setup, teardown);
	tcase_set_timeout(cases, 120);
	for (size_t i = 0; i < sizeof(tests) / sizeof(tests[0]); i++)
		tcase_add_test(cases, tests[i]);
	suite_add_tcase(suite, cases);
	SRunner *runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	int failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
