/* SPDX-License-Identifier: MIT */
/*
 * In: a stack id, the hook's frame, a walk by rules.  Out: counts in the trace file's header, a line on stderr for each of the first
 * differences.
 *
 * Both comparisons take a stack apart from the inside and hold one frame after the other against it.  A stack that was cut short (learner
 * busy, depth limit) has to be right as far as it goes; how many were, although libunwind walked on, is counted.  Beyond the first frame
 * without an FDE a stack is a guess that nobody can check.  Where the tables had no room there is nothing to compare.
 */
#include "unwind-verify.h"

#include <stdatomic.h>
#include <string.h>

#include "log.h"
#include "modules.h"
#include "stacks.h"
#include "trace.h"
#include "unwind-rules.h"

bool verify_wanted;
static uint32_t verify_every;

/* How often each stack was compared with libunwind's walk, at most FIRST_ONES; address space that is touched where there are stacks. */
enum { FIRST_ONES = 2 };
static _Atomic(uint8_t) *seen;

void verify_start(uint32_t every)
{
	verify_every = every;
	verify_wanted = every > 0;
	if (every > 1 && !seen)
		seen = trace_map_private(HDT_NODE_MAX, true);
}

/* ---- A recorded stack, frame by frame ---------------------------------------------------------------------------------------- */

enum { SHOWN = 8 };

struct comparison {
	const char *by;     /* whose walk it is compared with */
	uint32_t stack;     /* the whole */
	uint32_t rest;      /* what lies outside the frames that were compared */
	uint32_t frames;    /* equal so far */
	uintptr_t hook_end; /* stack pointers of the program's frames are not below */
	bool is_outside;    /* the walk has left our own frames */
	bool is_different, is_shorter;
	uint32_t shown;
	uintptr_t walked[SHOWN]; /* from the first difference on */
};

static const struct hdt_node *node_at(uint32_t id)
{
	return (const struct hdt_node *)trace_at(HDT_AREA_NODES, 0) + id;
}

static uint64_t special_at(uint32_t id)
{
	return id != STACK_ROOT && node_at(id)->module == HDT_MODULE_SPECIAL ? node_at(id)->address : 0;
}

static bool is_frame(uint32_t id)
{
	return id != STACK_ROOT && node_at(id)->module != HDT_MODULE_SPECIAL;
}

/* One more frame of the walk.  False: the walk need not go on. */
static bool compare_frame(struct comparison *with, uintptr_t ip, bool exact, uint32_t module)
{
	if (with->is_different) {
		if (with->shown < SHOWN)
			with->walked[with->shown++] = ip;
		return with->shown < SHOWN;
	}
	if (!is_frame(with->rest) && special_at(with->rest) != 0) {
		with->is_shorter = special_at(with->rest) == HDT_SPECIAL_TRUNCATED;
		return false;
	}
	const struct hdt_node *node = node_at(with->rest);
	if (with->rest != STACK_ROOT && node->address == ip && node->module == module && !(node->flags & HDT_NODE_EXACT) == !exact) {
		with->rest = node->parent;
		with->frames++;
		return true;
	}
	with->is_different = true;
	with->walked[with->shown++] = ip;
	return true;
}

/* The walk has come to its end, and nothing but `special` may be left. */
static void compare_rest(struct comparison *with, uint32_t special)
{
	if (with->is_different)
		return;
	if (special_at(with->rest) == HDT_SPECIAL_TRUNCATED)
		with->is_shorter = special != HDT_SPECIAL_TRUNCATED;
	else
		with->is_different = is_frame(with->rest) || special_at(with->rest) != special;
}

/* ---- What is said of a difference -------------------------------------------------------------------------------------------- */

enum { ADDRESS_TEXT = 20, LIST_TEXT = SHOWN * ADDRESS_TEXT };

static char *put_address(char *text, uintptr_t address)
{
	static const char digits[] = "0123456789abcdef";
	int shift = 60;
	text = mempcpy(text, " 0x", 3);
	while (shift > 0 && address >> shift == 0)
		shift -= 4;
	for (; shift >= 0; shift -= 4)
		*text++ = digits[address >> shift & 15];
	*text = '\0';
	return text;
}

