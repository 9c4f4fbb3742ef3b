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

/* Index in frames->list of the attributed frame (0 = the raw caller).  *one_time: the whole stack is libc's or a runtime's own. */
size_t attribution_choose(const struct attribution *attribution, const struct frames *frames, bool *one_time);

/* "via xmalloc" text of what was passed over between frame 0 and `index`: borrowed function name, or NULL. */
const char *attribution_via(const struct frames *frames, size_t index);

#endif
