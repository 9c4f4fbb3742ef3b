/* SPDX-License-Identifier: MIT */
/*
 * Address ranges and what they stand for; ranges may nest and overlap.  Add all, finish once, then find.
 */
#ifndef ANALYZER_INTERVALS_H
#define ANALYZER_INTERVALS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define INTERVAL_NONE UINT32_MAX

struct interval {
	uint64_t low, high; /* [low, high) */
	uint32_t value;     /* the caller's */
	uint32_t rank;      /* of equal ranges the one with the highest rank is found first */
	uint32_t outer;     /* index of the interval to try next */
	bool open;          /* ends where the next one starts, at `high` at the latest */
};

struct intervals {
	struct interval *list;
	size_t count, room;
};

/* Empty ranges are left out.  −1: out of memory (or 2^32 − 1 intervals). */
int intervals_add(struct intervals *intervals, const struct interval *interval);
void intervals_finish(struct intervals *intervals);
void intervals_release(struct intervals *intervals);

/* Index in `list` of the innermost interval with this address, or INTERVAL_NONE; then of the next one around it. */
uint32_t intervals_find(const struct intervals *intervals, uint64_t address);
uint32_t intervals_outer(const struct intervals *intervals, uint32_t index, uint64_t address);

#endif
