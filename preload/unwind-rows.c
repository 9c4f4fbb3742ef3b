/* SPDX-License-Identifier: MIT */
/*
 * In: rows that were learnt.  Out: the same rows, for a while.  A set for each hash of a function; its newest row stands first and the oldest
 * falls out.  Large functions have a list of all their rows.  What was kept in another generation of the modules is not found: another object
 * may be there now.
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

/* Surveyed functions; in zeroed memory that costs nothing while it is not used. */
enum { SURVEYS = 4, SURVEY_ROWS = 8192 };
struct survey_row {
	uint32_t offset; /* from the function's start to this row's */
	uint32_t state;
};
static struct survey {
	const void *function; /* NULL: none */
	uintptr_t start;
	uint32_t generation, count;
	uint32_t size;                         /* of the function, 0: the survey is not complete */
	struct rule_shape shapes[ROWS_STATES]; /* by state; RULE_UNKNOWN: not the same everywhere */
	struct survey_row rows[SURVEY_ROWS];
} surveys[SURVEYS];
static unsigned newest;

static struct row *set_of(const void *function)
{
	return sets[(uintptr_t)function * UINT64_C(0x9e3779b97f4a7c15) >> (64 - SET_BITS)];
}

static struct survey *survey_of(const void *function, uint32_t generation)
{
	for (struct survey *survey = surveys; survey < surveys + SURVEYS; survey++)
		if (survey->function == function && survey->generation == generation)
			return survey;
	return NULL;
}

static const struct rule_shape *find_surveyed(const struct survey *survey, uintptr_t offset)
{
	uint32_t low = 0, high = survey->count;
	if (offset >= survey->size)
		return NULL;
	while (low < high) {
		uint32_t middle = low + (high - low) / 2;
		if (survey->rows[middle].offset <= offset)
			low = middle + 1;
		else
			high = middle;
	}
	const struct rule_shape *shape = low > 0 ? &survey->shapes[survey->rows[low - 1].state] : NULL;
	return shape && shape->kind != RULE_UNKNOWN ? shape : NULL;
}

const struct rule_shape *rows_find(const void *function, uintptr_t pc, uint32_t generation)
{
	const struct row *row = set_of(function);
	for (int way = 0; way < WAYS; way++, row++)
		if (pc - row->start < row->length && row->generation == generation)
			return &row->shape;
	const struct survey *survey = survey_of(function, generation);
	return survey ? find_surveyed(survey, pc - survey->start) : NULL;
}

void rows_keep(const void *function, struct row_range range, uint32_t generation, const struct rule_shape *shape)
{
	struct row *set = set_of(function);
	if (range.end - range.start > UINT32_MAX)
		return;
	memmove(set + 1, set, (WAYS - 1) * sizeof(*set));
	set[0] = (struct row){range.start, (uint32_t)(range.end - range.start), generation, *shape};
}

bool rows_survey_begin(const void *function, uintptr_t start, uint32_t generation)
{
	if (survey_of(function, generation))
		return false;
	newest = (newest + 1) % SURVEYS;
	struct survey *survey = &surveys[newest];
	survey->size = survey->count = 0;
	survey->function = function;
	survey->start = start;
	survey->generation = generation;
	memset(survey->shapes, 0, sizeof(survey->shapes));
	return true;
}

bool rows_survey_row(uintptr_t start, unsigned state)
{
	struct survey *survey = &surveys[newest];
	if (survey->count == SURVEY_ROWS || start - survey->start > UINT32_MAX)
		return false;
	survey->rows[survey->count++] = (struct survey_row){(uint32_t)(start - survey->start), state};
	return true;
}

void rows_survey_state(unsigned state, const struct rule_shape *shape)
{
	surveys[newest].shapes[state] = *shape;
}

void rows_survey_end(uintptr_t end)
{
	struct survey *survey = &surveys[newest];
	survey->size = end - survey->start <= UINT32_MAX ? (uint32_t)(end - survey->start) : 0;
}
