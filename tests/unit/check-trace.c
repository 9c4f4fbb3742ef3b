/* links: preload */
/* SPDX-License-Identifier: MIT */
/*
 * The trace file: where it is made, what it says, who may read it, how it grows, and what is left when there is no room, no file, no
 * descriptor, no newer kernel, or no parent any more.
 */
#include "trace.h"

#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "tables.h"

#define SKIP(test, reason) \
	do { \
		printf("SKIP %s: %s\n", test, reason); \
		return; \
	} while (0)

static void setup(void)
{
	make_test_directory();
}

static void teardown(void)
{
	trace_forget();
	remove_test_directory();
}

static unsigned open_descriptors(void)
{
	DIR *directory = opendir("/proc/self/fd");
	unsigned count = 0;

	while (directory != NULL && readdir(directory) != NULL)
		count++;
	if (directory != NULL)
		closedir(directory);
	return count;
}

/* Whether somebody holds the lock on a file: what every reader asks. */
static bool is_locked(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	ck_assert_int_ge(fd, 0);
	bool locked = flock(fd, LOCK_SH | LOCK_NB) != 0 && errno == EWOULDBLOCK;
	close(fd);
	return locked;
}

static int child_status(pid_t child)
{
	int status = -1;

	ck_assert_int_eq(waitpid(child, &status, 0), child);
	return status;
}

/* Run a check in a child of its own: limits, mounts and seccomp filters end with it.  The child has no trace. */
static void in_child(bool (*check)(void))
{
	pid_t child = fork();

	if (child == 0) {
		trace_forget();
		bool right = check();
		fflush(stdout);
		_exit(right ? 0 : 1);
	}
	ck_assert_int_eq(child_status(child), 0);
}

/* ---- The file */

START_TEST(makes_a_private_locked_file_and_holds_no_descriptor)
{
	unsigned before = open_descriptors();
	char expected[128];
	struct stat st;

	errno = 77;
	create_trace(0);
	ck_assert_int_eq(errno, 77);
	ck_assert_uint_eq(open_descriptors(), before);
	snprintf(expected, sizeof(expected), "%s/test-%d-0.hdt", test_directory, (int)getpid());
	ck_assert_str_eq(trace.path, expected);
	ck_assert_int_eq(stat(trace.path, &st), 0);
	ck_assert_uint_eq(st.st_mode & 07777, 0600);
	ck_assert_uint_le((uint64_t)st.st_blocks * 512, 128 << 10);
	ck_assert(is_locked(trace.path));
	ck_assert(trace_attached());
	ck_assert(!trace.is_private);
}
END_TEST

/* The hot path reads some record 0 without asking whether anybody has been given a record yet. */
START_TEST(what_is_looked_at_first_exists)
{
	static const enum hdt_area_id looked_at[] = {HDT_AREA_THREADS, HDT_AREA_STRINGS, HDT_AREA_NODES, HDT_AREA_SLOTS};

	create_trace(0);
	for (unsigned i = 0; i < sizeof(looked_at) / sizeof(looked_at[0]); i++) {
		const struct hdt_area *area = &trace.header->areas[looked_at[i]];
		ck_assert_uint_ge(atomic_load(&area->opened), area->first);
		for (uint64_t byte = 0; byte < area->first; byte++)
			ck_assert_uint_eq(*(volatile uint8_t *)trace_at(looked_at[i], byte), 0);
	}
}
END_TEST

static uint64_t stat_field_22(void)
{
	char text[1024] = "";
	FILE *file = fopen("/proc/self/stat", "r");
	unsigned long long ticks = 0;

	if (file == NULL || fgets(text, sizeof(text), file) == NULL)
		return 0;
	fclose(file);
	sscanf(strrchr(text, ')') + 1, " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %*u %*u %*d %*d %*d %*d %*d %*d %llu", &ticks);
	return ticks;
}

