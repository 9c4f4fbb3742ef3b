/* SPDX-License-Identifier: MIT */
/*
 * In: the calling thread's registers.  Out: the id of its stack in the stack table.
 *
 * walk_stack() follows rules (unwind-rules.h) from this file's own frames outwards and collects return addresses, innermost first, in the
 * thread's memory; intern() turns them into nodes, root first.  The frames of the thread's last stack are kept with their nodes: where
 * both stacks are equal, counted from the root, the nodes are too, and only what differs is looked up in the table.
 *
 * Bounds: a frame with CFI has to lie above its callee and be aligned.  Code without CFI is crossed by its frame pointer only inside what
 * is proven to be this thread's stack (stack-bounds.h), and only if that leads back to code with CFI.
 */
#include "unwind.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <string.h>
#include <sys/mman.h>

#include "guard.h"
#include "modules.h"
#include "stack-bounds.h"
#include "stacks.h"
#include "trace.h"
#include "unwind-rules.h"

enum {
	DEPTH_MAX = 65535,
	CUT_BLOCK = 4096,     /* deeper stacks lose their outermost frames in blocks, so that stacks of one recursion share nodes */
	CROSSINGS_MAX = 64,   /* frames that need libunwind, in one stack: it may not loop */
	ENGINE_STEPS = 20000, /* libunwind's, in one stack: about 40 ms */
	LOWEST_CODE = 4096,   /* no return address below */
	MEMORY_BYTES = 4096,
	OWNERS = 256,
};

/* ---- Per-thread memory ------------------------------------------------------------------------------------------------------- */

#define FRAME_EXACT (UINT32_C(1) << 31)
struct frame {
	uintptr_t address;
	uint32_t module; /* FRAME_EXACT: an interrupted pc */
	uint32_t node;
};

struct thread_memory {
	uintptr_t owner; /* address of the thread_state */
	struct thread_memory *next;
	struct stack_bounds bounds;
	uint32_t capacity; /* frames in each array */
	uint32_t process;  /* process_number that the nodes of `last` belong to */
	uint32_t last_count, last_special;
	struct frame *now, *last; /* of this stack; of the one before, with their nodes; both innermost first */
	struct frame first[];
};

static _Atomic(struct thread_memory *) owners[OWNERS];
#define NO_LIMIT UINT32_MAX
static _Atomic(uint32_t) frame_limit = NO_LIMIT;

static struct thread_memory *new_memory(uintptr_t owner, _Atomic(struct thread_memory *) *bucket)
{
	struct thread_memory *memory = trace_map_private(MEMORY_BYTES, false);
	if (!memory)
		return NULL;
	memory->owner = owner;
	memory->capacity = (MEMORY_BYTES - sizeof(*memory)) / (2 * sizeof(struct frame));
	memory->now = memory->first;
	memory->last = memory->first + memory->capacity;
	memory->process = trace.process_number - 1; /* none yet */
	stack_bounds_init(&memory->bounds);
	memory->next = atomic_load_explicit(bucket, memory_order_relaxed);
	while (!atomic_compare_exchange_weak_explicit(bucket, &memory->next, memory, memory_order_release, memory_order_relaxed))
		;
	return memory;
}

/* The calling thread's memory; NULL: no room.  A page that stands under this owner's address was a dead thread's, or is a forgotten own. */
static struct thread_memory *attach_memory(void)
{
	uintptr_t owner = (uintptr_t)&thread_state;
	_Atomic(struct thread_memory *) *bucket = &owners[(owner >> 6 ^ owner >> 16) % OWNERS];
	struct thread_memory *memory = atomic_load_explicit(bucket, memory_order_acquire);
	while (memory && memory->owner != owner)
		memory = memory->next;
	if (memory)
		stack_bounds_init(&memory->bounds);
	else
		memory = new_memory(owner, bucket);
	if (memory)
		memory->last_count = 0;
	thread_state.memory = memory;
	return memory;
}

