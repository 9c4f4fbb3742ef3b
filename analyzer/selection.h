/* SPDX-License-Identifier: MIT */
/*
 * Which stacks of a snapshot pass a list of filters: one after the other for statistics, or all at once for a snapshot that is written
 * again.
 */
#ifndef ANALYZER_SELECTION_H
#define ANALYZER_SELECTION_H

#include "paths.h"

struct selection {
	const struct snapshot *snapshot;
	struct filters *filters; /* NULL: none, everything passes */
	struct paths *paths;     /* of the same filters */
	/* private */
	uint64_t *any, *process, *thread; /* bits of the stack at hand */
	const char *process_seen, *own;   /* whose bits those are; the name of a snapshot's only process, NULL: not needed yet */
};

/* A stack and what is kept of it. */
struct candidate {
	uint32_t stack; /* its number */
	struct frame_ref chosen;
	const struct frame_ref *kept; /* innermost frames, if the others do not count */
	size_t kept_count;            /* 0: all frames count */
};

/* 0 or −1: out of memory; release it in both cases. */
int selection_init(struct selection *selection, const struct snapshot *snapshot, struct filters *filters, struct paths *paths);
void selection_release(struct selection *selection);

/* 0 or −1: out of memory. */
int selection_decide(struct selection *selection, const struct candidate *candidate, bool *passes);

/* "4711 server -c dev.conf", interned; for a snapshot that names no process its file.  NULL: out of memory. */
const char *selection_process(struct selection *selection, uint32_t stack);

/*
 * Leave only the stacks that pass, and nothing that belongs to others: no list of blocks, totals of what is left, no peak of the whole.
 * What was lost stays lost.  0 or −1: out of memory.
 */
int selection_apply(struct snapshot *snapshot, struct filters *filters, const struct attribution *attribution, struct error *error);

#endif
