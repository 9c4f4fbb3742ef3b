/* SPDX-License-Identifier: MIT */
/*
 * A snapshot file as chunks and strings: header, table of contents, checksums, text.  Nothing here knows what the records mean.
 */
#ifndef ANALYZER_HDS_FILE_H
#define ANALYZER_HDS_FILE_H

#include <stddef.h>
#include <stdint.h>

#include "error.h"
#include "heapdelta/hds.h"
#include "idmap.h"
#include "intern.h"

enum hds_chunk_name {
	HDS_STRINGS,
	HDS_INFO,
	HDS_MODULES,
	HDS_FRAMES,
	HDS_STACKS,
	HDS_THREADS,
	HDS_BLOCKS,
	HDS_AGES,
	HDS_SYMBOLS,
	HDS_LOCATIONS,
	HDS_STATEMENTS,
	HDS_PROCESSES,
	HDS_STACK_PROCESS,
	HDS_KNOWN_CHUNKS
};

struct hds_file {
	const uint8_t *data; /* borrowed */
	size_t size;
	const char *name; /* borrowed, as the next two */
	struct intern *intern;
	struct error *error;
	struct {
		const void *at; /* NULL: no such chunk */
		size_t count;   /* whole records, fewer than 2^32 − 1 */
	} chunks[HDS_KNOWN_CHUNKS];
	/* Strings met so far: each is hashed once, however many records name it. */
	struct idmap string_map;
	struct hds_string *strings;
	size_t string_count, string_room;
};

#define hds_damaged(file, format, ...) error_set((file)->error, "'%s' is damaged: " format, (file)->name, __VA_ARGS__)

/* Check everything but the records, for a file whose data, size, name, intern and error are set, the rest 0.  0 or −1; release it in both
 * cases. */
int hds_file_check(struct hds_file *file);
void hds_file_release(struct hds_file *file);

/* Interned; NULL: an error, which is set.  `what` is the member, for the message. */
const char *hds_file_string(struct hds_file *file, uint32_t offset, const char *what);

#endif
