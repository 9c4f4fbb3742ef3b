/* SPDX-License-Identifier: MIT */
/* Items of several snapshots that are the same piece of code, as numbers. */
#ifndef ANALYZER_MATCH_CLASSES_H
#define ANALYZER_MATCH_CLASSES_H

#include "match-pairs.h"

struct match_rules {
	const struct match_pass *passes;
	size_t count;
	enum match_limit equal; /* of items with equal keys, before all passes */
	unsigned siblings;      /* features that the lines of one statement have in common, or stacks of such lines; 0: there are none */
	bool equal_at_last;     /* and after them: equal keys are better than nothing */
};

/* Items of all snapshots, each knowing its class in the end. */
struct match_classes {
	const struct match_rules *rules;
	struct match_context context;
	size_t key_count;
	struct match_item *newest; /* per class */
	uint32_t *same;            /* per class: another one that is the same, in chains that end at itself */
	size_t count, room, same_room;
	bool joined; /* some item is a part of another one */
};

void match_classes_release(struct match_classes *classes);

/* The next snapshot's items; their `partner` becomes their class.  0 or −1: out of memory. */
int match_classes_add(struct match_classes *classes, struct match_item *items, size_t count);

/* Of classes that are the same, one. */
uint32_t match_class_meant(const struct match_classes *classes, uint32_t class);

#endif
