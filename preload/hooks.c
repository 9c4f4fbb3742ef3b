/* SPDX-License-Identifier: MIT */
/*
 * libc's allocation entry points.  In: every call of the program and its libraries.  Out: the same call to the real function, and an event
 * for tracker.c in the order that keeps the table right: put in after the real allocation, taken out before the real free.
 *
 * Every hook has one shape: while the real functions are not known (the look-up itself allocates) the early pool serves the call; else the
 * real call with the event beside it.  Results, alignment, overflow checks and errno stay libc's.  A stack begins at the caller of the
 * hook, so what hooks share is inlined into them.
 *
 * In sampled recording most calls are of no interest and go straight on, before anything is saved or set up: the hooks that matter are in two
 * parts, the second of which is jumped to and has the frame.  The first is laid out for sampling, where a branch that is not taken is a
 * good part of its cost; beside a whole event nobody sees the one that is.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bootstrap.h"
#include "guard.h"
#include "real.h"
#include "sampling.h"
#include "tracker-quick.h"
#include "tracker.h"
#include "unwind.h"

#define HOOK __attribute__((visibility("default")))
#define FIRST_PART HOOK __attribute__((aligned(64)))
#define SECOND_PART static __attribute__((noinline))
#define likely(condition) __builtin_expect(!!(condition), 1)
#define unlikely(condition) __builtin_expect(!!(condition), 0)

/* False: the look-up of the real functions is running; serve the call from the early pool. */
#define READY() (!unlikely(!tracker_started) || tracker_boot((uintptr_t)__builtin_return_address(0)))

/* glibc's declarations carry attributes that say `p` is never NULL or reused; these prototypes say only what the callers pass. */
HOOK void cfree(void *block);
HOOK void free_sized(void *block, size_t size);
HOOK void free_aligned_sized(void *block, size_t alignment, size_t size);
HOOK void *memalign(size_t alignment, size_t size);
HOOK void *valloc(size_t size);
HOOK void *pvalloc(size_t size);
HOOK size_t malloc_usable_size(void *block);

static void *early(size_t alignment, size_t size)
{
	void *block = bootstrap_alloc(alignment, size);
	if (!block)
		errno = ENOMEM;
	return block;
}

static inline __attribute__((always_inline)) void *allocate(size_t size)
{
	if (!READY())
		return early(1, size);
	return tracker_alloc_quickly(real.malloc(size), size);
}

SECOND_PART void *malloc_unskipped(size_t size)
{
	return allocate(size);
}

FIRST_PART void *malloc(size_t size)
{
	return likely(sampling_skips(&thread_state, size)) || tracker_passes_over(&thread_state) ? real.malloc(size)
												 : malloc_unskipped(size);
}

SECOND_PART void *calloc_unskipped(size_t count, size_t size)
{
	size_t bytes;
	bool overflow = __builtin_mul_overflow(count, size, &bytes);
	if (!READY())
		return overflow ? (errno = ENOMEM, NULL) : early(1, bytes);
	return tracker_alloc_quickly(real.calloc(count, size), bytes);
}

FIRST_PART void *calloc(size_t count, size_t size)
{
	size_t bytes;
	bool skipped = !__builtin_mul_overflow(count, size, &bytes) && sampling_skips(&thread_state, bytes);
	return likely(skipped) || tracker_passes_over(&thread_state) ? real.calloc(count, size) : calloc_unskipped(count, size);
}

/* Of any kind.  Jumped to. */
SECOND_PART __attribute__((cold)) void free_slowly(void *block)
{
	if (unlikely(bootstrap_owns(block)))
		return;
	if (!READY())
		return; /* nothing but the early pool can have given it out, so it is NULL */
	tracker_free(block);
	real.free(block);
}

SECOND_PART __attribute__((cold)) void free_and_fold(void *block)
{
	real.free(tracker_fold(block));
}

/* What has a record is no block of the early pool, and the tracker has begun. */
SECOND_PART void free_unskipped(void *block)
{
	bool fold;
	if (unlikely(!tracker_free_quickly(block, &fold)))
		free_slowly(block);
	else if (unlikely(fold))
		free_and_fold(block);
	else
		real.free(block);
}

