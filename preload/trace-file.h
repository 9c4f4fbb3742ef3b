/* SPDX-License-Identifier: MIT */
/*
 * A place for a trace file: which directory may be trusted and has room, and a new, locked, sparse file in it.
 *
 * All functions are async-signal-safe (no cancellation point, no malloc); they may change errno.
 */
#ifndef PRELOAD_TRACE_FILE_H
#define PRELOAD_TRACE_FILE_H

#include <stdbool.h>
#include <stdint.h>

#define TRACE_FILE_PATH_MAX 512

struct trace_file_name {
	const char *run;
	int32_t pid;
	uint32_t number; /* the first one to try */
	const char *suffix;
};

struct trace_file {
	uint32_t number; /* in its name: higher than that of every file of this run and pid that was there */
	int fd;          /* locked; the lock passes to a mapping of the file and lives as long as it */
	char path[TRACE_FILE_PATH_MAX];
};

/* A new file `DIRECTORY/<run>-<pid>-<number><suffix>` of `bytes` bytes, locked.  The directory is made (0700) if its parent is safe.  False
 * when the directory is not safe, has no room or takes no file; nothing is left behind then. */
bool trace_file_create(struct trace_file *file, const char *directory, const struct trace_file_name *name, uint64_t bytes);

/* The path of the file with such a name; false when it is too long. */
bool trace_file_spell(char path[TRACE_FILE_PATH_MAX], const char *directory, const struct trace_file_name *name);

void trace_file_close(struct trace_file *file);
void trace_file_remove(const struct trace_file *file);

#endif
