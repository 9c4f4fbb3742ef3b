/* SPDX-License-Identifier: MIT */
/* Where the trace files of a run go: in memory if there is room, else to a disk. */
#ifndef ANALYZER_TRACE_PLACE_H
#define ANALYZER_TRACE_PLACE_H

#include <limits.h>
#include <stdbool.h>

struct trace_place {
	char directory[PATH_MAX]; /* for HEAPDELTA_DIR; "": the library's own choice is good */
	char small[PATH_MAX];     /* the place that would have been used, */
	double small_bytes;       /* and what is left there */
	char shown[PATH_MAX];     /* the place that is used instead, as people know it */
	bool made;                /* the directory is new: it goes with the run */
};

/* `output`: a directory that takes the snapshots, absolute; it is the last resort. */
void trace_place_choose(struct trace_place *place, const char *output);

/* The run is over: what was made is removed, unless files are left in it. */
void trace_place_release(const struct trace_place *place);

#endif
