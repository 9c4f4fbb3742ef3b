/* SPDX-License-Identifier: MIT */
/*
 * Chunks in, file out.  The header and the table of contents are written last, into the gap left at the start, because sizes and checksums
 * are known only then; the final name appears by rename, so a reader never meets half a file.
 *
 * Everything goes through syscall(2): the libc wrappers of open, write and fsync are cancellation points (a cancelled thread would leave
 * the temporary file behind), and fakeroot-like libraries put functions of their own in their place.
 */
#include "snapshot-file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/fs.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "heapdelta/hds.h"
#include "log.h"

enum { CHUNKS_MAX = 8, BUFFER_BYTES = 64 * 1024, NAME_ADDITION = 64 };

/* What a byte does to a checksum that goes on for 0…7 bytes behind it, so that eight bytes are taken in one step. */
enum { CRC_STEP = 8 };
typedef uint32_t crc_tables[CRC_STEP][256];

struct snapshot_file {
	int fd;
	int error; /* first one, -errno */
	const char *path;
	uint64_t written; /* bytes handed to the kernel */
	uint64_t limit;   /* RLIMIT_FSIZE: writing beyond it would raise SIGXFSZ, which kills */
	size_t filled;    /* bytes in buffer */
	uint32_t crc;     /* of the open chunk, inverted */
	uint32_t chunk_count;
	struct hds_chunk chunks[CHUNKS_MAX];
	crc_tables crc_table;
	char temporary[PATH_MAX + NAME_ADDITION];
	uint8_t buffer[BUFFER_BYTES];
};

struct contents {
	struct hds_header header;
	struct hds_chunk chunks[CHUNKS_MAX];
};

/* ISO 3309's polynomial, bit-reversed: the CRC-32 of zlib, PNG and Ethernet. */
static void fill_crc_table(crc_tables tables)
{
	for (uint32_t byte = 0; byte < 256; byte++) {
		uint32_t value = byte;
		for (int bit = 0; bit < 8; bit++)
			value = value >> 1 ^ (value & 1 ? UINT32_C(0xedb88320) : 0);
		tables[0][byte] = value;
	}
	for (int behind = 1; behind < CRC_STEP; behind++)
		for (uint32_t byte = 0; byte < 256; byte++)
			tables[behind][byte] = tables[behind - 1][byte] >> 8 ^ tables[0][tables[behind - 1][byte] & 255];
}

static uint32_t crc_of_step(const crc_tables tables, uint32_t crc, const uint8_t *byte)
{
	uint32_t value = 0;
	for (int n = 0; n < 4; n++)
		value ^= tables[CRC_STEP - 1 - n][(crc >> (8 * n) ^ byte[n]) & 255] ^ tables[3 - n][byte[4 + n]];
	return value;
}

static uint32_t crc_more(const crc_tables tables, uint32_t crc, const void *bytes, size_t size)
{
	const uint8_t *byte = bytes;
	for (; size >= CRC_STEP; size -= CRC_STEP, byte += CRC_STEP)
		crc = crc_of_step(tables, crc, byte);
	for (size_t n = 0; n < size; n++)
		crc = crc >> 8 ^ tables[0][(crc ^ byte[n]) & 255];
	return crc;
}

static uint32_t crc_of(const crc_tables tables, const void *bytes, size_t size)
{
	return ~crc_more(tables, UINT32_MAX, bytes, size);
}

