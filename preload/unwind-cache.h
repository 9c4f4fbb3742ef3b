/* SPDX-License-Identifier: MIT */
/*
 * The calling thread's last stack, in a form that proves itself.
 *
 * Each kept frame has the state in which a walk met it (ip, sp, frame register) and its node in the stack table; beside the frames stand
 * the words of the stack that their unwind rules read, as (slot, value), outermost first.  A new walk that meets a kept frame's state need
 * not go on: a state is a function of the inner state and of the slots read in between, so if the slots from that frame outwards still hold
 * their values, the walk would meet the same frames.  They are compared from the inside out and the first difference ends it: up to there
 * a fresh walk would have read these very words, so nothing is read that it would not read, and a stack that is gone is never touched.
 *
 * The frame register is part of a state only where a frame further out needs it before somebody restores it: in most optimised code it is
 * data that changes all the time.
 *
 * One thread's, depth == 1 only.  A handler that leaves by longjmp in the middle of a change leaves an empty cache: `count` is 0 meanwhile.
 */
#ifndef PRELOAD_UNWIND_CACHE_H
#define PRELOAD_UNWIND_CACHE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "stack-bounds.h"
#include "unwind-learn.h"

enum frame_flags {
	FRAME_EXACT = 1 << 0,    /* an interrupted pc */
	FRAME_NEEDS_FP = 1 << 1, /* the frames from here outwards depend on the frame register */
	FRAME_TRACER = 1 << 2,   /* one of ours: walked through, not part of the stack */
	FRAME_GUESSED = 1 << 3,  /* has no CFI */
	FRAME_KEPT = 1 << 4,     /* its step is a function of slots that can be compared, or there is none beyond it */
};

struct frame {
	uintptr_t ip, sp, fp;
	uint32_t node;
	uint32_t checks; /* of this frame and all outer ones */
	uint32_t flags;
	uint32_t path; /* stack-paths.h */
};

struct check {
	uintptr_t slot, value;
};

/* A frame that a walk has met, with the slots that its rule reads; 0: none. */
struct fresh {
	struct rule_state state;
	uint32_t module, flags;
	uintptr_t cfa_slot, ra_slot, fp_slot;
};

/*
 * The inner end of a stack that the thread had lately: from a leaf's state to a kept frame, with the slots read in between.  A program that
 * allocates in turns from a few places finds its stacks here, walked and interned long ago.
 */
enum { TAIL_CHECKS = 8, TAIL_WAYS = 4, TAIL_SETS_BITS = 6 };
struct tail {
	uint32_t stamp;           /* thread_memory.stamp, 0: empty */
	uint32_t node;            /* of the whole stack */
	uintptr_t fp;             /* of the leaf; only with needs_fp */
	uint32_t join, join_node; /* index and node of the kept frame where it ends */
	uint32_t join_depth;      /* that frame's sp − the leaf's */
	uint8_t needs_fp, count;
	uint16_t unused;
	uintptr_t join_fp, values[TAIL_CHECKS];
	uint32_t slots[TAIL_CHECKS]; /* counted from the leaf's sp */
};
_Static_assert(sizeof(struct tail) == 136, "tails stay small");

/* Tails with the same hash of ip and sp.  One (ip, sp) may be reached from several callers. */
struct tail_set {
	struct {
		uintptr_t ip, sp;
	} keys[TAIL_WAYS];
	struct tail tails[TAIL_WAYS];
};

struct thread_memory {
	uintptr_t owner; /* address of the thread_state */
	struct thread_memory *next;
	struct stack_bounds bounds;
	uint32_t capacity; /* of frames and fresh; twice as many checks */
	uint32_t count;    /* frames, outermost first */
	uint64_t unloads;  /* modules_closing when the frames were valid; UINT64_MAX: they never are */
	struct frame *frames;
	struct check *checks;   /* checks[-1] never holds */
	struct fresh *fresh;    /* innermost first */
	struct tail_set *tails; /* by unwind_tails_of() */
	void *first;            /* the first arrays, which lie behind the tails */
	uint32_t victim;        /* counts the tails that were replaced */
	uint16_t stamp;         /* of the tails that hold; changes when they all cease to */
};

/* The calling thread's memory; NULL: no room. */
struct thread_memory *unwind_memory(void);

/* More room for frames, fresh and checks, up to `most` frames; what is in them is kept.  False: no room. */
bool unwind_memory_grow(struct thread_memory *memory, uint32_t most);

/* Put `stored` fresh frames inside `count` kept ones (memory->count is 0 meanwhile, see above); `outer` is the state that the rule of the
 * outermost led to.  Returns how many are kept then: without their nodes, and fewer than all if one cannot be kept. */
uint32_t unwind_keep(struct thread_memory *memory, uint32_t count, uint32_t stored, const struct rule_state *outer);

