/* SPDX-License-Identifier: MIT */
/* new.compare_to(old): the union of the groups of two or more statistics, tracemalloc's order. */
#ifndef ANALYZER_DIFF_H
#define ANALYZER_DIFF_H

#include "error.h"
#include "match.h"
#include "stats.h"

enum diff_mark { DIFF_SAME, DIFF_CHANGED, DIFF_NEW, DIFF_GONE };

/* What comes first; the rest of tracemalloc's order decides ties. */
enum diff_sort { SORT_DIFF /* |size_diff|: tracemalloc's */, SORT_GROWTH /* signed */, SORT_SIZE, SORT_COUNT, SORT_COUNT_GROWTH };

struct diff_row {
	const struct group **groups; /* one per statistics, NULL: not in it */
	const struct group *any;     /* the newest of them */
	wide size, count;            /* new */
	wide size_diff, count_diff;  /* last − first */
	enum diff_mark mark;         /* by first and last */
	bool moved;                  /* both have it, under different keys */
	unsigned grew;               /* steps in which size grew */
};

struct diff {
	struct diff_row *rows; /* sorted: |size_diff|, size, |count_diff|, count, traceback, descending */
	size_t count;
	wide size, count_total, size_diff, count_diff; /* of the totals of first and last */
	size_t same, moved, came, gone; /* rows: under one key at both ends, under two, only at the end, only at the beginning */
	/* private */
	const struct group **group_pool;
	struct group **sums; /* of several groups of one statistics that are the same code */
	size_t sum_count, sum_room;
};

struct diff_options {
	enum diff_sort sort;
	const struct match *match; /* of the same statistics; NULL: groups with equal keys are the same */
};

/* `series`: at least two statistics, oldest first, same intern, keys and options; they outlive the diff.  0 or −1. */
int diff_make(struct diff *diff, const struct stats *series, size_t series_count, const struct diff_options *options, struct error *error);
void diff_release(struct diff *diff);

#endif
