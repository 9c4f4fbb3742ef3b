/* SPDX-License-Identifier: MIT */
/*
 * In: where a hook was called from.  Out: the id of that stack in the stack table.
 *
 * The walk goes outwards from the hook's caller by rules (unwind-rules.h) until it meets a frame of the thread's last stack that is proven
 * to stand as it was (unwind-cache.h), or the end.  What it has met on the way is then interned, outermost first, below that frame's node,
 * and kept for the next stack.  In a program that allocates again and again from the same place nothing is walked and nothing interned.
 *
 * Bounds: a frame with CFI has to lie above its callee and be aligned.  Code without CFI is crossed by its frame pointer only inside what
 * is proven to be this thread's stack (stack-bounds.h), and only if that leads back to code with CFI.  Such frames, and those that need
 * libunwind for each step, are not kept, and neither are the frames inside them.
 */
#include "unwind.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <string.h>

#include "guard.h"
#include "modules.h"
#include "stack-bounds.h"
#include "stack-paths.h"
#include "stacks.h"
#include "trace.h"
#include "unwind-cache.h"
#include "unwind-rules.h"
#include "unwind-verify.h"

#define likely(condition) __builtin_expect(!!(condition), 1)
#define unlikely(condition) __builtin_expect(!!(condition), 0)
#define SLOW_PATH __attribute__((noinline, cold))

enum {
	DEPTH_MAX = 65535,
	CUT_BLOCK = 4096,     /* deeper stacks lose their outermost frames in blocks, so that stacks of one recursion share nodes */
	CROSSINGS_MAX = 64,   /* frames that need libunwind, in one stack: it may not loop */
	ENGINE_STEPS = 20000, /* libunwind's, in one stack: about 40 ms */
	LOWEST_CODE = 4096,   /* no return address below */
};

#define NO_LIMIT UINT32_MAX
static _Atomic(uint32_t) frame_limit = NO_LIMIT;

/* ---- Walk -------------------------------------------------------------------------------------------------------------------- */

struct walk {
	struct rule_state state;
	struct thread_memory *memory;
	struct rule learnt;  /* a rule that is not in the cache */
	uint32_t module;     /* of the frame at `state` */
	uint32_t generation; /* of the modules */
	uint32_t limit;      /* frames wanted */
	uint32_t top;        /* kept frames that may still be met; where the walk met one, that is top - 1 */
	uint32_t stored;     /* in memory->fresh */
	uint32_t crossings;
	size_t depth;        /* frames seen, stored or not, ours left out */
	size_t sure;         /* stored before the first guess that has not led to code with CFI, 0: none pending */
	size_t engine_steps; /* left */
	bool is_complete;    /* the outermost frame was reached */
};

__attribute__((no_sanitize("address"))) static uintptr_t read_slot(uintptr_t address)
{
	return *(const uintptr_t *)address;
}

/* The rule in the cache is unknown or from another generation: who is loaded at this address now? */
static __attribute__((noinline)) const struct rule *renew_rule(struct walk *walk, struct rule *known)
{
	uint32_t generation = walk->generation = modules_generation();
	bool is_unloading = generation & 1;
	if (known && is_unloading && modules_is_permanent(known->module)) {
		walk->module = known->module;
		return known;
	}
	uint32_t module = walk->module = modules_find(walk->state.ip - !walk->state.exact);
	if (known && known->module == module)
		return known;
	if (known && !is_unloading)
		rules_drop(known);
	if (module == MODULES_NONE) {
		walk->learnt.kind = RULE_NO_CFI;
	} else {
		rules_learn(&walk->state, module, is_unloading ? RULES_NOT_KEPT : generation, &walk->learnt);
	}
	return &walk->learnt;
}

static inline const struct rule *rule_here(struct walk *walk)
{
	struct rule *rule = rules_find(walk->state.ip, walk->state.exact);
	if (rule && modules_is_current(rule->module, walk->generation)) {
		walk->module = rule->module;
		return rule;
	}
	return renew_rule(walk, rule);
}

/* The place for the next frame; NULL: enough frames, or no room for more. */
static inline struct fresh *add_frame(struct walk *walk)
{
	struct thread_memory *memory = walk->memory;
	bool is_ours = modules_is_tracer(walk->state.ip);
	if (!is_ours && walk->depth++ == walk->limit)
		return NULL;
	if (unlikely(walk->stored == memory->capacity) && !unwind_memory_grow(memory, DEPTH_MAX + 1))
		return NULL;
	/* Beyond the depth limit the last place is used over and over. */
	struct fresh *fresh = &memory->fresh[walk->stored < DEPTH_MAX ? walk->stored++ : DEPTH_MAX];
	fresh->state = walk->state;
	fresh->module = walk->module;
	fresh->flags = (walk->state.exact ? FRAME_EXACT : 0) | (is_ours ? FRAME_TRACER : 0);
	fresh->cfa_slot = fresh->ra_slot = fresh->fp_slot = 0;
	return fresh;
}