START_TEST(describes_the_process)
{
	const char *directories[] = {test_directory, NULL};
	struct trace_options options = {.directories = directories,
					.exe = "/x/prog",
					.cwd = "/x",
					.output = "out.hds",
					.command = "prog\0a b\0",
					.command_size = 9,
					.parent_file = "/x/parent.hdt",
					.image = 3,
					.nframe = 12,
					.flags = HDT_FLAG_FORKED,
					.reserve_bytes = SMALL_RESERVE};
	struct stat st;

	prctl(PR_SET_NAME, "a) 1 (b");
	ck_assert_int_eq(trace_create(&options), 0);
	const struct hdt_header *header = trace.header;
	const char *strings = trace_at(HDT_AREA_STRINGS, 0);
	ck_assert_uint_eq(header->magic, HDT_MAGIC);
	ck_assert_uint_eq(header->major, HDT_MAJOR);
	ck_assert_int_eq(header->pid, getpid());
	ck_assert_int_eq(header->ppid, getppid());
	ck_assert_uint_eq(header->pid_start_ticks, stat_field_22());
	ck_assert_int_eq(stat("/proc/self/ns/pid", &st), 0);
	ck_assert_uint_eq(header->pid_namespace, st.st_ino);
	ck_assert_str_eq(header->comm, "a) 1 (b");
	ck_assert_str_eq(header->run, "");
	ck_assert_uint_eq(header->image, 3);
	ck_assert_str_eq(strings + header->exe, "/x/prog");
	ck_assert_str_eq(strings + header->cwd, "/x");
	ck_assert_str_eq(strings + header->output, "out.hds");
	ck_assert_str_eq(strings + header->parent_file, "/x/parent.hdt");
	ck_assert_uint_eq(header->command_size, 9);
	ck_assert_mem_eq(strings + header->command, "prog\0a b\0", 9);
	ck_assert_uint_eq(atomic_load(&header->state), HDT_STATE_RUNNING);
	ck_assert_uint_eq(atomic_load(&header->flags), HDT_FLAG_FORKED);
	ck_assert_ptr_nonnull(strstr(trace.path, "/hd-"));
	trace_seal(HDT_FLAG_EXITED);
	ck_assert_uint_eq(atomic_load(&header->state), HDT_STATE_SEALED);
	ck_assert_uint_eq(atomic_load(&header->flags), HDT_FLAG_FORKED | HDT_FLAG_EXITED);
	ck_assert_uint_ge(atomic_load(&header->end_monotonic_ns), header->start_monotonic_ns);
}
END_TEST

START_TEST(areas_do_not_overlap_and_fill_the_file)
{
	static const uint64_t sizes[] = {SMALL_RESERVE, UINT64_C(1) << 28, 0, (UINT64_C(5) << 20) + 12345};
	uint64_t end = 4096;

	create_trace(sizes[_i]);
	ck_assert_uint_eq(trace.header->area_count, HDT_AREA_COUNT);
	for (unsigned i = 0; i < HDT_AREA_COUNT; i++) {
		const struct hdt_area *area = &trace.header->areas[i];
		ck_assert_uint_eq(area->offset, end);
		ck_assert_uint_eq(area->offset % 4096, 0);
		ck_assert_uint_gt(area->reserved, 0);
		ck_assert_uint_le(atomic_load(&area->used), atomic_load(&area->opened));
		ck_assert_uint_eq(atomic_load(&area->spill), HDT_NO_SPILL);
		end += area->reserved;
	}
	ck_assert_uint_le(end, trace.header->file_size);
	ck_assert_uint_ge(end + 8192, trace.header->file_size);
}
END_TEST

START_TEST(a_name_that_exists_is_not_touched)
{
	char path[128];
	struct stat st;

	snprintf(path, sizeof(path), "%s/test-%d-0.hdt", test_directory, (int)getpid());
	close(open(path, O_CREAT | O_WRONLY, 0644));
	snprintf(path, sizeof(path), "%s/test-%d-1.hdt", test_directory, (int)getpid());
	ck_assert_int_eq(symlink("/etc/passwd", path), 0);
	create_trace(SMALL_RESERVE);
	ck_assert_ptr_nonnull(strstr(trace.path, "-2.hdt"));
	snprintf(path, sizeof(path), "%s/test-%d-0.hdt", test_directory, (int)getpid());
	ck_assert_int_eq(stat(path, &st), 0);
	ck_assert_int_eq(st.st_size, 0);
}
END_TEST