static struct thread_memory *memory_of_thread(void)
{
	struct thread_memory *memory = thread_state.memory;
	if (!memory)
		memory = attach_memory();
	if (memory && memory->process != trace.process_number) {
		memory->process = trace.process_number;
		memory->last_count = 0;
		stacks_special(HDT_SPECIAL_NO_ROOM); /* while there is room for it */
	}
	return memory;
}

static bool grow_arrays(struct thread_memory *memory)
{
	uint32_t capacity = 4 * memory->capacity < DEPTH_MAX ? 4 * memory->capacity : DEPTH_MAX;
	struct frame *frames = trace_map_private((size_t)capacity * 2 * sizeof(*frames), false);
	if (!frames)
		return false;
	memcpy(frames, memory->now, memory->capacity * sizeof(*frames));
	memcpy(frames + capacity, memory->last, memory->last_count * sizeof(*frames));
	struct frame *old = memory->now < memory->last ? memory->now : memory->last;
	if (old != memory->first)
		munmap(old, (size_t)memory->capacity * 2 * sizeof(*old));
	memory->now = frames;
	memory->last = frames + capacity;
	memory->capacity = capacity;
	return true;
}

/* ---- Walk -------------------------------------------------------------------------------------------------------------------- */

struct walk {
	struct rule_state state;
	struct thread_memory *memory;
	struct rule learnt;  /* a rule that is not in the cache */
	uint32_t generation; /* of the modules */
	uint32_t limit;      /* frames wanted */
	uint32_t stored;     /* in memory->now */
	uint32_t crossings;
	size_t depth;        /* frames seen, stored or not */
	size_t sure;         /* frames before the first guess that has not led to code with CFI, 0: none pending */
	size_t engine_steps; /* left */
	bool is_complete;    /* the outermost frame was reached */
};

/* Registers of this very place, at which the caller's CFI holds. */
static __attribute__((always_inline)) inline bool capture_here(struct rule_state *state)
{
#if defined(__x86_64__)
	__asm__ volatile("leaq 0f(%%rip), %0\n0:\tmovq %%rsp, %1\n\tmovq %%rbp, %2" : "=&r"(state->ip), "=&r"(state->sp), "=&r"(state->fp));
#elif defined(__aarch64__)
	__asm__ volatile("adr %0, 0f\n0:\tmov %1, sp\n\tmov %2, x29" : "=&r"(state->ip), "=&r"(state->sp), "=&r"(state->fp));
#else
	return false;
#endif
	state->exact = true;
	return true;
}

__attribute__((no_sanitize("address"))) static uintptr_t read_slot(uintptr_t address)
{
	return *(const uintptr_t *)address;
}

/* The rule in the cache is unknown or from another generation: who is loaded at this address now? */
static __attribute__((noinline)) const struct rule *renew_rule(struct walk *walk, struct rule *known)
{
	uint32_t generation = walk->generation = modules_generation();
	bool is_unloading = generation & 1;
	if (known && is_unloading && modules_is_permanent(known->module))
		return known;
	uint32_t module = modules_find(walk->state.ip - !walk->state.exact);
	if (known && known->module == module) {
		if (!is_unloading)
			rules_confirm(known, generation);
		return known;
	}
	if (known && !is_unloading)
		rules_drop(known);
	if (module == MODULES_NONE) {
		walk->learnt.kind = RULE_NO_CFI;
		walk->learnt.module = module;
	} else {
		rules_learn(&walk->state, module, is_unloading ? RULES_NOT_KEPT : generation, &walk->learnt);
	}
	return &walk->learnt;
}

static inline const struct rule *rule_here(struct walk *walk)
{
	struct rule *rule = rules_find(walk->state.ip, walk->state.exact);
	if (rule && atomic_load_explicit(&rule->generation, memory_order_relaxed) == walk->generation)
		return rule;
	return renew_rule(walk, rule);
}