static uint64_t file_size_limit(void)
{
	struct rlimit limit;
	return getrlimit(RLIMIT_FSIZE, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY ? limit.rlim_cur : UINT64_MAX;
}

static void write_all(struct snapshot_file *file, const void *bytes, size_t size, uint64_t offset)
{
	if (!file->error && (offset > file->limit || size > file->limit - offset))
		file->error = -EFBIG;
	for (size_t done = 0; done < size && !file->error;) {
		long count = syscall(SYS_pwrite64, file->fd, (const uint8_t *)bytes + done, size - done, offset + done);
		if (count > 0)
			done += (size_t)count;
		else if (count == 0)
			file->error = -EIO;
		else if (errno != EINTR)
			file->error = -errno;
	}
}

static void flush(struct snapshot_file *file)
{
	write_all(file, file->buffer, file->filled, file->written);
	file->written += file->filled;
	file->filled = 0;
}

static void put_raw(struct snapshot_file *file, const void *bytes, size_t size)
{
	for (const uint8_t *from = bytes; size && !file->error;) {
		size_t part = BUFFER_BYTES - file->filled < size ? BUFFER_BYTES - file->filled : size;
		memcpy(file->buffer + file->filled, from, part);
		file->filled += part;
		from += part;
		size -= part;
		if (file->filled == BUFFER_BYTES)
			flush(file);
	}
}

static uint64_t position(const struct snapshot_file *file)
{
	return file->written + file->filled;
}

static void pad(struct snapshot_file *file)
{
	static const uint8_t zeros[8];
	put_raw(file, zeros, -position(file) & 7);
}

int snapshot_file_check(const char *path, bool exclusive)
{
	struct statx status;
	if (syscall(SYS_statx, AT_FDCWD, path, 0, STATX_TYPE, &status) != 0)
		return 0;
	if (exclusive)
		return -EEXIST;
	if (S_ISDIR(status.stx_mode))
		return -EISDIR;
	return S_ISREG(status.stx_mode) ? 0 : -EINVAL;
}

/* Beside the final name, so that rename stays within one file system; pid and a count keep writers apart. */
static int name_temporary(struct snapshot_file *file)
{
	static atomic_uint count;
	char number[LOG_NUMBER_MAX];
	size_t length = strlen(file->path);
	if (length >= PATH_MAX)
		return -ENAMETOOLONG;
	char *end = stpcpy(file->temporary, file->path);
	end = stpcpy(stpcpy(end, "."), log_number(number, (unsigned long long)getpid()));
	end = stpcpy(stpcpy(end, "."), log_number(number, atomic_fetch_add_explicit(&count, 1, memory_order_relaxed)));
	stpcpy(end, ".tmp");
	return 0;
}

static int open_temporary(struct snapshot_file *file)
{
	int error = name_temporary(file);
	if (error)
		return error;
	do
		file->fd = (int)syscall(SYS_openat, AT_FDCWD, file->temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0666);
	while (file->fd < 0 && errno == EINTR);
	return file->fd < 0 ? -errno : 0;
}

static void release(struct snapshot_file *file)
{
	munmap(file, sizeof(*file));
}

struct snapshot_file *snapshot_file_create(const char *path, int *error)
{
	struct snapshot_file *file = mmap(NULL, sizeof(*file), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (file == MAP_FAILED) {
		*error = -ENOMEM;
		return NULL;
	}
	file->path = path;
	file->limit = file_size_limit();
	file->written = sizeof(struct contents);
	fill_crc_table(file->crc_table);
	*error = open_temporary(file);
	if (*error) {
		release(file);
		return NULL;
	}
	return file;
}

void snapshot_file_begin(struct snapshot_file *file, uint32_t id, uint32_t record_size)
{
	file->chunks[file->chunk_count] = (struct hds_chunk){.id = id, .record = record_size, .offset = position(file)};
	file->crc = UINT32_MAX;
}

void snapshot_file_put(struct snapshot_file *file, const void *bytes, size_t size)
{
	file->crc = crc_more(file->crc_table, file->crc, bytes, size);
	put_raw(file, bytes, size);
}

uint64_t snapshot_file_chunk_size(const struct snapshot_file *file)
{
	return position(file) - file->chunks[file->chunk_count].offset;
}

void snapshot_file_end(struct snapshot_file *file)
{
	struct hds_chunk *chunk = &file->chunks[file->chunk_count];
	chunk->size = snapshot_file_chunk_size(file);
	chunk->crc = ~file->crc;
	file->chunk_count++;
	pad(file);
}

static void write_contents(struct snapshot_file *file)
{
	struct contents contents = {.header = {.magic = HDS_MAGIC, .major = HDS_MAJOR, .minor = HDS_MINOR}};
	contents.header.chunk_count = file->chunk_count;
	contents.header.file_size = file->written;
	size_t toc_size = file->chunk_count * sizeof(struct hds_chunk);
	memcpy(contents.chunks, file->chunks, toc_size);
	contents.header.toc_crc = crc_of(file->crc_table, contents.chunks, toc_size);
	contents.header.header_crc = crc_of(file->crc_table, &contents.header, sizeof(contents.header));
	write_all(file, &contents, sizeof(contents), 0);
}

/* Where the file system cannot rename without replacing, a hard link can; where it has no links, either, a look must do. */
static int rename_exclusive(const char *from, const char *to)
{
	if (syscall(SYS_renameat2, AT_FDCWD, from, AT_FDCWD, to, RENAME_NOREPLACE) == 0)
		return 0;
	if (errno != EINVAL && errno != ENOSYS)
		return -errno;
	if (syscall(SYS_linkat, AT_FDCWD, from, AT_FDCWD, to, 0) == 0) {
		syscall(SYS_unlinkat, AT_FDCWD, from, 0);
		return 0;
	}
	if (errno == EEXIST || snapshot_file_check(to, true) != 0)
		return -EEXIST;
	return syscall(SYS_renameat2, AT_FDCWD, from, AT_FDCWD, to, 0) == 0 ? 0 : -errno;
}

static int rename_to_path(struct snapshot_file *file, bool exclusive)
{
	if (exclusive)
		return rename_exclusive(file->temporary, file->path);
	return syscall(SYS_renameat2, AT_FDCWD, file->temporary, AT_FDCWD, file->path, 0) == 0 ? 0 : -errno;
}

int snapshot_file_commit(struct snapshot_file *file, bool sync, bool exclusive)
{
	flush(file);
	write_contents(file);
	if (!file->error && sync && syscall(SYS_fsync, file->fd) != 0 && errno != EINVAL)
		file->error = -errno;
	if (syscall(SYS_close, file->fd) != 0 && !file->error && errno != EINTR)
		file->error = -errno;
	if (!file->error)
		file->error = rename_to_path(file, exclusive);
	if (file->error)
		syscall(SYS_unlinkat, AT_FDCWD, file->temporary, 0);
	int error = file->error;
	release(file);
	return error;
}

void snapshot_file_abandon(struct snapshot_file *file)
{
	file->error = -ECANCELED;
	snapshot_file_commit(file, false, false);
}
