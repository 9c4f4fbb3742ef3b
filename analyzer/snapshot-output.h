/* SPDX-License-Identifier: MIT */
/* A file that appears complete or not at all. */
#ifndef ANALYZER_SNAPSHOT_OUTPUT_H
#define ANALYZER_SNAPSHOT_OUTPUT_H

#include <stdbool.h>
#include <sys/uio.h>

#include "error.h"

/*
 * Write the parts to `path` through a temporary file in the same directory, fsync, rename.  A symbolic link is followed; what exists and
 * is no regular file is written to directly.  `exclusive`: an existing file is an error (errno EEXIST).  0 or −1; errno says why.
 */
int put_file(const char *path, bool exclusive, const struct iovec *parts, int count, struct error *error);

#endif