static inline void unwind_set_count(struct thread_memory *memory, uint32_t count)
{
	atomic_signal_fence(memory_order_seq_cst);
	memory->count = count;
	atomic_signal_fence(memory_order_seq_cst);
}

/* Where the function with this frame record was called from. */
static inline __attribute__((always_inline)) bool unwind_start(struct rule_state *state, const uintptr_t *frame)
{
#if defined(__x86_64__)
	*state = (struct rule_state){.ip = frame[1], .sp = (uintptr_t)(frame + 2), .fp = frame[0], .exact = false};
	return true;
#elif defined(__aarch64__)
	/* A frame record does not say where its frame ends: from here, through our own frames, which are left out. */
	(void)frame;
	__asm__ volatile("adr %0, 0f\n0:\tmov %1, sp\n\tmov %2, x29" : "=&r"(state->ip), "=&r"(state->sp), "=&r"(state->fp));
	state->exact = true;
	return true;
#else
	(void)state;
	(void)frame;
	return false;
#endif
}

/* Past the innermost check that does not hold; checks: all hold.  Before the first stands one that never does. */
__attribute__((no_sanitize("address", "thread"))) static inline const struct check *unwind_unproven(const struct check *checks,
												    uint32_t count)
{
	const struct check *check = checks + count;
	while (*(const volatile uintptr_t *)check[-1].slot == check[-1].value)
		check--;
	return check;
}

__attribute__((no_sanitize("address", "thread"))) static inline bool unwind_tail_stands(const struct tail *tail, uintptr_t sp)
{
	uint32_t count = tail->count;
	while (count > 0 && *(const volatile uintptr_t *)(sp + tail->slots[count - 1]) == tail->values[count - 1])
		count--;
	return count == 0;
}

/*
 * The kept frame that a walk has come to, if everything from there outwards stands as it was; NULL: there is none.  `*end`: past the last
 * kept frame that may still be met; frames + count at the beginning of a walk, and it only ever goes down.
 */
static inline __attribute__((always_inline)) const struct frame *unwind_met(const struct thread_memory *memory, struct rule_state state,
									    const struct frame **end)
{
	const struct frame *frame = *end;
	while (frame > memory->frames && frame[-1].sp < state.sp)
		frame--;
	*end = frame;
	if (frame-- == memory->frames || ((frame->ip ^ state.ip) | (frame->sp ^ state.sp)) != 0 ||
	    state.exact != (frame->flags & FRAME_EXACT))
		return NULL;
	if (frame->flags & FRAME_NEEDS_FP && frame->fp != state.fp)
		return NULL;
	const struct check *unproven = unwind_unproven(memory->checks, frame->checks);
	if (unproven == memory->checks)
		return frame;
	/* Frames inside the one whose slot differs lead there again: none of them need be tried. */
	while (*end > memory->frames && (*end)[-1].checks >= (size_t)(unproven - memory->checks))
		--*end;
	return NULL;
}

static inline struct tail_set *unwind_tails_of(const struct thread_memory *memory, uintptr_t ip, uintptr_t sp)
{
	return &memory->tails[(ip + sp) * UINT64_C(0x9e3779b97f4a7c15) >> (64 - TAIL_SETS_BITS)];
}

/* Is this the inner end of a stack that stands at `state`? */
static inline bool unwind_tail_holds(const struct thread_memory *memory, struct rule_state state, const struct tail *tail)
{
	if (tail->stamp != memory->stamp || tail->join >= memory->count || (tail->needs_fp && tail->fp != state.fp))
		return false;
	const struct frame *join = &memory->frames[tail->join];
	if (join->node != tail->join_node || join->sp != state.sp + tail->join_depth ||
	    (join->flags & FRAME_NEEDS_FP && join->fp != tail->join_fp))
		return false;
	return unwind_tail_stands(tail, state.sp) && unwind_unproven(memory->checks, join->checks) == memory->checks;
}

/* The node of the stack that ends in this state, if one is known and proven; 0: none is. */
static inline uint32_t unwind_known_tail(const struct thread_memory *memory, struct rule_state state)
{
	const struct tail_set *set = unwind_tails_of(memory, state.ip, state.sp);
	for (unsigned way = 0; way < TAIL_WAYS; way++)
		if (set->keys[way].ip == state.ip && set->keys[way].sp == state.sp && unwind_tail_holds(memory, state, &set->tails[way]))
			return set->tails[way].node;
	return 0;
}

/* Remember the stack whose inner end has just been kept, from the frame at `join` inwards. */
void unwind_keep_tail(struct thread_memory *memory, uint32_t join);

/* Nothing that is kept holds any more. */
void unwind_drop(struct thread_memory *memory);

#endif
