/* SPDX-License-Identifier: MIT */
/*
 * Comes in: statistics, oldest first.  Goes out: classes.  A class is known by its newest member, and each further snapshot's groups are paired
 * with the classes so far, in passes from strong evidence to weak (match-pairs.c); what finds no partner begins a class.  Code of a build
 * that both snapshots have is never guessed at: its lines are equal or they are others.
 *
 * Whole stacks are matched in two steps: first their frames, then the lists of the frames' classes.
 */
#include "match.h"

#include <stdlib.h>

#include "match-classes.h"
#include "match-items.h"

/* ---- Rules ---- */

/* Lines.  A text that is there twice in a function is told by its distance from the function's first line. */
static const struct match_pass line_passes[] = {
	{MATCH_PATH | MATCH_LINE, MATCH_IN_ORDER, MATCH_SAME_BUILD},
	{MATCH_FILE | MATCH_NAME | MATCH_TEXT | MATCH_FROM, MATCH_IN_ORDER, MATCH_ANY},
	{MATCH_FILE | MATCH_NAME | MATCH_TEXT, MATCH_IN_ORDER, MATCH_ANY},
	{MATCH_FILE | MATCH_NAME | MATCH_STATEMENT, MATCH_IN_ORDER, MATCH_ANY},
	{MATCH_FILE | MATCH_FUNCTION | MATCH_TEXT, MATCH_IN_ORDER, MATCH_ANY},
	{MATCH_FILE | MATCH_FUNCTION | MATCH_STATEMENT, MATCH_IN_ORDER, MATCH_ANY},
	{MATCH_FILE | MATCH_TEXT, MATCH_IN_ORDER, MATCH_RENAMED},
	{MATCH_FILE | MATCH_STATEMENT, MATCH_IN_ORDER, MATCH_RENAMED},
	{MATCH_BASE | MATCH_FUNCTION | MATCH_TEXT, MATCH_IN_ORDER, MATCH_ANY},
	{MATCH_BASE | MATCH_FUNCTION | MATCH_STATEMENT, MATCH_IN_ORDER, MATCH_ANY},
	{MATCH_FILE | MATCH_NAME | MATCH_FROM, MATCH_IN_ORDER, MATCH_UNKNOWN_TEXT},
	{MATCH_BASE | MATCH_NAME | MATCH_FROM, MATCH_IN_ORDER, MATCH_UNKNOWN_TEXT},
	{MATCH_FILE | MATCH_NAME, MATCH_EQUALLY_MANY, MATCH_UNKNOWN_TEXT},
	{MATCH_FILE | MATCH_NAME, MATCH_ALONE, MATCH_ANY},
	{MATCH_FILE | MATCH_FUNCTION, MATCH_ALONE, MATCH_ANY},
};

static const struct match_pass function_passes[] = {
	{MATCH_PATH | MATCH_NAME, MATCH_IN_ORDER, MATCH_SAME_BUILD},   {MATCH_FILE | MATCH_NAME, MATCH_IN_ORDER, MATCH_ANY},
	{MATCH_FILE | MATCH_FUNCTION, MATCH_ALONE, MATCH_ANY},         {MATCH_FILE | MATCH_TEXT, MATCH_IN_ORDER, MATCH_RENAMED},
	{MATCH_FILE | MATCH_STATEMENT, MATCH_IN_ORDER, MATCH_RENAMED}, {MATCH_BASE | MATCH_NAME, MATCH_IN_ORDER, MATCH_ANY},
};

/* Whole files have no name; code without lines has its function's. */
static const struct match_pass file_passes[] = {
	{MATCH_FILE | MATCH_NAME, MATCH_IN_ORDER, MATCH_ANY},
	{MATCH_BASE, MATCH_ALONE, MATCH_ANY},
};

static const struct match_pass module_passes[] = {
	{MATCH_FILE, MATCH_ALONE, MATCH_ANY},
	{MATCH_BASE, MATCH_ALONE, MATCH_ANY},
};

