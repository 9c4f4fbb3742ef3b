/* links: analyzer */
/* SPDX-License-Identifier: MIT */
/*
 * A run's files: the run's directory, the work tree that is recorded, the peak seen from outside, and what the collector decides about trace
 * files made here (whole runs are tested end to end).
 */
#include <check.h>
#include <fcntl.h>
#include <jansson.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "collect.h"
#include "peak.h"
#include "rundir.h"
#include "summary.h"
#include "worktree.h"

static char work[64];
static struct error error;

static void setup(void)
{
	strcpy(work, "/tmp/check-collect-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(work));
	ck_assert_int_eq(chdir(work), 0);
	error = (struct error){0};
}

static void teardown(void)
{
	char command[128];

	ck_assert_int_eq(chdir("/"), 0);
	snprintf(command, sizeof(command), "rm -rf %s", work);
	ck_assert_int_eq(system(command), 0);
}

static void put(const char *path, const char *text)
{
	FILE *file = fopen(path, "w");

	ck_assert_ptr_nonnull(file);
	fputs(text, file);
	fclose(file);
}

/* ---- The run's directory --------------------------------------------------------------------------------------------------------- */

static struct traced *traced(pid_t pid, const char *name, enum traced_state state, const char *file)
{
	struct trace_peek peek = {.pid = pid, .ppid = 1, .flags = HDT_FLAG_EXITED};
	struct traced *made;

	snprintf(peek.name, sizeof(peek.name), "%s", name);
	made = traced_new("/dev/shm/nowhere.hdt", &peek);
	ck_assert_ptr_nonnull(made);
	made->state = state;
	made->file = file ? strdup(file) : NULL;
	return made;
}

START_TEST(directory_with_link_and_index)
{
	char *directory = rundir_make("heapdelta.app.7.hds", false), target[64] = "";
	struct traced *list[] = {traced(7, "app", TRACED_WRITTEN, "heapdelta.app.7.hds"),
				 traced(8, "cc", TRACED_WRITTEN, "heapdelta.app.7.d/heapdelta.cc.8.hds"),
				 traced(9, "true", TRACED_EMPTY, NULL), traced(9, "sh", TRACED_REPLACED, NULL),
				 traced(10, "ls", TRACED_UNWANTED, NULL)};

	ck_assert_str_eq(directory, "heapdelta.app.7.d");
	list[0]->is_root = list[0]->has_exit = true;
	list[0]->exit_status = 9;
	const struct rundir_index run = {"heapdelta.app.7.hds", list, 5, NULL};
	ck_assert_int_eq(rundir_close(directory, &run, &error), 0);
	ck_assert_int_gt(readlink("heapdelta.app.7.d/heapdelta.app.7.hds", target, sizeof(target) - 1), 0);
	ck_assert_str_eq(target, "../heapdelta.app.7.hds");
	json_t *index = json_load_file("heapdelta.app.7.d/index.json", 0, NULL), *processes = json_object_get(index, "processes");
	ck_assert_uint_eq(json_array_size(processes), 3);
	ck_assert_str_eq(json_string_value(json_object_get(json_array_get(processes, 0), "state")), "killed");
	ck_assert_str_eq(json_string_value(json_object_get(json_array_get(processes, 1), "file")), "heapdelta.cc.8.hds");
	ck_assert(json_is_null(json_object_get(json_array_get(processes, 2), "file")));
	json_decref(index);
	for (size_t i = 0; i < 5; i++)
		traced_free(list[i]);
	free(directory);
}
END_TEST

START_TEST(directories_of_others_are_left_alone)
{
	mkdir("x.d", 0755);
	put("x.d/heapdelta.app.1.hds", "mine");
	char *directory = rundir_make("x.hds", true);
	ck_assert_str_eq(directory, "x.2.d");
	free(directory);
	rundir_forget("x.hds");
	ck_assert_int_eq(access("x.d/heapdelta.app.1.hds", F_OK), 0);
	/* With our index it is an earlier run's: emptied of our files, and of nothing else. */
	put("x.d/index.json", "{}");
	put("x.d/notes.txt", "mine");
	directory = rundir_make("x.hds", true);
	ck_assert_str_eq(directory, "x.d");
	ck_assert_int_lt(access("x.d/heapdelta.app.1.hds", F_OK), 0);
	ck_assert_int_eq(access("x.d/notes.txt", F_OK), 0);
	free(directory);
	unlink("x.d/notes.txt");
	put("x.d/index.json", "{}");
	rundir_forget("x.hds");
	ck_assert_int_lt(access("x.d", F_OK), 0);
	directory = rundir_make("no/where.hds", false);
	ck_assert_ptr_null(directory);
}
END_TEST

START_TEST(renamed_after_the_last_image)
{
	char *directory = rundir_make("heapdelta.sh.7.hds", false);
	char *file = rundir_file(directory, "cc", 8);
	struct traced *list[] = {traced(8, "cc", TRACED_WRITTEN, file)};

	put(file, "x");
	rundir_rename(&directory, "heapdelta.app.7.hds", list, 1);
	ck_assert_str_eq(directory, "heapdelta.app.7.d");
	ck_assert_str_eq(list[0]->file, "heapdelta.app.7.d/heapdelta.cc.8.hds");
	ck_assert_int_eq(access(list[0]->file, F_OK), 0);
	mkdir("heapdelta.other.7.d", 0755);
	rundir_rename(&directory, "heapdelta.other.7.hds", list, 1);
	ck_assert_str_eq(directory, "heapdelta.app.7.d");
	traced_free(list[0]);
	free(file);
	free(directory);
}
END_TEST

/* ---- The work tree --------------------------------------------------------------------------------------------------------------- */

#define COMMIT "0123456789abcdef0123456789abcdef01234567"

static void commit_is(const char *root, const char *expected)
{
	char commit[72], path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/%s", work, root);
	ck_assert_int_eq(worktree_commit(path, commit, sizeof(commit)), expected[0] ? 0 : -1);
	ck_assert_str_eq(commit, expected);
}

START_TEST(work_trees)
{
	char root[PATH_MAX], expected[PATH_MAX], below[PATH_MAX];

	ck_assert_int_eq(system("mkdir -p tree/.git/refs/heads/x tree/a/b linked"), 0);
	snprintf(below, sizeof(below), "%s/tree/a/b", work);
	snprintf(expected, sizeof(expected), "%s/tree", work);
	ck_assert_int_eq(worktree_root(below, root, sizeof(root)), 0);
	ck_assert_str_eq(root, expected);
	ck_assert_int_eq(worktree_root("relative", root, sizeof(root)), -1);
	ck_assert_str_eq(root, "");
	commit_is("tree", "");
	put("tree/.git/HEAD", COMMIT "\n");
	commit_is("tree", COMMIT);
	put("tree/.git/HEAD", "ref: refs/heads/x/y\n");
	commit_is("tree", "");
	put("tree/.git/packed-refs", "# pack-refs\n" COMMIT " refs/heads/x/yz\nffffffffffffffffffffffffffffffffffffffff refs/heads/x/y\n");
	commit_is("tree", "ffffffffffffffffffffffffffffffffffffffff");
	put("tree/.git/refs/heads/x/y", COMMIT "\n");
	commit_is("tree", COMMIT);
	/* A linked work tree: its own HEAD, the branches of the main one. */
	ck_assert_int_eq(system("mkdir -p tree/.git/worktrees/linked"), 0);
	put("linked/.git", "gitdir: ../tree/.git/worktrees/linked\n");
	put("tree/.git/worktrees/linked/HEAD", "ref: refs/heads/x/y\n");
	put("tree/.git/worktrees/linked/commondir", "../..\n");
	commit_is("linked", COMMIT);
	put("tree/.git/HEAD", "ref: ../../../../etc/passwd\n");
	commit_is("tree", "");
	put("tree/.git/HEAD", "not a commit\n");
	commit_is("tree", "");
}
END_TEST

/* git itself says the same about the tree that it makes. */
START_TEST(as_git_says)
{
	char commit[72], expected[72] = "", path[PATH_MAX];

	if (system("git init -q real >/dev/null 2>&1 && cd real && git -c user.name=a -c user.email=a@b commit -q --allow-empty -m x && "
		   "git "
		   "rev-parse HEAD >../expected") != 0)
		return;
	FILE *file = fopen("expected", "r");
	ck_assert_ptr_nonnull(fgets(expected, sizeof(expected), file));
	fclose(file);
	expected[strcspn(expected, "\n")] = '\0';
	snprintf(path, sizeof(path), "%s/real", work);
	ck_assert_int_eq(worktree_commit(path, commit, sizeof(commit)), 0);
	ck_assert_str_eq(commit, expected);
	ck_assert_int_eq(system("cd real && git pack-refs --all"), 0);
	ck_assert_int_eq(worktree_commit(path, commit, sizeof(commit)), 0);
	ck_assert_str_eq(commit, expected);
}
END_TEST

/* ---- Peaks ----------------------------------------------------------------------------------------------------------------------- */

static void add_stack(struct snapshot *snapshot, uint64_t offset, uint64_t live_bytes)
{
	uint32_t node = snapshot_node(snapshot, 0, &(struct address){.offset = offset});

	ck_assert_int_eq(snapshot_reserve_stacks(snapshot, 1), 0);
	snapshot->stacks[snapshot->stack_count++] = (struct stack){.node = node, .live_blocks = live_bytes > 0, .live_bytes = live_bytes};
	snapshot->info.live_bytes += live_bytes;
}

START_TEST(peaks_are_merged)
{
	struct intern *intern = intern_new();
	struct snapshot snapshot;
	struct peak_row rows[] = {{1, 0, 5, 5000}, {3, 0, 1, 10}, {99, 0, 1, 1}};
	struct peak seen = {.seen_bytes = 5011, .rows = rows, .count = 3};

	snapshot_init(&snapshot, intern);
	add_stack(&snapshot, 0x100, 300);
	add_stack(&snapshot, 0x200, 20);
	ck_assert_int_ne(snapshot_node(&snapshot, 0, &(struct address){.offset = 0x300}), 0);
	ck_assert_int_eq(peak_merge(&seen, &snapshot, &error), 0);
	ck_assert_uint_eq(snapshot.info.peak_seen_bytes, 5011);
	/* Node 3 has no stack in the snapshot any more and gets one; node 99 is none of this snapshot's. */
	ck_assert_uint_eq(snapshot.stack_count, 3);
	ck_assert_uint_eq(snapshot.stacks[0].peak_bytes, 5000);
	ck_assert_uint_eq(snapshot.stacks[0].peak_blocks, 5);
	ck_assert_uint_eq(snapshot.stacks[1].peak_bytes, 0);
	ck_assert_uint_eq(snapshot.stacks[2].node, 3);
	ck_assert_uint_eq(snapshot.stacks[2].peak_bytes, 10);
	/* More live now than at any look: now is the peak. */
	seen.seen_bytes = 320;
	ck_assert_int_eq(peak_merge(&seen, &snapshot, &error), 0);
	ck_assert_uint_eq(snapshot.info.peak_seen_bytes, 320);
	ck_assert_uint_eq(snapshot.stacks[0].peak_bytes, 300);
	ck_assert_uint_eq(snapshot.stacks[2].peak_bytes, 0);
	snapshot_release(&snapshot);
	intern_free(intern);
}
END_TEST

/* ---- The collector --------------------------------------------------------------------------------------------------------------- */

static void make_trace(const char *run, const char *path, pid_t pid, const char *comm, uint64_t started)
{
	struct hdt_header header = {.magic = HDT_MAGIC,
				    .major = HDT_MAJOR,
				    .header_size = sizeof(header),
				    .area_count = HDT_AREA_COUNT,
				    .pid = pid,
				    .pid_start_ticks = 1,
				    .start_monotonic_ns = started};
	int fd = open(path, O_CREAT | O_WRONLY | O_EXCL, 0600);

	snprintf(header.run, sizeof(header.run), "%s", run);
	snprintf(header.comm, sizeof(header.comm), "%s", comm);
	ck_assert_int_eq(write(fd, &header, sizeof(header)), (ssize_t)sizeof(header));
	close(fd);
}

static enum traced_state state_of(const struct collect *collect, pid_t pid, uint64_t started)
{
	for (size_t i = 0; i < collect->count; i++) {
		if (collect->list[i]->peek.pid == pid && collect->list[i]->peek.start_monotonic_ns == started)
			return collect->list[i]->state;
	}
	ck_abort_msg("process %d was not seen", (int)pid);
}

START_TEST(what_becomes_of_trace_files)
{
	static const char *const except[] = {"unwant*", NULL};
	const struct collect_options options = {.except = except};
	struct naming naming;
	struct collect collect;
	char path[PATH_MAX];

	setenv("HEAPDELTA_DIR", work, 1);
	ck_assert_int_eq(naming_init(&naming, NULL, "app", &error), 0);
	ck_assert_msg(collect_open(&collect, &options, &naming, "app", &error) == 0, "%s", error.text);
	ck_assert_int_eq(access(collect.lock_path, F_OK), 0);
	collect_root_started(&collect, 1000001);
	snprintf(path, sizeof(path), "%s-1000002-0.hdt", collect.run);
	make_trace(collect.run, path, 1000002, "unwanted", 10);
	snprintf(path, sizeof(path), "%s-1000003-0.hdt", collect.run);
	make_trace(collect.run, path, 1000003, "first", 10);
	snprintf(path, sizeof(path), "%s-1000003-1.hdt", collect.run);
	make_trace(collect.run, path, 1000003, "second", 20);
	/* The name says so, the header does not: not of this run. */
	snprintf(path, sizeof(path), "%s-1000004-0.hdt", collect.run);
	make_trace("another", path, 1000004, "foreign", 10);
	collect_root_ended(&collect, 0);
	ck_assert_int_eq(access(path, F_OK), 0);
	ck_assert_uint_eq(collect.count, 3);
	ck_assert_int_eq((int)state_of(&collect, 1000002, 10), (int)TRACED_UNWANTED);
	ck_assert_int_ne((int)state_of(&collect, 1000003, 20), (int)TRACED_REPLACED);
	ck_assert_ptr_null(collect_root(&collect));
	ck_assert_uint_eq(collect_alive(&collect), 0);
	snprintf(path, sizeof(path), "%s-1000002-0.hdt", collect.run);
	ck_assert_int_lt(access(path, F_OK), 0);
	snprintf(path, sizeof(path), "%s", collect.lock_path);
	collect_close(&collect);
	ck_assert_int_lt(access(path, F_OK), 0);
	collect_release(&collect);
	naming_release(&naming);
}
END_TEST

/* ---- Words ----------------------------------------------------------------------------------------------------------------------- */

START_TEST(durations)
{
	static const struct {
		uint64_t ns;
		const char *text;
	} cases[] = {{0, "0 ms"},           {999999999, "999 ms"},        {1000000000, "1.0 s"},       {9990000000, "9.9 s"},
		     {10000000000, "10 s"}, {134000000000, "2 min 14 s"}, {7384000000000, "2 h 3 min"}};
	char text[DURATION_TEXT_MAX];

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		ck_assert_str_eq(duration_text(text, cases[i].ns), cases[i].text);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("collect");
	TCase *tcase = tcase_create("collect");
	SRunner *runner;
	int failed;

	tcase_set_timeout(tcase, 60);
	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_test(tcase, directory_with_link_and_index);
	tcase_add_test(tcase, directories_of_others_are_left_alone);
	tcase_add_test(tcase, renamed_after_the_last_image);
	tcase_add_test(tcase, work_trees);
	tcase_add_test(tcase, as_git_says);
	tcase_add_test(tcase, peaks_are_merged);
	tcase_add_test(tcase, what_becomes_of_trace_files);
	tcase_add_test(tcase, durations);
	suite_add_tcase(suite, tcase);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
