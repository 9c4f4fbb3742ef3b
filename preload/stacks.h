/* SPDX-License-Identifier: MIT */
/*
 * The stack table: a trie of frames, root first, in the trace file.  A stack is the id of its innermost node; nothing is ever removed.
 * Lock-free, async-signal-safe, any thread.
 */
#ifndef PRELOAD_STACKS_H
#define PRELOAD_STACKS_H

#include <stdint.h>

#include "heapdelta/trace.h"

#define STACK_ROOT 0u

/* The child of `parent` with this frame, made if it is new; STACK_ROOT when there is no room. */
uint32_t stacks_child(uint32_t parent, uint64_t address, uint32_t module, uint32_t flags);

/* The root's child that stands for a cause (`[during tracing]`, …).  STACK_ROOT when there is no room. */
uint32_t stacks_special(enum hdt_special special);

/* The totals of a stack, made if there are none; NULL when there is no room or node is STACK_ROOT. */
struct hdt_totals *stacks_totals(uint32_t node);

#endif
