/* SPDX-License-Identifier: MIT */
/*
 * Comes in: a descriptor of a trace file and, if the file names one, its second file.  Goes out: bytes of its areas.  Not thread-safe.
 * Everything is read with pread into our own memory, never mapped: a file that somebody truncates under us is a short read here and would be
 * a SIGBUS there, holes of a tmpfs file stay holes, and a value that has been checked cannot change afterwards.  Large pieces make that as
 * fast as a mapping (4 GB/s here).
 */
#include "trace-file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "heapdelta/sampling.h"
#include "traces.h"

/* A sparse file may claim much more than it holds: what it publishes must be in proportion to its blocks (compression, copied holes). */
#define CLAIM_FACTOR 16
#define CLAIM_FREE (64u << 20)

static const uint32_t record_sizes[HDT_AREA_COUNT] = {
	[HDT_AREA_THREADS] = sizeof(struct hdt_thread),
	[HDT_AREA_MODULES] = sizeof(struct hdt_module),
	[HDT_AREA_STRINGS] = 1,
	[HDT_AREA_NODES] = sizeof(struct hdt_node),
	[HDT_AREA_TOTALS] = sizeof(struct hdt_totals),
	[HDT_AREA_REGIONS] = sizeof(uint64_t),
	[HDT_AREA_PAGES] = sizeof(struct hdt_page_node),
	[HDT_AREA_SLOTS] = sizeof(uint64_t),
	[HDT_AREA_EXTRAS] = sizeof(struct hdt_extra),
	[HDT_AREA_AGES] = sizeof(uint16_t),
	[HDT_AREA_EXTRA_AGES] = sizeof(uint16_t),
};

/* All of `size` bytes, or an error. */
static int read_at(struct trace_file *file, int fd, uint64_t offset, void *to, size_t size)
{
	char *at = to;

	while (size) {
		ssize_t count = offset <= INT64_MAX - size ? pread(fd, at, size, (off_t)offset) : 0;
		if (count < 0 && errno == EINTR)
			continue;
		if (count < 0)
			return error_set(file->error, "cannot read '%s': %s", file->name, strerror(errno));
		if (!count)
			return error_set(file->error, "'%s' is truncated at byte %llu", file->name, (unsigned long long)offset);
		at += count;
		offset += (uint64_t)count;
		size -= (size_t)count;
	}
	return 0;
}

/* ---- Opening ---- */

static int check_version(struct trace_file *file)
{
	const struct hdt_header *header = &file->header;

	if (header->magic != HDT_MAGIC)
		return error_set(file->error, "'%s' is not a trace file", file->name);
	if (header->major != HDT_MAJOR)
		return error_set(file->error,
				 "'%s' has trace format version %u.%u; this heapdelta reads %d.x: use the heapdelta that wrote it",
				 file->name, header->major, header->minor, HDT_MAJOR);
	if (header->state == HDT_STATE_STARTING)
		return error_set(file->error, "'%s' is not complete yet: its process is just starting", file->name);
	/* Marks came last, and what is not there is zero. */
	if (header->header_size < offsetof(struct hdt_header, marks) || header->header_size > 4096 || header->header_size % 8 ||
	    header->area_count < HDT_AREAS_REQUIRED || header->area_count > 16)
		return trace_damaged(file, "its header has %u bytes and %u areas", header->header_size, header->area_count);
	return 0;
}

/* Blocks cannot be weighed by any other distance. */
static int check_sampling(struct trace_file *file)
{
	uint64_t distance = file->header.sample_bytes;

	if (distance && (distance < SAMPLING_MIN || distance > SAMPLING_MAX))
		return trace_damaged(file, "its samples are %llu bytes apart", (unsigned long long)distance);
	return 0;
}

/* Those that we know. */
static unsigned area_count(const struct trace_file *file)
{
	return file->header.area_count < HDT_AREA_COUNT ? file->header.area_count : HDT_AREA_COUNT;
}

bool trace_file_has(const struct trace_file *file, enum hdt_area_id area)
{
	return area < area_count(file);
}

/* The layout never changes after the start. */
static int check_areas(struct trace_file *file)
{
	for (unsigned i = 0; i < area_count(file); i++) {
		const struct hdt_area *area = &file->header.areas[i];
		if (record_sizes[i] && area->record_size != record_sizes[i])
			return trace_damaged(file, "area %u has records of %llu bytes, not %u", i, (unsigned long long)area->record_size,
					     record_sizes[i]);
		if (area->offset % 4096 || area->offset < sizeof(file->header) || area->offset > INT64_MAX / 4 ||
		    area->reserved > INT64_MAX / 4)
			return trace_damaged(file, "area %u lies outside of it", i);
	}
	return 0;
}