/* False: enough frames, or no room for more. */
static inline bool add_frame(struct walk *walk, uint32_t module)
{
	struct thread_memory *memory = walk->memory;
	if (modules_is_tracer(walk->state.ip))
		return true;
	if (walk->depth++ == walk->limit)
		return false;
	if (walk->stored == DEPTH_MAX)
		return true;
	if (walk->stored == memory->capacity && !grow_arrays(memory))
		return false;
	memory->now[walk->stored++] = (struct frame){
		.address = walk->state.ip,
		.module = module | (walk->state.exact ? FRAME_EXACT : 0),
	};
	return true;
}

static inline bool step_simple(struct rule_state *state, const struct rule *rule)
{
	uintptr_t cfa, base;
	switch (rule->kind) {
	case RULE_CFA_SP:
		base = cfa = state->sp + (uintptr_t)(intptr_t)rule->cfa_offset;
		break;
	case RULE_CFA_FP:
		base = cfa = state->fp + (uintptr_t)(intptr_t)rule->cfa_offset;
		break;
	default:
		base = state->fp;
		cfa = base + (uintptr_t)(intptr_t)rule->cfa_offset;
		if (cfa < state->sp || cfa % 8 != 0)
			return false;
		cfa = read_slot(cfa);
	}
	if (cfa <= state->sp || cfa % 8 != 0)
		return false;
	state->ip = read_slot(cfa + (uintptr_t)(intptr_t)rule->ra_offset);
	if (rule->fp_offset != RULE_FP_SAME)
		state->fp = read_slot(base + (uintptr_t)(intptr_t)rule->fp_offset);
	state->sp = cfa;
	state->exact = false;
	return true;
}

static bool step_complex(struct walk *walk)
{
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
		walk->sure = walk->depth;
	state->fp = read_slot(record);
	state->ip = read_slot(record + sizeof(uintptr_t));
	state->sp = record + RECORD;
	state->exact = false;
	return state->ip >= LOWEST_CODE;
}

/* From the frame at walk->state to its caller.  False: the walk ends here. */
static inline bool step(struct walk *walk, const struct rule *rule)
{
	if (rule->kind >= RULE_CFA_SP && rule->kind <= RULE_COMPLEX)
		walk->sure = 0;
	switch (rule->kind) {
	case RULE_CFA_SP:
	case RULE_CFA_FP:
	case RULE_CFA_MEMORY:
		if (!step_simple(&walk->state, rule))
			return false;
		break;
	case RULE_COMPLEX:
		if (!step_complex(walk))
			return false;
		break;
	case RULE_NO_CFI:
		/* The loader's entry, under every constructor of a library: nothing lies beyond the stack's end. */
		walk->is_complete = walk->state.sp == walk->memory->bounds.top;
		return !walk->is_complete && step_guessed(walk);
	case RULE_PLANTED:
		if (walk->stored > 0 && walk->stored == walk->depth)
			walk->memory->now[walk->stored - 1].module |= FRAME_EXACT; /* the function itself, not the one before it */
		walk->is_complete = true;
		return false;
	case RULE_END:
		walk->is_complete = true;
		return false;
	default:
		return false;
	}
	walk->is_complete = walk->state.ip == 0;
	return !walk->is_complete;
}

static void walk_stack(struct walk *walk)
{
	const struct rule *rule;
	do {
		rule = rule_here(walk);
	} while (add_frame(walk, rule->module) && step(walk, rule));
	if (walk->sure > 0 && !walk->is_complete) {
		walk->depth = walk->sure;
		walk->stored = walk->sure < walk->stored ? (uint32_t)walk->sure : walk->stored;
	}
}

/* ---- Interning --------------------------------------------------------------------------------------------------------------- */

/* The pseudo-frame that stands for what is missing outside, 0: nothing is; the frames that are not wanted are cut off. */
static uint32_t trim(struct walk *walk)
{
	if (walk->depth > walk->limit) {
		return HDT_SPECIAL_CUT;
	} else if (walk->depth > DEPTH_MAX) {
		size_t over = walk->depth - DEPTH_MAX;
		walk->stored = (uint32_t)(walk->depth - (over + CUT_BLOCK - 1) / CUT_BLOCK * CUT_BLOCK);
		return HDT_SPECIAL_DEEP;
	}
	return walk->is_complete ? 0 : HDT_SPECIAL_TRUNCATED;
}

