/* SPDX-License-Identifier: MIT */
/*
 * A chunked snapshot file (heapdelta/hds.h) while it is written: one pass, checksummed as it goes, complete or not there at all.
 *
 * Only system calls (never libc's wrappers that are cancellation points or that programs interpose) and one anonymous mapping; signal-safe.
 * An error sticks: later calls do nothing, commit reports it and removes the temporary file.  One thread per file; several files may be
 * written at once.
 */
#ifndef PRELOAD_SNAPSHOT_FILE_H
#define PRELOAD_SNAPSHOT_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct snapshot_file;

/* Create a temporary file beside `path` (borrowed until commit).  NULL, with -errno in *error, when that fails. */
struct snapshot_file *snapshot_file_create(const char *path, int *error);

/* One chunk after the other: begin, any number of puts, end. */
void snapshot_file_begin(struct snapshot_file *file, uint32_t id, uint32_t record_size);
void snapshot_file_put(struct snapshot_file *file, const void *bytes, size_t size);
void snapshot_file_end(struct snapshot_file *file);

/* Bytes of the chunk so far. */
uint64_t snapshot_file_chunk_size(const struct snapshot_file *file);

/* Header, table of contents, rename; releases *file in any case.  `exclusive`: -EEXIST when the name is taken by then.  0 or -errno. */
int snapshot_file_commit(struct snapshot_file *file, bool sync, bool exclusive);

/* Give up: remove the temporary file, release *file. */
void snapshot_file_abandon(struct snapshot_file *file);

/* 0; -EEXIST: there is a file; -EISDIR: a directory; -EINVAL: something else that must not be replaced (device, pipe). */
int snapshot_file_check(const char *path, bool exclusive);

#endif
