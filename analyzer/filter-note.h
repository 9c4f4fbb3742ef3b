/* SPDX-License-Identifier: MIT */
/* What to say of a filter that matched nothing: probably it was misspelt. */
#ifndef ANALYZER_FILTER_NOTE_H
#define ANALYZER_FILTER_NOTE_H

#include "filter.h"
#include "strbuf.h"

/* Where it was looked for. */
struct filter_scope {
	const struct snapshot *snapshots;
	const char *const *roots; /* source root of each; NULL: unknown */
	size_t count;
	size_t stacks; /* of all of them */
};

/* "filter 'cash.c' matched none of 4012 stacks; close: src/cache.c": what is close can be typed in its place. */
void filter_note(struct strbuf *out, const struct filter *filter, const struct filter_scope *scope);

#endif
