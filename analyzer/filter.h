/* SPDX-License-Identifier: MIT */
/* tracemalloc's Filter and DomainFilter, on frames; plus the whole-name shell pattern behind them (not libc's fnmatch: its sets differ). */
#ifndef ANALYZER_FILTER_H
#define ANALYZER_FILTER_H

#include <stdbool.h>
#include <stdint.h>

#include "error.h"
#include "frames.h"

/* fnmatch.fnmatchcase of CPython, whole name, no escape character. */
bool pattern_match(const char *pattern, const char *name);

struct filter {
	bool inclusive;
	const char *spec;    /* as typed, for messages; borrowed */
	const char *pattern; /* NULL: a pure domain filter */
	int64_t line;        /* −1: any */
	bool all_frames;
	int64_t domain; /* −1: any */
};

struct filters {
	struct filter *list;
	size_t count;
	size_t *matches;         /* stacks each one's condition held for, counted by filters_decide */
	const char *source_root; /* files below it may also be named relative to it; NULL: none.  No '/' at its end. */
	bool all_frames;         /* of one of them */
};

/* Parse SPEC = PATTERN[:LINE][@all-frames][@domain=N]; the pattern is a copy interned by `intern`. */
int filter_parse(struct filter *filter, bool inclusive, const char *spec, struct intern *intern, struct error *error);

/* All of `included` and `excluded` (NULL-terminated lists, may be NULL). */
int filters_init(struct filters *filters, const char *const *included, const char *const *excluded, struct intern *intern,
		 struct error *error);
void filters_release(struct filters *filters);

/* Which filters' names and lines a frame has: one bit each, in filters_words() words. */
size_t filters_words(const struct filters *filters);
void filters_match(const struct filters *filters, const struct frame *frame, uint64_t *bits);

/*
 * Does a trace pass the whole list, given the bits of its attributed frame and those of all its frames together?  The latter matter only
 * if filters->all_frames.
 */
bool filters_decide(const struct filters *filters, const uint64_t *attributed, const uint64_t *any, uint32_t domain);

/* `file` below `root` without it, else NULL. */
const char *filter_relative(const char *root, const char *file);

#endif
