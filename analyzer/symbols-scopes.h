/* SPDX-License-Identifier: MIT */
/* The namespaces, classes and functions around the entries of a compile unit: for names that the compiler gave no linkage name. */
#ifndef ANALYZER_SYMBOLS_SCOPES_H
#define ANALYZER_SYMBOLS_SCOPES_H

#include <elfutils/libdw.h>

#include "intervals.h"

struct scopes {
	Dwarf_Die *list;
	size_t count, room;
	struct intervals ranges; /* addresses of entries in memory; value: index in list */
};

/* `die` is a scope; its entries end before `end`.  −1: out of memory. */
int scopes_add(struct scopes *scopes, const Dwarf_Die *die, const void *end);
void scopes_finish(struct scopes *scopes);
void scopes_release(struct scopes *scopes);

/* "shop::(anonymous namespace)::put" for a function `put`; no parameters.  free() it; NULL: out of memory. */
char *scopes_qualify(const struct scopes *scopes, const Dwarf_Die *die, const char *name);

#endif
