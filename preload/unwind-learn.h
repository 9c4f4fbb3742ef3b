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

enum rule_kind {
	RULE_UNKNOWN,    /* could not be learnt now: end the stack as truncated */
	RULE_CFA_SP,     /* CFA = sp + cfa_offset */
	RULE_CFA_FP,     /* CFA = frame register + cfa_offset */
	RULE_CFA_MEMORY, /* CFA = *(frame register + cfa_offset); its fp_offset counts from the frame register */
	RULE_END,        /* outermost frame: the CFI says that there is no return address */
	RULE_PLANTED,    /* outermost frame: no call returns here, makecontext put the address of a function there */
	RULE_COMPLEX,    /* has CFI, but needs libunwind each time (signal frame, expression) */
	RULE_NO_CFI,     /* no unwind information: frame-pointer guess or end */
};

#define RULE_FP_SAME INT32_MIN
struct rule_shape {
	enum rule_kind kind;
	int32_t cfa_offset;
	int32_t ra_offset; /* return address at CFA + ra_offset */
	int32_t fp_offset; /* frame register at CFA + fp_offset; RULE_FP_SAME: not saved */
};

/* Where a walk stands.  `exact`: ip is an interrupted pc; otherwise a return address, whose call lies before it. */
struct rule_state {
	uintptr_t ip, sp, fp;
	bool exact;
};

/* Load libunwind.  False: there is none, or it or the C library is too old. */
bool learn_start(void);

/* The rule of a frame. */
void learn_rule(uintptr_t ip, bool exact, struct rule_shape *shape);

/* One step of the calling thread's own walk with libunwind: from *state to its caller.  False: not possible.  Steps that the engine takes
 * are subtracted from *budget; none are taken beyond it. */
bool learn_cross(struct rule_state *state, size_t *budget);

#endif
