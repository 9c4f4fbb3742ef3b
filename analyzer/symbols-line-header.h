/* SPDX-License-Identifier: MIT */
/* The header of a unit's line table: how its program is to be run, and the files that it names. */
#ifndef ANALYZER_SYMBOLS_LINE_HEADER_H
#define ANALYZER_SYMBOLS_LINE_HEADER_H

#include "symbols-bytes.h"

struct line_file {
	const char *name;   /* NULL: none of this number */
	uint64_t directory; /* index */
};

struct line_header {
	struct bytes strings, line_strings; /* sections; set by the caller, as the next one */
	unsigned address_size;
	struct bytes program;
	unsigned version, opcode_base, line_range, instruction;
	int line_base;
	const uint8_t *arguments; /* of the standard opcodes, from 1 */
	const char **directories;
	struct line_file *files;
	size_t directory_count, directory_room, file_count, file_room;
};

/* LINES_UNKNOWN: in a form that is left to libdw. */
enum lines_result { LINES_DONE, LINES_UNKNOWN, LINES_NO_MEMORY };

/* Read the header at the begin of `bytes`; `directory` is the unit's own, NULL if it does not say. */
enum lines_result line_header_read(struct line_header *header, struct bytes bytes, const char *directory);
void line_header_release(struct line_header *header);

#endif
