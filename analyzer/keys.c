/* SPDX-License-Identifier: MIT */
/*
 * Frames are found by hash.  Lists are a trie: one is (list outside, frame), and those that continue a list hang below it, because that is where
 * the next frame of a stack is looked for: most lists have one continuation, and it stands beside them in memory.  Where there are more than
 * a few, a hash table has the rest.  A list also knows its length and one list far outside of it (a skew-binary jump), so that the place
 * where two lists part is found in logarithmic time: stacks that are tens of thousands of frames deep and differ at their ends are sorted.
 */
#include "keys.h"

#include <stdlib.h>
#include <string.h>

#include "idmap.h"

struct key_frame {
	const char *file, *function;
	uint32_t line;
};

#define MOST_NEAR 8 /* continuations of a list that are linked */

struct key_list {
	uint32_t outer, frame;
	uint32_t first, next; /* a continuation; another one of `outer`; KEYS_EMPTY: none */
	uint32_t length;
	uint32_t jump; /* a list further outside */
};

struct keys {
	struct idmap frame_map, list_map; /* the latter: of lists that are not linked */
	struct key_frame *frames;
	struct key_list *lists; /* [0] the empty one */
	size_t frame_count, frame_room, list_count, list_room;
	size_t steps;
};

struct keys *keys_new(void)
{
	struct keys *keys = calloc(1, sizeof(*keys));

	if (!keys)
		return NULL;
	idmap_init(&keys->frame_map);
	idmap_init(&keys->list_map);
	keys->list_room = 64;
	keys->lists = calloc(keys->list_room, sizeof(*keys->lists));
	keys->list_count = 1;
	if (keys->lists)
		return keys;
	keys_free(keys);
	return NULL;
}

void keys_free(struct keys *keys)
{
	if (!keys)
		return;
	idmap_release(&keys->frame_map);
	idmap_release(&keys->list_map);
	free(keys->frames);
	free(keys->lists);
	free(keys);
}

size_t keys_count(const struct keys *keys)
{
	return keys->list_count;
}

size_t keys_frames(const struct keys *keys)
{
	return keys->frame_count;
}

uint32_t keys_outer(const struct keys *keys, uint32_t list)
{
	return keys->lists[list].outer;
}

uint32_t keys_inner(const struct keys *keys, uint32_t list)
{
	return keys->lists[list].frame;
}

size_t keys_steps(const struct keys *keys)
{
	return keys->steps;
}

/* Room for one more; 0 or −1. */
static int reserve(void *array_pointer, size_t *room, size_t count, size_t size)
{
	size_t more = *room ? *room + *room / 2 : 64;
	void *grown;

	if (count < *room)
		return 0;
	grown = count < KEYS_NONE ? reallocarray(*(void **)array_pointer, more, size) : NULL;
	if (!grown)
		return -1;
	*(void **)array_pointer = grown;
	*room = more;
	return 0;
}

/* ---- Frames ---- */

static bool same_frame(const void *records, uint32_t id, const void *key)
{
	const struct key_frame *a = (const struct key_frame *)records + id, *b = key;

	return a->file == b->file && a->line == b->line && a->function == b->function;
}

uint32_t keys_frame(struct keys *keys, const char *file, uint32_t line, const char *function)
{
	const struct key_frame frame = {file, function, line};
	uint32_t hash = idmap_hash(&keys->frame_map, (uint64_t[]){(uintptr_t)file, (uintptr_t)function, line}, 3);
	uint32_t found = idmap_find(&keys->frame_map, hash, same_frame, keys->frames, &frame);

	if (found != IDMAP_NONE)
		return found;
	if (reserve(&keys->frames, &keys->frame_room, keys->frame_count, sizeof(frame)) ||
	    idmap_add(&keys->frame_map, hash, (uint32_t)keys->frame_count))
		return KEYS_NONE;
	keys->frames[keys->frame_count] = frame;
	return (uint32_t)keys->frame_count++;
}

/* ---- Lists ---- */

