/* SPDX-License-Identifier: MIT */
/* The line table of a compile unit, for a few of its addresses. */
#ifndef ANALYZER_SYMBOLS_LINES_H
#define ANALYZER_SYMBOLS_LINES_H

#include <elfutils/libdw.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "symbols-line-header.h"

struct lines;

/* `dwarf` outlives it.  NULL: out of memory. */
struct lines *lines_new(Dwarf *dwarf);
void lines_free(struct lines *lines);

struct line_at {
	bool found;
	uint32_t file;   /* number in the table, for lines_file() */
	uint32_t line;   /* as an int: not positive is none */
	uint64_t row;    /* address of the row that says it */
	uint32_t number; /* of that row */
};

/* What libdw's dwarf_getsrc_die says for each of `count` addresses, which ascend. */
enum lines_result lines_find(struct lines *lines, const Dwarf_Die *unit, const uint64_t *addresses, size_t count, struct line_at *at);

/*
 * A file of the unit that was asked for last, as libdw's dwarf_filesrc names it: *directory and *name are joined by a '/', unless *directory
 * is NULL.  False: there is none of this number.
 */
bool lines_file(const struct lines *lines, uint64_t number, const char **directory, const char **name);
size_t lines_file_count(const struct lines *lines);

#endif
