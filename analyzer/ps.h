/* SPDX-License-Identifier: MIT */
/* The traced processes that can be seen from here, and the trace files that dead ones left. */
#ifndef ANALYZER_PS_H
#define ANALYZER_PS_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "error.h"
#include "trace-counters.h"

struct ps_process {
	pid_t pid;           /* as we see it; 0: it lives where we see no processes */
	pid_t inner_pid;     /* as it sees itself */
	char name[64];       /* of the program, or of the script that it runs */
	char path[PATH_MAX]; /* of the trace file, as the process sees it */
	dev_t device;
	ino_t inode;
	struct trace_counters counters;
	bool has_rate;
	double rate; /* growth of the live bytes, per minute */
};

/* One look: the living first, the biggest first. */
struct ps_look {
	struct ps_process *list;
	size_t count, room, living;
	uint64_t monotonic_ns;
};

/* 0 or −1.  Release it in both cases. */
int ps_look(struct ps_look *look, struct error *error);
void ps_release(struct ps_look *look);

/* Rates of `now` from an earlier look, of the processes that are in both; others keep theirs. */
void ps_rate(struct ps_look *now, const struct ps_look *before);

/* Calls `each` for every living traced process: for completion, without any figures. */
void ps_names(void (*each)(void *data, pid_t pid, const char *comm), void *data);

#endif
