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

/* The table, open-addressed: 1 << bits slots.  NULL before there are rules. */
struct rules_table {
	uint32_t bits;
	uint32_t used; /* by the holder of the token (unwind-rules.c) */
	_Alignas(64) struct rule slots[];
};
extern _Atomic(struct rules_table *) rules_table;

/* Not a key: a rule that was dropped. */
#define RULES_DROPPED UINT64_MAX

static inline uint64_t rules_key(uintptr_t address, bool exact)
{
	return (uint64_t)address << 1 | exact;
}

static inline size_t rules_first_slot(uint64_t key, uint32_t bits)
{
	return (size_t)(key * UINT64_C(0x9e3779b97f4a7c15) >> (64 - bits));
}

/* The cached rule at a return address, or at an interrupted pc when `exact`; NULL: not known.  Hot path, lock-free. */
static inline struct rule *rules_find(uintptr_t address, bool exact)
{
	struct rules_table *table = atomic_load_explicit(&rules_table, memory_order_acquire);
	uint64_t key = rules_key(address, exact), found;
	if (!table || key == 0 || key == RULES_DROPPED)
		return NULL;
	size_t mask = ((size_t)1 << table->bits) - 1;
	for (size_t i = rules_first_slot(key, table->bits);; i++) {
		struct rule *rule = &table->slots[i & mask];
		found = atomic_load_explicit(&rule->key, memory_order_acquire);
		if (__builtin_expect(found == key, 1))
			return rule;
		if (found == 0)
			return NULL;
	}
}

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
