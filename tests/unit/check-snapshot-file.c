/* links: preload */
/* SPDX-License-Identifier: MIT */
/*
 * The chunked file that the process writes itself: layout and checksums against a second, bitwise CRC; all or nothing on every failure.
 */
#include <check.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "heapdelta/hds.h"
#include "snapshot-file.h"

static char directory[] = "/tmp/check-snapshot-file-XXXXXX";
static char path[PATH_MAX];

static void enter_directory(void)
{
	strcpy(directory, "/tmp/check-snapshot-file-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(directory));
	snprintf(path, sizeof(path), "%s/out.hds", directory);
}

static unsigned count_files(void)
{
	unsigned count = 0;
	DIR *stream = opendir(directory);
	for (struct dirent *entry; (entry = readdir(stream));)
		count += entry->d_name[0] != '.';
	closedir(stream);
	return count;
}

static void leave_directory(void)
{
	unlink(path);
	ck_assert_uint_eq(count_files(), 0);
	rmdir(directory);
}

/* Bit by bit, straight from the definition. */
static uint32_t reference_crc(const uint8_t *bytes, size_t size)
{
	uint32_t crc = UINT32_MAX;
	for (size_t n = 0; n < size; n++) {
		for (int bit = 0; bit < 8; bit++) {
			bool carry = (crc ^ bytes[n] >> bit) & 1;
			crc = crc >> 1 ^ (carry ? UINT32_C(0xedb88320) : 0);
		}
	}
	return ~crc;
}

static uint8_t *read_back(size_t *size)
{
	struct stat status;
	int fd = open(path, O_RDONLY);
	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(fstat(fd, &status), 0);
	*size = (size_t)status.st_size;
	uint8_t *bytes = malloc(*size);
	ck_assert_int_eq(read(fd, bytes, *size), (ssize_t)*size);
	close(fd);
	return bytes;
}

static struct snapshot_file *create(void)
{
	int error = 1;
	struct snapshot_file *file = snapshot_file_create(path, &error);
	ck_assert_int_eq(error, 0);
	ck_assert_ptr_nonnull(file);
	return file;
}

static int write_simple(bool sync, bool exclusive)
{
	struct snapshot_file *file = create();
	snapshot_file_begin(file, HDS_CHUNK_STRINGS, 1);
	snapshot_file_put(file, "123456789", 9);
	snapshot_file_end(file);
	return snapshot_file_commit(file, sync, exclusive);
}

START_TEST(known_checksum)
{
	size_t size;
	ck_assert_int_eq(write_simple(true, false), 0);
	uint8_t *bytes = read_back(&size);
	struct hds_chunk *chunk = (struct hds_chunk *)(bytes + sizeof(struct hds_header));
	ck_assert_uint_eq(chunk->crc, 0xcbf43926); /* the check value of this CRC in every table of CRCs */
	ck_assert_uint_eq(reference_crc((const uint8_t *)"123456789", 9), 0xcbf43926);
	ck_assert_int_eq(memcmp(bytes + chunk->offset, "123456789", 9), 0);
	free(bytes);
}
END_TEST

START_TEST(layout)
{
	enum { RECORDS = 30011 };
	struct snapshot_file *file = create();
	snapshot_file_begin(file, HDS_CHUNK_STRINGS, 1);
	snapshot_file_put(file, "\0abc", 5);
	snapshot_file_end(file);
	snapshot_file_begin(file, HDS_CHUNK_THREADS, 12);
	for (uint32_t n = 0; n < RECORDS; n++) {
		uint32_t record[3] = {n, ~n, n * 7};
		snapshot_file_put(file, record, sizeof(record));
	}
	ck_assert_uint_eq(snapshot_file_chunk_size(file), 12 * RECORDS);
	snapshot_file_end(file);
	snapshot_file_begin(file, HDS_CHUNK_STACKS, 80);
	snapshot_file_end(file);
	ck_assert_int_eq(snapshot_file_commit(file, false, false), 0);

	size_t size;
	uint8_t *bytes = read_back(&size);
	struct hds_header header;
	memcpy(&header, bytes, sizeof(header));
	ck_assert_uint_eq(header.magic, HDS_MAGIC);
	ck_assert_uint_eq(header.major, HDS_MAJOR);
	ck_assert_uint_eq(header.chunk_count, 3);
	ck_assert_uint_eq(header.file_size, size);
	ck_assert_uint_eq(header.toc_crc, reference_crc(bytes + sizeof(header), 3 * sizeof(struct hds_chunk)));
	uint32_t header_crc = header.header_crc;
	header.header_crc = 0;
	ck_assert_uint_eq(header_crc, reference_crc((const uint8_t *)&header, sizeof(header)));

	const struct hds_chunk *chunks = (const struct hds_chunk *)(bytes + sizeof(header));
	static const uint64_t sizes[] = {5, 12 * RECORDS, 0};
	for (int n = 0; n < 3; n++) {
		ck_assert_uint_eq(chunks[n].offset % 8, 0);
		ck_assert_uint_eq(chunks[n].size, sizes[n]);
		ck_assert_uint_le(chunks[n].offset + chunks[n].size, size);
		ck_assert_uint_eq(chunks[n].crc, reference_crc(bytes + chunks[n].offset, chunks[n].size));
		for (uint64_t gap = chunks[n].offset + chunks[n].size; gap < (n < 2 ? chunks[n + 1].offset : size); gap++)
			ck_assert_uint_eq(bytes[gap], 0);
	}
	const uint32_t *last = (const uint32_t *)(bytes + chunks[1].offset + 12 * (RECORDS - 1));
	ck_assert_uint_eq(last[2], (RECORDS - 1) * 7);
	free(bytes);
}
END_TEST

START_TEST(nothing_appears_before_the_end)
{
	struct snapshot_file *file = create();
	ck_assert_int_ne(access(path, F_OK), 0);
	snapshot_file_abandon(file);
	ck_assert_uint_eq(count_files(), 0);
}
END_TEST

START_TEST(replaces_unless_exclusive)
{
	ck_assert_int_eq(write_simple(false, true), 0);
	ck_assert_int_eq(write_simple(false, true), -EEXIST);
	ck_assert_int_eq(write_simple(false, false), 0);
	ck_assert_uint_eq(count_files(), 1);
	ck_assert_int_eq(snapshot_file_check(path, true), -EEXIST);
	ck_assert_int_eq(snapshot_file_check(path, false), 0);
	ck_assert_int_eq(snapshot_file_check("/dev/null", false), -EINVAL);
	ck_assert_int_eq(snapshot_file_check("/tmp", false), -EISDIR);
	ck_assert_int_eq(snapshot_file_check("/nowhere/at/all", true), 0);
}
END_TEST

START_TEST(two_writers_of_one_name)
{
	struct snapshot_file *first = create(), *second = create();
	ck_assert_int_eq(snapshot_file_commit(first, false, true), 0);
	ck_assert_int_eq(snapshot_file_commit(second, false, true), -EEXIST);
	ck_assert_uint_eq(count_files(), 1);
}
END_TEST

START_TEST(cannot_be_created)
{
	int error = 0;
	ck_assert_ptr_null(snapshot_file_create("/nowhere/at/all.hds", &error));
	ck_assert_int_eq(error, -ENOENT);
	char endless[2 * PATH_MAX];
	memset(endless, 'e', sizeof(endless) - 1);
	endless[sizeof(endless) - 1] = '\0';
	ck_assert_ptr_null(snapshot_file_create(endless, &error));
	ck_assert_int_eq(error, -ENAMETOOLONG);
}
END_TEST

/* Writing beyond RLIMIT_FSIZE would raise SIGXFSZ, whose default action ends the program. */
START_TEST(file_size_limit)
{
	static uint8_t zeros[300000];
	struct rlimit limit = {100000, RLIM_INFINITY};
	signal(SIGXFSZ, SIG_DFL);
	ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
	struct snapshot_file *file = create();
	snapshot_file_begin(file, HDS_CHUNK_STRINGS, 1);
	snapshot_file_put(file, zeros, sizeof(zeros));
	snapshot_file_end(file);
	ck_assert_int_eq(snapshot_file_commit(file, false, false), -EFBIG);
	ck_assert_uint_eq(count_files(), 0);
}
END_TEST

int main(void)
{
	TCase *files = tcase_create("files");
	tcase_add_checked_fixture(files, enter_directory, leave_directory);
	tcase_add_test(files, known_checksum);
	tcase_add_test(files, layout);
	tcase_add_test(files, nothing_appears_before_the_end);
	tcase_add_test(files, replaces_unless_exclusive);
	tcase_add_test(files, two_writers_of_one_name);
	tcase_add_test(files, cannot_be_created);
	tcase_add_test(files, file_size_limit);
	Suite *suite = suite_create("snapshot-file");
	suite_add_tcase(suite, files);
	SRunner *runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	int failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
