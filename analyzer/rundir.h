/* SPDX-License-Identifier: MIT */
/*
 * The directory of a run with children: `<root's name>.d`, one snapshot per child, a link to the root's, and index.json with everybody.
 */
#ifndef ANALYZER_RUNDIR_H
#define ANALYZER_RUNDIR_H

#include <stdbool.h>
#include <stddef.h>

#include "convert.h"
#include "error.h"
#include "untraced.h"

/*
 * Make the directory that belongs to `root_file`.  `replace`: the directory that an earlier run of that name left is emptied and used again;
 * otherwise, or if the one that is there is none of ours, the next free name is taken.  Returns its path (free() it), or NULL and errno.
 */
char *rundir_make(const char *root_file, bool replace);

/* The name of a child's snapshot in it; NULL: out of memory. */
char *rundir_file(const char *directory, const char *name, pid_t pid);

/* An earlier run of that name had children and this one has none: what it left would be taken for this run's. */
void rundir_forget(const char *root_file);

/* Rename *directory after the root's final name, if that is free, and with it the files in `list`. */
void rundir_rename(char **directory, const char *root_file, struct traced *const *list, size_t count);

/* Everybody in a run. */
struct rundir_index {
	const char *root_file; /* NULL: the root was not traced */
	struct traced *const *list;
	size_t count;
	const struct untraced *untraced; /* NULL: not known */
};

/* The link to the root's file and index.json.  0 or −1. */
int rundir_close(const char *directory, const struct rundir_index *index, struct error *error);

#endif
