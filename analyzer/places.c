/* SPDX-License-Identifier: MIT */
/*
 * A memo in an array: a frame is found by the number of its location, or by its address if it has none.  Locations belong to one address in
 * whatever heapdelta writes, but a file may let addresses share them; such a frame is worked out again whenever it is asked for, so that a
 * crafted file costs time and no memory.
 */
#include "places.h"

#include <stdlib.h>
#include <string.h>

int places_init(struct places *places)
{
	const struct snapshot *snapshot = places->snapshot;

	places->room = snapshot->location_count + snapshot->address_count + 1;
	places->list = calloc(places->room, sizeof(*places->list));
	places->words = places->filters ? filters_words(places->filters) : 0;
	if (places->words)
		places->bits = calloc(places->room * places->words, sizeof(*places->bits));
	return places->list && (places->bits || !places->words) ? 0 : -1;
}

void places_release(struct places *places)
{
	free(places->list);
	free(places->bits);
	pointer_map_release(&places->names);
	places->list = NULL;
	places->bits = NULL;
}

/* ---- How a frame is shown ---- */

/* Relative to the source root.  NULL: out of memory. */
static const char *shown_file(struct places *places, const char *file)
{
	const char *root = places->attribution.source_root, *relative;
	void **memo;

	if (!root)
		return file;
	memo = pointer_map_at(&places->names, file);
	if (!memo)
		return NULL;
	if (!*memo) {
		relative = filter_relative(root, file);
		*memo = (void *)(relative ? intern_add(places->snapshot->intern, relative) : file);
	}
	return *memo;
}

static const char *module_name(struct places *places, const struct frame *frame)
{
	if (frame->module)
		return frame->module;
	if (!places->unknown)
		places->unknown = intern_add(places->snapshot->intern, "<unknown>");
	return places->unknown;
}

static bool by_function(enum stats_key key)
{
	return key == KEY_FUNCTION || key == KEY_THREAD;
}

/* All code of a file or function is together, also where a frame is told apart by its address for want of a line. */
static const char *whole_file(struct places *places, const struct frame *frame)
{
	const char *slash = frame->module ? strrchr(frame->module, '/') : NULL;

	if (!(frame->flags & FRAME_NO_FILE) || !frame->module[0] || (by_function(places->key) && !frame->function))
		return shown_file(places, frame->file);
	return intern_add(places->snapshot->intern, slash && slash[1] ? slash + 1 : frame->module);
}

int places_show(struct places *places, struct frame *frame)
{
	struct frame whole = *frame;

	switch (places->key) {
	case KEY_MODULE:
		*frame = (struct frame){.file = module_name(places, &whole), .module = whole.module, .node = whole.node};
		break;
	case KEY_FILENAME:
		*frame = (struct frame){.file = whole_file(places, &whole), .module = whole.module, .node = whole.node};
		break;
	case KEY_FUNCTION:
	case KEY_THREAD:
		frame->file = whole_file(places, &whole);
		frame->line = 0;
		break;
	default:
		frame->file = shown_file(places, whole.file);
	}
	return frame->file ? 0 : -1;
}

/* ---- Places ---- */

/* Every std::thread begins in the same function of libstdc++ and gets through std::__invoke to what tells it from another. */
bool places_is_outermost(const struct frame *frame)
{
	return (frame->flags & FRAME_PSEUDO) || (frame->function && (function_kinds(frame->function) & (NAME_START | NAME_LIBRARY))) ||
	       (frame->module && (strstr(frame->module, "/libc.so") || is_cplusplus_module(frame->module)));
}

static uint32_t key_of(struct places *places, const struct frame *shown)
{
	uint32_t frame;

	if (places->key == KEY_PROCESS)
		return KEYS_EMPTY;
	frame = keys_frame(places->keys, shown->file, shown->line, by_function(places->key) ? shown->function : NULL);
	return frame == KEYS_NONE || places->key == KEY_TRACEBACK ? frame : keys_list(places->keys, KEYS_EMPTY, frame);
}

static int work_out(struct places *places, struct place *place, struct frame_ref ref)
{
	struct frame frame;

	if (frame_at(&frame, places->snapshot, ref.node, ref.index))
		return -1;
	place->kinds = attribution_kinds(&places->attribution, &frame);
	place->outermost = places_is_outermost(&frame);
	if (places->bits)
		filters_match(places->filters, &frame, (uint64_t *)places_bits(places, place));
	place->key = places_show(places, &frame) ? KEYS_NONE : key_of(places, &frame);
	place->address = ref.node ? places->snapshot->nodes[ref.node].address : 0;
	place->known = place->key != KEYS_NONE;
	return place->known ? 0 : -1;
}

/* Where a frame's memo is; NULL: the frame has none, or an address with the same locations has it. */
static struct place *memo_of(struct places *places, struct frame_ref ref)
{
	const struct snapshot *snapshot = places->snapshot;
	const struct address *address;
	uint32_t number;
	size_t at;

	if (!ref.node)
		return NULL;
	number = snapshot->nodes[ref.node].address;
	address = &snapshot->addresses[number];
	at = address->location_count ? address->first_location + ref.index : snapshot->location_count + number;
	return !places->list[at].known || places->list[at].address == number ? &places->list[at] : NULL;
}

const struct place *places_at(struct places *places, struct frame_ref ref)
{
	struct place *place = memo_of(places, ref);

	if (place && place->known)
		return place;
	if (!place)
		place = &places->list[places->room - 1];
	return work_out(places, place, ref) ? NULL : place;
}

const uint64_t *places_bits(const struct places *places, const struct place *place)
{
	return places->bits + places->words * (size_t)(place - places->list);
}
