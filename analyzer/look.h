/* SPDX-License-Identifier: MIT */
/*
 * A SNAP that is no file: a PID or the name of a traced process, whose tables are read while it runs.
 */
#ifndef ANALYZER_LOOK_H
#define ANALYZER_LOOK_H

#include <stdbool.h>

#include "error.h"
#include "process.h"
#include "snapshot.h"

/* Does this argument name a process?  A file of that name comes first, unless it is a program; what looks like a path or like one of
 * our files is none. */
bool look_is_process(const char *name);

/*
 * The same as process_find(), for an argument that look_is_process().  A number that no process has may be that of one that has ended and left
 * its trace file: *process is that one then.
 */
int look_find(struct process *process, const char *name, struct error *error);

/* What is in its tables now, without symbols; `name`: what to call the snapshot.  Again and again, also after it has ended, until
 * process_close().  0 or −1; on failure *snapshot is empty. */
int look_take(const struct process *process, const char *name, struct intern *intern, struct snapshot *snapshot, struct error *error);

#endif