/* The command, its program, or simply the one that there is. */
static const struct match_pass process_passes[] = {
	{MATCH_NAME, MATCH_IN_ORDER, MATCH_ANY},
	{MATCH_FUNCTION, MATCH_IN_ORDER, MATCH_ANY},
	{0, MATCH_ALONE, MATCH_ANY},
};

/* Of stacks, `line` is the class of the attributed frame and `from` stands for the functions. */
static const struct match_pass stack_passes[] = {
	{MATCH_LINE | MATCH_FROM, MATCH_IN_ORDER, MATCH_ANY},
	{MATCH_LINE, MATCH_ALONE, MATCH_ANY},
};

#define RULES(passes, ...) \
	{ \
		passes, sizeof(passes) / sizeof(*(passes)), __VA_ARGS__ \
	}

/* Stacks can become one when their frames have. */
static const struct match_rules stack_rules = RULES(stack_passes, MATCH_ANY_BUILD, 0, false);
static const struct match_rules joined_stack_rules = RULES(stack_passes, MATCH_ANY_BUILD, MATCH_KEY, false);

#define LINE_RULES RULES(line_passes, MATCH_SAME_BUILD, MATCH_FILE | MATCH_NAME | MATCH_STATEMENT, true)
#define FUNCTION_RULES RULES(function_passes, MATCH_SAME_BUILD, 0, true)

/* Of groups; for KEY_TRACEBACK of frames. */
static const struct match_rules rules_of[] = {
	[KEY_LINENO] = LINE_RULES,
	[KEY_FILENAME] = RULES(file_passes, MATCH_ANY_BUILD, 0, false),
	[KEY_FUNCTION] = FUNCTION_RULES,
	[KEY_MODULE] = RULES(module_passes, MATCH_ANY_BUILD, 0, false),
	[KEY_TRACEBACK] = LINE_RULES,
	[KEY_THREAD] = FUNCTION_RULES,
	[KEY_PROCESS] = RULES(process_passes, MATCH_ANY_BUILD, 0, false),
};

/* ---- Classes of groups ---- */

static int keep_classes(struct match *match, size_t snapshot, const struct match_item *items, size_t count)
{
	uint32_t *classes = match->classes[snapshot] = malloc((count + 1) * sizeof(*classes));

	if (!classes)
		return -1;
	for (size_t i = 0; i < count; i++)
		classes[i] = items[i].partner;
	return 0;
}

/* When all are known. */
static void join_classes(struct match *match, const struct stats *series, const struct match_classes *classes)
{
	match->class_count = classes->count;
	for (size_t i = 0; i < match->count; i++) {
		for (size_t j = 0; j < series[i].count; j++)
			match->classes[i][j] = match_class_meant(classes, match->classes[i][j]);
	}
}

/* ---- Groups of one frame ---- */

static int match_groups(struct match *match, struct match_items *items, struct match_classes *classes)
{
	int result = 0;

	for (uint32_t i = 0; result == 0 && i < match->count; i++) {
		struct match_item *list = match_items_of_groups(items, i);
		size_t count = items->series[i].count;
		result = list && match_classes_add(classes, list, count) == 0 ? keep_classes(match, i, list, count) : -1;
		free(list);
	}
	if (result == 0)
		join_classes(match, items->series, classes);
	return result;
}

/* ---- Whole stacks ---- */

/* The lists of a snapshot's frames, as lists of classes and as one number for the functions in them. */
struct stacks {
	const struct keys *keys;
	struct keys *of_classes;
	uint32_t *class_of; /* per frame; KEYS_NONE: it has no class (yet) */
	const struct match_item **item_of;
	uint32_t *lists;   /* per list of `keys`: its list of classes; KEYS_NONE: not asked for yet */
	uint32_t *names;   /* per list: its functions */
	uint32_t *pending; /* lists on the way to one that is known */
	size_t pending_room;
	uint32_t next_class;
};

