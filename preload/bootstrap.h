/* SPDX-License-Identifier: MIT */
/*
 * Memory for calls that arrive before the real malloc is known: a bump pool that grows by mmap, 16-aligned, never reused.  Its blocks may
 * come back to free, realloc and malloc_usable_size at any later time.  Lock-free, async-signal-safe.
 */
#ifndef PRELOAD_BOOTSTRAP_H
#define PRELOAD_BOOTSTRAP_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Zero-filled.  NULL when there is no memory. */
void *bootstrap_alloc(size_t alignment, size_t size);

/* Around all chunks; other memory may lie there as well. */
extern _Atomic(uintptr_t) bootstrap_low __attribute__((visibility("hidden")));
extern _Atomic(uintptr_t) bootstrap_high __attribute__((visibility("hidden")));
bool bootstrap_has(const void *block);

/* True for addresses in the pool. */
static inline bool bootstrap_owns(const void *block)
{
	uintptr_t low = atomic_load_explicit(&bootstrap_low, memory_order_relaxed);
	return __builtin_expect((uintptr_t)block - low < atomic_load_explicit(&bootstrap_high, memory_order_relaxed) - low, 0) &&
	       bootstrap_has(block);
}

/* Requested size of a block of the pool. */
size_t bootstrap_size(const void *block);

#endif