static inline bool step_simple(struct rule_state *state, const struct rule *rule, struct fresh *fresh)
{
	uintptr_t cfa, base;
	fresh->flags |= FRAME_KEPT;
	if (rule->kind == RULE_CFA_SP) {
		base = cfa = rule_slot(state->sp, rule->cfa_words);
	} else {
		base = state->fp;
		cfa = rule_slot(base, rule->cfa_words);
		fresh->flags |= FRAME_NEEDS_FP;
		if (rule->kind == RULE_CFA_MEMORY) {
			if (cfa < state->sp || cfa % 8 != 0)
				return false;
			fresh->cfa_slot = cfa;
			cfa = read_slot(cfa);
		} else {
			base = cfa;
		}
	}
	if (cfa <= state->sp || cfa % 8 != 0)
		return false;
	fresh->ra_slot = rule_slot(cfa, rule->ra_words);
	state->ip = read_slot(fresh->ra_slot);
	if (rule->fp_words != RULE_FP_SAME_WORDS) {
		fresh->fp_slot = rule_slot(base, rule->fp_words);
		state->fp = read_slot(fresh->fp_slot);
	}
	state->sp = cfa;
	state->exact = false;
	return true;
}

static bool step_complex(struct walk *walk)
{
	/* A handler's stack may lie above the interrupted one: all kept frames may be met again. */
	walk->top = walk->memory->count;
	return walk->crossings++ < CROSSINGS_MAX && rules_cross(&walk->state, &walk->engine_steps);
}

/* No unwind information: suppose that the frame register points to the caller's, with the return address beside it. */
static bool step_guessed(struct walk *walk)
{
	enum { RECORD = 2 * sizeof(uintptr_t) };
	struct rule_state *state = &walk->state;
	uintptr_t record = state->fp;
	if (walk->depth == 0 || record % 8 != 0 || !stack_bounds_hold(&walk->memory->bounds, state->sp, record, RECORD))
		return false;
	if (walk->sure == 0)
		walk->sure = walk->stored;
	state->fp = read_slot(record);
	state->ip = read_slot(record + sizeof(uintptr_t));
	state->sp = record + RECORD;
	state->exact = false;
	return state->ip >= LOWEST_CODE;
}

/* The outermost frame. */
static bool end(struct walk *walk, struct fresh *fresh, uint32_t flags)
{
	fresh->flags |= FRAME_KEPT | flags;
	walk->is_complete = true;
	return false;
}

/* From the frame at walk->state to its caller.  False: the walk ends here. */
static inline bool step(struct walk *walk, const struct rule *rule, struct fresh *fresh)
{
	if (rule->kind >= RULE_CFA_SP && rule->kind <= RULE_COMPLEX)
		walk->sure = 0;
	switch (rule->kind) {
	case RULE_CFA_SP:
	case RULE_CFA_FP:
	case RULE_CFA_MEMORY:
		if (!step_simple(&walk->state, rule, fresh))
			return false;
		break;
	case RULE_COMPLEX:
		if (!step_complex(walk))
			return false;
		break;
	case RULE_NO_CFI:
		/* The loader's entry, under every constructor of a library: nothing lies beyond the stack's end. */
		if (walk->state.sp == walk->memory->bounds.top)
			return end(walk, fresh, FRAME_GUESSED);
		return step_guessed(walk);
	case RULE_PLANTED:
		return end(walk, fresh, FRAME_EXACT); /* the function itself, not the one before it */
	case RULE_END:
		return end(walk, fresh, 0);
	default:
		return false;
	}
	walk->is_complete = walk->state.ip == 0;
	return !walk->is_complete;
}

/* How many more frames can be stored and are wanted. */
static inline uint32_t room_for_frames(const struct walk *walk)
{
	uint32_t capacity = walk->memory->capacity < DEPTH_MAX ? walk->memory->capacity : DEPTH_MAX;
	size_t wanted = walk->limit - walk->depth, room = capacity - walk->stored;
	return (uint32_t)(wanted < room ? wanted : room);
}

/*
 * Most frames have a rule that is known and reads the CFA from a register.  As long as that is so the walk is this loop, with its state in
 * registers.  It stops at whatever is different, which the next step in full finds there again, or, true, at a frame that is kept.
 */
