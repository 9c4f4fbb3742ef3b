/* SPDX-License-Identifier: MIT */
/*
 * For the tests of the recorder's tables: a trace in a directory of its own, and an outside reader that knows the trace file from its
 * layout header only and shares no code with the recorder.
 */
#ifndef TESTS_UNIT_TABLES_H
#define TESTS_UNIT_TABLES_H

#include <check.h>
#include <dirent.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "guard.h"
#include "heapdelta/trace.h"
#include "trace.h"

#if defined(__SANITIZE_THREAD__) || defined(__SANITIZE_ADDRESS__)
#define UNDER_SANITIZER 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer) || __has_feature(address_sanitizer)
#define UNDER_SANITIZER 1
#endif
#endif
#ifndef UNDER_SANITIZER
#define UNDER_SANITIZER 0
#endif

#define SMALL_RESERVE (UINT64_C(4) << 20)
#define TEST_RESERVE (UNDER_SANITIZER ? UINT64_C(256) << 20 : UINT64_C(4) << 30)

/* An assertion that costs nothing while it holds, for loops and threads: Check writes to a file for each of its own. */
#define EXPECT(condition) \
	do { \
		if (!(condition)) \
			ck_abort_msg("'%s' does not hold", #condition); \
	} while (0)

static char test_directory[64];

static inline void remove_test_directory(void)
{
	char path[512];
	DIR *directory = opendir(test_directory);
	struct dirent *entry;

	while (directory != NULL && (entry = readdir(directory)) != NULL) {
		snprintf(path, sizeof(path), "%s/%s", test_directory, entry->d_name);
		if (entry->d_name[0] != '.')
			remove(path);
	}
	if (directory != NULL)
		closedir(directory);
	rmdir(test_directory);
}

static inline void make_test_directory(void)
{
	struct stat st;

	snprintf(test_directory, sizeof(test_directory), "%s/hd-test-XXXXXX", stat("/dev/shm", &st) == 0 ? "/dev/shm" : "/tmp");
	ck_assert_ptr_nonnull(mkdtemp(test_directory));
}

static inline void create_trace(uint64_t reserve_bytes)
{
	const char *directories[] = {test_directory, NULL};
	struct trace_options options = {.directories = directories, .run = "test", .exe = "/bin/test", .reserve_bytes = reserve_bytes};

	ck_assert_int_eq(trace_create(&options), 0);
	memset(&thread_state, 0, sizeof(thread_state));
	thread_state.depth = 1;
}

/* Seconds a storm lasts; more on request. */
static inline double storm_seconds(void)
{
	const char *text = getenv("HEAPDELTA_STORM_SECONDS");

	return text != NULL ? atof(text) : 0.4;
}

static inline double now_seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

static inline uint64_t random_next(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state;
}

/* ---- An outside reader */

struct reader {
	const uint8_t *map;
	const struct hdt_header *header;
	uint64_t bytes;
};

static inline void reader_open(struct reader *reader, const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct stat st;

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(fstat(fd, &st), 0);
	reader->bytes = (uint64_t)st.st_size;
	reader->map = mmap(NULL, reader->bytes, PROT_READ, MAP_SHARED | MAP_NORESERVE, fd, 0);
	ck_assert_ptr_ne(reader->map, MAP_FAILED);
	close(fd);
	reader->header = (const struct hdt_header *)reader->map;
	ck_assert_uint_eq(reader->header->magic, HDT_MAGIC);
}

static inline void reader_close(struct reader *reader)
{
	munmap((void *)reader->map, reader->bytes);
}

static inline const void *reader_area(const struct reader *reader, enum hdt_area_id area)
{
	return reader->map + reader->header->areas[area].offset;
}

static inline uint64_t reader_count(const struct reader *reader, enum hdt_area_id area)
{
	const struct hdt_area *record = &reader->header->areas[area];

	return atomic_load_explicit(&record->used, memory_order_acquire) / record->record_size;
}

typedef void reader_block(void *context, uint64_t address, uint64_t slot);

static inline void reader_page(const struct reader *reader, const _Atomic(uint64_t) *directory, uint64_t address, reader_block *visit,
			       void *context)
{
	const _Atomic(uint64_t) *slots = reader_area(reader, HDT_AREA_SLOTS);
	uint64_t copy[1 << HDT_LEAF_BITS_MAX], word;
	unsigned count;

	do {
		word = atomic_load_explicit(directory, memory_order_acquire);
		count = word != 0 ? 1u << HDT_DIR_BITS(word) : 0;
		EXPECT(HDT_DIR_LEAF(word) + count <= reader_count(reader, HDT_AREA_SLOTS));
		for (unsigned i = 0; i < count; i++)
			copy[i] = atomic_load_explicit(&slots[HDT_DIR_LEAF(word) + i], memory_order_acquire);
	} while (HDT_DIR_LEAF(atomic_load_explicit(directory, memory_order_acquire)) != HDT_DIR_LEAF(word));
	for (unsigned i = 0; i < count; i++) {
		if (copy[i] & HDT_SLOT_LIVE)
			visit(context, address + (HDT_SLOT_OFFSET(copy[i]) << 3), copy[i]);
	}
}

static inline void reader_blocks(const struct reader *reader, reader_block *visit, void *context)
{
	const struct hdt_page_node *nodes = reader_area(reader, HDT_AREA_PAGES);
	const _Atomic(uint64_t) *regions = reader_area(reader, HDT_AREA_REGIONS);
	uint64_t count = reader_count(reader, HDT_AREA_PAGES), named = reader_count(reader, HDT_AREA_REGIONS);

	for (uint64_t node = 1; node < count && node < named; node++) {
		uint64_t region = atomic_load_explicit(&regions[node], memory_order_acquire);
		for (unsigned i = 0; region != 0 && i < HDT_PAGES_PER_NODE; i++)
			reader_page(reader, &nodes[node].words[i], (region << HDT_REGION_SHIFT) + ((uint64_t)i << HDT_PAGE_SHIFT), visit,
				    context);
	}
}

static inline int run_suite(const char *name, TCase *(*cases)(void))
{
	Suite *suite = suite_create(name);
	suite_add_tcase(suite, cases());
	SRunner *runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	int failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

#endif
