/* SPDX-License-Identifier: MIT */
/* The namespaces and classes around the entries of a compile unit: for names that the compiler gave no linkage name. */
#ifndef ANALYZER_SYMBOLS_SCOPES_H
#define ANALYZER_SYMBOLS_SCOPES_H

#include <elfutils/libdw.h>
#include <stddef.h>

struct scopes {
	struct scope *list; /* the unit, and what was found in it; those in one entry follow each other */
	size_t count, room;
};

/* Begin anew, with the unit `tree`.  −1: out of memory. */
int scopes_clear(struct scopes *scopes, const Dwarf_Die *tree);
void scopes_release(struct scopes *scopes);

/* "shop::(anonymous namespace)::put" for a function `put`; no parameters.  free() it; NULL: out of memory. */
char *scopes_qualify(struct scopes *scopes, const Dwarf_Die *die, const char *name);

#endif
