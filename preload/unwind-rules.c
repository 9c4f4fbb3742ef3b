/* SPDX-License-Identifier: MIT */
/*
 * In: addresses of frames.  Out: their rules, from a table that is read without locks, or learnt.
 *
 * The table is open-addressed, in private memory, and never shrinks.  A rule is immutable once its key is published, until it is dropped,
 * which leaves a key that nobody asks for.  One thread at a time, the holder of the token, adds rules and is inside libunwind.  A full
 * table is replaced by one of twice the size; the old one stays, because others may be reading it.
 *
 * All signals are blocked while the token is held, so no handler runs, forks or leaves by longjmp inside libunwind.
 */
#include "unwind-rules.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "guard.h"
#include "trace.h"

enum { FIRST_BITS = 9 };
_Atomic(struct rules_table *) rules_table;

/* ---- Token ------------------------------------------------------------------------------------------------------------------- */

/* Address of the holder's thread_state | low 16 bits of its process number << 48; 0: free. */
static _Atomic(uint64_t) token;
static uint32_t holds;            /* token: takes of its holder */
static _Atomic(bool) is_unusable; /* libunwind was left in the middle of something */

static uint64_t mine(void)
{
	return (uint64_t)(uintptr_t)&thread_state | (uint64_t)trace.process_number << 48;
}

static void set_mask(const uint64_t *mask, uint64_t *old)
{
	int saved = errno;
	syscall(SYS_rt_sigprocmask, SIG_SETMASK, mask, old, sizeof(*mask));
	errno = saved;
}