static void stacks_release(struct stacks *stacks)
{
	free(stacks->class_of);
	free(stacks->item_of);
	free(stacks->lists);
	free(stacks->names);
	free(stacks->pending);
}

static int stacks_init(struct stacks *stacks, const struct keys *keys, const struct match_classes *classes, const struct match_item *frames,
		       size_t count)
{
	size_t frame_count = keys_frames(keys), list_count = keys_count(keys);

	stacks->keys = keys;
	stacks->class_of = malloc((frame_count + 1) * sizeof(*stacks->class_of));
	stacks->item_of = calloc(frame_count + 1, sizeof(struct match_item *));
	stacks->lists = malloc((list_count + 1) * sizeof(*stacks->lists));
	stacks->names = calloc(list_count + 1, sizeof(*stacks->names));
	if (!stacks->class_of || !stacks->item_of || !stacks->lists || !stacks->names)
		return -1;
	for (size_t i = 0; i < frame_count; i++)
		stacks->class_of[i] = KEYS_NONE;
	for (size_t i = 0; i < list_count; i++)
		stacks->lists[i] = KEYS_NONE;
	stacks->lists[KEYS_EMPTY] = KEYS_EMPTY;
	for (size_t i = 0; i < count; i++) {
		stacks->class_of[frames[i].key] = match_class_meant(classes, frames[i].partner);
		stacks->item_of[frames[i].key] = &frames[i];
	}
	return 0;
}

static uint32_t class_of_frame(struct stacks *stacks, uint32_t frame)
{
	if (stacks->class_of[frame] == KEYS_NONE)
		stacks->class_of[frame] = stacks->next_class++;
	return stacks->class_of[frame];
}

static uint32_t add_name(uint32_t names, const char *function)
{
	uint64_t mixed = (names ^ (uintptr_t)function) * UINT64_C(0x9e3779b97f4a7c15);

	return (uint32_t)(mixed >> 32);
}

static int translate_last(struct stacks *stacks, uint32_t list)
{
	uint32_t outer = keys_outer(stacks->keys, list), frame = keys_inner(stacks->keys, list);
	const struct match_item *item = stacks->item_of[frame];

	stacks->lists[list] = keys_list(stacks->of_classes, stacks->lists[outer], class_of_frame(stacks, frame));
	stacks->names[list] = item && item->function ? add_name(stacks->names[outer], item->function) : stacks->names[outer];
	return stacks->lists[list] == KEYS_NONE ? -1 : 0;
}

/* From the outermost frame inwards, and each beginning once. */
static int translate(struct stacks *stacks, uint32_t list)
{
	size_t count = 0;

	for (; stacks->lists[list] == KEYS_NONE; list = keys_outer(stacks->keys, list)) {
		if (array_reserve(&stacks->pending, &stacks->pending_room, count + 1, sizeof(*stacks->pending)))
			return -1;
		stacks->pending[count++] = list;
	}
	while (count > 0) {
		if (translate_last(stacks, stacks->pending[--count]))
			return -1;
	}
	return 0;
}

/* The frame whose line the stack is. */
static uint32_t attributed_frame(const struct stacks *stacks, const struct group *group)
{
	uint32_t list = group->key;

	for (uint32_t i = 0; i < group->attributed; i++)
		list = keys_outer(stacks->keys, list);
	return keys_inner(stacks->keys, list);
}

static int describe_stack(struct stacks *stacks, const struct group *group, struct match_item *item)
{
	uint32_t frame = attributed_frame(stacks, group);

	if (translate(stacks, group->key))
		return -1;
	item->key = stacks->lists[group->key];
	item->from = stacks->names[group->key] < UINT32_MAX ? stacks->names[group->key] : 0;
	item->line = class_of_frame(stacks, frame) + 1;
	item->build = stacks->item_of[frame] ? stacks->item_of[frame]->build : NULL;
	return 0;
}

