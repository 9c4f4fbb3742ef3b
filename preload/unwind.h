/* SPDX-License-Identifier: MIT */
/*
 * The stack of the calling event: walked from the hook outwards with learnt rules, as far as it is not the thread's last one (unwind.c).
 * Reads only what a fresh CFI walk would read.  At most 1 KiB of the program's stack is used; frames go to per-thread memory.
 */
#ifndef PRELOAD_UNWIND_H
#define PRELOAD_UNWIND_H

#include <stddef.h>
#include <stdint.h>

#include "guard.h"
#include "modules.h"
#include "stacks.h"
#include "unwind-cache.h"

/* The frame record of the function that this stands in: what unwind_stack() starts from. */
#define UNWIND_FRAME ((const uintptr_t *)__builtin_frame_address(0))

/* The id of the stack from the caller of the function with this frame record outwards, frames of libheapdelta.so left out.  Only for
 * depth == 1 (guard.h).  Never fails: a stack that cannot be walked to its end is truncated and counted, one that finds no room is the
 * special `[stack lost]`.  Before rules_start() it is that caller alone. */
uint32_t unwind_stack(const uintptr_t *frame);

/* The same if the stack is wholly the thread's last one or an outer part of it, and proven so; STACK_ROOT: ask unwind_stack(). */
static inline __attribute__((always_inline)) uint32_t unwind_kept_stack(const uintptr_t *frame)
{
	const struct thread_memory *memory = thread_state.memory;
	struct rule_state state;
	if (!memory || memory->unloads != modules_unloads() || !unwind_start(&state, frame))
		return STACK_ROOT;
	const struct frame *end = memory->frames + memory->count;
	const struct frame *met = unwind_met(memory, state, &end);
	return met ? met->node : STACK_ROOT;
}

/* Frames recorded at most (HEAPDELTA_NFRAME); 0 = all, up to 65535. */
void unwind_set_limit(uint32_t nframe);

/* Forget the calling thread's cached stack: its nodes are of other tables.  Before the first stack in a process. */
void unwind_forget(void);

/* The return addresses of a stack, innermost first, causes such as `[truncated]` left out: at most `room` are written; returns how many
 * there are.  Any thread, any time. */
size_t unwind_addresses(uint32_t stack, uintptr_t *addresses, size_t room);

#endif
