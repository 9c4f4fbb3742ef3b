/* SPDX-License-Identifier: MIT */
/*
 * Which groups of two or more statistics are the same code.  In one build a line number says so; in two builds lines move, and what they say,
 * and which function they are in, tells them apart.
 */
#ifndef ANALYZER_MATCH_H
#define ANALYZER_MATCH_H

#include "error.h"
#include "stats.h"

struct match {
	uint32_t **classes; /* per statistics and group: groups of one class are the same code, in one statistics too.  NULL: those with
			       equal keys are */
	size_t class_count; /* all numbers are below */
	size_t count;       /* of statistics */
};

/* `series`: at least two statistics, oldest first, same keys and options.  0 or −1; release it in both cases. */
int match_make(struct match *match, struct stats *series, size_t count, struct error *error);
void match_release(struct match *match);

#endif
