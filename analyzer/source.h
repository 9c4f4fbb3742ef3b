/* SPDX-License-Identifier: MIT */
/* Lines of source files, for display. */
#ifndef ANALYZER_SOURCE_H
#define ANALYZER_SOURCE_H

#include <stddef.h>
#include <stdint.h>

struct source;

struct source *source_new(void); /* NULL: out of memory */
void source_free(struct source *source);

/*
 * Line `line` (from 1) of the file, without leading and trailing blanks.  NULL: no such file or line, not a regular file, too large, or no
 * memory; an unreadable source is no error.  Borrowed until source_free.  Not escaped.
 */
const char *source_line(struct source *source, const char *path, uint32_t line);

#endif
