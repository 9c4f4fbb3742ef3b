/* SPDX-License-Identifier: MIT */
/*
 * A pass sorts what is left of both sides by the features that count in it; items that agree stand together then, and are paired by the
 * order of their lines.  Each pass costs a sort of what the passes before it left over.
 */
#include "match-pairs.h"

#include <stdlib.h>

/* ---- Features ---- */

static uint64_t feature(const struct match_item *item, unsigned which)
{
	switch (which) {
	case MATCH_KEY:
		return item->key + UINT64_C(1);
	case MATCH_FILE:
		return (uintptr_t)item->file;
	case MATCH_BASE:
		return (uintptr_t)item->base;
	case MATCH_PATH:
		return (uintptr_t)item->path;
	case MATCH_NAME:
		return (uintptr_t)item->name;
	case MATCH_FUNCTION:
		return (uintptr_t)item->function;
	case MATCH_TEXT:
		return item->text;
	case MATCH_STATEMENT:
		return item->statement;
	case MATCH_LINE:
		return item->line;
	default:
		return item->from + UINT64_C(1);
	}
}

static bool has_all(const struct match_item *item, unsigned features)
{
	for (unsigned which = 1; which < 1u << MATCH_FEATURES; which <<= 1) {
		if ((features & which) && !feature(item, which))
			return false;
	}
	return true;
}

static int compare_features(const struct match_item *a, const struct match_item *b, unsigned features)
{
	for (unsigned which = 1; which < 1u << MATCH_FEATURES; which <<= 1) {
		uint64_t one = features & which ? feature(a, which) : 0, other = features & which ? feature(b, which) : 0;
		if (one != other)
			return one < other ? -1 : 1;
	}
	return 0;
}

/* ---- Pairs ---- */

/* An item that takes part: which one of which side. */
struct candidate {
	struct match_item *item;
	uint32_t side, number;
};

struct work {
	const struct match_side *sides;
	const struct match_pass *pass;
	const struct match_context *context;
};

static bool is_shared(const struct match_context *context, const struct match_item *item, const struct match_item *other)
{
	return item->build && context->has_build(context->data, other->snapshot, item->build);
}

static bool is_renamed(const struct match_context *context, const struct match_item *a, const struct match_item *b)
{
	return !a->name || !b->name || !context->has_function(context->data, b->snapshot, a->name) ||
	       !context->has_function(context->data, a->snapshot, b->name);
}

static bool is_compatible(const struct match_item *a, const struct match_item *b)
{
	bool same_text = !a->text || !b->text || a->text == b->text || (a->statement && a->statement == b->statement);

	return same_text && (!a->function || !b->function || a->function == b->function);
}

static bool may_pair(const struct work *work, const struct match_item *a, const struct match_item *b)
{
	bool a_shared = is_shared(work->context, a, b), b_shared = is_shared(work->context, b, a);

	switch (work->pass->limit) {
	case MATCH_SAME_BUILD:
		return a_shared && b_shared;
	case MATCH_ANY_BUILD:
		return is_compatible(a, b);
	case MATCH_UNKNOWN_TEXT:
		return !a_shared && !b_shared && (!a->text || !b->text);
	case MATCH_RENAMED:
		return !a_shared && !b_shared && is_renamed(work->context, a, b);
	case MATCH_ANY:
		break;
	}
	return !a_shared && !b_shared;
}

static void pair(const struct work *work, const struct candidate *a, const struct candidate *b)
{
	if (!may_pair(work, a->item, b->item))
		return;
	a->item->partner = b->number;
	b->item->partner = a->number;
}

static uint32_t distance(const struct candidate *a, const struct candidate *b)
{
	uint32_t one = a->item->from, other = b->item->from;

	return one > other ? one - other : other - one;
}

/* `fewer` in order, each with the nearest one that leaves enough for those behind it. */
static void pair_nearest(const struct work *work, const struct candidate *fewer, size_t count, const struct candidate *more, size_t most)
{
	size_t at = 0;

	for (size_t i = 0; i < count; i++, at++) {
		while (at + (count - i) < most && distance(&fewer[i], &more[at + 1]) < distance(&fewer[i], &more[at]))
			at++;
		pair(work, &fewer[i], &more[at]);
	}
}

/* `count` candidates that agree, those of side 0 first. */
static void pair_run(const struct work *work, const struct candidate *run, size_t count)
{
	size_t first = 0, second;

	while (first < count && run[first].side == 0)
		first++;
	second = count - first;
	if (!first || !second || (work->pass->order == MATCH_ALONE && (first != 1 || second != 1)) ||
	    (work->pass->order == MATCH_EQUALLY_MANY && first != second))
		return;
	if (first <= second)
		pair_nearest(work, run, first, run + first, second);
	else
		pair_nearest(work, run + first, second, run, first);
}

