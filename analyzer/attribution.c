/* SPDX-License-Identifier: MIT */
/*
 * Three answers to "whose line", each falling back to the next: the innermost frame in the source root, the innermost frame that is no
 * part of a runtime or library of templates, the raw caller.  Known wrappers are passed over in the source root too (most programs have
 * their own xmalloc there), as long as one of its frames is left.
 */
#include "attribution.h"

#include <string.h>

#include "filter.h"
#include "runtime-names.h"

#define NONE SIZE_MAX

/* ---- Skip patterns ---- */

static bool matches_any(const char *const *patterns, const char *name)
{
	for (; *patterns; patterns++) {
		if (pattern_match(*patterns, name))
			return true;
	}
	return false;
}

/* A function is matched as it is and without return type and parameters. */
static bool matches_function(const char *const *patterns, const char *function)
{
	char name[512];
	size_t length;
	const char *start = qualified_name(function, &length);

	if (matches_any(patterns, function))
		return true;
	if (length >= sizeof(name) || (start == function && !function[length]))
		return false;
	memcpy(name, start, length);
	name[length] = '\0';
	return matches_any(patterns, name);
}

/* The part of the path below the source root; NULL: not there. */
static const char *below_root(const char *file, const char *root)
{
	size_t length = root ? strlen(root) : 0;

	while (length && root[length - 1] == '/')
		length--;
	if (!root || !*root || strncmp(file, root, length) != 0 || file[length] != '/')
		return NULL;
	return file + length + 1;
}

static bool is_skipped(const struct attribution *attribution, const struct frame *frame)
{
	const char *below;

	if (!attribution->skip || !*attribution->skip)
		return false;
	below = below_root(frame->file, attribution->source_root);
	return (below && matches_any(attribution->skip, below)) || matches_any(attribution->skip, frame->file) ||
	       (frame->function && matches_function(attribution->skip, frame->function));
}

/* ---- Kinds of frames ---- */

/* Part of the C or C++ runtime as a binary, or one of its functions linked statically. */
static bool is_runtime(const struct frame *frame)
{
	return frame->flags & (FRAME_RUNTIME | NAME_ENTRY | NAME_START);
}

/* Headers and generic code that only work for their caller.  A frame without a function name is never taken for that. */
static bool is_generic(const struct frame *frame)
{
	return frame->function && (frame->flags & (FRAME_SYSTEM | NAME_LIBRARY));
}

static bool is_mine(const struct attribution *attribution, const struct frame *frame)
{
	return !(frame->flags & FRAME_SYSTEM) && below_root(frame->file, attribution->source_root) && !is_skipped(attribution, frame);
}

/* ---- Choosing ---- */

static size_t choose_mine(const struct attribution *attribution, const struct frames *frames)
{
	size_t wrapper = NONE;

	for (size_t i = 0; i < frames->count; i++) {
		if (!is_mine(attribution, &frames->list[i]))
			continue;
		if (!(frames->list[i].flags & NAME_WRAPPER))
			return i;
		if (wrapper == NONE)
			wrapper = i;
	}
	return wrapper;
}

static size_t choose_library(const struct attribution *attribution, const struct frames *frames)
{
	for (size_t i = 0; i < frames->count; i++) {
		const struct frame *frame = &frames->list[i];
		if (!(frame->flags & (FRAME_PSEUDO | NAME_WRAPPER)) && !is_runtime(frame) && !is_generic(frame) &&
		    !is_skipped(attribution, frame))
			return i;
	}
	return NONE;
}

/* The buffer of stdin or stdout, which lives once: below printf and its like, or below libstdc++, which uses stdio for cout only. */
static bool is_stream_buffer(const struct frames *frames, size_t runtime)
{
	bool buffer = false;

	for (size_t i = 0; i < runtime; i++) {
		uint32_t flags = frames->list[i].flags;
		if (buffer && (flags & (NAME_STREAM | FRAME_CPLUSPLUS)))
			return true;
		buffer |= (flags & NAME_STREAM_BUFFER) != 0;
	}
	return false;
}

/* Only the runtime's frames that the program did not call back from count: the innermost ones. */
static bool is_once(const struct frames *frames)
{
	size_t runtime = 0;

	for (; runtime < frames->count; runtime++) {
		const struct frame *frame = &frames->list[runtime];
		if ((frame->flags & FRAME_PSEUDO) || !(is_runtime(frame) || is_generic(frame)))
			break;
		if (frame->flags & NAME_ONE_TIME)
			return true;
	}
	return (runtime && runtime == frames->count) || is_stream_buffer(frames, runtime);
}

size_t attribution_choose(const struct attribution *attribution, const struct frames *frames, bool *one_time)
{
	size_t chosen = NONE;

	*one_time = is_once(frames);
	if (attribution->mode == ATTRIBUTE_MINE)
		chosen = choose_mine(attribution, frames);
	if (chosen == NONE && attribution->mode != ATTRIBUTE_RAW)
		chosen = choose_library(attribution, frames);
	return chosen == NONE ? 0 : chosen;
}

const char *attribution_via(const struct frames *frames, size_t index)
{
	const struct frame *callee = index > 0 && index < frames->count ? &frames->list[index - 1] : NULL;

	if (!callee || (callee->flags & (NAME_ENTRY | NAME_START)))
		return NULL;
	/* What libstdc++ has compiled of its templates is worth a word; libc's functions are the text of the line. */
	return (callee->flags & FRAME_RUNTIME) && !(callee->flags & FRAME_CPLUSPLUS) ? NULL : callee->function;
}
