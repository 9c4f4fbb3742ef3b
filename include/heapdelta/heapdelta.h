/* SPDX-License-Identifier: MIT */
/*
 * heapdelta's in-process API: tracemalloc's functions for a program that may or may not run under libheapdelta.so.
 *
 * Header only.  Nothing has to be linked, nothing is needed at run time: without the preloaded library every call is a no-op that costs one
 * load and one indirect call, and says so in its result.  C (C99 on) and C++ (C++11 on), PIE, non-PIE and static programs, gcc and clang.
 *
 *	#include <heapdelta/heapdelta.h>
 *
 *	heapdelta_take_snapshot("before");
 *	serve(request);
 *	heapdelta_take_snapshot("after");        then:  heapdelta diff heapdelta.server.4711.before.hds heapdelta.server.4711.after.hds
 *
 * All functions may be called by any thread at any time, without any lock held or taken, also inside signal handlers, and keep errno.
 * They act on the whole process.  Sizes are bytes as the program asked for them, without the allocator's or the tracer's own overhead.
 */
#ifndef HEAPDELTA_HEAPDELTA_H
#define HEAPDELTA_HEAPDELTA_H

#include <errno.h>
#include <stddef.h>
#include <stdint.h>

#define HEAPDELTA_API_VERSION 1

#define HEAPDELTA_NO_MEMORY (-1)             /* no room in the tracer's tables */
#define HEAPDELTA_NOT_TRACING (-2)           /* recording is off, or the library is not preloaded */
#define HEAPDELTA_UNKNOWN_BLOCK (-3)         /* no record of a block at this address */
#define HEAPDELTA_TRACEBACK_LIMIT_MAX 65535u /* frames of a stack that are recorded at most */

