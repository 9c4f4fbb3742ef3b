/* SPDX-License-Identifier: MIT */
/*
 * In: rows that were learnt.  Out: the same rows, for a while.  A set for each hash of a function; its newest row stands first and the oldest
 * falls out.  What was kept in another generation of the modules is not found: another object may be there now.
 */
#include "unwind-rows.h"

#include <string.h>

enum { SET_BITS = 8, WAYS = 4 };

struct row {
	uintptr_t start;
	uint32_t length; /* 0: none */
	uint32_t generation;
	struct rule_shape shape;
};
_Static_assert(sizeof(struct row) == 32, "a set is two cache lines");

static struct row sets[1 << SET_BITS][WAYS];

static struct row *set_of(const void *function)
{
	return sets[(uintptr_t)function * UINT64_C(0x9e3779b97f4a7c15) >> (64 - SET_BITS)];
}

const struct rule_shape *rows_find(const void *function, uintptr_t pc, uint32_t generation)
{
	const struct row *row = set_of(function);
	for (int way = 0; way < WAYS; way++, row++)
		if (pc - row->start < row->length && row->generation == generation)
			return &row->shape;
	return NULL;
}

void rows_keep(const void *function, struct row_range range, uint32_t generation, const struct rule_shape *shape)
{
	struct row *set = set_of(function);
	if (range.end - range.start > UINT32_MAX)
		return;
	memmove(set + 1, set, (WAYS - 1) * sizeof(*set));
	set[0] = (struct row){range.start, (uint32_t)(range.end - range.start), generation, *shape};
}
