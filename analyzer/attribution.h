/* SPDX-License-Identifier: MIT */
/*
 * Whose line is it: chooses the frame of a stack that a line belongs to (CLI.md section 4 tells the rules to users).
 */
#ifndef ANALYZER_ATTRIBUTION_H
#define ANALYZER_ATTRIBUTION_H

#include <stdbool.h>
#include <stddef.h>

#include "frames.h"

enum attribute { ATTRIBUTE_MINE, ATTRIBUTE_LIBRARY, ATTRIBUTE_RAW };

struct attribution {
	enum attribute mode;
	const char *source_root; /* absolute, NULL: unknown */
	const char *const *skip; /* NULL-terminated patterns of files and functions that are wrappers; may be NULL */
};

/* What one frame can mean to the choice, for this attribution: worked out once per frame, then a stack needs no look at names. */
uint8_t attribution_kinds(const struct attribution *attribution, const struct frame *frame);

/* What the outer part of a stack has come to; {0} before its outermost frame. */
struct attribution_state {
	uint8_t level; /* of the frame chosen so far */
	uint8_t run;   /* about the frames of the runtime that it ends with */
};

/* The next frame, going inwards.  True: it is the chosen one now.  If none was by the end, the innermost is meant. */
bool attribution_enter(struct attribution_state *state, uint8_t kinds);
/* After the innermost frame: the whole stack is libc's or a runtime's own. */
bool attribution_is_once(struct attribution_state state);

/* The same for a list of frames: index of the attributed one (0 = the raw caller). */
size_t attribution_choose(const struct attribution *attribution, const struct frames *frames, bool *one_time);

/* "via xmalloc" text of what was passed over, from the frame that the attributed one called: borrowed function name, or NULL. */
const char *attribution_via(const struct frame *callee);

#endif
