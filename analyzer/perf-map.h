/* SPDX-License-Identifier: MIT */
/*
 * Names of code that a process has written itself: /tmp/perf-PID.map, as `node --perf-basic-prof`, `python3 -X perf` and JVM agents make it for
 * perf(1).
 */
#ifndef ANALYZER_PERF_MAP_H
#define ANALYZER_PERF_MAP_H

#include <sys/types.h>

#include "snapshot.h"

/*
 * Names the snapshot's addresses that are in no module, where a map of its process has a name for them: each becomes a location "[jit](NAME)"
 * without an address, which would mean nothing elsewhere or in another run.  `root`: prefix of the process's files, "" for ours; `owner` of
 * the process: another's map is not read, nor one from before the process began.  No map is no error.  −1: out of memory.
 */
int perf_map_apply(struct snapshot *snapshot, const char *root, uid_t owner, struct error *error);

#endif
