/* links: preload */
/* SPDX-License-Identifier: MIT */
/*
 * The snapshot written from inside, from tables filled by hand: every chunk's numbers, quoting, order of keys; and, beside threads that
 * go on inserting and removing, a set of lasting blocks that must be in each snapshot exactly once.
 */
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "blocks.h"
#include "config.h"
#include "dump.h"
#include "heapdelta/hds.h"
#include "heapdelta/sampling.h"
#include "heapdelta/trace.h"
#include "modules.h"
#include "stacks.h"
#include "threads.h"
#include "trace.h"

static char directory[64], path[PATH_MAX];
static struct hdt_thread *cell;

/* ---- Reading back -------------------------------------------------------------------------------------------------------------- */

struct chunk {
	const uint8_t *bytes;
	size_t size;
};
static uint8_t *file;
static size_t file_size;

static void read_file(void)
{
	struct stat status;
	int fd = open(path, O_RDONLY);
	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(fstat(fd, &status), 0);
	file_size = (size_t)status.st_size;
	free(file);
	file = malloc(file_size);
	ck_assert_int_eq(read(fd, file, file_size), (ssize_t)file_size);
	close(fd);
}

static struct chunk chunk_of(uint32_t id)
{
	const struct hds_header *header = (const struct hds_header *)file;
	const struct hds_chunk *chunks = (const struct hds_chunk *)(header + 1);
	for (uint32_t n = 0; n < header->chunk_count; n++)
		if (chunks[n].id == id)
			return (struct chunk){file + chunks[n].offset, chunks[n].size};
	ck_abort_msg("chunk missing");
}

static const struct hds_info *info_entry(uint32_t key)
{
	struct chunk chunk = chunk_of(HDS_CHUNK_INFO);
	const struct hds_info *info = (const struct hds_info *)chunk.bytes;
	for (size_t n = 0; n < chunk.size / sizeof(*info); n++)
		if (info[n].key == key)
			return &info[n];
	return NULL;
}

static uint64_t number_of(uint32_t key)
{
	const struct hds_info *entry = info_entry(key);
	ck_assert_ptr_nonnull(entry);
	return entry->value;
}

static const char *text_of(uint32_t key)
{
	struct chunk strings = chunk_of(HDS_CHUNK_STRINGS);
	uint64_t offset = number_of(key);
	ck_assert_uint_lt(offset, strings.size);
	ck_assert(offset == 0 || strings.bytes[offset - 1] == '\0');
	ck_assert_uint_eq(strings.bytes[strings.size - 1], 0);
	return (const char *)strings.bytes + offset;
}

static struct hds_stack stack_of(uint32_t frame, uint32_t domain)
{
	struct chunk chunk = chunk_of(HDS_CHUNK_STACKS);
	const struct hds_stack *stacks = (const struct hds_stack *)chunk.bytes;
	struct hds_stack found = {0};
	unsigned count = 0;
	for (size_t n = 0; n < chunk.size / sizeof(*stacks); n++) {
		if (stacks[n].frame == frame && stacks[n].domain == domain) {
			found = stacks[n];
			count++;
		}
	}
	ck_assert_uint_eq(count, 1);
	return found;
}

/* ---- Tables -------------------------------------------------------------------------------------------------------------------- */

static const char arguments[] = "/bin/app\0-o\0two words\0it's\0\0a=b";

