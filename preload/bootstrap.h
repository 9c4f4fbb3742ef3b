/* SPDX-License-Identifier: MIT */
/*
 * Memory for calls that arrive before the real malloc is known: a bump pool that grows by mmap, 16-aligned, never reused.  Its blocks may
 * come back to free, realloc and malloc_usable_size at any later time.  Lock-free, async-signal-safe.
 */
#ifndef PRELOAD_BOOTSTRAP_H
#define PRELOAD_BOOTSTRAP_H

#include <stdbool.h>
#include <stddef.h>

/* Zero-filled.  NULL when there is no memory. */
void *bootstrap_alloc(size_t alignment, size_t size);

/* True for addresses in the pool. */
bool bootstrap_owns(const void *block);

/* Requested size of a block of the pool. */
size_t bootstrap_size(const void *block);

#endif