SECOND_PART void free_unrecorded(void *block)
{
	if (likely(!bootstrap_owns(block)))
		real.free(block);
}

FIRST_PART void free(void *block)
{
	if (likely(sampling_knows_not(&thread_state, block)))
		real.free(block);
	else if (likely(tracker_wants_frees()))
		free_unskipped(block);
	else
		free_unrecorded(block);
}

static inline bool skips(size_t size)
{
	return sampling_skips(&thread_state, size) || tracker_passes_over(&thread_state);
}

static inline __attribute__((always_inline)) void *change_size(void *block, size_t size)
{
	if (!block)
		return skips(size) ? real.malloc(size) : allocate(size);
	if (unlikely(bootstrap_owns(block))) {
		/* A block of the early pool moves to the real heap: it was never recorded, its successor is. */
		size_t old_size = bootstrap_size(block);
		void *moved = skips(size) ? real.malloc(size) : allocate(size);
		return moved ? memcpy(moved, block, old_size < size ? old_size : size) : NULL;
	}
	if (!READY())
		return NULL;
	struct tracker_realloc event;
	tracker_realloc_begin(&event, block);
	void *result = real.realloc(block, size);
	tracker_realloc_end(&event, result, size, UNWIND_FRAME);
	return result;
}

SECOND_PART void *realloc_unskipped(void *block, size_t size)
{
	return change_size(block, size);
}

FIRST_PART void *realloc(void *block, size_t size)
{
	bool skipped = block && sampling_knows_not(&thread_state, block) && sampling_skips(&thread_state, size);
	return likely(skipped) ? real.realloc(block, size) : realloc_unskipped(block, size);
}

/* libc's own calls realloc through the PLT and would be seen twice. */
HOOK void *reallocarray(void *block, size_t count, size_t size)
{
	size_t bytes;
	if (__builtin_mul_overflow(count, size, &bytes)) {
		errno = ENOMEM;
		return NULL;
	}
	return change_size(block, bytes);
}

HOOK int posix_memalign(void **result, size_t alignment, size_t size)
{
	if (!READY()) {
		*result = bootstrap_alloc(alignment, size);
		return *result ? 0 : ENOMEM;
	}
	int status = real.posix_memalign(result, alignment, size);
	if (status == 0)
		tracker_alloc(*result, size, UNWIND_FRAME);
	return status;
}

HOOK void *aligned_alloc(size_t alignment, size_t size)
{
	if (!READY())
		return early(alignment, size);
	void *block = real.aligned_alloc(alignment, size);
	tracker_alloc(block, size, UNWIND_FRAME);
	return block;
}

HOOK void *memalign(size_t alignment, size_t size)
{
	if (!READY())
		return early(alignment, size);
	void *block = real.memalign(alignment, size);
	tracker_alloc(block, size, UNWIND_FRAME);
	return block;
}

HOOK void *valloc(size_t size)
{
	if (!READY())
		return early((size_t)sysconf(_SC_PAGESIZE), size);
	void *block = real.valloc(size);
	tracker_alloc(block, size, UNWIND_FRAME);
	return block;
}

HOOK void *pvalloc(size_t size)
{
	if (!READY())
		return early((size_t)sysconf(_SC_PAGESIZE), size);
	void *block = real.pvalloc(size);
	tracker_alloc(block, size, UNWIND_FRAME);
	return block;
}

/* The sized and obsolete forms of free are free by their standards, and every allocator accepts that. */
HOOK void cfree(void *block)
{
	free(block);
}

HOOK void free_sized(void *block, size_t size)
{
	(void)size;
	free(block);
}

HOOK void free_aligned_sized(void *block, size_t alignment, size_t size)
{
	(void)alignment;
	(void)size;
	free(block);
}

HOOK size_t malloc_usable_size(void *block)
{
	if (unlikely(bootstrap_owns(block)))
		return bootstrap_size(block);
	return READY() ? real.malloc_usable_size(block) : 0;
}