static bool lands_in(const char *first, const char *second, const char *expected)
{
	const char *directories[] = {first, second, NULL};
	struct trace_options options = {.directories = directories, .run = "test", .reserve_bytes = SMALL_RESERVE};

	trace_forget();
	ck_assert_int_eq(trace_create(&options), 0);
	if (expected == NULL)
		return trace.is_private && trace.path[0] == '\0' && (atomic_load(&trace.header->flags) & HDT_FLAG_PRIVATE);
	size_t length = strlen(expected);
	bool right = strncmp(trace.path, expected, length) == 0 && strrchr(trace.path, '/') == trace.path + length;
	unlink(trace.path);
	return right;
}

START_TEST(only_safe_directories_are_used)
{
	char unsafe[128], missing[128], link_to[128];
	struct stat st;

	snprintf(unsafe, sizeof(unsafe), "%s/unsafe", test_directory);
	snprintf(missing, sizeof(missing), "%s/missing", test_directory);
	snprintf(link_to, sizeof(link_to), "%s/link", test_directory);
	ck_assert_int_eq(mkdir(unsafe, 0700), 0);
	ck_assert(lands_in(unsafe, test_directory, unsafe));
	ck_assert_int_eq(chmod(unsafe, 0777), 0);
	ck_assert(lands_in(unsafe, test_directory, test_directory));
	ck_assert_int_eq(chmod(unsafe, 01777), 0);
	ck_assert(lands_in(unsafe, test_directory, unsafe));
	ck_assert_int_eq(chmod(unsafe, 0777), 0);
	/* a new directory: in a safe parent only, and ours alone */
	ck_assert(lands_in(missing, NULL, missing));
	ck_assert_int_eq(stat(missing, &st), 0);
	ck_assert_uint_eq(st.st_mode & 07777, 0700);
	strcat(unsafe, "/missing");
	ck_assert(lands_in(unsafe, test_directory, test_directory));
	ck_assert(lands_in("relative", test_directory, test_directory));
	ck_assert(lands_in("/proc", "/nowhere/at/all", NULL));
	ck_assert_int_eq(symlink(missing, link_to), 0);
	ck_assert(lands_in(link_to, test_directory, link_to));
	if (geteuid() == 0) {
		ck_assert_int_eq(lchown(link_to, 65534, 65534), 0);
		ck_assert(lands_in(link_to, test_directory, test_directory));
		ck_assert_int_eq(chown(missing, 65534, 65534), 0);
		ck_assert(lands_in(missing, test_directory, test_directory));
	} else {
		printf("SKIP only_safe_directories_are_used: other owners: not root\n");
	}
	remove_test_directory();
}
END_TEST

/* ---- Growth */

START_TEST(room_is_zero_aligned_and_bounded)
{
	create_trace(SMALL_RESERVE);
	uint64_t first = trace_alloc(HDT_AREA_SLOTS, 24, 8), second = trace_alloc(HDT_AREA_SLOTS, 4096, 64), count = 0;

	ck_assert_uint_eq(first % 8, 0);
	ck_assert_uint_eq(second % 64, 0);
	ck_assert_uint_ge(second, first + 24);
	for (uint64_t at; (at = trace_alloc(HDT_AREA_SLOTS, 4096, 4096)) != TRACE_NONE; count++) {
		const uint8_t *memory = trace_at(HDT_AREA_SLOTS, at);
		EXPECT((memory[0] | memory[4095]) == 0);
		memset((void *)memory, 0xff, 4096);
	}
	ck_assert_uint_eq(trace_alloc(HDT_AREA_SLOTS, UINT64_MAX, 8), TRACE_NONE);
	ck_assert_uint_ge((count + 3) * 4096, trace.header->areas[HDT_AREA_SLOTS].reserved);
}
END_TEST