/* ---- A pass ---- */

static int by_features(const void *left, const void *right, void *work)
{
	const struct candidate *a = left, *b = right;
	int order = compare_features(a->item, b->item, ((const struct work *)work)->pass->features);

	if (order == 0 && a->side != b->side)
		order = a->side < b->side ? -1 : 1;
	if (order == 0 && a->item->line != b->item->line)
		order = a->item->line < b->item->line ? -1 : 1;
	if (order == 0 && a->item->from != b->item->from)
		order = a->item->from < b->item->from ? -1 : 1;
	return order ? order : a->number < b->number ? -1 : a->number > b->number;
}

static size_t collect(struct candidate *candidates, const struct match_side sides[2], unsigned features, bool paired)
{
	size_t count = 0;

	for (uint32_t side = 0; side < 2; side++) {
		for (size_t i = 0; i < sides[side].count; i++) {
			struct match_item *item = &sides[side].items[i];
			if ((paired || item->partner == MATCH_NONE) && has_all(item, features))
				candidates[count++] = (struct candidate){item, side, (uint32_t)i};
		}
	}
	return count;
}

/* Calls `each` for all candidates that agree, run by run.  `paired`: also for those that have a partner. */
static int for_runs(struct work *work, bool paired, void (*each)(const struct work *work, const struct candidate *run, size_t count))
{
	const struct match_side *sides = work->sides;
	struct candidate *candidates = malloc((sides[0].count + sides[1].count + 1) * sizeof(*candidates));
	size_t count, next;

	if (!candidates)
		return -1;
	count = collect(candidates, sides, work->pass->features, paired);
	qsort_r(candidates, count, sizeof(*candidates), by_features, work);
	for (size_t i = 0; i < count; i = next) {
		for (next = i + 1; next < count; next++) {
			if (compare_features(candidates[i].item, candidates[next].item, work->pass->features))
				break;
		}
		each(work, candidates + i, next - i);
	}
	free(candidates);
	return 0;
}

int match_pairs(const struct match_side sides[2], const struct match_pass *pass, const struct match_context *context)
{
	struct work work = {sides, pass, context};

	return for_runs(&work, false, pair_run);
}

/* ---- Siblings ---- */

/* The nearest one of its side that has a partner; NULL: none, or one that says the same, whose part it cannot be. */
static const struct candidate *find_sibling(const struct candidate *of, const struct candidate *run, size_t count)
{
	const struct candidate *nearest = NULL;

	for (size_t i = 0; i < count; i++) {
		if (run[i].side != of->side || run[i].item->partner == MATCH_NONE)
			continue;
		if (of->item->text && run[i].item->text == of->item->text)
			return NULL;
		if (!nearest || distance(&run[i], of) < distance(nearest, of))
			nearest = &run[i];
	}
	return nearest;
}

enum { MOST_SIBLINGS = 64 }; /* of a run that is looked at: more than that is no statement */

static void join_run(const struct work *work, const struct candidate *run, size_t count)
{
	for (size_t i = 0; count <= MOST_SIBLINGS && i < count; i++) {
		const struct candidate *sibling = run[i].item->partner == MATCH_NONE ? find_sibling(&run[i], run, count) : NULL;
		const struct match_item *partner = sibling ? &work->sides[!sibling->side].items[sibling->item->partner] : NULL;
		/* Not in code that both sides have: there, a line that only one of them has is a difference. */
		if (sibling && !is_shared(work->context, run[i].item, partner))
			run[i].item->sibling = sibling->number;
	}
}

int match_siblings(const struct match_side sides[2], unsigned features, const struct match_context *context)
{
	struct work work = {sides, &(struct match_pass){.features = features}, context};

	return for_runs(&work, true, join_run);
}

/* ---- Equal keys ---- */

int match_equal_keys(const struct match_side sides[2], size_t key_count, enum match_limit limit, const struct match_context *context)
{
	struct work work = {sides, &(struct match_pass){MATCH_KEY, MATCH_IN_ORDER, limit}, context};
	uint32_t *with_key = calloc(key_count + 1, sizeof(*with_key));

	if (!with_key)
		return -1;
	for (size_t i = 0; i < sides[1].count; i++)
		with_key[sides[1].items[i].key] = (uint32_t)i + 1;
	for (size_t i = 0; i < sides[0].count; i++) {
		struct match_item *item = &sides[0].items[i];
		uint32_t other = with_key[item->key];
		if (!other || item->partner != MATCH_NONE || sides[1].items[other - 1].partner != MATCH_NONE)
			continue;
		pair(&work, &(struct candidate){item, 0, (uint32_t)i}, &(struct candidate){&sides[1].items[other - 1], 1, other - 1});
	}
	free(with_key);
	return 0;
}
