/* SPDX-License-Identifier: MIT */
/*
 * The compile units of one file's debug information: from addresses to functions, files, lines and inlined frames.
 */
#ifndef ANALYZER_SYMBOLS_DWARF_H
#define ANALYZER_SYMBOLS_DWARF_H

#include <elfutils/libdw.h>

#include "locations.h"

struct units;

/* `dwarf` and `intern` outlive the index.  NULL: out of memory. */
struct units *units_new(Dwarf *dwarf, struct intern *intern);
void units_free(struct units *units);

/*
 * Append what the debug information says about each of `count` addresses of the debug file, which ascend: innermost inlined function first,
 * nothing if it says nothing.  The last location has its symbol_offset from the address.  Strings are of units_new's intern.  −1: out of
 * memory.
 */
int units_lookup(struct units *units, struct lookup *list, size_t count, struct locations *locations);

#endif
