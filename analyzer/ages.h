/* SPDX-License-Identifier: MIT */
/*
 * How old live blocks are: a list of (stack, age, what lives of it) in a snapshot, and the blocks of an age picked out of it.
 *
 * Ages are in seconds before the snapshot, rounded down: exact up to a minute, then to 1/32 of themselves.  So the list is as long as there
 * are stacks, times a few hundred at most, however many blocks there are.
 */
#ifndef ANALYZER_AGES_H
#define ANALYZER_AGES_H

#include "idmap.h"
#include "snapshot.h"

/* An age as lists have it. */
uint32_t age_rounded(uint64_t nanoseconds);

/* A list while it is collected. */
struct age_list {
	struct age *list;
	size_t count, room;
	struct idmap map;
	uint32_t last; /* the one found last is the likeliest */
};
void age_list_init(struct age_list *ages);
void age_list_release(struct age_list *ages);
/* More of one stack and age, both of which `more` names.  0, or −1: out of memory. */
int age_list_add(struct age_list *ages, const struct age *more);
/* Hand it over, ordered by stack and age. */
void age_list_move(struct age_list *ages, struct snapshot *snapshot);

#define AGES_UNSET (~0ull)
/* Leave what is as old as `older` nanoseconds, and not as old as `newer`; AGES_UNSET: no bound.  Only what lives is changed.  0, or −1: the
 * snapshot does not know. */
int ages_select(struct snapshot *snapshot, unsigned long long older, unsigned long long newer, struct error *error);

/* Those of `from` after `into`'s own, whose stacks they follow from number `first` on.  Where one does not know, the sum does not.  0 or −1:
 * out of memory. */
int ages_append(struct snapshot *into, const struct snapshot *from, size_t first);

#endif