static struct match_item *items_of_stacks(struct stacks *stacks, const struct stats *stats, uint32_t snapshot)
{
	struct match_item *list = calloc(stats->count + 1, sizeof(*list));

	for (size_t i = 0; list && i < stats->count; i++) {
		list[i] = (struct match_item){.snapshot = snapshot, .partner = MATCH_NONE};
		if (describe_stack(stacks, &stats->groups[i], &list[i])) {
			free(list);
			return NULL;
		}
	}
	return list;
}

/* Frames of all snapshots have classes first, because a stack's list is made of them. */
static int match_frames(struct match_items *items, struct match_classes *classes, struct match_item **frames, size_t *counts)
{
	for (uint32_t i = 0; i < items->count; i++) {
		frames[i] = match_items_of_frames(items, i, &counts[i]);
		if (!frames[i] || match_classes_add(classes, frames[i], counts[i]))
			return -1;
	}
	return 0;
}

static int match_lists(struct match *match, struct match_items *items, struct match_classes *classes, struct stacks *stacks, uint32_t i)
{
	struct match_item *list = items_of_stacks(stacks, &items->series[i], i);
	size_t count = items->series[i].count;
	int result = -1;

	classes->key_count = keys_count(stacks->of_classes);
	if (list && match_classes_add(classes, list, count) == 0)
		result = keep_classes(match, i, list, count);
	free(list);
	return result;
}

static int match_stacks(struct match *match, struct match_items *items, struct match_classes *frame_classes)
{
	struct match_classes classes = {.context = frame_classes->context};
	struct match_item **frames = calloc(match->count, sizeof(struct match_item *));
	size_t *counts = calloc(match->count, sizeof(*counts));
	struct keys *of_classes = keys_new();
	int result = frames && counts && of_classes ? match_frames(items, frame_classes, frames, counts) : -1;
	uint32_t next_class = (uint32_t)frame_classes->count;

	classes.rules = frame_classes->joined ? &joined_stack_rules : &stack_rules;
	for (uint32_t i = 0; result == 0 && i < match->count; i++) {
		struct stacks stacks = {.of_classes = of_classes, .next_class = next_class};
		result = stacks_init(&stacks, items->series[i].keys, frame_classes, frames[i], counts[i]);
		if (result == 0)
			result = match_lists(match, items, &classes, &stacks, i);
		next_class = stacks.next_class;
		stacks_release(&stacks);
	}
	if (result == 0)
		join_classes(match, items->series, &classes);
	for (size_t i = 0; frames && i < match->count; i++)
		free(frames[i]);
	free(frames);
	free(counts);
	keys_free(of_classes);
	match_classes_release(&classes);
	return result;
}

/* ---- The whole ---- */

static int make(struct match *match, struct match_items *items)
{
	enum stats_key key = items->series[0].places.key;
	struct match_classes classes = {
		.rules = &rules_of[key], .context = match_items_context(items), .key_count = keys_count(items->series[0].keys)};
	int result;

	match->classes = calloc(match->count, sizeof(uint32_t *));
	if (!match->classes)
		return -1;
	if (key == KEY_TRACEBACK) {
		classes.key_count = keys_frames(items->series[0].keys);
		result = match_stacks(match, items, &classes);
	} else {
		result = match_groups(match, items, &classes);
	}
	match_classes_release(&classes);
	return items->failed ? -1 : result;
}

int match_make(struct match *match, struct stats *series, size_t count, struct error *error)
{
	struct match_items items;
	int result;

	*match = (struct match){.count = count};
	result = match_items_init(&items, series, count);
	if (result == 0 && (series[0].places.key == KEY_PROCESS || !match_items_same_builds(&items)))
		result = make(match, &items);
	match_items_release(&items);
	return result == 0 ? 0 : error_nomem(error);
}

void match_release(struct match *match)
{
	for (size_t i = 0; match->classes && i < match->count; i++)
		free(match->classes[i]);
	free(match->classes);
	*match = (struct match){0};
}
