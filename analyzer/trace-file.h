/* SPDX-License-Identifier: MIT */
/*
 * A trace file as bytes in areas, of a process that may be alive: bounds, watermarks, the second file, the lock.  Nothing here knows what
 * the records mean.
 */
#ifndef ANALYZER_TRACE_FILE_H
#define ANALYZER_TRACE_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "error.h"
#include "heapdelta/trace.h"

struct trace_file {
	int fd;       /* borrowed */
	int spill_fd; /* −1: not needed so far */
	const char *name, *spill_root;
	struct error *error;
	struct hdt_header header; /* as it was when the file was opened */
	bool alive;               /* a process has it mapped */
	uint64_t owner;           /* uid */
};

#define trace_damaged(file, format, ...) error_set((file)->error, "'%s' is damaged: " format, (file)->name, __VA_ARGS__)

/* Check the header.  `name`, `spill_root` and `error` are borrowed.  0 or −1; close it in both cases. */
int trace_file_open(struct trace_file *file, int fd, const char *name, const char *spill_root, struct error *error);
void trace_file_close(struct trace_file *file);

/* A trace of an older minor version does not have the last areas; to the other functions they are empty then. */
bool trace_file_has(const struct trace_file *file, enum hdt_area_id area);

/* Bytes that are given out in an area now, whole records only. */
int trace_file_used(struct trace_file *file, enum hdt_area_id area, uint64_t *bytes);

/* Copy bytes below a watermark that trace_file_used() has returned. */
int trace_file_read(struct trace_file *file, enum hdt_area_id area, uint64_t offset, void *to, size_t size);

/* All used bytes of an area, free() them; *size may be 0, the result is not NULL then.  NULL: an error, which is set. */
void *trace_file_load(struct trace_file *file, enum hdt_area_id area, size_t *size);

/* The header as it is now. */
int trace_file_refresh(struct trace_file *file, struct hdt_header *header);

#endif
