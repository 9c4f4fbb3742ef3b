/* SPDX-License-Identifier: MIT */
/*
 * The functions behind ours: what the program would have called without us, found once by dlsym(RTLD_NEXT).  Calls that arrive while that
 * look-up runs (dlsym itself allocates) are served by bootstrap.c.
 */
#ifndef PRELOAD_REAL_H
#define PRELOAD_REAL_H

#include <spawn.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct real {
	void *(*malloc)(size_t);
	void *(*calloc)(size_t, size_t);
	void *(*realloc)(void *, size_t);
	void (*free)(void *);
	int (*posix_memalign)(void **, size_t, size_t);
	void *(*aligned_alloc)(size_t, size_t);
	void *(*memalign)(size_t, size_t);
	void *(*valloc)(size_t);
	void *(*pvalloc)(size_t);
	size_t (*malloc_usable_size)(void *);
	int (*dlclose)(void *);
};
extern struct real real __attribute__((visibility("hidden")));

/* The rest: rare, and absent in some C libraries. */
enum real_late {
	REAL_FORK_ONLY, /* _Fork */
	REAL_EXECVE,
	REAL_EXECVEAT,
	REAL_FEXECVE,
	REAL_EXECVPE,
	REAL_POSIX_SPAWN,
	REAL_POSIX_SPAWNP,
	REAL_PRCTL,
	REAL_PTHREAD_CREATE,
	REAL_EXIT_NOW, /* _exit */
	REAL_LATE_COUNT
};
/* Find them all, from the constructor: later calls may come from signal handlers and vfork children, where nobody may ask the loader. */
void real_resolve_late(void);
/* NULL: the C library has no such function. */
void *real_late(enum real_late which);

/* Find the functions.  False while the look-up is running (in this or another thread): use bootstrap.c. */
bool real_resolve(void);

/*
 * operator new and delete, by their mangled names, in the order of REAL_NEW_LIST.  `real_new_is_malloc`: the object that provides malloc
 * also provides operator new (jemalloc, tcmalloc, mimalloc), so that new does not reach us through malloc and must be recorded itself.
 */
/* clang-format off */
#define REAL_NEW_LIST(X) \
	X(_Znwm) \
	X(_Znam) \
	X(_ZnwmRKSt9nothrow_t) \
	X(_ZnamRKSt9nothrow_t) \
	X(_ZnwmSt11align_val_t) \
	X(_ZnamSt11align_val_t) \
	X(_ZnwmSt11align_val_tRKSt9nothrow_t) \
	X(_ZnamSt11align_val_tRKSt9nothrow_t) \
	X(_ZdlPv) \
	X(_ZdaPv) \
	X(_ZdlPvm) \
	X(_ZdaPvm) \
	X(_ZdlPvRKSt9nothrow_t) \
	X(_ZdaPvRKSt9nothrow_t) \
	X(_ZdlPvSt11align_val_t) \
	X(_ZdaPvSt11align_val_t) \
	X(_ZdlPvmSt11align_val_t) \
	X(_ZdaPvmSt11align_val_t) \
	X(_ZdlPvSt11align_val_tRKSt9nothrow_t) \
	X(_ZdaPvSt11align_val_tRKSt9nothrow_t)
/* clang-format on */
#define REAL_NEW_ENUM(name) NEW##name,
enum real_new { REAL_NEW_LIST(REAL_NEW_ENUM) REAL_NEW_COUNT };
extern void *real_new[REAL_NEW_COUNT];
extern bool real_new_is_malloc;

/* Fill real_new[which] at the first use; NULL: no C++ library is loaded. */
void *real_new_find(enum real_new which);

#endif
