/* SPDX-License-Identifier: MIT */
/*
 * The stack of the calling event: walks from the hook outwards with learnt rules and interns the frames.  Reads only what a fresh CFI
 * walk would read.  At most 1 KiB of the program's stack is used; frames go to per-thread memory.
 *
 * Per-thread memory: one page, found by the address of the thread's thread_state, so a new thread in the place of a dead one takes it
 * over.  Its frame arrays grow by doubling (65 535 frames: 2 MiB) and stay at the size that the deepest stack needed.
 */
#ifndef PRELOAD_UNWIND_H
#define PRELOAD_UNWIND_H

#include <stddef.h>
#include <stdint.h>

/* The stack id of the current call, frames of libheapdelta.so left out.  Only for depth == 1 (guard.h).  Never fails: a stack that cannot
 * be walked to its end is truncated and counted, one that finds no room is the special `[stack lost]`.  Before rules_start() it is the
 * caller of the hook alone. */
uint32_t unwind_stack(void);

/* Frames recorded at most (HEAPDELTA_NFRAME); 0 = all, up to 65535. */
void unwind_set_limit(uint32_t nframe);

/* Forget the calling thread's cached stack. */
void unwind_forget(void);

/* The return addresses of a stack, innermost first, causes such as `[truncated]` left out: at most `room` are written; returns how many
 * there are.  Any thread, any time. */
size_t unwind_addresses(uint32_t stack, uintptr_t *addresses, size_t room);

#endif