static int check_claims(struct trace_file *file, const struct stat *status)
{
	uint64_t held = (uint64_t)status->st_blocks * 512, claimed = 0;

	for (unsigned i = 0; i < area_count(file); i++) {
		const struct hdt_area *area = &file->header.areas[i];
		uint64_t opened = area->opened & ~HDT_SPILLING;
		claimed += opened < area->spill ? opened : area->spill;
		if (opened > area->reserved || claimed > INT64_MAX / 2)
			return trace_damaged(file, "area %u is larger than its place", i);
	}
	if (claimed > held * CLAIM_FACTOR + CLAIM_FREE)
		return trace_damaged(file, "it claims %llu bytes and holds %llu", (unsigned long long)claimed, (unsigned long long)held);
	return 0;
}

int trace_file_open(struct trace_file *file, int fd, const char *name, const char *spill_root, struct error *error)
{
	struct stat status;

	*file = (struct trace_file){.fd = fd, .spill_fd = -1, .name = name, .spill_root = spill_root, .error = error};
	if (fstat(fd, &status))
		return error_set(error, "cannot read '%s': %s", name, strerror(errno));
	file->owner = status.st_uid;
	file->alive = traces_is_alive(fd);
	if (read_at(file, fd, 0, &file->header, sizeof(file->header)))
		return -1;
	return check_version(file) || check_sampling(file) || check_areas(file) || check_claims(file, &status) ? -1 : 0;
}

void trace_file_close(struct trace_file *file)
{
	if (file->spill_fd >= 0)
		close(file->spill_fd);
	file->spill_fd = -1;
}

int trace_file_refresh(struct trace_file *file, struct hdt_header *header)
{
	return read_at(file, file->fd, 0, header, sizeof(*header));
}

/* ---- The second file ---- */

static int check_spill(struct trace_file *file, const char *path)
{
	struct stat status;

	if (file->spill_fd < 0 || fstat(file->spill_fd, &status))
		return error_set(file->error, "cannot open '%s', the second file of '%s': %s", path, file->name, strerror(errno));
	/* The name comes out of the first file: do not let it send us anywhere else. */
	if (!S_ISREG(status.st_mode) || status.st_uid != file->owner)
		return error_set(file->error, "'%s', the second file of '%s', is not a file of the same owner", path, file->name);
	return 0;
}

static int open_spill(struct trace_file *file)
{
	struct hdt_header header;
	char path[PATH_MAX];

	if (file->spill_fd >= 0)
		return 0;
	if (trace_file_refresh(file, &header))
		return -1;
	if (header.spill_path[0] != '/' || !memchr(header.spill_path, '\0', sizeof(header.spill_path)))
		return trace_damaged(file, "it names no %s", "second file");
	if (snprintf(path, sizeof(path), "%s%s", file->spill_root, header.spill_path) >= (int)sizeof(path))
		return trace_damaged(file, "the name of its %s is too long", "second file");
	file->spill_fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);
	return check_spill(file, path);
}

/* ---- Areas ---- */

static uint64_t area_position(enum hdt_area_id area)
{
	return offsetof(struct hdt_header, areas) + (unsigned)area * sizeof(struct hdt_area);
}

int trace_file_used(struct trace_file *file, enum hdt_area_id area, uint64_t *bytes)
{
	struct hdt_area now;

	*bytes = 0;
	if (!trace_file_has(file, area))
		return 0;
	if (read_at(file, file->fd, area_position(area), &now, sizeof(now)))
		return -1;
	uint64_t opened = now.opened & ~HDT_SPILLING, used = now.used;
	if (opened > file->header.areas[area].reserved)
		return trace_damaged(file, "area %u is larger than its place", (unsigned)area);
	if (used > opened)
		used = opened;
	*bytes = record_sizes[area] ? used - used % record_sizes[area] : used;
	/* Stored before the watermark moved beyond it, so it is read after. */
	return read_at(file, file->fd, area_position(area) + offsetof(struct hdt_area, spill), &file->header.areas[area].spill,
		       sizeof(now.spill));
}

int trace_file_read(struct trace_file *file, enum hdt_area_id area, uint64_t offset, void *to, size_t size)
{
	uint64_t base = file->header.areas[area].offset, spill = file->header.areas[area].spill;
	size_t first = offset >= spill ? 0 : size < spill - offset ? size : (size_t)(spill - offset);

	if (first && read_at(file, file->fd, base + offset, to, first))
		return -1;
	if (first == size)
		return 0;
	if (open_spill(file))
		return -1;
	return read_at(file, file->spill_fd, base + offset + first, (char *)to + first, size - first);
}

void *trace_file_load(struct trace_file *file, enum hdt_area_id area, size_t *size)
{
	uint64_t used = 0;

	if (trace_file_used(file, area, &used))
		return NULL;
	void *bytes = malloc(used ? used : 1);
	if (!bytes) {
		error_nomem(file->error);
		return NULL;
	}
	*size = used;
	if (!trace_file_read(file, area, 0, bytes, used))
		return bytes;
	free(bytes);
	return NULL;
}