static inline bool walk_plainly(struct walk *walk)
{
	const struct thread_memory *memory = walk->memory;
	struct rule_state state = walk->state;
	const struct frame *end = memory->frames + walk->top, *met = NULL;
	struct fresh *first = memory->fresh + walk->stored, *fresh = first, *last = first + room_for_frames(walk);
	while (!state.exact && fresh < last && !modules_is_tracer(state.ip)) {
		const struct rule *rule = rules_find(state.ip, false);
		if (!rule || (unsigned)rule->kind - RULE_CFA_SP > RULE_CFA_FP - RULE_CFA_SP ||
		    !modules_is_current(rule->module, walk->generation))
			break;
		bool from_fp = rule->kind == RULE_CFA_FP;
		uintptr_t cfa = rule_slot(from_fp ? state.fp : state.sp, rule->cfa_words), ra_slot = rule_slot(cfa, rule->ra_words);
		if (cfa <= state.sp || cfa % 8 != 0)
			break;
		uintptr_t ip = read_slot(ra_slot);
		if (ip == 0)
			break;
		*fresh = (struct fresh){.state = state, .module = rule->module, .ra_slot = ra_slot};
		fresh->flags = from_fp ? FRAME_KEPT | FRAME_NEEDS_FP : FRAME_KEPT;
		if (rule->fp_words != RULE_FP_SAME_WORDS) {
			fresh->fp_slot = rule_slot(cfa, rule->fp_words);
			state.fp = read_slot(fresh->fp_slot);
		}
		state.ip = ip;
		state.sp = cfa;
		fresh++;
		met = unwind_met(memory, state, &end);
		if (met)
			break;
	}
	uint32_t count = (uint32_t)(fresh - first);
	walk->state = state;
	walk->top = (uint32_t)(end - memory->frames);
	walk->stored += count;
	walk->depth += count;
	walk->sure = count > 0 ? 0 : walk->sure;
	return met;
}

static inline bool is_known(struct walk *walk)
{
	const struct frame *frames = walk->memory->frames, *end = frames + walk->top;
	const struct frame *met = unwind_met(walk->memory, walk->state, &end);
	walk->top = (uint32_t)(end - frames);
	return met && !(walk->sure > 0 && met->flags & FRAME_GUESSED);
}

/* From a frame that is not kept.  True: the walk is at one that is.  False: it has ended. */
static inline bool walk_stack(struct walk *walk)
{
	do {
		if (walk_plainly(walk))
			return true;
		const struct rule *rule = rule_here(walk);
		struct fresh *fresh = add_frame(walk);
		if (!fresh || !step(walk, rule, fresh)) {
			walk->top = 0;
			return false;
		}
	} while (!is_known(walk));
	return true;
}

/* ---- Interning --------------------------------------------------------------------------------------------------------------- */

static uint32_t no_room(void)
{
	trace_lost(HDT_LOSS_STACK, 1);
	return stacks_special(HDT_SPECIAL_NO_ROOM);
}

/* The pseudo-frame that stands for what is missing outside, 0: nothing is; the frames that are not wanted are cut off. */
static uint32_t trim(struct walk *walk)
{
	if (walk->depth > walk->limit)
		return HDT_SPECIAL_CUT;
	if (walk->depth > DEPTH_MAX) {
		size_t over = walk->depth - DEPTH_MAX;
		walk->stored = (uint32_t)(walk->depth - (over + CUT_BLOCK - 1) / CUT_BLOCK * CUT_BLOCK);
		return HDT_SPECIAL_DEEP;
	}
	if (walk->is_complete)
		return 0;
	if (walk->sure > 0)
		walk->stored = (uint32_t)walk->sure;
	return HDT_SPECIAL_TRUNCATED;
}

/* A frame's node, if that frame is kept: the fresh ones are inside `walk->top` others, innermost first. */
static inline void note_node(struct walk *walk, uint32_t fresh, uint32_t kept, uint32_t node)
{
	uint32_t place = walk->top + walk->stored - 1 - fresh;
	if (place < kept)
		walk->memory->frames[place].node = node;
}

