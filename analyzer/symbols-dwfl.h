/* SPDX-License-Identifier: MIT */
/*
 * One ELF file with its debug information: found by path or build id, checked, opened, asked.
 */
#ifndef ANALYZER_SYMBOLS_DWFL_H
#define ANALYZER_SYMBOLS_DWFL_H

#include <time.h>

#include "locations.h"

struct debug_search {
	const char *const *debug_dirs; /* NULL-terminated, searched before the default; may be NULL */
	const char *sysroot;           /* NULL: none */
	bool debuginfod;
	struct intern *intern; /* for all strings of the locations */
};

struct debug_file;

/* *file: the file of `module`, or NULL when none is usable.  *reason: why there are no lines (static text), NULL: there are.  −1: out of
 * memory. */
int debug_open(struct debug_file **file, const struct debug_search *search, const struct module *module, const char **reason);
void debug_close(struct debug_file *file);

/* When the file was last changed. */
struct timespec debug_built(const struct debug_file *file);

/*
 * Append what is known about each of `count` addresses of the file, which ascend (for a return address, the one before it is meant).  Nothing
 * if nothing is known.  The last location's symbol_offset counts to the address.  −1: out of memory.
 */
int debug_lookup(struct debug_file *file, struct lookup *list, size_t count, struct locations *locations);

#endif
