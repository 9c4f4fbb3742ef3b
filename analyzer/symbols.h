/* SPDX-License-Identifier: MIT */
/*
 * (module, offset) → function, file, line, inlined frames; one look-up per distinct address, sorted by module.  libdw behind it
 * (symbols-dwfl.c).  Not found is not an error: the address keeps location_count 0, or one location with HDS_LOCATION_NO_LINE from the symbol
 * table.  A debug file whose build id differs is never used.
 */
#ifndef ANALYZER_SYMBOLS_H
#define ANALYZER_SYMBOLS_H

#include <stdbool.h>

#include "error.h"
#include "snapshot.h"
#include "symbols-demangle.h"

struct symbols_options {
	const char *const *debug_dirs; /* NULL-terminated, searched before the default /usr/lib/debug; may be NULL */
	const char *sysroot;           /* prefix for module paths; NULL: none */
	bool debuginfod;               /* ask the servers of $DEBUGINFOD_URLS */
};

struct symbols; /* caches one open module per build id; reusable for many snapshots */

/* The strings of `options` are borrowed until symbols_free. */
struct symbols *symbols_new(const struct symbols_options *options, struct error *error);
void symbols_free(struct symbols *symbols);

/* Resolve every address of the snapshot that has no line yet, and set snapshot->symbolised. */
int symbols_resolve(struct symbols *symbols, struct snapshot *snapshot, struct error *error);

/*
 * Modules without line information, most bytes first: live bytes of the stacks whose first frame outside the C and C++ runtime is one of the
 * module's without a line.  Borrowed until the next call or symbols_free.
 */
struct symbols_missing {
	const struct module *module;
	const char *reason; /* "no debug information", "build id differs", "file not found", … */
	uint64_t bytes;     /* live, over all snapshots resolved so far */
};
size_t symbols_missing(const struct symbols *symbols, const struct symbols_missing **list);

#endif
