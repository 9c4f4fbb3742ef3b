/* SPDX-License-Identifier: MIT */
/*
 * Loaded objects, as seen in stacks.  Found through the lock-free _dl_find_object, never dl_iterate_phdr; recorded in the trace file once
 * per load.  Async-signal-safe, any thread.
 */
#ifndef PRELOAD_MODULES_H
#define PRELOAD_MODULES_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#define MODULES_NONE 0u

/* After each trace_create(), before the first look-up.  The first call of a program notes which objects were loaded at start (one thread
 * runs then); in a fork child the objects known to the parent are recorded anew under the same numbers, so that cached rules stay valid. */
void modules_reset(void);

/* dlclose runs between these: the generation is odd meanwhile (also while several do), and stays changed afterwards. */
void modules_dlclose_begin(void);
void modules_dlclose_end(void);

/* Changes << 32 | calls of dlclose that are running; what was valid with no call running is valid while it stays the same. */
extern _Atomic(uint64_t) modules_closing __attribute__((visibility("hidden")));

static inline uint64_t modules_unloads(void)
{
	return atomic_load_explicit(&modules_closing, memory_order_acquire);
}

/* Changes whenever an object may have been unloaded; odd while one may be right now. */
static inline uint32_t modules_generation(void)
{
	uint64_t seen = modules_unloads();
	return (uint32_t)(seen >> 32) << 1 | ((uint32_t)seen != 0);
}

/* The record of the object at `pc`, made if it is new; MODULES_NONE when there is none (JIT code) or no room.  The object must be in use
 * (a frame of it is on the stack): its name and notes are read. */
uint32_t modules_find(uintptr_t pc);

/* Was the module found (modules_find) in this generation, an even one?  Then it is loaded throughout it, wherever it was. */
enum { MODULES_CURRENT = 1 << 16 };
extern _Atomic(uint32_t) modules_seen[MODULES_CURRENT]; /* + 1 */
static inline bool modules_is_current(uint32_t module, uint32_t generation)
{
	return module < MODULES_CURRENT && atomic_load_explicit(&modules_seen[module], memory_order_relaxed) == generation + 1;
}

/* Objects that are never unloaded (loaded at start): what is known about them holds even while the generation is odd. */
bool modules_is_permanent(uint32_t module);

/* True for addresses in libheapdelta.so itself; never for a program that the code is linked into. */
struct modules_range {
	uintptr_t start, end;
};
extern struct modules_range modules_tracer;
static inline bool modules_is_tracer(uintptr_t pc)
{
	return pc - modules_tracer.start < modules_tracer.end - modules_tracer.start;
}

#endif
