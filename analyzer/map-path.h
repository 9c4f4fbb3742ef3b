/* SPDX-License-Identifier: MIT */
/* --map-path FROM=TO: sources that lie elsewhere, or have another name, than when the program was compiled. */
#ifndef ANALYZER_MAP_PATH_H
#define ANALYZER_MAP_PATH_H

#include "error.h"
#include "snapshot.h"

/* Is it FROM=TO?  0 or −1. */
int map_path_check(const char *spec, struct error *error);

/*
 * Give the files of a snapshot their other names.  FROM is a file or a directory, as recorded or relative to `root` (absolute; NULL: none);
 * the first of `specs` (NULL-terminated, checked) that fits counts.  0 or −1: out of memory.
 */
int map_path_apply(struct snapshot *snapshot, const char *root, const char *const *specs, struct error *error);

#endif
