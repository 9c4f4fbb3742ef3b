/* SPDX-License-Identifier: MIT */
/*
 * Names of snapshot files: `heapdelta.<exe>.<pid>.hds` or the pattern of `-o`, numbered files of a series, the directory of a run.
 */
#ifndef ANALYZER_NAMING_H
#define ANALYZER_NAMING_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "error.h"

/* Decided once, before the start of the command; all paths that come out are absolute or as the user typed them. */
struct naming {
	const char *pattern; /* of -o; NULL: the default name */
	char *directory;     /* in front of default names, ends in '/', or "": the current directory; owned */
	char *home;          /* the current directory, absolute; owned */
	char host[65];
	int64_t time;  /* of the run, seconds */
	int elsewhere; /* errno: why the current directory cannot be written and default names are in *directory; 0: it can */
};

/*
 * `pattern` NULL: default names here, else in $TMPDIR or /tmp.  A directory, or a pattern ending in '/', stands for default names in it.
 * Checks the pattern and that a file can be made there, with `exe` standing for the command.  0, or −1 with the reason.
 */
int naming_init(struct naming *naming, const char *pattern, const char *exe, struct error *error);
void naming_release(struct naming *naming);

/* The directory that snapshots go to, absolute; free() it.  NULL: out of memory. */
char *naming_place(const struct naming *naming);

/* Does a traced process understand the pattern?  0, or −1 with the reason. */
int naming_check_pattern(const char *pattern, struct error *error);

/* True when the pattern tells processes apart by itself. */
bool naming_has_pid(const struct naming *naming);
/* True when the pattern numbers files by itself. */
bool naming_counts(const struct naming *naming);
/* True when a file of that name may be replaced: the user named it. */
bool naming_is_explicit(const struct naming *naming);

/* The name of one snapshot; number 0: not one of a series.  NULL: out of memory or no such variable (checked by naming_init); free() it. */
char *naming_file(const struct naming *naming, const char *exe, pid_t pid, unsigned number);

/* `path` with "." and `part` put in front of its ".hds". */
char *naming_insert(const char *path, const char *part);

/* The directory of the run whose root process writes `path`: ".d" in place of ".hds". */
char *naming_directory(const char *path);

/* The pattern, absolute and with %p, for processes that outlive the run and write their own files. */
char *naming_for_survivors(const struct naming *naming);

/* A name that nobody uses: `path`, or with ".2", ".3", … in front of ".hds". */
char *naming_free_name(const char *path);

#endif
