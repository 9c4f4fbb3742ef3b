/* SPDX-License-Identifier: MIT */
/*
 * The trace files of one run: found as they appear, converted as their processes end.
 */
#ifndef ANALYZER_COLLECT_H
#define ANALYZER_COLLECT_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "convert.h"
#include "error.h"
#include "library.h"
#include "untraced.h"

struct collect_options {
	const char *const *only, *const *except; /* NULL-terminated patterns of names; NULL: none */
	uint64_t interval_ns;                    /* 0: no series */
	unsigned keep;                           /* numbered snapshots per process; 0: all */
	const char *source_root;                 /* absolute; NULL: the work tree around the current directory */
	bool blocks;
	bool hopeless; /* the command cannot be traced: no snapshot of it without a block */
};

enum { COLLECT_DIRECTORIES = 64 };

struct collect {
	struct collect_options options;
	struct convert convert;
	const char *command; /* name of the root while it is not known */
	char run[64], lock_path[PATH_MAX], notes_path[PATH_MAX + 2];
	int lock_fd, notify_fd;                 /* notify_fd −1: only rescans find anything */
	char *directories[COLLECT_DIRECTORIES]; /* watched */
	int watches[COLLECT_DIRECTORIES];
	size_t directory_count;
	struct traced **list; /* in the order they were found; every image of every process */
	size_t count, room;
	char *directory;           /* of the children's files; NULL: none yet */
	struct untraced *untraced; /* NULL: not read yet */
	pid_t root;
	bool root_ended;
	int root_status;
	uint64_t next_interval, next_peak, next_scan; /* CLOCK_MONOTONIC, ns */
};

/* Make the run: its name, its lock, its watches.  −1 with the reason: no place for trace files, the run goes on without us. */
int collect_open(struct collect *collect, const struct collect_options *options, const struct naming *naming, const char *command,
		 struct error *error);
void collect_release(struct collect *collect);

/* The variables that tie a process to this run. */
void collect_environment(const struct collect *collect, struct environment *environment);

void collect_root_started(struct collect *collect, pid_t root);

/* How long one may wait for notify_fd before collect_update() has something to do, in ms. */
int collect_timeout(const struct collect *collect);
void collect_update(struct collect *collect);

/* The command has ended with this wait status: its file may be converted. */
void collect_root_ended(struct collect *collect, int status);

/* Traced processes that still run, after a look around. */
size_t collect_alive(struct collect *collect);

/* Write snapshots of those that still run: they will die with us (the init process). */
void collect_last_look(struct collect *collect);

/* Give up the lock, so that survivors write their own files, and convert whatever ended before it could know. */
void collect_close(struct collect *collect);

/* The image of the root that counts (the last one); NULL: not traced. */
struct traced *collect_root(const struct collect *collect);

#endif