START_TEST(strings_are_copied)
{
	create_trace(SMALL_RESERVE);
	uint32_t text = trace_string("abcdef", 3), other = trace_string("x", 1);

	ck_assert_str_eq(trace_at(HDT_AREA_STRINGS, text), "abc");
	ck_assert_str_eq(trace_at(HDT_AREA_STRINGS, other), "x");
	ck_assert_uint_eq(trace_string("", 0), 0);
	ck_assert_str_eq(trace_at(HDT_AREA_STRINGS, 0), "");
	uint32_t last;
	unsigned strings = 0;
	do
		last = trace_string("0123456789012345678901234567890123456789", 40);
	while (last != 0 && ++strings < 1000000);
	ck_assert_uint_gt(strings, 100);
	ck_assert_uint_lt(strings, 1000000);
}
END_TEST

#define CLAIMS_MAX 40000
static struct claims {
	uint64_t at[CLAIMS_MAX];
	unsigned count;
} all_claims[4];

/* Each thread marks what it is given; nothing may be given twice, or lose its mark. */
static void *claiming_thread(void *argument)
{
	struct claims *claims = argument;
	uint64_t mark = (uint64_t)(claims - all_claims) + 1;

	for (claims->count = 0; claims->count < CLAIMS_MAX; claims->count++) {
		uint64_t at = trace_alloc(HDT_AREA_SLOTS, 64, 8);
		if (at == TRACE_NONE)
			break;
		claims->at[claims->count] = at;
		for (unsigned i = 0; i < 8; i++) {
			_Atomic(uint64_t) *word = (_Atomic(uint64_t) *)trace_at(HDT_AREA_SLOTS, at) + i;
			if (atomic_exchange(word, mark) != 0)
				abort();
		}
	}
	return NULL;
}

static uint64_t claim_with_threads(void)
{
	pthread_t threads[4];
	uint64_t bytes = 0;

	for (unsigned i = 0; i < 4; i++)
		pthread_create(&threads[i], NULL, claiming_thread, &all_claims[i]);
	for (unsigned i = 0; i < 4; i++)
		pthread_join(threads[i], NULL);
	for (unsigned i = 0; i < 4; i++) {
		for (unsigned n = 0; n < all_claims[i].count; n++) {
			const uint64_t *words = trace_at(HDT_AREA_SLOTS, all_claims[i].at[n]);
			for (unsigned word = 0; word < 8; word++)
				EXPECT(words[word] == i + 1);
		}
		bytes += all_claims[i].count * UINT64_C(64);
	}
	return bytes;
}

START_TEST(threads_that_grow_together_never_share)
{
	create_trace(UINT64_C(64) << 20);
	ck_assert_uint_eq(claim_with_threads(), 4 * CLAIMS_MAX * UINT64_C(64));
}
END_TEST

START_TEST(populated_ahead_nothing_grows_any_more)
{
	create_trace(UINT64_C(256) << 20);
	trace_populate_ahead(1 << 20);
	uint64_t opened = atomic_load(&trace.header->areas[HDT_AREA_SLOTS].opened), got = 0;
	ck_assert_uint_ge(opened, 1 << 20);
	while (trace_alloc(HDT_AREA_SLOTS, 4096, 8) != TRACE_NONE)
		got += 4096;
	ck_assert_uint_ge(got, (1 << 20) - 4096);
	ck_assert_uint_eq(atomic_load(&trace.header->areas[HDT_AREA_SLOTS].opened), opened);
	ck_assert_uint_ne(trace_alloc(HDT_AREA_NODES, 24, 8), TRACE_NONE);
}
END_TEST

/* ---- A full place */