static int64_t milliseconds(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void relax(void)
{
#if defined(__x86_64__)
	__builtin_ia32_pause();
#else
	atomic_signal_fence(memory_order_seq_cst);
#endif
}

static bool try_token(void)
{
	uint64_t seen = 0;
	if (atomic_compare_exchange_strong_explicit(&token, &seen, mine(), memory_order_acquire, memory_order_relaxed) || seen == mine())
		return true;
	if ((uint16_t)(seen >> 48) != (uint16_t)trace.process_number)
		atomic_store(&is_unusable, true); /* a child made by raw clone while a thread of the parent was learning */
	return false;
}

static bool wait_for_token(int64_t patience_ms)
{
	enum { SPINS = 200 };
	for (int i = 0; i < SPINS; i++) {
		if (try_token())
			return true;
		relax();
	}
	int64_t end = milliseconds() + patience_ms;
	while (!atomic_load(&is_unusable) && milliseconds() < end) {
		sched_yield();
		if (try_token())
			return true;
	}
	return false;
}

/* On success signals are blocked, and what libunwind allocates is not recorded. */
static bool take_token(int64_t patience_ms, uint64_t *mask)
{
	static const uint64_t all = ~UINT64_C(0);
	/* Behind a sandbox's filter the system calls of learning may kill: what is not known by then stays unknown. */
	if (atomic_load_explicit(&trace.growth_closed, memory_order_relaxed))
		return false;
	set_mask(&all, mask);
	if (!atomic_load(&is_unusable) && wait_for_token(patience_ms)) {
		holds++;
		thread_state.own++;
		return true;
	}
	set_mask(mask, NULL);
	return false;
}

static void release_token(void)
{
	thread_state.own--;
	if (--holds == 0)
		atomic_store_explicit(&token, 0, memory_order_release);
}

static void drop_token(const uint64_t *mask)
{
	release_token();
	set_mask(mask, NULL);
}

/* ---- Table ------------------------------------------------------------------------------------------------------------------- */

void rules_drop(struct rule *rule)
{
	atomic_store_explicit(&rule->key, RULES_DROPPED, memory_order_relaxed);
}

static void copy_fields(struct rule *to, const struct rule *from)
{
	to->module = from->module;
	to->cfa_words = from->cfa_words;
	to->ra_words = from->ra_words;
	to->fp_words = from->fp_words;
	to->kind = from->kind;
}

static void put(struct rules_table *table, uint64_t key, const struct rule *rule)
{
	size_t mask = ((size_t)1 << table->bits) - 1, i = rules_first_slot(key, table->bits);
	while (atomic_load_explicit(&table->slots[i & mask].key, memory_order_relaxed) != 0)
		i++;
	struct rule *slot = &table->slots[i & mask];
	copy_fields(slot, rule);
	atomic_store_explicit(&slot->key, key, memory_order_release);
	table->used++;
}

static struct rules_table *new_table(uint32_t bits)
{
	struct rules_table *table = trace_map_private(sizeof(*table) + (sizeof(struct rule) << bits), false);
	if (table)
		table->bits = bits;
	return table;
}

static struct rules_table *grow(struct rules_table *table)
{
	struct rules_table *larger = new_table(table->bits + 1);
	if (!larger)
		return NULL;
	for (size_t i = 0; i < (size_t)1 << table->bits; i++) {
		const struct rule *rule = &table->slots[i];
		uint64_t key = atomic_load_explicit(&rule->key, memory_order_relaxed);
		if (key != 0 && key != RULES_DROPPED)
			put(larger, key, rule);
	}
	atomic_store_explicit(&rules_table, larger, memory_order_release);
	return larger;
}

/* Token. */
static void keep(uint64_t key, const struct rule *rule)
{
	struct rules_table *table = atomic_load_explicit(&rules_table, memory_order_relaxed);
	if (table->used >= (uint32_t)3 << (table->bits - 2)) {
		table = grow(table);
		if (!table)
			return; /* learnt anew each time */
	}
	put(table, key, rule);
}

/* ---- Learning ---------------------------------------------------------------------------------------------------------------- */

enum { PATIENCE_MS = 50, FORK_PATIENCE_MS = 1000 };

/* Offsets are multiples of 8 (unwind-learn.c).  The field of the frame register has a value that means another thing. */
static void pack(const struct rule_shape *shape, struct rule *rule)
{
	int32_t cfa = shape->cfa_offset / 8, ra = shape->ra_offset / 8;
	int32_t fp = shape->fp_offset == RULE_FP_SAME ? RULE_FP_SAME_WORDS : shape->fp_offset / 8;
	bool is_other = shape->fp_offset != RULE_FP_SAME && fp == RULE_FP_SAME_WORDS;
	rule->kind = shape->kind;
	rule->cfa_words = cfa;
	rule->ra_words = ra;
	rule->fp_words = fp;
	if (rule->cfa_words != cfa || rule->ra_words != ra || rule->fp_words != fp || is_other)
		rule->kind = RULE_COMPLEX;
}

/* Token. */
static void learn(const struct rule_state *state, uint32_t generation, struct rule *rule)
{
	struct rule_shape shape;
	learn_rule(state->ip, state->exact, generation, &shape);
	pack(&shape, rule);
}

void rules_learn(const struct rule_state *state, uint32_t module, uint32_t generation, struct rule *rule)
{
	uint64_t mask;
	memset(rule, 0, sizeof(*rule));
	rule->module = module;
	bool may_keep = generation != RULES_NOT_KEPT && rule->module == module;
	if (!rules_started() || !take_token(PATIENCE_MS, &mask))
		return;
	const struct rule *known = rules_find(state->ip, state->exact); /* somebody else may have learnt it meanwhile */
	if (known && known->module == module) {
		copy_fields(rule, known);
	} else {
		learn(state, generation, rule);
		if (may_keep && rule->kind != RULE_NO_CFI)
			keep(rules_key(state->ip, state->exact), rule);
	}
	drop_token(&mask);
}

bool rules_cross(struct rule_state *state, size_t *budget)
{
	uint64_t mask;
	if (!rules_started() || !take_token(PATIENCE_MS, &mask))
		return false;
	bool crossed = learn_cross(state, budget);
	drop_token(&mask);
	return crossed;
}

bool rules_walk(learn_visit *visit, void *context)
{
	uint64_t mask;
	if (!rules_started() || !take_token(PATIENCE_MS, &mask))
		return false;
	learn_walk(visit, context);
	drop_token(&mask);
	return true;
}

/* ---- Start and fork ---------------------------------------------------------------------------------------------------------- */

bool rules_started(void)
{
	return atomic_load_explicit(&rules_table, memory_order_relaxed) != NULL;
}

bool rules_start(void)
{
	if (rules_started())
		return true;
	thread_state.own++;
	struct rules_table *table = learn_start() ? new_table(FIRST_BITS) : NULL;
	thread_state.own--;
	if (table)
		atomic_store_explicit(&rules_table, table, memory_order_release);
	return table != NULL;
}

void rules_fork_prepare(void)
{
	uint64_t mask;
	if (!rules_started() || !take_token(FORK_PATIENCE_MS, &mask))
		return;
	thread_state.own--; /* until rules_fork_done or rules_child the program goes on, and is recorded */
	set_mask(&mask, NULL);
}

void rules_fork_done(void)
{
	if (atomic_load(&token) != mine())
		return;
	thread_state.own++;
	release_token();
}

void rules_child(void)
{
	uint64_t seen = atomic_load(&token);
	if (seen != 0 && seen != mine())
		atomic_store(&is_unusable, true);
	holds = 0;
	atomic_store(&token, 0);
}
