/* SPDX-License-Identifier: MIT */
/*
 * A pattern is one way to lose memory and its cure, side by side in one file: `pattern-NAME leaky|fixed [CALLS [SNAPSHOTS]]` runs the one
 * or the other, with snapshots at equal spacing.
 */
#ifndef SCENARIOS_PATTERN_H
#define SCENARIOS_PATTERN_H

#include <string.h>

#include "story.h"

typedef void pattern_call(void *context, long number);

static inline int pattern_main(int argc, char **argv, pattern_call *leaky, pattern_call *fixed)
{
	if (argc < 2 || (strcmp(argv[1], "leaky") != 0 && strcmp(argv[1], "fixed") != 0)) {
		fprintf(stderr, "usage: %s leaky|fixed [CALLS [SNAPSHOTS]]\n", argv[0]);
		return 2;
	}
	story_tell(story_number(argc, argv, 2, 1000), story_number(argc, argv, 3, 1), *argv[1] == 'l' ? leaky : fixed, NULL);
	return 0;
}

#endif
