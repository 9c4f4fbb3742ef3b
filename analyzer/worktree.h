/* SPDX-License-Identifier: MIT */
/* Where the sources of a run are: the enclosing git work tree and the commit checked out there, read without running git. */
#ifndef ANALYZER_WORKTREE_H
#define ANALYZER_WORKTREE_H

#include <stddef.h>

/* The nearest directory at or above `directory` (absolute) that holds `.git`.  0, or −1: none, *root is "". */
int worktree_root(const char *directory, char *root, size_t room);

/* The commit checked out in `root`, as hexadecimal digits.  0, or −1: none known, *commit is "". */
int worktree_commit(const char *root, char *commit, size_t room);

#endif