static void say(const struct comparison *with)
{
	char stack[LOG_NUMBER_MAX], frame[LOG_NUMBER_MAX], recorded[LIST_TEXT] = " nothing", walked[LIST_TEXT] = " nothing", *text;
	uint32_t id = with->rest;
	text = recorded;
	for (int i = 0; i < SHOWN && is_frame(id); i++, id = node_at(id)->parent)
		text = put_address(text, node_at(id)->address);
	text = walked;
	for (uint32_t i = 0; i < with->shown; i++)
		text = put_address(text, with->walked[i]);
	log_line("stack ", log_number(stack, with->stack), " is wrong from frame ", log_number(frame, with->frames), " on: recorded",
		 recorded, ", ", with->by, walked, NULL);
}

static void add(_Atomic(uint64_t) *counter, uint64_t amount)
{
	atomic_fetch_add_explicit(counter, amount, memory_order_relaxed);
}

static void finish(const struct comparison *with)
{
	enum { SAID = 16 };
	if (with->is_shorter)
		add(&trace.header->verify_shorter, 1);
	if (with->is_different && atomic_fetch_add(&trace.header->verify_differences, 1) < SAID)
		say(with);
}

/* ---- Comparisons ------------------------------------------------------------------------------------------------------------- */

static void compare_rules(struct comparison *with, const struct verify_walk *rules)
{
	with->by = "by rules alone";
	for (uint32_t i = 0; i < rules->count; i++) {
		const struct fresh *fresh = &rules->frames[i];
		if (fresh->flags & FRAME_TRACER)
			continue;
		if (!compare_frame(with, fresh->state.ip, fresh->flags & FRAME_EXACT, fresh->module))
			return;
	}
	/* If it is the second walk that a busy learner has cut short, the first one may well know more. */
	if (rules->special != HDT_SPECIAL_TRUNCATED)
		compare_rest(with, rules->special);
}

static bool compare_step(void *context, const struct rule_state *state, enum learn_outcome outcome)
{
	struct comparison *with = context;
	with->is_outside |= state->sp >= with->hook_end;
	if (!with->is_outside || modules_is_tracer(state->ip))
		return true;
	/* The root of a coroutine is recorded as the function that it is; it has no FDE at the byte before. */
	bool is_planted = outcome == LEARN_NO_CFI && is_frame(with->rest) && node_at(with->rest)->flags & HDT_NODE_EXACT;
	if (!compare_frame(with, state->ip, state->exact || is_planted, modules_find(state->ip - !state->exact)))
		return false;
	if (outcome == LEARN_END || outcome == LEARN_FAILED)
		compare_rest(with, outcome == LEARN_END ? 0 : HDT_SPECIAL_TRUNCATED);
	return true;
}

static bool is_due(uint32_t stack, uint64_t number)
{
	if (seen && atomic_load_explicit(&seen[stack], memory_order_relaxed) < FIRST_ONES) {
		atomic_fetch_add_explicit(&seen[stack], 1, memory_order_relaxed);
		return true;
	}
	return number % verify_every == 0;
}

void verify_stack(uint32_t stack, const uintptr_t *frame, struct verify_walk rules)
{
	if (special_at(stack) != 0)
		return; /* no room for it */
	uint64_t number = atomic_fetch_add(&trace.header->verified_stacks, 1);
	struct comparison by_rules = {.stack = stack, .rest = stack};
	compare_rules(&by_rules, &rules);
	finish(&by_rules);
	if (!is_due(stack, number))
		return;
	struct comparison by_engine = {.by = "libunwind walks", .stack = stack, .rest = stack, .hook_end = (uintptr_t)(frame + 2)};
	if (!rules_walk(compare_step, &by_engine))
		return;
	add(&trace.header->verified_by_engine, 1);
	add(&trace.header->verified_frames, by_engine.frames);
	finish(&by_engine);
}
