/* SPDX-License-Identifier: MIT */
/*
 * The engine that understands CFI: libunwind, loaded with dlopen so that the program's own symbols bind as without us, and used through
 * an address space of our own.  Not reentrant: unwind-rules.c calls these functions with its token held and signals blocked.
 */
#ifndef PRELOAD_UNWIND_LEARN_H
#define PRELOAD_UNWIND_LEARN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "unwind-rows.h"

/* Where a walk stands.  `exact`: ip is an interrupted pc; otherwise a return address, whose call lies before it. */
struct rule_state {
	uintptr_t ip, sp, fp;
	bool exact;
};

/* Load libunwind.  False: there is none, or it or the C library is too old. */
bool learn_start(void);

#define LEARN_ALONE UINT32_MAX
/* The rule of a frame.  What is learnt of its neighbours on the way is used as long as the modules' generation stays the same; LEARN_ALONE:
 * not at all. */
void learn_rule(uintptr_t ip, bool exact, uint32_t generation, struct rule_shape *shape);

/* How a step of the engine ended: the walk goes on, has reached the outermost frame, is at a frame without an FDE, or cannot go on. */
enum learn_outcome { LEARN_STEPPED, LEARN_END, LEARN_NO_CFI, LEARN_FAILED };
typedef bool learn_visit(void *context, const struct rule_state *state, enum learn_outcome outcome);

/* The calling thread's whole walk with libunwind, with all registers and without any cache: each frame from our own ones outwards, with the
 * outcome of the step out of it; `fp` is not set.  Ends with an outcome other than LEARN_STEPPED, or when `visit` says false. */
void learn_walk(learn_visit *visit, void *context);

/* One step of the calling thread's own walk with libunwind: from *state to its caller.  False: not possible.  Steps that the engine takes
 * are subtracted from *budget; none are taken beyond it. */
bool learn_cross(struct rule_state *state, size_t *budget);

#endif