#ifdef __cplusplus
extern "C" {
#endif

/*
 * The library's functions as this header finds them.  Members are only ever added at the end; `size` tells how many there are.
 * Programs in other languages look the functions up by name instead (heapdelta_start, heapdelta_take_snapshot, …, with the same types).
 */
struct heapdelta_api {
	uint32_t version;
	uint32_t size;
	int (*start)(unsigned nframe);
	void (*stop)(void);
	int (*is_tracing)(void);
	void (*clear_traces)(void);
	void (*reset_peak)(void);
	int (*get_traced_memory)(size_t *current, size_t *peak);
	unsigned (*get_traceback_limit)(void);
	size_t (*get_tracer_memory)(void);
	int (*take_snapshot)(const char *label);
	int (*get_object_traceback)(const void *ptr, void **frames, int room);
	int (*track)(unsigned domain, const void *ptr, size_t size);
	int (*untrack)(unsigned domain, const void *ptr);
	int (*mark)(const char *name);
};

#ifdef HEAPDELTA_API_PROVIDER /* the library itself */

extern const struct heapdelta_api heapdelta_api;
int heapdelta_start(unsigned nframe);
void heapdelta_stop(void);
int heapdelta_is_tracing(void);
void heapdelta_clear_traces(void);
void heapdelta_reset_peak(void);
int heapdelta_get_traced_memory(size_t *current, size_t *peak);
unsigned heapdelta_get_traceback_limit(void);
size_t heapdelta_get_tracer_memory(void);
int heapdelta_take_snapshot(const char *label);
int heapdelta_get_object_traceback(const void *ptr, void **frames, int room);
int heapdelta_track(unsigned domain, const void *ptr, size_t size);
int heapdelta_untrack(unsigned domain, const void *ptr);
int heapdelta_mark(const char *name);

#else

/* ---- How the library is found ------------------------------------------------------------------------------------------------ */

/*
 * The address of the library's table, NULL when it is not there.  A weak C reference would not do: in a program that is not PIE the
 * linker resolves it to 0 for good.  A load from the global offset table is filled in by the loader in every kind of program.  Other
 * processors ask dlsym each time; so does a program that defines HEAPDELTA_USE_DLSYM, for linkers that are told to bind every weak symbol
 * (-z nodynamic-undefined-weak).
 */
#if defined(__linux__) && defined(__x86_64__) && defined(__LP64__) && !defined(HEAPDELTA_USE_DLSYM)
static inline const struct heapdelta_api *heapdelta_find_(void)
{
	const struct heapdelta_api *table;
	__asm__(".weak heapdelta_api\n\t"
		"{movq heapdelta_api@GOTPCREL(%%rip), %0|mov %0, QWORD PTR heapdelta_api@GOTPCREL[rip]}"
		: "=r"(table));
	return table;
}
#elif defined(__linux__) && defined(__aarch64__) && defined(__LP64__) && !defined(HEAPDELTA_USE_DLSYM)
static inline const struct heapdelta_api *heapdelta_find_(void)
{
	const struct heapdelta_api *table;
	__asm__(".weak heapdelta_api\n\t"
		"adrp %0, :got:heapdelta_api\n\t"
		"ldr %0, [%0, :got_lo12:heapdelta_api]"
		: "=&r"(table));
	return table;
}
#elif defined(__linux__)
#ifdef __cplusplus
} /* dlfcn.h may hold C++ declarations */
#endif
#include <dlfcn.h>
#ifdef __cplusplus
extern "C" {
#endif
static inline const struct heapdelta_api *heapdelta_find_(void)
{
	return (const struct heapdelta_api *)dlsym((void *)0 /* RTLD_DEFAULT */, "heapdelta_api");
}
#else
static inline const struct heapdelta_api *heapdelta_find_(void)
{
	return NULL;
}
#endif

/* ---- What stands in for it --------------------------------------------------------------------------------------------------- */

static inline int heapdelta_absent_start_(unsigned nframe)
{
	(void)nframe;
	return HEAPDELTA_NOT_TRACING;
}
static inline void heapdelta_absent_nothing_(void)
{
}
static inline int heapdelta_absent_is_tracing_(void)
{
	return 0;
}
static inline int heapdelta_absent_get_traced_memory_(size_t *current, size_t *peak)
{
	if (current)
		*current = 0;
	if (peak)
		*peak = 0;
	return HEAPDELTA_NOT_TRACING;
}
static inline unsigned heapdelta_absent_get_traceback_limit_(void)
{
	return 0;
}
static inline size_t heapdelta_absent_get_tracer_memory_(void)
{
	return 0;
}
static inline int heapdelta_absent_take_snapshot_(const char *label)
{
	(void)label;
	return -ENODATA;
}
static inline int heapdelta_absent_get_object_traceback_(const void *ptr, void **frames, int room)
{
	(void)ptr;
	(void)frames;
	(void)room;
	return HEAPDELTA_NOT_TRACING;
}
static inline int heapdelta_absent_track_(unsigned domain, const void *ptr, size_t size)
{
	(void)domain;
	(void)ptr;
	(void)size;
	return HEAPDELTA_NOT_TRACING;
}
static inline int heapdelta_absent_untrack_(unsigned domain, const void *ptr)
{
	(void)domain;
	(void)ptr;
	return HEAPDELTA_NOT_TRACING;
}

static inline int heapdelta_absent_mark_(const char *name)
{
	(void)name;
	return HEAPDELTA_NOT_TRACING;
}

/* The library's table, or one of no-ops; also for a library that is older than this header. */
static inline const struct heapdelta_api *heapdelta_table_(void)
{
	static const struct heapdelta_api absent = {
		0,
		sizeof(struct heapdelta_api),
		heapdelta_absent_start_,
		heapdelta_absent_nothing_,
		heapdelta_absent_is_tracing_,
		heapdelta_absent_nothing_,
		heapdelta_absent_nothing_,
		heapdelta_absent_get_traced_memory_,
		heapdelta_absent_get_traceback_limit_,
		heapdelta_absent_get_tracer_memory_,
		heapdelta_absent_take_snapshot_,
		heapdelta_absent_get_object_traceback_,
		heapdelta_absent_track_,
		heapdelta_absent_untrack_,
		heapdelta_absent_mark_,
	};
	const struct heapdelta_api *table = heapdelta_find_();
	return table && table->size >= sizeof(struct heapdelta_api) ? table : &absent;
}

/* ---- The functions ----------------------------------------------------------------------------------------------------------- */

/* 1 when the library is loaded, whether or not it is recording; else 0. */
static inline int heapdelta_available(void)
{
	return heapdelta_table_()->version != 0;
}

/*
 * Begin recording; blocks that exist already stay unknown.  `nframe`: innermost frames of each stack to record, 1 to 65535, or 0 for all.
 * When recording is on already, nothing happens and the limit stays as it is.  (The library records from the program's start unless
 * HEAPDELTA_START=0.)  0; -EINVAL: nframe is too large, nothing changed; HEAPDELTA_NO_MEMORY: no tables could be made;
 * HEAPDELTA_NOT_TRACING: not preloaded.
 */
static inline int heapdelta_start(unsigned nframe)
{
	return heapdelta_table_()->start(nframe);
}

/* End recording and forget every block: current and peak become 0.  The limit survives.  No-op when recording is off. */
static inline void heapdelta_stop(void)
{
	heapdelta_table_()->stop();
}

/* 1 while new blocks are recorded, else 0, also while recording is paused (`heapdelta stop PID`). */
static inline int heapdelta_is_tracing(void)
{
	return heapdelta_table_()->is_tracing();
}

/*
 * Forget every block and go on recording: current and peak become 0, later frees of forgotten blocks are ignored.  No-op when recording
 * is off.
 */
static inline void heapdelta_clear_traces(void)
{
	heapdelta_table_()->clear_traces();
}

/* Let the peak begin anew at the current size.  No-op when recording is off. */
static inline void heapdelta_reset_peak(void)
{
	heapdelta_table_()->reset_peak();
}

/*
 * Bytes of all recorded blocks, in all domains: now, and at most since recording began, clear_traces or reset_peak.  Either pointer may be
 * NULL.  Exact while one thread allocates; with several the peak is exact to 64 KiB per running thread; estimates when only a sample of
 * the blocks is recorded (HEAPDELTA_SAMPLE).  0, or HEAPDELTA_NOT_TRACING with
 * both set to 0.
 */
static inline int heapdelta_get_traced_memory(size_t *current, size_t *peak)
{
	return heapdelta_table_()->get_traced_memory(current, peak);
}

/* Frames of a stack that are recorded at most, also while recording is off; 65535 when all are; 0 when not preloaded. */
static inline unsigned heapdelta_get_traceback_limit(void)
{
	return heapdelta_table_()->get_traceback_limit();
}

/* Bytes of the tracer's tables that exist in memory.  They are not part of the traced memory. */
static inline size_t heapdelta_get_tracer_memory(void)
{
	return heapdelta_table_()->get_tracer_memory();
}

/*
 * Write a snapshot of all recorded blocks, to be read by the command `heapdelta`.  The file is HEAPDELTA_OUTPUT's pattern, or
 * `heapdelta.<exe>.<pid>.hds` in the directory where the process started, with the label before its `.hds`, or, for NULL and "", a number
 * counted from 0001 (where the pattern has no %n).  In the name, characters of the label other than letters, digits, '.', '_', '+' and '-'
 * become '_'.  A default name never replaces a file, a pattern does.  Other threads go on meanwhile.
 *
 * 0; -ENODATA: not recording or not preloaded; else -errno of what failed (-ENOSPC, -EACCES, …), and nothing is left behind.
 * In a signal handler: the environment must not be changed at the same time (the name may depend on it).
 */
static inline int heapdelta_take_snapshot(const char *label)
{
	return heapdelta_table_()->take_snapshot(label);
}

/*
 * The stack that allocated the block at exactly `ptr` (malloc's memory; not a pointer into the middle): return addresses, innermost first,
 * as many as there are up to `room`.  `frames` may be NULL when room is 0.  Result: the frames of the recorded stack, which may be more
 * than `room`; HEAPDELTA_UNKNOWN_BLOCK, also for a block that is not in the sample (HEAPDELTA_SAMPLE); HEAPDELTA_NOT_TRACING.
 */
static inline int heapdelta_get_object_traceback(const void *ptr, void **frames, int room)
{
	return heapdelta_table_()->get_object_traceback(ptr, frames, room);
}

/*
 * Record a block that malloc knows nothing of: a piece of a pool, a mapping, memory of a device.  (domain, ptr) is its key; malloc's own
 * blocks are domain 0, so take another number for each kind.  Any pointer and size will do, nothing is dereferenced.  A key that is known
 * already gets the new size and stack.  With HEAPDELTA_SAMPLE, domains other than 0 are recorded completely all the same.  The recorded
 * stack begins with the caller's line, which is why this is a macro.
 * 0; HEAPDELTA_NO_MEMORY; HEAPDELTA_NOT_TRACING.
 *
 * int heapdelta_track(unsigned domain, const void *ptr, size_t size);
 */
#define heapdelta_track(domain, ptr, size) (heapdelta_table_()->track((domain), (ptr), (size)))

/* Forget such a block.  0, also when the key is unknown; HEAPDELTA_NOT_TRACING. */
static inline int heapdelta_untrack(unsigned domain, const void *ptr)
{
	return heapdelta_table_()->untrack(domain, ptr);
}

/*
 * Give this moment a name, as `heapdelta mark` does from outside: every snapshot carries the names and times of the last 16 marks.  47 bytes
 * of `name` are kept; control characters become '?'; NULL is "".  0, or HEAPDELTA_NOT_TRACING: not preloaded, or no tables could be made.
 */
static inline int heapdelta_mark(const char *name)
{
	return heapdelta_table_()->mark(name);
}

#endif /* HEAPDELTA_API_PROVIDER */

#ifdef __cplusplus
}
#endif

#endif
