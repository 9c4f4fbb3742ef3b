/* SPDX-License-Identifier: MIT */
/* Trace files of runs whose supervisor died: turned into snapshots, so that nothing of a crashed run is lost or stays in memory. */
#ifndef ANALYZER_ORPHANS_H
#define ANALYZER_ORPHANS_H

#include <stddef.h>

#include "convert.h"

struct orphans {
	size_t written;   /* snapshots made */
	char first[4096]; /* name of one of them */
	size_t expired;   /* files of dead processes, older than a week, removed */
};

/* Sweep the directories of this user.  Only files of dead processes of dead runs; snapshots go where default names go. */
void orphans_sweep(const struct convert *convert, struct orphans *orphans);

#endif
