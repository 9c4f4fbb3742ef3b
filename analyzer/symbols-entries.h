/* SPDX-License-Identifier: MIT */
/*
 * The modules that symbols were asked of, whatever snapshots they are in: one entry per build, with its open file and all that was found in it.
 */
#ifndef ANALYZER_SYMBOLS_ENTRIES_H
#define ANALYZER_SYMBOLS_ENTRIES_H

#include <stdbool.h>

#include "idmap.h"
#include "locations.h"
#include "symbols-dwfl.h"
#include "symbols-text.h"

struct entry {
	struct module module;    /* path is in `intern` */
	struct debug_file *file; /* NULL: none, or closed to make room */
	const char *reason;      /* NULL: has lines */
	bool closed;
	uint64_t missing_bytes;
	struct lookup *known; /* answered; the ranges are of `locations`, whose strings are of entries->intern */
	size_t known_count, known_room;
	struct idmap known_map;
	struct locations locations;
};

struct entries {
	struct debug_search search;
	struct intern *intern;
	struct texts texts;
	struct entry **list; /* in order of use; an entry stays where it is */
	size_t count, room;
	struct idmap paths, builds; /* by path and build id; the first one with a build id */
	size_t open;                /* entries with a file */
	size_t oldest;              /* where to look for a file to close */
};

/* `search` and `intern` are set.  Release it in any case. */
void entries_init(struct entries *entries);
void entries_release(struct entries *entries);

/* The entry of a module of a snapshot, its file opened if it can be.  NULL: out of memory. */
struct entry *entries_find(struct entries *entries, const struct snapshot *snapshot, uint32_t module);

/* Answer `count` look-ups of ascending addresses, each with a range of entry->locations.  −1: out of memory. */
int entries_lookup(struct entries *entries, struct entry *entry, struct lookup *list, size_t count);

#endif
