/* SPDX-License-Identifier: MIT */
/*
 * One pass over the nodes: a node's parent has a lower number, so it is done when the node is met, and what is said of the parent's stack
 * needs only the node's own frames added.  Keys of whole stacks are made when they are asked for, because many nodes have no live stack.
 */
#include "paths.h"

#include <stdlib.h>

/* ---- One node ---- */

/* The outermost frame that is no start code stays; until there is one, the outermost stands in for it. */
static void enter_thread(struct paths *paths, uint32_t node, uint32_t index, const struct place *place, bool *found)
{
	struct frame_ref *own = &paths->threads[node];

	if (!*found && !place->outermost) {
		*own = (struct frame_ref){node, index};
		*found = true;
	} else if (!own->node) {
		*own = (struct frame_ref){node, index};
	}
}

static bool is_start(struct paths *paths, const struct frame_ref *thread)
{
	const struct place *place = thread->node ? places_at(paths->places, *thread) : NULL;

	return !place || place->outermost;
}

static void add_bits(struct paths *paths, uint32_t node, const struct place *place)
{
	size_t words = paths->places->words;
	const uint64_t *from = places_bits(paths->places, place);

	for (size_t i = 0; i < words; i++)
		paths->bits[node * words + i] |= from[i];
}

static int enter_frame(struct paths *paths, uint32_t node, uint32_t index, bool *thread_found)
{
	struct path *path = &paths->list[node];
	const struct place *place = places_at(paths->places, (struct frame_ref){node, index});

	if (!place)
		return -1;
	if (attribution_enter(&path->state, place->kinds)) {
		path->chosen = path->below = node;
		path->index = (uint16_t)index;
	}
	if (paths->threads)
		enter_thread(paths, node, index, place, thread_found);
	if (paths->bits)
		add_bits(paths, node, place);
	path->depth++;
	paths->frames_seen++;
	return 0;
}

static void inherit(struct paths *paths, uint32_t node, uint32_t parent)
{
	size_t words = paths->places->words;

	paths->list[node] = paths->list[parent];
	if (paths->threads)
		paths->threads[node] = paths->threads[parent];
	for (size_t i = 0; paths->bits && i < words; i++)
		paths->bits[node * words + i] = paths->bits[parent * words + i];
}

static int enter_node(struct paths *paths, uint32_t node)
{
	const struct snapshot *snapshot = paths->places->snapshot;
	uint32_t parent = snapshot->nodes[node].parent;
	struct path *path = &paths->list[node];
	bool thread_found;

	inherit(paths, node, parent);
	thread_found = paths->threads && !is_start(paths, &paths->threads[node]);
	for (uint32_t i = frames_of_node(snapshot, node); i-- > 0;) {
		if (enter_frame(paths, node, i, &thread_found))
			return -1;
	}
	if (path->chosen && path->below == parent && path->chosen == parent)
		path->below = node;
	return 0;
}

/* ---- All nodes ---- */

static bool wants_threads(const struct places *places)
{
	return places->key == KEY_THREAD || (places->filters && places->filters->threads);
}

static int reserve(struct paths *paths, size_t count)
{
	const struct places *places = paths->places;

	paths->list = calloc(count, sizeof(*paths->list));
	if (wants_threads(places))
		paths->threads = calloc(count, sizeof(*paths->threads));
	if (places->filters && places->filters->all_frames)
		paths->bits = calloc(count * places->words, sizeof(*paths->bits));
	if (places->key == KEY_TRACEBACK)
		paths->keys = malloc(count * sizeof(*paths->keys));
	if (!paths->list || (wants_threads(places) && !paths->threads) || (places->key == KEY_TRACEBACK && !paths->keys))
		return -1;
	return places->filters && places->filters->all_frames && !paths->bits ? -1 : 0;
}

/* A stack without frames has one that stands for none.  Last, because node 0 is everybody's beginning until then. */
static int enter_nothing(struct paths *paths)
{
	bool thread_found = false;

	return enter_frame(paths, 0, 0, &thread_found);
}

int paths_init(struct paths *paths, struct places *places)
{
	size_t count = places->snapshot->node_count ? places->snapshot->node_count : 1;

	*paths = (struct paths){.places = places};
	if (reserve(paths, count))
		return -1;
	for (size_t i = 0; paths->keys && i < count; i++)
		paths->keys[i] = KEYS_NONE;
	for (size_t i = 1; i < count; i++) {
		if (enter_node(paths, (uint32_t)i))
			return -1;
	}
	return enter_nothing(paths);
}

void paths_release(struct paths *paths)
{
	free(paths->list);
	free(paths->threads);
	free(paths->bits);
	free(paths->keys);
	free(paths->pending);
	*paths = (struct paths){0};
}

/* ---- Answers ---- */

struct frame_ref paths_chosen(const struct paths *paths, uint32_t node)
{
	const struct path *path = &paths->list[node];

	return path->chosen ? (struct frame_ref){path->chosen, path->index} : (struct frame_ref){node, 0};
}

size_t paths_attributed(const struct paths *paths, uint32_t node)
{
	const struct path *path = &paths->list[node];

	return path->chosen ? (size_t)(path->depth - paths->list[path->chosen].depth) + path->index : 0;
}

bool paths_callee(const struct paths *paths, uint32_t node, struct frame_ref *callee)
{
	const struct path *path = &paths->list[node];

	if (!path->chosen || (path->index == 0 && path->below == path->chosen))
		return false;
	if (path->index > 0)
		*callee = (struct frame_ref){path->chosen, path->index - 1u};
	else
		*callee = (struct frame_ref){path->below, frames_of_node(paths->places->snapshot, path->below) - 1};
	return true;
}

int paths_thread(struct paths *paths, uint32_t node, const struct frame_ref *kept, size_t kept_count, struct frame_ref *thread)
{
	if (!kept_count) {
		*thread = paths->threads[node];
		return 0;
	}
	*thread = kept[kept_count - 1];
	for (size_t i = kept_count; i-- > 0;) {
		const struct place *place = places_at(paths->places, kept[i]);
		if (!place)
			return -1;
		if (place->outermost)
			continue;
		*thread = kept[i];
		break;
	}
	return 0;
}

static uint32_t key_below(struct paths *paths, uint32_t key, uint32_t node)
{
	uint32_t count = node ? frames_of_node(paths->places->snapshot, node) : 1;

	for (uint32_t i = count; i-- > 0 && key != KEYS_NONE;) {
		const struct place *place = places_at(paths->places, (struct frame_ref){node, i});
		key = place ? keys_list(paths->places->keys, key, place->key) : KEYS_NONE;
		paths->frames_seen++;
	}
	return key;
}

uint32_t paths_key(struct paths *paths, uint32_t node)
{
	const struct snapshot *snapshot = paths->places->snapshot;
	size_t count = 0;
	uint32_t key;

	if (!node)
		return key_below(paths, KEYS_EMPTY, 0);
	for (; node && paths->keys[node] == KEYS_NONE; node = snapshot->nodes[node].parent) {
		if (array_reserve(&paths->pending, &paths->pending_room, count + 1, sizeof(*paths->pending)))
			return KEYS_NONE;
		paths->pending[count++] = node;
	}
	key = node ? paths->keys[node] : KEYS_EMPTY;
	while (count > 0 && key != KEYS_NONE) {
		node = paths->pending[--count];
		key = paths->keys[node] = key_below(paths, key, node);
	}
	return key;
}
