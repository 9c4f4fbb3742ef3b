/* SPDX-License-Identifier: MIT */
/*
 * Comes in: the items of one snapshot after the other.  Goes out: their classes.  A class is known by its newest member, so that what is
 * away in one snapshot is found again in the next one.
 */
#include "match-classes.h"

#include <stdlib.h>

#include "snapshot.h"

void match_classes_release(struct match_classes *classes)
{
	free(classes->newest);
	free(classes->same);
}

static bool is_done(const struct match_side *side)
{
	for (size_t i = 0; i < side->count; i++) {
		if (side->items[i].partner == MATCH_NONE)
			return false;
	}
	return true;
}

static int run_passes(const struct match_classes *classes, const struct match_side sides[2])
{
	const struct match_rules *rules = classes->rules;
	bool done;

	if (match_equal_keys(sides, classes->key_count, rules->equal, &classes->context))
		return -1;
	done = is_done(&sides[0]) || is_done(&sides[1]);
	for (size_t i = 0; i < rules->count && !done; i++) {
		if (match_pairs(sides, &rules->passes[i], &classes->context))
			return -1;
		done = is_done(&sides[0]) || is_done(&sides[1]);
	}
	if (!done && rules->equal_at_last && match_equal_keys(sides, classes->key_count, MATCH_ANY_BUILD, &classes->context))
		return -1;
	if (!rules->siblings || (is_done(&sides[0]) && is_done(&sides[1])))
		return 0;
	return match_siblings(sides, rules->siblings, &classes->context);
}

static int reserve_classes(struct match_classes *classes, size_t more)
{
	size_t need = classes->count + more + 1;

	return array_reserve(&classes->newest, &classes->room, need, sizeof(*classes->newest)) ||
			       array_reserve(&classes->same, &classes->same_room, need, sizeof(*classes->same))
		       ? -1
		       : 0;
}

/* Items that found no partner begin classes, or are a part of one that did. */
static void assign(struct match_classes *classes, struct match_item *items, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (items[i].partner == MATCH_NONE && items[i].sibling == MATCH_NONE) {
			classes->same[classes->count] = (uint32_t)classes->count;
			items[i].partner = (uint32_t)classes->count++;
		}
		if (items[i].sibling == MATCH_NONE)
			classes->newest[items[i].partner] = items[i];
	}
	for (size_t i = 0; i < count; i++) {
		if (items[i].sibling == MATCH_NONE)
			continue;
		items[i].partner = items[items[i].sibling].partner;
		classes->joined = true;
	}
}

/* Of one class with all that is the same, another is the same too. */
static void join(struct match_classes *classes, uint32_t class, uint32_t with)
{
	uint32_t one = match_class_meant(classes, class), other = match_class_meant(classes, with);

	classes->same[one] = other;
	classes->joined = true;
}

int match_classes_add(struct match_classes *classes, struct match_item *items, size_t count)
{
	struct match_side sides[2] = {{classes->newest, classes->count}, {items, count}};

	for (size_t i = 0; i < classes->count; i++)
		classes->newest[i].partner = classes->newest[i].sibling = MATCH_NONE;
	for (size_t i = 0; i < count; i++)
		items[i].partner = items[i].sibling = MATCH_NONE;
	if (run_passes(classes, sides) || reserve_classes(classes, count))
		return -1;
	for (size_t i = 0; i < classes->count; i++) {
		if (classes->newest[i].sibling != MATCH_NONE)
			join(classes, (uint32_t)i, classes->newest[i].sibling);
	}
	assign(classes, items, count);
	return 0;
}

uint32_t match_class_meant(const struct match_classes *classes, uint32_t class)
{
	while (classes->same[class] != class)
		class = classes->same[class];
	return class;
}