static void make_tables(void)
{
	strcpy(directory, "/tmp/check-dump-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(directory));
	snprintf(path, sizeof(path), "%s/out.hds", directory);
	const char *const list[] = {directory, NULL};
	struct trace_options options = {
		.directories = list,
		.run = "testrun",
		.exe = "/bin/app",
		.cwd = directory,
		.command = arguments,
		.command_size = sizeof(arguments),
		.nframe = 33,
	};
	ck_assert_int_eq(trace_create(&options), 0);
	blocks_reset();
	modules_reset();
	cell = threads_attach(4096);
}

static void remove_files(void)
{
	char command[PATH_MAX];
	snprintf(command, sizeof(command), "rm -rf %s", directory);
	ck_assert_int_eq(system(command), 0);
}

static void allocate(uintptr_t address, uint64_t size, uint32_t stack)
{
	struct block old;
	ck_assert_int_eq(blocks_insert(0, address, (struct block){size, stack}, &old), BLOCK_INSERTED);
	threads_count_alloc(cell, size, stack, false);
}

static void release(uintptr_t address)
{
	struct block old;
	ck_assert(blocks_remove(0, address, &old));
	threads_count_free(cell, old.size);
}

static void track(uint32_t domain, uintptr_t address, uint64_t size, uint32_t stack)
{
	struct block old;
	ck_assert_int_eq(blocks_insert(domain, address, (struct block){size, stack}, &old), BLOCK_INSERTED);
	threads_count_alloc(cell, size, stack, false);
}

static void dump(const char *label)
{
	struct dump_options options = {.label = label, .state = HDS_STATE_RUNNING};
	ck_assert_int_eq(dump_write(path, &options), 0);
	read_file();
}

START_TEST(stacks_live_and_total)
{
	uint32_t outer = stacks_child(STACK_ROOT, 0x1000, MODULES_NONE, 0), inner = stacks_child(outer, 0x2000, MODULES_NONE, 0);
	uint32_t gone = stacks_child(outer, 0x3000, MODULES_NONE, 0);
	allocate(0x10000, 100, inner);
	allocate(0x10040, 50, inner);
	allocate(0x20000, UINT64_C(1) << 33, outer);
	allocate(0x30000, 7, gone);
	release(0x30000);
	threads_count_temporary(cell, gone, false);
	dump(NULL);

	struct hds_stack stack = stack_of(inner, 0);
	ck_assert_uint_eq(stack.live_blocks, 2);
	ck_assert_uint_eq(stack.live_bytes, 150);
	ck_assert_uint_eq(stack.total_blocks, 2);
	ck_assert_uint_eq(stack.total_bytes, 150);
	stack = stack_of(outer, 0);
	ck_assert_uint_eq(stack.live_bytes, UINT64_C(1) << 33);
	stack = stack_of(gone, 0);
	ck_assert_uint_eq(stack.live_blocks, 0);
	ck_assert_uint_eq(stack.total_blocks, 1);
	ck_assert_uint_eq(stack.total_bytes, 7);
	ck_assert_uint_eq(stack.temporary_blocks, 1);
	ck_assert_uint_eq(chunk_of(HDS_CHUNK_STACKS).size, 3 * sizeof(struct hds_stack));

	ck_assert_uint_eq(number_of(HDS_KEY_LIVE_BLOCKS), 3);
	ck_assert_uint_eq(number_of(HDS_KEY_LIVE_BYTES), 150 + (UINT64_C(1) << 33));
	ck_assert_uint_eq(number_of(HDS_KEY_TOTAL_BLOCKS), 4);
	ck_assert_uint_eq(number_of(HDS_KEY_TOTAL_BYTES), 157 + (UINT64_C(1) << 33));
	ck_assert_uint_eq(number_of(HDS_KEY_FREED_BLOCKS), 1);
	ck_assert_uint_eq(number_of(HDS_KEY_FREED_BYTES), 7);
	ck_assert_uint_eq(number_of(HDS_KEY_TEMPORARY_BLOCKS), 1);
	ck_assert_uint_eq(number_of(HDS_KEY_PEAK_BYTES), 157 + (UINT64_C(1) << 33));
}
END_TEST

START_TEST(domains)
{
	uint32_t shared = stacks_child(STACK_ROOT, 0x1000, MODULES_NONE, 0), other = stacks_child(STACK_ROOT, 0x2000, MODULES_NONE, 0);
	track(9, 0x5000, 10, shared);
	track(7, 0x5000, 20, shared);
	track(7, 0x5001, 30, shared);
	allocate(0x10000, 100, other);
	track(7, 0x6000, 40, other);
	for (uintptr_t n = 0; n < 1000; n++)
		track(100 + (uint32_t)n, 0x7000, 1, shared);
	dump(NULL);

	ck_assert_uint_eq(stack_of(shared, 7).live_blocks, 2);
	ck_assert_uint_eq(stack_of(shared, 7).live_bytes, 50);
	ck_assert_uint_eq(stack_of(shared, 9).live_bytes, 10);
	ck_assert_uint_eq(stack_of(shared, 999).live_bytes, 1);
	ck_assert_uint_eq(stack_of(other, 0).live_bytes, 100);
	ck_assert_uint_eq(stack_of(other, 7).live_bytes, 40);
	/* totals are the stack's: they stand with its lowest domain, once */
	ck_assert_uint_eq(stack_of(shared, 7).total_blocks, 1003);
	ck_assert_uint_eq(stack_of(shared, 9).total_blocks, 0);
	ck_assert_uint_eq(stack_of(other, 0).total_blocks, 2);
	ck_assert_uint_eq(stack_of(other, 7).total_blocks, 0);
	ck_assert_uint_eq(number_of(HDS_KEY_LIVE_BLOCKS), 1005);
	ck_assert_uint_eq(chunk_of(HDS_CHUNK_STACKS).size, 1004 * sizeof(struct hds_stack));
}
END_TEST

static void allocate_sampled(uintptr_t address, uint64_t size, uint32_t stack)
{
	struct block old;
	ck_assert_int_eq(blocks_insert(0, address, (struct block){size, stack}, &old), BLOCK_INSERTED);
	threads_count_sampled_alloc(cell, sampling_weigh(trace.header->sample_bytes, size), stack);
}

/* Blocks count for what they stand for; those of other domains for themselves. */
START_TEST(sampled_blocks)
{
	uint32_t many = stacks_child(STACK_ROOT, 0x1000, MODULES_NONE, 0), other = stacks_child(STACK_ROOT, 0x2000, MODULES_NONE, 0);
	struct sampling_weight small = sampling_weigh(65536, 64), large = sampling_weigh(65536, 100000);
	struct block old;
	trace.header->sample_bytes = 65536;
	for (uintptr_t n = 0; n < 100; n++)
		allocate_sampled(0x10000 + 64 * n, 64, many);
	allocate_sampled(0x90000, 100000, many);
	ck_assert(blocks_remove(0, 0x10000, &old));
	threads_count_sampled_free(cell, small);
	threads_count_sampled_temporary(cell, small, many);
	ck_assert_int_eq(blocks_insert(7, 0x5000, (struct block){20, other}, &old), BLOCK_INSERTED);
	threads_count_sampled_alloc(cell, sampling_weigh(0, 20), other);
	dump(NULL);

	struct hds_stack stack = stack_of(many, 0);
	ck_assert_uint_eq(stack.live_bytes, 99 * small.bytes + large.bytes);
	ck_assert_uint_eq(stack.live_blocks, sampling_whole_blocks(99 * small.parts + large.parts, many));
	ck_assert_uint_eq(stack.variance, 99 * sampling_variance(small, 64) + sampling_variance(large, 100000));
	ck_assert_uint_eq(stack.total_bytes, 100 * small.bytes + large.bytes);
	ck_assert_uint_eq(stack.total_blocks, sampling_whole_blocks(100 * small.parts + large.parts, many));
	ck_assert_uint_eq(stack.temporary_blocks, sampling_whole_blocks(small.parts, many));
	stack = stack_of(other, 7);
	ck_assert_uint_eq(stack.live_blocks, 1);
	ck_assert_uint_eq(stack.live_bytes, 20);
	ck_assert_uint_eq(stack.total_blocks, 1);
	ck_assert_uint_eq(stack.variance, 0);
	ck_assert_uint_eq(number_of(HDS_KEY_SAMPLE_BYTES), 65536);
	ck_assert_uint_eq(number_of(HDS_KEY_LIVE_BYTES), 99 * small.bytes + large.bytes + 20);
	ck_assert_uint_eq(number_of(HDS_KEY_LIVE_BLOCKS), stack_of(many, 0).live_blocks + 1);
	ck_assert_uint_eq(number_of(HDS_KEY_TOTAL_BLOCKS), sampling_round_blocks(100 * small.parts + large.parts + SAMPLING_PARTS));
	ck_assert_uint_eq(number_of(HDS_KEY_FREED_BLOCKS), sampling_round_blocks(small.parts));
	ck_assert_uint_eq(number_of(HDS_KEY_FREED_BYTES), small.bytes);
	const struct hds_thread *threads = (const struct hds_thread *)chunk_of(HDS_CHUNK_THREADS).bytes;
	ck_assert_uint_eq(threads[0].alloc_blocks, number_of(HDS_KEY_TOTAL_BLOCKS));
}
END_TEST

START_TEST(frames_and_modules)
{
	uintptr_t here = (uintptr_t)&make_tables, there = (uintptr_t)&getppid;
	uint32_t module = modules_find(here), libc = modules_find(there);
	ck_assert_uint_ne(module, MODULES_NONE);
	ck_assert_uint_ne(libc, module);
	uint32_t cut = stacks_special(HDT_SPECIAL_TRUNCATED);
	uint32_t outer = stacks_child(cut, here, module, 0);
	uint32_t inner = stacks_child(outer, there, libc, HDT_NODE_EXACT);
	uint32_t jit = stacks_child(inner, 0x7eef00d, MODULES_NONE, 0);
	allocate(0x10000, 1, jit);
	dump(NULL);

	const struct hds_frame *frames = (const struct hds_frame *)chunk_of(HDS_CHUNK_FRAMES).bytes;
	const struct hds_module *modules = (const struct hds_module *)chunk_of(HDS_CHUNK_MODULES).bytes;
	ck_assert_uint_gt(chunk_of(HDS_CHUNK_FRAMES).size / sizeof(*frames), jit);
	ck_assert_uint_eq(frames[0].parent, 0);
	ck_assert_uint_eq(frames[cut].module, HDS_MODULE_SPECIAL);
	ck_assert_uint_eq(frames[cut].offset, HDT_SPECIAL_TRUNCATED);
	ck_assert_uint_eq(frames[outer].parent, cut);
	ck_assert_uint_eq(frames[outer].module, module);
	ck_assert_uint_eq(frames[outer].offset + modules[module].bias, here);
	ck_assert_uint_eq(frames[outer].flags, 0);
	ck_assert_uint_eq(frames[inner].parent, outer);
	ck_assert_uint_eq(frames[inner].flags, HDS_FRAME_EXACT);
	ck_assert_uint_eq(frames[inner].offset + modules[libc].bias, there);
	ck_assert_uint_eq(frames[jit].module, HDS_MODULE_NONE);
	ck_assert_uint_eq(frames[jit].offset, 0x7eef00d);
	ck_assert(modules[module].start <= here && here < modules[module].end);
	ck_assert_uint_eq(modules[0].start, 0);
	const char *strings = (const char *)chunk_of(HDS_CHUNK_STRINGS).bytes;
	ck_assert_str_eq(strings + modules[module].path, "/bin/app"); /* the executable, as the header has it */
	ck_assert_ptr_nonnull(strstr(strings + modules[libc].path, "libc.so"));
}
END_TEST

START_TEST(info_texts)
{
	char git[PATH_MAX];
	snprintf(git, sizeof(git), "%s/.git", directory);
	ck_assert_int_eq(mkdir(git, 0700), 0);
	dump("the \"label\"\n");
	ck_assert_str_eq(text_of(HDS_KEY_LABEL), "the \"label\"\n");
	ck_assert_str_eq(text_of(HDS_KEY_COMMAND), "/bin/app -o 'two words' 'it'\\''s' '' a=b");
	ck_assert_str_eq(text_of(HDS_KEY_EXE), "/bin/app");
	ck_assert_str_eq(text_of(HDS_KEY_CWD), directory);
	ck_assert_str_eq(text_of(HDS_KEY_SOURCE_ROOT), directory);
	ck_assert_str_eq(text_of(HDS_KEY_RUN), "testrun");
	ck_assert_str_eq(text_of(HDS_KEY_TRACE_FILE), trace.path);
	ck_assert_str_eq(text_of(HDS_KEY_WRITER), "heapdelta " HEAPDELTA_VERSION);
	ck_assert_uint_eq(number_of(HDS_KEY_PID), (uint64_t)getpid());
	ck_assert_uint_eq(number_of(HDS_KEY_NFRAME), trace.header->nframe);
	ck_assert_uint_eq(number_of(HDS_KEY_STATE), HDS_STATE_RUNNING);
	ck_assert_uint_gt(number_of(HDS_KEY_TRACE_BYTES), 0);
	ck_assert_ptr_null(info_entry(HDS_KEY_EXIT));
	ck_assert_ptr_null(info_entry(HDS_KEY_SEQUENCE));
	struct chunk chunk = chunk_of(HDS_CHUNK_INFO);
	const struct hds_info *info = (const struct hds_info *)chunk.bytes;
	for (size_t n = 1; n < chunk.size / sizeof(*info); n++)
		ck_assert_uint_lt(info[n - 1].key, info[n].key);
}
END_TEST

START_TEST(threads_and_losses)
{
	uint32_t stack = stacks_child(STACK_ROOT, 0x1000, MODULES_NONE, 0);
	allocate(0x10000, 100, stack);
	cell = threads_attach(8192);
	allocate(0x20000, 200, stack);
	release(0x10000);
	trace_lost(HDT_LOSS_STACK, 5);
	dump(NULL);
	struct chunk chunk = chunk_of(HDS_CHUNK_THREADS);
	const struct hds_thread *threads = (const struct hds_thread *)chunk.bytes;
	ck_assert_uint_eq(chunk.size, 2 * sizeof(*threads));
	ck_assert_uint_eq(threads[0].alloc_bytes, 100);
	ck_assert_uint_eq(threads[1].alloc_bytes, 200);
	ck_assert_uint_eq(threads[1].free_bytes, 100);
	ck_assert_uint_eq(number_of(HDS_KEY_LOST + HDT_LOSS_STACK), 5);
	ck_assert_uint_eq(number_of(HDS_KEY_LOST + HDT_LOSS_BLOCK), 0);
	ck_assert_uint_eq(number_of(HDS_KEY_LIVE_BYTES), 200);
}
END_TEST

/* What one thread allocated another one freed: neither cell is at 0, and a new peak begins at 0 all the same. */
START_TEST(peak_beside_other_cells)
{
	uint32_t stack = stacks_child(STACK_ROOT, 0x1000, MODULES_NONE, 0);
	allocate(0x10000, 5000, stack);
	allocate(0x20000, 100, stack);
	cell = threads_attach(8192);
	release(0x10000);
	dump(NULL);
	ck_assert_uint_eq(number_of(HDS_KEY_PEAK_BYTES), 5100);
	threads_reset_peak();
	dump(NULL);
	ck_assert_uint_eq(number_of(HDS_KEY_PEAK_BYTES), 100);
	allocate(0x30000, 70, stack);
	release(0x30000);
	dump(NULL);
	ck_assert_uint_eq(number_of(HDS_KEY_PEAK_BYTES), 170);
	ck_assert_uint_eq(number_of(HDS_KEY_LIVE_BYTES), 100);
}
END_TEST

START_TEST(exit_state_and_names)
{
	struct dump_options options = {.state = HDS_STATE_EXITED, .has_exit = true, .exit_status = 0x300};
	char named[PATH_MAX], expected[PATH_MAX];
	for (int attempt = 1; attempt <= 3; attempt++) {
		ck_assert_int_eq(dump_write_named(&options, named, sizeof(named)), 0);
		snprintf(expected, sizeof(expected), attempt == 1 ? "%s/heapdelta.app.%d.hds" : "%s/heapdelta.app.%d.%d.hds", directory,
			 (int)getpid(), attempt);
		ck_assert_str_eq(named, expected);
	}
	strcpy(path, named);
	read_file();
	ck_assert_uint_eq(number_of(HDS_KEY_STATE), HDS_STATE_EXITED);
	ck_assert_uint_eq(number_of(HDS_KEY_EXIT), 0x300);
	options.state = HDS_STATE_RUNNING;
	ck_assert_int_eq(dump_write_named(&options, path, sizeof(path)), 0);
	read_file();
	ck_assert_uint_eq(number_of(HDS_KEY_SEQUENCE), 4);
	config.output = directory;
	ck_assert_int_eq(dump_write_named(&options, path, sizeof(path)), 0);
	snprintf(expected, sizeof(expected), "%s/heapdelta.app.%d.0005.hds", directory, (int)getpid());
	ck_assert_str_eq(path, expected);
	config.output = "/nowhere/at/all.hds";
	ck_assert_int_eq(dump_write_named(&options, path, sizeof(path)), -ENOENT);
}
END_TEST

START_TEST(without_tables)
{
	struct dump_options options = {.state = HDS_STATE_RUNNING};
	atomic_store(trace.alive, 0);
	errno = 77;
	ck_assert_int_eq(dump_write(path, &options), -ESRCH);
	ck_assert_int_eq(dump_write_named(&options, path, sizeof(path)), -ESRCH);
	ck_assert_uint_eq(dump_tracer_bytes(), 0);
	ck_assert_int_eq(errno, 77);
}
END_TEST

START_TEST(errno_is_kept)
{
	struct dump_options options = {.state = HDS_STATE_RUNNING, .exclusive = true};
	errno = 77;
	ck_assert_int_eq(dump_write(path, &options), 0);
	ck_assert_int_eq(dump_write(path, &options), -EEXIST);
	ck_assert_int_eq(dump_write("/nowhere/at/all", &options), -ENOENT);
	ck_assert_int_eq(errno, 77);
}
END_TEST

/* ---- Beside other threads ------------------------------------------------------------------------------------------------------ */

enum { LASTING = 3000, WRITERS = 2, SNAPSHOTS = 40 };
static _Atomic(bool) stop;

/* Blocks of 48 bytes between the lasting ones, coming and going, and stacks that did not exist before. */
static void *come_and_go(void *argument)
{
	uintptr_t shift = 64 * (uintptr_t)argument;
	struct hdt_thread *own = threads_attach(1 << 20 | shift);
	struct block old;
	for (uint32_t round = 0; !stop; round++) {
		uint32_t stack = stacks_child(STACK_ROOT, 0x900000 + shift + UINT64_C(16) * (round % 5000), MODULES_NONE, 0);
		uintptr_t address = 0x10000000 + 256 * (uintptr_t)(round * 2654435761u % LASTING) + shift;
		if (blocks_remove(0, address, &old)) {
			threads_count_free(own, old.size);
		} else if (blocks_insert(0, address, (struct block){48, stack}, &old) == BLOCK_INSERTED) {
			threads_count_alloc(own, 48, stack, false);
		}
	}
	return NULL;
}

START_TEST(lasting_blocks_are_there_once)
{
	pthread_t threads[WRITERS];
	uint32_t stack = stacks_child(STACK_ROOT, 0x1000, MODULES_NONE, 0);
	for (uintptr_t n = 0; n < LASTING; n++)
		allocate(0x10000000 + 256 * n, n, stack);
	for (uintptr_t n = 0; n < WRITERS; n++)
		ck_assert_int_eq(pthread_create(&threads[n], NULL, come_and_go, (void *)(n + 1)), 0);
	for (int n = 0; n < SNAPSHOTS; n++) {
		dump(NULL);
		struct hds_stack lasting = stack_of(stack, 0);
		ck_assert_uint_eq(lasting.live_blocks, LASTING);
		ck_assert_uint_eq(lasting.live_bytes, LASTING * (LASTING - 1) / 2);
		const struct hds_frame *frames = (const struct hds_frame *)chunk_of(HDS_CHUNK_FRAMES).bytes;
		struct chunk stacks = chunk_of(HDS_CHUNK_STACKS);
		for (size_t at = 0; at < stacks.size; at += sizeof(struct hds_stack)) {
			uint32_t frame = ((const struct hds_stack *)(stacks.bytes + at))->frame;
			ck_assert_uint_lt(frame * sizeof(*frames), chunk_of(HDS_CHUNK_FRAMES).size);
			ck_assert_uint_ne(frames[frame].offset, 0);
		}
	}
	stop = true;
	for (int n = 0; n < WRITERS; n++)
		pthread_join(threads[n], NULL);
}
END_TEST

int main(void)
{
	TCase *dumps = tcase_create("dumps");
	tcase_add_checked_fixture(dumps, make_tables, remove_files);
	tcase_set_timeout(dumps, 120);
	tcase_add_test(dumps, stacks_live_and_total);
	tcase_add_test(dumps, domains);
	tcase_add_test(dumps, sampled_blocks);
	tcase_add_test(dumps, frames_and_modules);
	tcase_add_test(dumps, info_texts);
	tcase_add_test(dumps, threads_and_losses);
	tcase_add_test(dumps, peak_beside_other_cells);
	tcase_add_test(dumps, exit_state_and_names);
	tcase_add_test(dumps, without_tables);
	tcase_add_test(dumps, errno_is_kept);
	tcase_add_test(dumps, lasting_blocks_are_there_once);
	Suite *suite = suite_create("dump");
	suite_add_tcase(suite, dumps);
	SRunner *runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	int failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
