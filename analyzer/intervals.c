/* SPDX-License-Identifier: MIT */
/*
 * Sorted by start (outer ranges first), each interval links to the one around it: the last interval that starts before it and had not
 * ended. Whatever contains an address is on the chain from the last interval that starts at or before it, so overlaps cost nothing
 * special.
 */
#include "intervals.h"

#include <stdlib.h>

int intervals_add(struct intervals *intervals, const struct interval *interval)
{
	if (interval->low >= interval->high)
		return 0;
	if (intervals->count == intervals->room) {
		size_t room = intervals->room ? intervals->room * 2 : 64;
		struct interval *list = room < INTERVAL_NONE ? reallocarray(intervals->list, room, sizeof(*list)) : NULL;
		if (!list)
			return -1;
		intervals->list = list;
		intervals->room = room;
	}
	intervals->list[intervals->count++] = *interval;
	return 0;
}

static int by_start(const void *left, const void *right)
{
	const struct interval *a = left, *b = right;

	if (a->low != b->low)
		return a->low < b->low ? -1 : 1;
	if (a->high != b->high)
		return a->high > b->high ? -1 : 1;
	if (a->rank != b->rank)
		return a->rank < b->rank ? -1 : 1;
	return a->value < b->value ? -1 : a->value > b->value;
}

static bool is_sorted(const struct intervals *intervals)
{
	for (size_t i = 1; i < intervals->count; i++) {
		if (by_start(&intervals->list[i - 1], &intervals->list[i]) > 0)
			return false;
	}
	return true;
}

/* Open intervals end at the next different start. */
static void close_open(struct intervals *intervals)
{
	uint64_t next = UINT64_MAX, low = UINT64_MAX;

	for (size_t i = intervals->count; i-- > 0;) {
		struct interval *interval = &intervals->list[i];
		if (interval->low != low) {
			next = low;
			low = interval->low;
		}
		if (interval->open && interval->high > next)
			interval->high = next;
	}
}

void intervals_finish(struct intervals *intervals)
{
	struct interval *list = intervals->list;
	uint32_t top = INTERVAL_NONE;

	if (!intervals->count)
		return;
	if (!is_sorted(intervals))
		qsort(list, intervals->count, sizeof(*list), by_start);
	close_open(intervals);
	for (uint32_t i = 0; i < intervals->count; i++) {
		while (top != INTERVAL_NONE && list[top].high <= list[i].low)
			top = list[top].outer;
		list[i].outer = top;
		top = i;
	}
}

void intervals_release(struct intervals *intervals)
{
	free(intervals->list);
	*intervals = (struct intervals){0};
}

static uint32_t containing(const struct intervals *intervals, uint32_t index, uint64_t address)
{
	while (index != INTERVAL_NONE && intervals->list[index].high <= address)
		index = intervals->list[index].outer;
	return index;
}

uint32_t intervals_find(const struct intervals *intervals, uint64_t address)
{
	size_t low = 0, high = intervals->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (intervals->list[middle].low <= address)
			low = middle + 1;
		else
			high = middle;
	}
	return low ? containing(intervals, (uint32_t)(low - 1), address) : INTERVAL_NONE;
}

uint32_t intervals_outer(const struct intervals *intervals, uint32_t index, uint64_t address)
{
	return containing(intervals, intervals->list[index].outer, address);
}
