/* SPDX-License-Identifier: MIT */
/* The whole-name shell pattern behind filters and skipped names (not libc's fnmatch: its sets differ). */
#ifndef ANALYZER_PATTERN_H
#define ANALYZER_PATTERN_H

#include <stdbool.h>
#include <stddef.h>

/* fnmatch.fnmatchcase of CPython, whole name, no escape character. */
bool pattern_match(const char *pattern, const char *name);
/* The same for the first `length` bytes of a text; an ASCII character or the end stands behind them. */
bool pattern_match_part(const char *pattern, const char *name, size_t length);

#endif
