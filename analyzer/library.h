/* SPDX-License-Identifier: MIT */
/* Where libheapdelta.so is, and the environment that makes the loader put it in front of a program. */
#ifndef ANALYZER_LIBRARY_H
#define ANALYZER_LIBRARY_H

#include <stdbool.h>
#include <stddef.h>

#include "error.h"

/* Absolute path: $HEAPDELTA_LIBRARY, else beside the command, else in the lib directory of the same installation.  0 or −1. */
int library_find(char *path, size_t room, struct error *error);

/* An environment under construction: a copy of ours with variables replaced. */
struct environment {
	char **list; /* NULL-terminated; all owned */
	size_t count;
	bool failed; /* an allocation failed: checked once at the end */
};

void environment_init(struct environment *environment);
void environment_release(struct environment *environment);
/* value NULL: removed. */
void environment_set(struct environment *environment, const char *name, const char *value);
/* LD_PRELOAD with `library` first and the user's own items after it, an older item of ours left out. */
void environment_preload(struct environment *environment, const char *library);

#endif