static bool mount_small(char *path, size_t size, const char *name, const char *options)
{
	static bool own_namespace;

	/* In a mount namespace of this test alone, so that nothing stays mounted whatever happens. */
	if (!own_namespace && (unshare(CLONE_NEWNS) != 0 || mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0))
		return false;
	own_namespace = true;
	snprintf(path, size, "%s/%s", test_directory, name);
	return mkdir(path, 0700) == 0 && mount("tmpfs", path, "tmpfs", 0, options) == 0;
}

static void unmount_small(const char *path)
{
	umount2(path, MNT_DETACH);
	rmdir(path);
}

/* A hook has loaded the pointer, and a signal's handler drops the mapping before it looks. */
START_TEST(the_word_that_hooks_look_at_outlives_the_mapping)
{
	const char *directories[] = {test_directory, NULL};
	struct trace_options options = {.directories = directories, .run = "test"};
	char path[sizeof(trace.path)];

	ck_assert_int_eq(trace_create(&options), 0);
	_Atomic(uint32_t) *word = trace_tracing;
	ck_assert_ptr_eq(word, &trace.header->tracing);
	atomic_store(word, 0);
	memcpy(path, trace.path, sizeof(path));
	trace_forget();
	ck_assert_ptr_ne(word, trace_tracing);
	ck_assert_uint_eq(atomic_load(word), HDT_TRACING_ON);
	ck_assert_uint_eq(atomic_load(trace_tracing), HDT_TRACING_ON);
	ck_assert_msg(!is_locked(path), "the parent's file would be taken for one that is in use");
}
END_TEST

static void create_in(const char *first, const char *second, uint64_t bytes)
{
	const char *directories[] = {first, second, NULL};
	struct trace_options options = {.directories = directories, .run = "test", .reserve_bytes = bytes};

	ck_assert_int_eq(trace_create(&options), 0);
	ck_assert(!trace.is_private);
}

START_TEST(a_full_place_is_an_error_code)
{
	char path[128];

	if (!mount_small(path, sizeof(path), "full", "size=2m"))
		SKIP("a_full_place_is_an_error_code", "cannot mount a tmpfs");
	create_in(path, NULL, UINT64_C(64) << 20);
	uint64_t bytes = claim_with_threads();
	ck_assert_uint_gt(bytes, 1 << 20);
	ck_assert_uint_lt(bytes, 2 << 20);
	ck_assert_uint_eq(trace_alloc(HDT_AREA_SLOTS, 4096, 8), TRACE_NONE);
	ck_assert_uint_eq(atomic_load(&trace.header->areas[HDT_AREA_SLOTS].spill), HDT_NO_SPILL);
	unmount_small(path);
}
END_TEST

START_TEST(a_limit_ends_all_growth)
{
	const char *directories[] = {test_directory, NULL};
	const uint64_t limit = UINT64_C(2) << 20;
	struct trace_options options = {.directories = directories, .run = "test", .limit_bytes = limit};

	ck_assert_int_eq(trace_create(&options), 0);
	ck_assert(trace_alloc(HDT_AREA_NODES, 64 << 10, 8) != TRACE_NONE);
	uint64_t bytes = claim_with_threads();
	ck_assert_uint_gt(bytes, limit / 2);
	ck_assert_uint_le(bytes, limit);
	ck_assert_uint_eq(trace_alloc(HDT_AREA_NODES, limit, 8), TRACE_NONE);
	/* It is no lack of room: there is no second file. */
	ck_assert_uint_eq(atomic_load(&trace.header->areas[HDT_AREA_SLOTS].spill), HDT_NO_SPILL);
	ck_assert_uint_eq((unsigned char)trace.header->spill_path[0], 0);
	struct stat st;
	ck_assert_int_eq(stat(trace.path, &st), 0);
	ck_assert_int_le(st.st_blocks * 512, (int64_t)limit + (1 << 20));
	trace_forget();
	options.limit_bytes = 0;
	ck_assert_int_eq(trace_create(&options), 0);
	ck_assert(trace_alloc(HDT_AREA_NODES, limit, 8) != TRACE_NONE);
}
END_TEST