/* Is `node` the fresh frames' stack below `outer`?  Then the kept ones have their nodes. */
static inline bool is_path(struct walk *walk, uint32_t node, uint32_t outer, uint32_t kept)
{
	const struct hdt_node *nodes = trace_at(HDT_AREA_NODES, 0);
	for (uint32_t i = 0; i < walk->stored; i++) {
		const struct fresh *fresh = &walk->memory->fresh[i];
		note_node(walk, i, kept, node);
		if (fresh->flags & FRAME_TRACER)
			continue;
		const struct hdt_node *at = &nodes[node];
		if (atomic_load_explicit(&at->address, memory_order_relaxed) != fresh->state.ip || at->module != fresh->module ||
		    at->flags != (fresh->flags & FRAME_EXACT ? HDT_NODE_EXACT : 0))
			return false;
		node = at->parent;
	}
	return node == outer;
}

static __attribute__((noinline)) uint32_t ask_table(struct walk *walk, uint32_t node, uint32_t kept)
{
	for (uint32_t i = walk->stored; i-- > 0;) {
		const struct fresh *fresh = &walk->memory->fresh[i];
		if (!(fresh->flags & FRAME_TRACER)) {
			node = stacks_child(node, fresh->state.ip, fresh->module, fresh->flags & FRAME_EXACT ? HDT_NODE_EXACT : 0);
			if (node == STACK_ROOT)
				break;
		}
		note_node(walk, i, kept, node);
	}
	return node;
}

/* The node of the fresh frames' stack below `outer`, where `hinted` is looked at first; STACK_ROOT: no room. */
static inline uint32_t find_node(struct walk *walk, uint32_t outer, uint32_t kept, uint32_t path, uint32_t hinted)
{
	if (likely(hinted != 0 && is_path(walk, hinted, outer, kept)))
		return hinted;
	uint32_t second = stack_paths_hint(path, 1);
	if (second != 0 && is_path(walk, second, outer, kept))
		return second;
	uint32_t node = ask_table(walk, outer, kept);
	if (node != STACK_ROOT)
		stack_paths_keep(path, node);
	return node;
}

/* The path of the whole stack. */
static inline uint32_t whole_path(const struct walk *walk, uint32_t outer)
{
	uint32_t path = walk->top > 0 ? walk->memory->frames[walk->top - 1].path : outer;
	for (uint32_t i = walk->stored; i-- > 0;)
		if (!(walk->memory->fresh[i].flags & FRAME_TRACER))
			path = stack_paths_step(path, walk->memory->fresh[i].state.ip);
	return path;
}

/* Intern the fresh frames below the node of what is outside them. */
static uint32_t intern(struct walk *walk, uint32_t outer, bool keep)
{
	struct thread_memory *memory = walk->memory;
	if (unlikely(walk->top + walk->stored > memory->capacity))
		unwind_memory_grow(memory, DEPTH_MAX + 1);
	unwind_set_count(memory, 0);
	/* The hint and its node are in no near cache: they come while the frames are kept. */
	uint32_t path = whole_path(walk, outer), hinted = stack_paths_hint(path, 0);
	__builtin_prefetch((const struct hdt_node *)trace_at(HDT_AREA_NODES, 0) + hinted);
	uint32_t kept = keep ? unwind_keep(memory, walk->top, walk->stored, &walk->state) : walk->top;
	uint32_t node = find_node(walk, outer, kept, path, hinted);
	if (unlikely(node == STACK_ROOT))
		return no_room();
	unwind_set_count(memory, kept);
	if (walk->top > 0 && kept == walk->top + walk->stored)
		unwind_keep_tail(memory, walk->top - 1);
	return node;
}

/* A walk that has met no kept frame. */
static __attribute__((noinline)) uint32_t intern_all(struct walk *walk)
{
	uint32_t special = trim(walk), node = STACK_ROOT;
	if (special == HDT_SPECIAL_TRUNCATED)
		atomic_fetch_add_explicit(&trace.header->truncated_stacks, 1, memory_order_relaxed);
	if (special != 0 && (node = stacks_special(special)) == STACK_ROOT)
		return no_room();
	/* Where the end depends on more than the slots, the next stack is walked in full. */
	return intern(walk, node, special == 0);
}

/* ---- Interface --------------------------------------------------------------------------------------------------------------- */

/* Before there are rules: the hook's caller alone. */
static uint32_t early_stack(const uintptr_t *frame)
{
	uint32_t node = stacks_special(HDT_SPECIAL_EARLY);
	if (node != STACK_ROOT)
		node = stacks_child(node, frame[1], modules_find(frame[1] - 1), 0);
	return node != STACK_ROOT ? node : no_room();
}

static inline void begin_walk(struct walk *walk, struct thread_memory *memory, uint32_t top)
{
	walk->memory = memory;
	walk->generation = modules_generation();
	walk->limit = atomic_load_explicit(&frame_limit, memory_order_relaxed);
	walk->top = top;
	walk->stored = walk->crossings = 0;
	walk->depth = walk->sure = 0;
	walk->engine_steps = ENGINE_STEPS;
	walk->is_complete = false;
}