static bool same_list(const void *records, uint32_t id, const void *key)
{
	const struct key_list *a = (const struct key_list *)records + id, *b = key;

	return a->outer == b->outer && a->frame == b->frame;
}

/* Two jumps of one length become one of twice that and one more; the empty list jumps to itself. */
static uint32_t jump_of(const struct key_list *lists, uint32_t outer)
{
	const struct key_list *near = &lists[outer], *far = &lists[near->jump];

	return near->length - far->length == far->length - lists[far->jump].length ? far->jump : outer;
}

/* What is `outer` continued by `frame`; KEYS_EMPTY: nothing so far, and *near tells whether a link is free. */
static uint32_t find_list(const struct keys *keys, uint32_t outer, uint32_t frame, uint32_t *hash, bool *near)
{
	const struct key_list key = {.outer = outer, .frame = frame};
	uint32_t list = keys->lists[outer].first;
	int links = 0;

	for (; list != KEYS_EMPTY && links < MOST_NEAR; links++, list = keys->lists[list].next) {
		if (keys->lists[list].frame == frame)
			return list;
	}
	*near = links < MOST_NEAR;
	if (*near)
		return KEYS_EMPTY;
	*hash = idmap_hash(&keys->list_map, (uint64_t[]){(uint64_t)outer << 32 | frame}, 1);
	list = idmap_find(&keys->list_map, *hash, same_list, keys->lists, &key);
	return list == IDMAP_NONE ? KEYS_EMPTY : list;
}

uint32_t keys_list(struct keys *keys, uint32_t outer, uint32_t frame)
{
	uint32_t hash = 0, list;
	bool near;

	list = find_list(keys, outer, frame, &hash, &near);
	if (list != KEYS_EMPTY)
		return list;
	list = (uint32_t)keys->list_count;
	if (reserve(&keys->lists, &keys->list_room, keys->list_count, sizeof(*keys->lists)) ||
	    (!near && idmap_add(&keys->list_map, hash, list)))
		return KEYS_NONE;
	keys->lists[list] = (struct key_list){
		.outer = outer, .frame = frame, .length = keys->lists[outer].length + 1, .jump = jump_of(keys->lists, outer)};
	if (near) {
		keys->lists[list].next = keys->lists[outer].first;
		keys->lists[outer].first = list;
	}
	keys->list_count++;
	return list;
}

/* ---- Order ---- */

/* The part of a list that has `length` frames. */
static uint32_t shorten(struct keys *keys, uint32_t list, uint32_t length)
{
	const struct key_list *lists = keys->lists;

	for (; lists[list].length > length; keys->steps++)
		list = lists[lists[list].jump].length >= length ? lists[list].jump : lists[list].outer;
	return list;
}

/* Lists of one length, not the same: make them as short as they can be without becoming the same. */
static void part(struct keys *keys, uint32_t *a, uint32_t *b)
{
	const struct key_list *lists = keys->lists;

	for (; lists[*a].outer != lists[*b].outer; keys->steps++) {
		bool far = lists[*a].jump != lists[*b].jump;
		*a = far ? lists[*a].jump : lists[*a].outer;
		*b = far ? lists[*b].jump : lists[*b].outer;
	}
}

static int compare_text(const char *a, const char *b)
{
	return a == b ? 0 : strcmp(a ? a : "", b ? b : "");
}

static int compare_frames(const struct key_frame *a, const struct key_frame *b)
{
	int order = compare_text(a->file, b->file);

	if (order == 0 && a->line != b->line)
		order = a->line < b->line ? -1 : 1;
	return order ? order : compare_text(a->function, b->function);
}

int keys_compare(struct keys *keys, uint32_t a, uint32_t b)
{
	uint32_t a_length = keys->lists[a].length, b_length = keys->lists[b].length;
	uint32_t a_outer = shorten(keys, a, b_length), b_outer = shorten(keys, b, a_length);

	if (a_outer == b_outer)
		return (a_length > b_length) - (a_length < b_length);
	part(keys, &a_outer, &b_outer);
	return compare_frames(&keys->frames[keys->lists[a_outer].frame], &keys->frames[keys->lists[b_outer].frame]);
}