static void read_area(char *buffer, const char *path, uint64_t offset, uint64_t bytes)
{
	int fd = open(path, O_RDONLY);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(pread(fd, buffer, bytes, (off_t)offset), (ssize_t)bytes);
	close(fd);
}

/* What a reader puts together from both files is what the process has. */
static void check_both_files(enum hdt_area_id id)
{
	const struct hdt_area *area = &trace.header->areas[id];
	uint64_t spill = atomic_load(&area->spill), used = trace_used(id);
	char *first = malloc(spill), *second = malloc(used - spill);

	ck_assert_uint_gt(used, spill);
	read_area(first, trace.path, area->offset, spill);
	read_area(second, trace.header->spill_path, area->offset + spill, used - spill);
	ck_assert(memcmp(first, trace_at(id, 0), spill) == 0);
	ck_assert(memcmp(second, trace_at(id, spill), used - spill) == 0);
	free(first);
	free(second);
}

START_TEST(a_full_place_goes_on_in_a_second_file)
{
	char path[128];
	struct stat st;

	if (!mount_small(path, sizeof(path), "spill", "size=2m"))
		SKIP("a_full_place_goes_on_in_a_second_file", "cannot mount a tmpfs");
	create_in(path, test_directory, UINT64_C(64) << 20);
	ck_assert_uint_eq(claim_with_threads(), 4 * CLAIMS_MAX * UINT64_C(64));
	ck_assert_int_eq(strncmp(trace.path, path, strlen(path)), 0);
	ck_assert_int_eq(strncmp(trace.header->spill_path, test_directory, strlen(test_directory)), 0);
	ck_assert_int_eq(stat(trace.header->spill_path, &st), 0);
	ck_assert_uint_eq(st.st_mode & 07777, 0600);
	ck_assert(is_locked(trace.header->spill_path));
	check_both_files(HDT_AREA_SLOTS);
	/* Every area has moved, also one that had not been full. */
	for (unsigned i = 0; i < 2000; i++)
		ck_assert_uint_ne(trace_alloc(HDT_AREA_NODES, 24, 8), TRACE_NONE);
	memset(trace_at(HDT_AREA_NODES, 40000), 0x55, 24);
	check_both_files(HDT_AREA_NODES);
	for (unsigned i = 0; i < HDT_AREA_COUNT; i++)
		ck_assert_uint_eq(atomic_load(&trace.header->areas[i].opened) & HDT_SPILLING, 0);
	unmount_small(path);
}
END_TEST

START_TEST(both_places_full_is_an_error_code)
{
	char first[128], second[128];

	if (!mount_small(first, sizeof(first), "one", "size=2m") || !mount_small(second, sizeof(second), "two", "size=2m"))
		SKIP("both_places_full_is_an_error_code", "cannot mount a tmpfs");
	create_in(first, second, UINT64_C(64) << 20);
	uint64_t bytes = claim_with_threads();
	ck_assert_uint_gt(bytes, 3 << 20);
	ck_assert_uint_lt(bytes, 4 << 20);
	check_both_files(HDT_AREA_SLOTS);
	unmount_small(second);
	unmount_small(first);
}
END_TEST

/* ---- An older kernel, limits */

/* MADV_POPULATE_WRITE is unknown: the filter answers as Linux before 5.14 did. */
static bool forget_populate(void)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_madvise, 0, 3),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args[2])),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 23, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EINVAL),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = {sizeof(code) / sizeof(code[0]), code};

	return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 && prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0;
}

static char small_mount[128];

static bool grow_on_old_kernel(void)
{
	if (!forget_populate()) {
		printf("SKIP an_older_kernel_probes_its_pages: no seccomp filter\n");
		return true;
	}
	create_in(small_mount, NULL, UINT64_C(64) << 20);
	uint64_t bytes = claim_with_threads();
	return bytes > 1 << 20 && bytes < 2 << 20;
}