static uint32_t no_room(void)
{
	trace_lost(HDT_LOSS_STACK, 1);
	return stacks_special(HDT_SPECIAL_NO_ROOM);
}

/* How many of the outermost frames are those of the thread's last stack; their nodes are copied. */
static uint32_t reuse_nodes(struct thread_memory *memory, uint32_t count, uint32_t special)
{
	uint32_t common = count < memory->last_count ? count : memory->last_count, same = 0;
	struct frame *now = memory->now + count;
	const struct frame *last = memory->last + memory->last_count;
	if (special != memory->last_special)
		return 0;
	for (; same < common; same++) {
		now--;
		last--;
		if (now->address != last->address || now->module != last->module)
			break;
		now->node = last->node;
	}
	return same;
}

static uint32_t intern(struct thread_memory *memory, uint32_t count, uint32_t special)
{
	uint32_t left = count - reuse_nodes(memory, count, special), node = STACK_ROOT;
	if (left < count)
		node = memory->now[left].node;
	else if (special != 0 && (node = stacks_special(special)) == STACK_ROOT)
		return no_room();
	while (left > 0) {
		struct frame *frame = &memory->now[--left];
		uint32_t flags = frame->module & FRAME_EXACT ? HDT_NODE_EXACT : 0;
		node = frame->node = stacks_child(node, frame->address, frame->module & ~FRAME_EXACT, flags);
		if (node == STACK_ROOT)
			return no_room();
	}
	struct frame *now = memory->now;
	memory->now = memory->last;
	memory->last = now;
	memory->last_count = count;
	memory->last_special = special;
	return node;
}

/* ---- Interface --------------------------------------------------------------------------------------------------------------- */

/* Before there are rules: our own frames keep a frame pointer (Makefile), so the hook's caller is found along them. */
static __attribute__((noinline)) uint32_t early_stack(void)
{
	enum { OWN_FRAMES = 16, OWN_BYTES = 4096 };
	uint32_t node = stacks_special(HDT_SPECIAL_EARLY);
	uintptr_t frame = (uintptr_t)__builtin_frame_address(0);
#if defined(__x86_64__) || defined(__aarch64__)
	for (int i = 0; i < OWN_FRAMES && node != STACK_ROOT; i++) {
		uintptr_t caller = read_slot(frame + sizeof(uintptr_t)), outer = read_slot(frame);
		if (!modules_is_tracer(caller))
			node = stacks_child(node, caller, modules_find(caller - 1), 0);
		if (!modules_is_tracer(caller) || outer <= frame || outer - frame > OWN_BYTES || outer % 8 != 0)
			break;
		frame = outer;
	}
#endif
	return node != STACK_ROOT ? node : no_room();
}

__attribute__((noinline)) uint32_t unwind_stack(void)
{
	if (!rules_started())
		return early_stack();
	struct walk walk;
	walk.memory = memory_of_thread();
	if (!walk.memory || !capture_here(&walk.state))
		return no_room();
	walk.generation = modules_generation();
	walk.limit = atomic_load_explicit(&frame_limit, memory_order_relaxed);
	walk.stored = walk.crossings = 0;
	walk.depth = walk.sure = 0;
	walk.engine_steps = ENGINE_STEPS;
	walk.is_complete = false;
	walk_stack(&walk);
	uint32_t special = trim(&walk);
	if (special == HDT_SPECIAL_TRUNCATED)
		atomic_fetch_add_explicit(&trace.header->truncated_stacks, 1, memory_order_relaxed);
	return intern(walk.memory, walk.stored, special);
}

void unwind_set_limit(uint32_t nframe)
{
	atomic_store(&frame_limit, nframe > 0 && nframe < DEPTH_MAX ? nframe : NO_LIMIT);
}

void unwind_forget(void)
{
	struct thread_memory *memory = thread_state.memory;
	if (memory)
		memory->last_count = 0;
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
