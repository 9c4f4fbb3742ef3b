/* SPDX-License-Identifier: MIT */
/*
 * From a PID or a program's name to the trace file of a running traced process, across pid and mount namespaces.
 */
#ifndef ANALYZER_PROCESS_H
#define ANALYZER_PROCESS_H

#include <limits.h>
#include <stdbool.h>
#include <sys/types.h>

#include "error.h"
#include "traces.h"

struct process {
	pid_t pid; /* as we see it */
	int fd;    /* of the trace file, read-only; −1: none */
	char comm[17];
	char path[PATH_MAX]; /* of the trace file, as the process sees it */
	char root[64];       /* "/proc/PID/root" when the process sees other files than we do, else "" */
	struct trace_peek peek;
};

/* Find a traced process by PID or by unique name.  0, or −1 with the whole story in `error`.  Release with process_close(), also on −1. */
int process_find(struct process *process, const char *pid_or_name, struct error *error);

/* The same for a PID: 1 traced, 0 alive but not traced, −1 trouble (no such process, unreadable). */
int process_look(struct process *process, pid_t pid, struct error *error);

void process_close(struct process *process);

/* "process 4711 (server) is not traced, and heapdelta cannot attach; …": always −1. */
int process_not_traced(const struct process *process, struct error *error);

#endif
