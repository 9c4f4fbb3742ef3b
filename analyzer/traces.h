/* SPDX-License-Identifier: MIT */
/*
 * Trace files as files: the directories that hold them, what their headers say, whether the process behind one still lives.
 */
#ifndef ANALYZER_TRACES_H
#define ANALYZER_TRACES_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "heapdelta/trace.h"

#define TRACES_SUFFIX ".hdt"

/* What tells processes apart, from a trace file's header. */
struct trace_peek {
	pid_t pid, ppid; /* in the process's own pid namespace */
	uint32_t image, flags;
	uint64_t pid_namespace, start_ticks, start_monotonic_ns;
	int64_t folded_bytes;
	char comm[17];
	char name[64];        /* the executable's last component, or the script's if an interpreter runs one; clean for file names */
	char run[65];         /* empty: none */
	char spill_path[257]; /* second file; empty: none */
};

/* 0, or −1 when the file is not (yet) a complete trace file of this major version. */
int traces_peek(int fd, struct trace_peek *peek);

/* The kernel keeps the lock as long as the process has the file mapped; where it does not, the process of the header is looked for. */
bool traces_is_alive(int fd);

/* Live bytes now, from the header and the threads' cells, without a scan of the tables; −1: not readable. */
int64_t traces_live_bytes(int fd);

/* Remove a trace file and, if the header names one, its second file. */
void traces_remove(const char *path, const struct trace_peek *peek);

/* Calls `each` for every directory that may hold trace files of this user (root: of anybody) and exists. */
void traces_directories(void (*each)(void *data, const char *directory), void *data);

/* Calls `each` for every trace file whose name begins with `prefix` ("": all) in those directories. */
void traces_files(const char *prefix, void (*each)(void *data, const char *path), void *data);

/* Is this a place to look for files that nobody has mapped?  With HEAPDELTA_DIR set, only that directory is. */
bool traces_is_chosen(const char *path);

/* The directory where a process of this user would make its trace file now, made if it is missing (0700).  0, or −1: none can be written. */
int traces_own_directory(char *path, size_t room);

/* Field 22 of /proc/PID/stat: tells a reused pid apart.  0: no such process. */
uint64_t traces_start_ticks(pid_t pid);

/* Has the process an address space (not a zombie)? */
bool traces_has_memory(pid_t pid);

/* The last component of a path with everything but letters, digits and "._+-" replaced: safe in a file name. */
void traces_clean_name(char *name, size_t room, const char *path);

#endif
