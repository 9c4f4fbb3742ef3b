/* SPDX-License-Identifier: MIT */
/*
 * Unwind rules, learnt once per address (unwind-learn.h) and cached: CFA = register + constant, and where the return address and the
 * frame register lie.  Rules are read without locks; one thread learns at a time.
 *
 * A rule belongs to the module that was loaded at its address when it was learnt.  Whoever finds one whose module was not yet seen in this
 * generation (modules_is_current) asks modules.h who is there now, and then uses, drops or learns.
 */
#ifndef PRELOAD_UNWIND_RULES_H
#define PRELOAD_UNWIND_RULES_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "unwind-learn.h"

/* struct rule_shape and its module, in little room: a walk through a large program waits for rules that are in no near cache.  Offsets are in
 * words of the stack.  A shape that does not fit is RULE_COMPLEX. */
struct rule {
	_Atomic(uint64_t) key; /* address and exactness; published last, 0: empty slot */
	uint64_t kind : 3;     /* enum rule_kind */
	uint64_t module : 16;
	int64_t cfa_words : 18, ra_words : 13, fp_words : 14;
};
_Static_assert(sizeof(struct rule) == 16, "four rules to a cache line");
#define RULE_FP_SAME_WORDS (-(1 << 13)) /* in fp_words */

/* The word at so many words from an address. */
static inline uintptr_t rule_slot(uintptr_t base, int64_t words)
{
	return base + (uintptr_t)(words * 8);
}

/* Load libunwind.  Call when it is safe to call dlopen (never from inside the loader).  False: stacks end at the caller of malloc. */
bool rules_start(void);
bool rules_started(void);

/* Around fork: nobody is inside libunwind while the address space is copied (waits for the learner unless it is this thread). */
void rules_fork_prepare(void);
void rules_fork_done(void);
/* In the fork child.  If another thread of the parent was inside libunwind after all, it is never called again in this process. */
void rules_child(void);

/* The cached rule at a return address, or at an interrupted pc when `exact`; NULL: not known.  Hot path, lock-free. */
struct rule *rules_find(uintptr_t address, bool exact);

/* Another module is at the rule's address now. */
void rules_drop(struct rule *rule);

#define RULES_NOT_KEPT LEARN_ALONE
/* Learn the rule of the frame at *state into *rule and cache it, unless the generation is RULES_NOT_KEPT or there is no unwind
 * information.  Waits a bounded time for another learner, then gives RULE_UNKNOWN.  Only at depth 1 (guard.h). */
void rules_learn(const struct rule_state *state, uint32_t module, uint32_t generation, struct rule *rule);

/* One step over a RULE_COMPLEX frame; see learn_cross(). */
bool rules_cross(struct rule_state *state, size_t *budget);

/* The calling thread's whole walk without rules; see learn_walk().  False: not now, somebody else is learning. */
bool rules_walk(learn_visit *visit, void *context);

#endif