START_TEST(an_older_kernel_probes_its_pages)
{
	if (!mount_small(small_mount, sizeof(small_mount), "old", "size=2m"))
		SKIP("an_older_kernel_probes_its_pages", "cannot mount a tmpfs");
	in_child(grow_on_old_kernel);
	unmount_small(small_mount);
}
END_TEST

static bool limit_file_size(void)
{
	const char *directories[] = {test_directory, NULL};
	struct trace_options options = {.directories = directories, .reserve_bytes = UINT64_C(64) << 20};
	struct rlimit limit = {8 << 20, 8 << 20};
	bool right;

	setrlimit(RLIMIT_FSIZE, &limit);
	create_trace(0);
	right = !trace.is_private && trace.header->file_size <= 8 << 20;
	while (trace_alloc(HDT_AREA_SLOTS, 4096, 8) != TRACE_NONE)
		;
	trace_forget();
	limit.rlim_cur = 2 << 20; /* less than a file needs */
	setrlimit(RLIMIT_FSIZE, &limit);
	/* Not by an assertion: those write to a file. */
	right &= trace_create(&options) == 0;
	return right && trace.is_private && trace_alloc(HDT_AREA_SLOTS, 4096, 8) != TRACE_NONE;
}

START_TEST(a_file_size_limit_is_respected)
{
	in_child(limit_file_size);
}
END_TEST

