/* SPDX-License-Identifier: MIT */
/*
 * What the leak stories share: numbers from the command line, and snapshots at equal spacing while a program works.
 *
 * Every story is a small program that a test runs through the real tool; a snapshot is taken by the program itself, so that the moments
 * are exact.  Nothing is printed, because stdio's own buffers would stand in the snapshots beside the story's blocks.
 * A line that leaks, or in a fixed twin used to leak, carries a marker comment: tests find the line by it.
 */
#ifndef SCENARIOS_STORY_H
#define SCENARIOS_STORY_H

#include <stdio.h>
#include <stdlib.h>

#include <heapdelta/heapdelta.h>

/* The argument at `index` as a number, or `fallback` when there is none. */
static inline long story_number(int argc, char **argv, int index, long fallback)
{
	return index < argc ? strtol(argv[index], NULL, 10) : fallback;
}

/*
 * Calls call(context, 0) … call(context, calls - 1) with a snapshot before the first, after the last and at equal spacing in between:
 * "before", "1", "2", …, "after".
 */
static inline void story_tell(long calls, long snapshots, void (*call)(void *, long), void *context)
{
	char label[24];
	long next = 0;

	if (snapshots < 1)
		snapshots = 1;
	heapdelta_take_snapshot("before");
	for (long share = 1; share <= snapshots; share++) {
		for (; next < calls * share / snapshots; next++)
			call(context, next);
		snprintf(label, sizeof(label), share < snapshots ? "%ld" : "after", share);
		heapdelta_take_snapshot(label);
	}
}

#endif
