/* SPDX-License-Identifier: MIT */
/* tracemalloc's Filter and DomainFilter, on frames; and filters by what else there is to a block: function, module, thread, process. */
#ifndef ANALYZER_FILTER_H
#define ANALYZER_FILTER_H

#include <stdbool.h>
#include <stdint.h>

#include "error.h"
#include "frames.h"

/* What the pattern is about: the prefix of a SPEC, without one the file. */
enum filter_subject { FILTER_FILE, FILTER_BASE, FILTER_FUNCTION, FILTER_MODULE, FILTER_THREAD, FILTER_PROCESS, FILTER_SUBJECTS };

struct filter {
	bool inclusive;
	enum filter_subject subject;
	const char *spec;    /* as typed, for messages; borrowed */
	const char *pattern; /* NULL: a pure domain filter */
	int64_t line;        /* −1: any */
	bool all_frames;
	int64_t domain; /* −1: any */
};

struct filters {
	struct filter *list;
	size_t count;
	size_t *matches;                     /* stacks each one's condition held for, counted by filters_decide */
	const char *source_root;             /* files below it may also be named relative to it; NULL: none.  No '/' at its end. */
	bool all_frames, threads, processes; /* one of them asks for these */
};

/* What the filters think of a stack: bits of filters_match() and filters_match_process(). */
struct filter_facts {
	const uint64_t *attributed; /* of the frame whose line it is */
	const uint64_t *any;        /* of all frames together; only if filters->all_frames */
	const uint64_t *thread;     /* of the frame where the thread begins; only if filters->threads */
	const uint64_t *process;    /* only if filters->processes */
	uint32_t domain;
};

/*
 * Parse SPEC = [file:|base:|func:|module:|thread:|process:]PATTERN[:LINE][@all-frames][@domain=N]; the pattern is a copy interned by
 * `intern`.  Files and functions have lines, all but threads and processes have frames.
 */
int filter_parse(struct filter *filter, bool inclusive, const char *spec, struct intern *intern, struct error *error);

/* All of `included` and `excluded` (NULL-terminated lists, may be NULL). */
int filters_init(struct filters *filters, const char *const *included, const char *const *excluded, struct intern *intern,
		 struct error *error);
void filters_release(struct filters *filters);

/* Which filters' names and lines a frame has, or would have if its thread began there: one bit each, in filters_words() words. */
size_t filters_words(const struct filters *filters);
void filters_match(const struct filters *filters, const struct frame *frame, uint64_t *bits);

/* The same for a process, "4711 server -c dev.conf": its PID, its command, the last component of the command's first word, or all of it. */
void filters_match_process(const struct filters *filters, const char *name, uint64_t *bits);

/* Does a stack pass the whole list?  Its matches are counted. */
bool filters_decide(const struct filters *filters, const struct filter_facts *facts);

/* `file` below `root` without it, else NULL. */
const char *filter_relative(const char *root, const char *file);

#endif
