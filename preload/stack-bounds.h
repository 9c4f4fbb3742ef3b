/* SPDX-License-Identifier: MIT */
/*
 * How far the calling thread's own stack is known to be readable.  Only frame-pointer guesses need it; frames with CFI are read without.
 * Known are the ends: __libc_stack_end for the main thread, the thread pointer for others (the C library puts the thread's control block
 * at its stack's top).  What lies below is proven page by page, once.  On alternate and coroutine stacks nothing is known.
 */
#ifndef PRELOAD_STACK_BOUNDS_H
#define PRELOAD_STACK_BOUNDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct stack_bounds {
	uintptr_t top;     /* end of the stack, 0: not known */
	uintptr_t low;     /* [low, top) is readable */
	uintptr_t refused; /* what lies below is not this thread's stack */
};

/* For the calling thread, once. */
void stack_bounds_init(struct stack_bounds *bounds);

/* True when [address, address + size) lies in the calling thread's stack, at or above its stack pointer `sp`. */
bool stack_bounds_hold(struct stack_bounds *bounds, uintptr_t sp, uintptr_t address, size_t size);

#endif
