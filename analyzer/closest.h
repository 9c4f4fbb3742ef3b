/* SPDX-License-Identifier: MIT */
/* "did you mean": how far two words are apart, and the nearest of many.  The case of letters makes no difference. */
#ifndef ANALYZER_CLOSEST_H
#define ANALYZER_CLOSEST_H

#include <stddef.h>

enum { CLOSEST_MAX = 3 };

struct closest {
	const char *word; /* what was typed */
	const char *best; /* borrowed; NULL: nothing near enough yet */
	size_t distance;
	const char *list[CLOSEST_MAX]; /* the best and others that are as near, in the order they came */
	size_t count;
};

void closest_init(struct closest *closest, const char *word);
/* Keep `candidate` (borrowed) if it is nearer than the best so far; a third of the word's letters may differ. */
void closest_try(struct closest *closest, const char *candidate);
/* The same, judged by `name`, a part of the candidate. */
void closest_try_as(struct closest *closest, const char *name, const char *candidate);

/* The same, where somebody else knows how far it is. */
void closest_offer(struct closest *closest, size_t distance, const char *candidate);

#endif
