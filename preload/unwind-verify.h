/* SPDX-License-Identifier: MIT */
/*
 * HEAPDELTA_VERIFY, a debugging aid: is every recorded stack the one that an unwinder without caches would have found?
 *
 * Each stack is compared with a second walk by rules that meets no kept frame: that tests the proof in unwind-cache.h.  And every N-th stack,
 * as well as the first ones of each distinct stack, is compared with a walk of libunwind's, step by step, with all registers and from our
 * own frames on, up to the first frame that has no FDE: that tests the rules, where a walk begins, and everything else.
 * A difference is counted in the trace file and said on stderr; the program lives.  Only at depth 1 (guard.h).
 */
#ifndef PRELOAD_UNWIND_VERIFY_H
#define PRELOAD_UNWIND_VERIFY_H

#include <stdbool.h>
#include <stdint.h>

#include "unwind-cache.h"

/* Stacks are to be verified.  Does not change once there are rules. */
extern bool verify_wanted;

/* Every `every`-th stack is compared with libunwind's walk as well; 0: nothing is verified. */
void verify_start(uint32_t every);

/* What a walk by rules alone has found: frames, innermost first, and the pseudo-frame outside them, 0: none. */
struct verify_walk {
	const struct fresh *frames;
	uint32_t count, special;
};

/* Compare a stack of the calling event.  `frame`: the frame record of the hook, which called from that stack. */
void verify_stack(uint32_t stack, const uintptr_t *frame, struct verify_walk rules);

#endif