static bool limit_address_space(void)
{
	struct rlimit limit = {UINT64_C(1) << 30, UINT64_C(1) << 30};

	setrlimit(RLIMIT_AS, &limit);
	create_trace(0);
	void *memory = mmap(NULL, UINT64_C(512) << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	return !trace.is_private && trace.reserved_bytes <= UINT64_C(128) << 20 && memory != MAP_FAILED;
}

START_TEST(an_address_space_limit_leaves_room_for_the_program)
{
	if (UNDER_SANITIZER)
		SKIP("an_address_space_limit_leaves_room_for_the_program", "a sanitizer needs more address space than a limit would leave");
	in_child(limit_address_space);
}
END_TEST

static bool use_no_descriptors(void)
{
	struct rlimit limit = {0, 0};

	setrlimit(RLIMIT_NOFILE, &limit);
	create_trace(SMALL_RESERVE);
	return trace.is_private && trace.header->pid == getpid();
}

START_TEST(without_descriptors_the_tables_are_private)
{
	in_child(use_no_descriptors);
}
END_TEST

static bool live_without_proc(void)
{
	if (unshare(CLONE_NEWNS) != 0 || mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0 ||
	    mount("tmpfs", "/proc", "tmpfs", 0, NULL) != 0) {
		printf("SKIP lives_without_proc: no mount namespace\n");
		return true;
	}
	create_trace(SMALL_RESERVE);
	return !trace.is_private && trace.header->pid_namespace == 0 && trace.header->pid_start_ticks == 0;
}

START_TEST(lives_without_proc)
{
	in_child(live_without_proc);
}
END_TEST

/* ---- Death and fork */

static void write_path(int fd)
{
	if (write(fd, trace.path, sizeof(trace.path)) != sizeof(trace.path))
		_exit(1);
}

START_TEST(the_lock_ends_with_the_process)
{
	char path[sizeof(trace.path)];
	int ends[2];

	ck_assert_int_eq(pipe(ends), 0);
	pid_t child = fork();
	if (child == 0) {
		create_trace(SMALL_RESERVE);
		write_path(ends[1]);
		for (;;)
			pause();
	}
	ck_assert_int_eq(read(ends[0], path, sizeof(path)), sizeof(path));
	ck_assert(is_locked(path));
	kill(child, SIGKILL);
	ck_assert_int_eq(child_status(child), SIGKILL);
	ck_assert(!is_locked(path));
}
END_TEST

START_TEST(a_fork_child_notices_and_makes_its_own_file)
{
	char parent_path[sizeof(trace.path)];
	int ends[2];
	char byte;

	create_trace(SMALL_RESERVE);
	memcpy(parent_path, trace.path, sizeof(parent_path));
	ck_assert_int_eq(pipe(ends), 0);
	pid_t child = fork();
	if (child == 0) {
		bool right = !trace_attached() && trace.process_number == 0;
		trace_forget();
		right &= trace.base == NULL && trace.process_number == 1 && !trace_attached();
		create_trace(SMALL_RESERVE);
		right &= trace_attached() && trace.header->pid == getpid() && strcmp(trace.path, parent_path) != 0 && is_locked(trace.path);
		if (read(ends[0], &byte, 1) != 1) /* until the parent has dropped its mapping */
			right = false;
		right &= !is_locked(parent_path);
		_exit(right ? 0 : 1);
	}
	ck_assert(trace_attached());
	trace_forget();
	ck_assert_int_eq(write(ends[1], "x", 1), 1);
	ck_assert_int_eq(child_status(child), 0);
}
END_TEST

START_TEST(a_private_copy_leaves_the_parents_file_alone)
{
	create_trace(SMALL_RESERVE);
	uint64_t at = trace_alloc(HDT_AREA_SLOTS, 8192, 8);
	uint32_t *word = trace_at(HDT_AREA_SLOTS, at);

	*word = 1;
	pid_t child = fork();
	if (child == 0) {
		trace_make_private_copy();
		bool right = *word == 1 && trace.header->pid == getppid();
		*word = 2;
		trace_lost(HDT_LOSS_BLOCK, 5);
		/* The interrupted event may still grow. */
		while (trace_alloc(HDT_AREA_SLOTS, 4096, 8) != TRACE_NONE)
			;
		right &= trace_used(HDT_AREA_SLOTS) > 1 << 20;
		trace_forget();
		_exit(right ? 0 : 1);
	}
	ck_assert_int_eq(child_status(child), 0);
	ck_assert_uint_eq(*word, 1);
	ck_assert_uint_eq(atomic_load(&trace.header->losses[HDT_LOSS_BLOCK]), 0);
	ck_assert_uint_eq(trace_used(HDT_AREA_SLOTS), at + 8192);
}
END_TEST

static TCase *cases(void)
{
	TCase *tcase = tcase_create("trace");

	tcase_set_timeout(tcase, 60);
	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_test(tcase, makes_a_private_locked_file_and_holds_no_descriptor);
	tcase_add_test(tcase, what_is_looked_at_first_exists);
	tcase_add_test(tcase, describes_the_process);
	tcase_add_loop_test(tcase, areas_do_not_overlap_and_fill_the_file, 0, 4);
	tcase_add_test(tcase, a_name_that_exists_is_not_touched);
	tcase_add_test(tcase, only_safe_directories_are_used);
	tcase_add_test(tcase, room_is_zero_aligned_and_bounded);
	tcase_add_test(tcase, strings_are_copied);
	tcase_add_test(tcase, threads_that_grow_together_never_share);
	tcase_add_test(tcase, populated_ahead_nothing_grows_any_more);
	tcase_add_test(tcase, a_full_place_is_an_error_code);
	tcase_add_test(tcase, a_limit_ends_all_growth);
	tcase_add_test(tcase, a_full_place_goes_on_in_a_second_file);
	tcase_add_test(tcase, both_places_full_is_an_error_code);
	tcase_add_test(tcase, an_older_kernel_probes_its_pages);
	tcase_add_test(tcase, a_file_size_limit_is_respected);
	tcase_add_test(tcase, an_address_space_limit_leaves_room_for_the_program);
	tcase_add_test(tcase, without_descriptors_the_tables_are_private);
	tcase_add_test(tcase, lives_without_proc);
	tcase_add_test(tcase, the_lock_ends_with_the_process);
	tcase_add_test(tcase, a_fork_child_notices_and_makes_its_own_file);
	tcase_add_test(tcase, the_word_that_hooks_look_at_outlives_the_mapping);
	tcase_add_test(tcase, a_private_copy_leaves_the_parents_file_alone);
	return tcase;
}

int main(void)
{
	return run_suite("trace", cases);
}
