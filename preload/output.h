/* SPDX-License-Identifier: MIT */
/*
 * Names of the snapshots that the process writes itself: HEAPDELTA_OUTPUT's pattern or `heapdelta.<exe>.<pid>.hds`.
 *
 * Pure text work on the caller's buffer; reads the environment for %q{VAR} and TMPDIR, takes no memory, keeps errno.
 */
#ifndef PRELOAD_OUTPUT_H
#define PRELOAD_OUTPUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct output_name {
	const char *pattern;   /* NULL or "": the default name */
	const char *directory; /* before relative names; "": none */
	const char *exe;       /* path or name; its last component is %e */
	int32_t pid;
	bool add_pid;        /* a fork child: `.<pid>` is added to a pattern without %p, which would otherwise name its parent's file */
	const char *label;   /* NULL or "": none */
	uint32_t number;     /* %n: counts the snapshots of the process from 1 */
	bool is_one_of_many; /* has the label or, when there is none and the pattern has no %n, the number in its name */
	bool in_directory;   /* the pattern is a directory: default names in it */
	uint32_t attempt;    /* from 1; beyond that `.<attempt>` is added */
};

/* Spell the name out: 0, or -ENAMETOOLONG. */
int output_spell(const struct output_name *name, char *path, size_t room);

/* True when the user chose the very name, which may therefore replace a file. */
bool output_is_explicit(const struct output_name *name);

/* Where a default name goes when its directory cannot be written: $TMPDIR, else /tmp. */
const char *output_fallback_directory(void);

#endif
