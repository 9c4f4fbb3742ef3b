/* SPDX-License-Identifier: MIT */
/* The namespaces, classes and functions around the entries of a compile unit: for names that the compiler gave no linkage name. */
#ifndef ANALYZER_SYMBOLS_SCOPES_H
#define ANALYZER_SYMBOLS_SCOPES_H

#include <elfutils/libdw.h>

#include "intervals.h"

struct scopes {
	Dwarf_Die tree;          /* the unit's */
	struct intervals ranges; /* of addresses of entries in memory, each from that of the scope itself */
};

/* The scope at this address, which comes after those before it.  Its number, or UINT32_MAX: out of memory. */
uint32_t scopes_begin(struct scopes *scopes, const void *at);
/* All entries inside of it lie before `end`. */
void scopes_end(struct scopes *scopes, uint32_t number, const void *end);
void scopes_finish(struct scopes *scopes);
/* Begin anew, with another unit. */
void scopes_clear(struct scopes *scopes, const Dwarf_Die *tree);
void scopes_release(struct scopes *scopes);

/* "shop::(anonymous namespace)::put" for a function `put`; no parameters.  free() it; NULL: out of memory. */
char *scopes_qualify(const struct scopes *scopes, const Dwarf_Die *die, const char *name);

#endif
