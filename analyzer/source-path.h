/* SPDX-License-Identifier: MIT */
/* Names of source files as debug information gives them, made comparable. */
#ifndef ANALYZER_SOURCE_PATH_H
#define ANALYZER_SOURCE_PATH_H

/* `name` below `directory` (may be NULL) unless absolute, without "//", "/./" and "a/../"; free() it.  NULL: out of memory.  No symbolic
 * link is read: the files may be on another machine. */
char *source_path(const char *directory, const char *name);

#endif
