/* SPDX-License-Identifier: MIT */
/* What is known of groups and of frames that helps to find them again in another build. */
#ifndef ANALYZER_MATCH_ITEMS_H
#define ANALYZER_MATCH_ITEMS_H

#include "match-pairs.h"
#include "pointer-map.h"
#include "stats.h"

struct match_items {
	struct stats *series;
	size_t count;
	struct pointer_map *builds;    /* per snapshot: build ids of its modules */
	struct pointer_map *functions; /* per snapshot: functions of its locations; filled when it is first asked for */
	struct pointer_map names;      /* function → the same without parameters and template arguments */
	struct pointer_map bases;      /* file → its last component */
	const char ***module_builds;   /* per snapshot and module: build id; NULL: none */
	bool one_process;              /* all snapshots are of one: a path means one build, with or without an id */
	bool failed;                   /* no memory for an answer */
};

/* 0 or −1: out of memory; release it in both cases. */
int match_items_init(struct match_items *items, struct stats *series, size_t count);
void match_items_release(struct match_items *items);

/* All code that the snapshots have frames in is of builds that each of them has, seen from one source root. */
bool match_items_same_builds(struct match_items *items);

/* What passes ask; for items->failed see above. */
struct match_context match_items_context(struct match_items *items);

/* The items of a snapshot, one per group.  NULL: out of memory. */
struct match_item *match_items_of_groups(struct match_items *items, uint32_t snapshot);

/* One per frame number that a snapshot's stacks have, for KEY_TRACEBACK; the numbers are the keys.  NULL: out of memory. */
struct match_item *match_items_of_frames(struct match_items *items, uint32_t snapshot, size_t *count);

#endif
