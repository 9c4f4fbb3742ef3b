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

/* Find a traced process by PID or by unique name.  A number that no process has here may be the one that it has in its own pid namespace.  0, or negative with the whole story in `error`; PROCESS_NONE: no process has the name.
 * Release with process_close() in any case. */
enum { PROCESS_NONE = -2 };
int process_find(struct process *process, const char *pid_or_name, struct error *error);

/* The same for a PID: 1 traced, 0 alive but not traced, −1 trouble (no such process, unreadable). */
int process_look(struct process *process, pid_t pid, struct error *error);

/* Inode of the pid namespace of a process, 0: of our own; 0 where it cannot be told. */
uint64_t process_namespace(pid_t pid);

/* The number that a process has in its own, innermost pid namespace; `pid` itself where that is ours or cannot be told. */
pid_t process_inner_pid(pid_t pid);

void process_close(struct process *process);

/* "process 4711 (server) is not traced, and heapdelta cannot attach; …": always −1. */
int process_not_traced(const struct process *process, struct error *error);

#endif
