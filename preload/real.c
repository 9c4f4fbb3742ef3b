/* SPDX-License-Identifier: MIT */
/*
 * Symbol look-ups.  In: nothing.  Out: struct real, filled before it is published by `state`.  dlsym allocates (its error text), and that
 * call comes back to us while the look-up runs: state says so, and bootstrap.c serves it.  A failed dlsym leaves a message that the program
 * would find with dlerror(); a look-up that succeeds takes it away.  dlerror itself would translate it, and waits for ever for the locale's
 * lock if the program's first allocation comes from within newlocale.
 */
#include "real.h"

#include <dlfcn.h>
#include <stdatomic.h>

struct real real;
void *real_new[REAL_NEW_COUNT];
bool real_new_is_malloc;

enum { NOT_YET, RESOLVING, RESOLVED };
static _Atomic(int) state;

static void forget_error(void)
{
	(void)dlsym(RTLD_NEXT, "malloc");
}

static void *find(const char *name)
{
	void *function = dlsym(RTLD_NEXT, name);
	if (!function)
		forget_error();
	return function;
}

/* The object that a function lives in. */
static const void *object_of(void *function)
{
	Dl_info info;
	return function && dladdr(function, &info) ? info.dli_fbase : NULL;
}

static void resolve_all(void)
{
	const struct {
		void **function;
		const char *name;
	} names[] = {
		{(void **)&real.calloc, "calloc"},
		{(void **)&real.realloc, "realloc"},
		{(void **)&real.free, "free"},
		{(void **)&real.posix_memalign, "posix_memalign"},
		{(void **)&real.aligned_alloc, "aligned_alloc"},
		{(void **)&real.memalign, "memalign"},
		{(void **)&real.valloc, "valloc"},
		{(void **)&real.pvalloc, "pvalloc"},
		{(void **)&real.malloc_usable_size, "malloc_usable_size"},
		{(void **)&real.dlclose, "dlclose"},
		{(void **)&real.malloc, "malloc"},
	};
	for (size_t n = 0; n < sizeof(names) / sizeof(names[0]); n++)
		*names[n].function = find(names[n].name);
	void *operator_new = find("_Znwm");
	real_new_is_malloc = operator_new && object_of(operator_new) == object_of((void *)real.malloc);
}

bool real_resolve(void)
{
	int seen = NOT_YET;
	if (atomic_compare_exchange_strong(&state, &seen, RESOLVING)) {
		resolve_all();
		atomic_store(&state, RESOLVED);
		return true;
	}
	return seen == RESOLVED;
}

void *real_late(enum real_late which)
{
	static const char *const names[REAL_LATE_COUNT] = {
		"_Fork", "execve", "execveat", "fexecve", "execvpe", "posix_spawn", "posix_spawnp", "prctl", "pthread_create", "_exit",
	};
	static _Atomic(void *) found[REAL_LATE_COUNT];
	void *function = atomic_load_explicit(&found[which], memory_order_acquire);
	if (!function) {
		function = find(names[which]);
		atomic_store_explicit(&found[which], function, memory_order_release);
	}
	return function;
}

void real_resolve_late(void)
{
	for (int which = 0; which < REAL_LATE_COUNT; which++)
		(void)real_late((enum real_late)which);
}

/* A plugin's private C++ library is not in the global scope that RTLD_NEXT searches, but it is loaded. */
static void *find_in_cxx_library(const char *name)
{
	static const char *const libraries[] = {"libstdc++.so.6", "libc++.so.1"};
	for (size_t n = 0; n < sizeof(libraries) / sizeof(libraries[0]); n++) {
		void *library = dlopen(libraries[n], RTLD_LAZY | RTLD_NOLOAD);
		void *function = library ? dlsym(library, name) : NULL;
		if (library)
			dlclose(library);
		if (function)
			return function;
		forget_error();
	}
	return NULL;
}

#define REAL_NEW_NAME(name) #name,
void *real_new_find(enum real_new which)
{
	static const char *const names[REAL_NEW_COUNT] = {REAL_NEW_LIST(REAL_NEW_NAME)};
	void *function = find(names[which]);
	if (!function)
		function = find_in_cxx_library(names[which]);
	real_new[which] = function;
	return function;
}
