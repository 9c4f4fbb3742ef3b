/* SPDX-License-Identifier: MIT */
/* Trace files of runs whose supervisor died: turned into snapshots, so that nothing of a crashed run is lost or stays in memory. */
#ifndef ANALYZER_ORPHANS_H
#define ANALYZER_ORPHANS_H

#include <stddef.h>

#include "convert.h"

struct orphans {
	size_t written;     /* snapshots made */
	char first[4096];   /* name of one of them */
	size_t empty;       /* files of processes that left nothing live, or whose image was replaced: removed */
	size_t expired;     /* files of dead processes, older than a week, removed */
	size_t failed;      /* could not be converted, and are kept */
	struct error error; /* why the first of those */
};

/* Sweep the directories of this user.  Only files of dead processes of dead runs; snapshots go where default names go. */
void orphans_sweep(const struct convert *convert, struct orphans *orphans);

/* The same for every dead process whose run is dead or that had none, with convert's own names; `wrote` is called for each snapshot.  What is
 * older than a week is only removed. */
void orphans_clean(const struct convert *convert, void (*wrote)(const char *path), struct orphans *orphans);

/* Does the supervisor of this run live? */
bool orphans_run_lives(const char *run);

#endif