/* A stack that is not kept as a whole; of the kept frames, `top` may be met outside. */
static __attribute__((noinline)) uint32_t new_stack(struct thread_memory *memory, const uintptr_t *frame, uint32_t top)
{
	struct walk walk;
	if (!unwind_start(&walk.state, frame))
		return no_room();
	begin_walk(&walk, memory, top);
	if (!walk_stack(&walk))
		return intern_all(&walk);
	if (unlikely(walk.top + walk.depth > DEPTH_MAX))
		return new_stack(memory, frame, 0);
	return intern(&walk, memory->frames[walk.top - 1].node, true);
}

static inline __attribute__((always_inline)) uint32_t find_stack(struct thread_memory *memory, const uintptr_t *frame)
{
	struct rule_state state;
	const struct frame *end = memory->frames + memory->count;
	const struct frame *met = unwind_start(&state, frame) ? unwind_met(memory, state, &end) : NULL;
	if (met)
		return met->node;
	uint32_t known = unwind_known_tail(memory, state);
	return known != STACK_ROOT ? known : new_stack(memory, frame, (uint32_t)(end - memory->frames));
}

static uint32_t find_verified_stack(struct thread_memory *memory, const uintptr_t *frame, uint32_t limit)
{
	struct walk walk;
	uint64_t unloads = modules_unloads();
	uint32_t stack = find_stack(memory, frame), kept = memory->count;
	if (!unwind_start(&walk.state, frame))
		return stack;
	/* Another walk, on which no kept frame is met. */
	unwind_set_count(memory, 0);
	begin_walk(&walk, memory, 0);
	walk_stack(&walk);
	uint32_t special = trim(&walk);
	unwind_set_count(memory, kept);
	/* If somebody has changed the limit meanwhile, the two need not be equal. */
	if (walk.limit == limit && modules_unloads() == unloads)
		verify_stack(stack, frame, (struct verify_walk){memory->fresh, walk.stored, special});
	return stack;
}

/* With verification every event comes here: this bit keeps what is noted in the thread's memory from being equal to what is now. */
#define VERIFIED UINT64_C(1)

/* Kept frames hold as long as nothing is unloaded, and where whole stacks are wanted. */
static SLOW_PATH uint32_t renew(struct thread_memory *memory, const uintptr_t *frame)
{
	uint64_t unloads = modules_unloads();
	uint32_t limit = atomic_load(&frame_limit);
	bool may_keep = (uint32_t)unloads == 0 && limit == NO_LIMIT;
	uint64_t noted = !may_keep ? UINT64_MAX : verify_wanted ? unloads | VERIFIED : unloads;
	if (memory->unloads != noted || !may_keep) {
		unwind_drop(memory);
		memory->unloads = noted;
	}
	return verify_wanted ? find_verified_stack(memory, frame, limit) : find_stack(memory, frame);
}

static SLOW_PATH uint32_t first_stack(const uintptr_t *frame)
{
	if (!rules_started())
		return early_stack(frame);
	thread_state.memory = unwind_memory();
	return thread_state.memory ? renew(thread_state.memory, frame) : no_room();
}

uint32_t unwind_stack(const uintptr_t *frame)
{
	struct thread_memory *memory = thread_state.memory;
	if (unlikely(!memory))
		return first_stack(frame);
	if (unlikely(memory->unloads != modules_unloads()))
		return renew(memory, frame);
	return find_stack(memory, frame);
}

void unwind_set_limit(uint32_t nframe)
{
	atomic_store(&frame_limit, nframe > 0 && nframe < DEPTH_MAX ? nframe : NO_LIMIT);
	/* No thread's frames are valid any more. */
	modules_dlclose_begin();
	modules_dlclose_end();
}

void unwind_forget(void)
{
	struct thread_memory *memory = thread_state.memory;
	if (memory)
		unwind_drop(memory);
	stacks_special(HDT_SPECIAL_NO_ROOM); /* while there is room for it */
}

size_t unwind_addresses(uint32_t stack, uintptr_t *addresses, size_t room)
{
	size_t count = 0;
	const struct hdt_node *nodes = trace_at(HDT_AREA_NODES, 0);
	for (; stack != STACK_ROOT; stack = nodes[stack].parent) {
		if (nodes[stack].module == HDT_MODULE_SPECIAL)
			continue;
		if (count < room)
			addresses[count] = atomic_load_explicit(&nodes[stack].address, memory_order_acquire);
		count++;
	}
	return count;
}
