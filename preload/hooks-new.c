/* SPDX-License-Identifier: MIT */
/*
 * C++'s operator new and delete.  libstdc++'s reach us through malloc and free, so these hooks only pass the call on (a tail jump); where one
 * object provides both (jemalloc, tcmalloc, mimalloc), new does not go through malloc and is recorded here.  They may throw: the file is
 * compiled with -fexceptions and no guard is held across the real call.
 */
#include <stdint.h>

#include "real.h"
#include "tracker.h"
#include "unwind.h"

#define HOOK __attribute__((visibility("default")))
#define unlikely(condition) __builtin_expect(!!(condition), 0)

static inline void *target(enum real_new which)
{
	void *function = real_new[which];
	return unlikely(!function) ? real_new_find(which) : function;
}

/* Without a C++ library in the process nothing throws: malloc is what is left. */
/* NOLINTBEGIN(bugprone-macro-parentheses): the arguments are parameter lists */
#define NEW_HOOK(name, parameters, arguments) \
	HOOK void *name parameters; \
	HOOK void *name parameters \
	{ \
		void *(*function)parameters = (void *(*)parameters)target(NEW##name); \
		if (unlikely(!function)) \
			return real.malloc(size); \
		if (!real_new_is_malloc) \
			return function arguments; \
		void *block = function arguments; \
		tracker_alloc(block, size, UNWIND_FRAME); \
		return block; \
	}

#define DELETE_HOOK(name, parameters, arguments) \
	HOOK void name parameters; \
	HOOK void name parameters \
	{ \
		void(*function) parameters = (void(*) parameters)target(NEW##name); \
		if (unlikely(!function)) { \
			real.free(block); \
			return; \
		} \
		if (real_new_is_malloc) \
			tracker_free(block); \
		function arguments; \
	}

/* NOLINTEND(bugprone-macro-parentheses) */

typedef const void *nothrow;

NEW_HOOK(_Znwm, (size_t size), (size))
NEW_HOOK(_Znam, (size_t size), (size))
NEW_HOOK(_ZnwmRKSt9nothrow_t, (size_t size, nothrow tag), (size, tag))
NEW_HOOK(_ZnamRKSt9nothrow_t, (size_t size, nothrow tag), (size, tag))
NEW_HOOK(_ZnwmSt11align_val_t, (size_t size, size_t alignment), (size, alignment))
NEW_HOOK(_ZnamSt11align_val_t, (size_t size, size_t alignment), (size, alignment))
NEW_HOOK(_ZnwmSt11align_val_tRKSt9nothrow_t, (size_t size, size_t alignment, nothrow tag), (size, alignment, tag))
NEW_HOOK(_ZnamSt11align_val_tRKSt9nothrow_t, (size_t size, size_t alignment, nothrow tag), (size, alignment, tag))
DELETE_HOOK(_ZdlPv, (void *block), (block))
DELETE_HOOK(_ZdaPv, (void *block), (block))
DELETE_HOOK(_ZdlPvm, (void *block, size_t size), (block, size))
DELETE_HOOK(_ZdaPvm, (void *block, size_t size), (block, size))
DELETE_HOOK(_ZdlPvRKSt9nothrow_t, (void *block, nothrow tag), (block, tag))
DELETE_HOOK(_ZdaPvRKSt9nothrow_t, (void *block, nothrow tag), (block, tag))
DELETE_HOOK(_ZdlPvSt11align_val_t, (void *block, size_t alignment), (block, alignment))
DELETE_HOOK(_ZdaPvSt11align_val_t, (void *block, size_t alignment), (block, alignment))
DELETE_HOOK(_ZdlPvmSt11align_val_t, (void *block, size_t size, size_t alignment), (block, size, alignment))
DELETE_HOOK(_ZdaPvmSt11align_val_t, (void *block, size_t size, size_t alignment), (block, size, alignment))
DELETE_HOOK(_ZdlPvSt11align_val_tRKSt9nothrow_t, (void *block, size_t alignment, nothrow tag), (block, alignment, tag))
DELETE_HOOK(_ZdaPvSt11align_val_tRKSt9nothrow_t, (void *block, size_t alignment, nothrow tag), (block, alignment, tag))
