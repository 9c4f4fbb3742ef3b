/* SPDX-License-Identifier: MIT */
/*
 * Three answers to "whose line", each falling back to the next: the innermost frame in the source root, the innermost frame that is no
 * part of a runtime or library of templates, the raw caller.  Known wrappers are passed over in the source root too (most programs have
 * their own xmalloc there, some their own operator new), as long as one of its frames is left.
 * The choice is made from the outermost frame inwards, by a state of two bytes: stacks that share their outer frames share that work.
 */
#include "attribution.h"

#include <string.h>

#include "pattern.h"
#include "runtime-names.h"

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

/* ---- One frame ---- */

/* The better answer has the higher number. */
enum level { LEVEL_NONE, LEVEL_LIBRARY, LEVEL_MY_WRAPPER, LEVEL_MINE, LEVEL_MASK = 3 };

enum kinds {
	KIND_RUN = 1 << 2,      /* the runtime's, or generic code */
	KIND_ONE_TIME = 1 << 3, /* the next three: only together with KIND_RUN */
	KIND_STREAM = 1 << 4,
	KIND_STREAM_BUFFER = 1 << 5,
};

static enum level level_of(const struct attribution *attribution, const struct frame *frame)
{
	if (attribution->mode == ATTRIBUTE_MINE && is_mine(attribution, frame))
		return frame->flags & (NAME_WRAPPER | NAME_ENTRY) ? LEVEL_MY_WRAPPER : LEVEL_MINE;
	if (attribution->mode == ATTRIBUTE_RAW || (frame->flags & (FRAME_PSEUDO | NAME_WRAPPER)) || is_runtime(frame) ||
	    is_generic(frame) || is_skipped(attribution, frame))
		return LEVEL_NONE;
	return LEVEL_LIBRARY;
}

uint8_t attribution_kinds(const struct attribution *attribution, const struct frame *frame)
{
	uint8_t kinds = level_of(attribution, frame);

	if ((frame->flags & FRAME_PSEUDO) || !(is_runtime(frame) || is_generic(frame)))
		return kinds;
	kinds |= KIND_RUN;
	if (frame->flags & NAME_ONE_TIME)
		kinds |= KIND_ONE_TIME;
	if (frame->flags & NAME_STREAM_BUFFER)
		kinds |= KIND_STREAM_BUFFER;
	/* libstdc++ uses stdio for cout only. */
	if (frame->flags & (NAME_STREAM | FRAME_CPLUSPLUS))
		kinds |= KIND_STREAM;
	return kinds;
}

/* ---- Choosing ---- */

/* Only the runtime's frames that the program did not call back from count: the innermost ones. */
enum run {
	RUN_ENTERED = 1 << 0,  /* there was a frame */
	RUN_CALLED = 1 << 1,   /* and one that is not the runtime's: the program's */
	RUN_ONE_TIME = 1 << 2, /* the rest: since then */
	RUN_STREAM = 1 << 3,
	RUN_STREAM_BUFFER = 1 << 4, /* the buffer of stdin or stdout, below printf and its like: it lives once */
};

bool attribution_enter(struct attribution_state *state, uint8_t kinds)
{
	uint8_t level = kinds & LEVEL_MASK;

	if (!(kinds & KIND_RUN))
		state->run = RUN_CALLED;
	if (kinds & KIND_ONE_TIME)
		state->run |= RUN_ONE_TIME;
	if ((kinds & KIND_STREAM_BUFFER) && (state->run & RUN_STREAM))
		state->run |= RUN_STREAM_BUFFER;
	if (kinds & KIND_STREAM)
		state->run |= RUN_STREAM;
	state->run |= RUN_ENTERED;
	if (level == LEVEL_NONE || level < state->level)
		return false;
	state->level = level;
	return true;
}

bool attribution_is_once(struct attribution_state state)
{
	return (state.run & (RUN_ONE_TIME | RUN_STREAM_BUFFER)) || (state.run & (RUN_ENTERED | RUN_CALLED)) == RUN_ENTERED;
}

size_t attribution_choose(const struct attribution *attribution, const struct frames *frames, bool *one_time)
{
	struct attribution_state state = {0};
	size_t chosen = 0;

	for (size_t i = frames->count; i-- > 0;) {
		if (attribution_enter(&state, attribution_kinds(attribution, &frames->list[i])))
			chosen = i;
	}
	*one_time = attribution_is_once(state);
	return chosen;
}

const char *attribution_via(const struct frame *callee)
{
	if (callee->flags & (NAME_ENTRY | NAME_START))
		return NULL;
	/* Optimised and fortified, libc's functions begin with an inlined part from its headers. */
	if ((callee->flags & FRAME_SYSTEM) && callee->function && !strstr(callee->function, "::"))
		return NULL;
	/* What libstdc++ has compiled of its templates is worth a word; libc's functions are the text of the line. */
	return (callee->flags & FRAME_RUNTIME) && !(callee->flags & FRAME_CPLUSPLUS) ? NULL : callee->function;
}
