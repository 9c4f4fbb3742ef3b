/* SPDX-License-Identifier: MIT */
/*
 * The trace file of this process: create, map, grow, seal.  The tables' modules get room from it and nothing else.
 *
 * All functions are async-signal-safe, take no lock, never call malloc or stdio and leave errno as it was.
 */
#ifndef PRELOAD_TRACE_H
#define PRELOAD_TRACE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "heapdelta/trace.h"

struct trace_options {
	const char *const *directories; /* tried in order, NULL-terminated; the first with room wins */
	const char *run;                /* name of the run, or NULL: "hd" */
	const char *exe, *cwd, *output; /* stored in the header; output may be NULL */
	const char *command;            /* argv, NUL-separated */
	size_t command_size;
	const char *parent_file; /* of a fork child, or NULL */
	uint32_t image;          /* the first number to try; the header says which it became */
	uint32_t nframe;
	uint64_t sample_bytes;
	uint32_t verify;
	uint64_t reserve_bytes; /* 0: default (16 GiB, less under RLIMIT_AS / RLIMIT_FSIZE) */
	uint64_t limit_bytes;   /* 0: none; else no table grows when all of them have this size */
	uint32_t flags;         /* enum hdt_flags to start with */
	bool hold;              /* leave `alive` to the caller, who has more to prepare */
};

/* What the word at trace.alive says; TRACE_OPEN + process_number: the tables are there. */
enum trace_gate { TRACE_CLOSED, TRACE_CREATING, TRACE_OFF, TRACE_OPEN };

/*
 * The mapping.  `base` is NULL before the first creation.  From then on `alive` points into a page that the kernel wipes in every fork
 * child (MADV_WIPEONFORK): TRACE_CLOSED there = this is a child that has no trace of its own yet.  It stays open in vfork and CLONE_VM
 * children, which share the address space and are recorded as their parent.
 */
struct trace {
	uint8_t *base;
	struct hdt_header *header;
	uint8_t *areas[HDT_AREA_COUNT]; /* where each begins */
	uint64_t reserved_bytes;        /* of address space at base */
	uint64_t limit_bytes;           /* of memory, or of the disk, that the tables may take; 0: no limit */
	_Atomic(uint32_t) *alive;
	uint32_t process_number;   /* counts the fork children in this line of descent; caches carry it */
	bool is_private;           /* no file could be made: the tables die with the process */
	atomic_bool growth_closed; /* after trace_populate_ahead(): mprotect may be forbidden by now */
	int32_t owner_pid;
	char path[512]; /* of the trace file; empty when private */
};
extern struct trace trace __attribute__((visibility("hidden")));

extern _Atomic(uint32_t) trace_first_gate; /* where `alive` points before there is a page */

/* The header's word, an enum hdt_tracing; without tables one that says to go on, to where they are made.  Hidden: reached by one load. */
extern __attribute__((visibility("hidden"))) _Atomic(uint32_t) *trace_tracing;

/* Whose tables are mapped: differs in every fork child, and is less than TRACE_OPEN without tables. */
static inline uint32_t trace_epoch(void)
{
	return atomic_load_explicit(trace.alive, memory_order_relaxed);
}

/* True when the tables are mapped and belong to this address space. */
static inline bool trace_attached(void)
{
	return trace_epoch() >= TRACE_OPEN;
}

/* Everything is ready for events. */
void trace_open(void);

/* Make the file (or private tables), map it, publish the header.  Call once, and again in a fork child after trace_forget().  0, or −errno
 * when not even private memory could be had (nothing is recorded then). */
int trace_create(const struct trace_options *options);

/* In a fork child: drop the parent's mapping.  The address range is released; process_number goes up. */
void trace_forget(void);

/* In a fork child whose thread was interrupted inside an event: replace the shared mapping by a private copy at the same place, so that
 * the interrupted event ends without touching the parent's tables. */
void trace_make_private_copy(void);

/* The next of the header's marks: now, with this name, cut to what fits.  Signal-safe, any thread. */
void trace_mark(const char *name);

/* State, flags and end time of a process that passes its exit path.  Only a hint to readers. */
void trace_seal(uint32_t flags);

/* Before a seccomp filter closes mmap: make room for `bytes` more of block slots exist now, and what else as many blocks need; from then on
 * no area grows. */
void trace_populate_ahead(uint64_t bytes);

#define TRACE_NONE UINT64_MAX
/* Room for `size` bytes in an area, aligned to `align` (a power of two); the offset in the area, zero-filled memory; or TRACE_NONE when
 * the place is full.  Lock-free; the caller counts the loss. */
uint64_t trace_alloc(enum hdt_area_id area, uint64_t size, uint64_t align);

/* A copy of a string in STRINGS (`length` without the final NUL): its offset, or 0 (the empty string) when there is no room. */
uint32_t trace_string(const char *text, size_t length);

static inline void *trace_at(enum hdt_area_id area, uint64_t offset)
{
	return trace.areas[area] + offset;
}

static inline uint64_t trace_used(enum hdt_area_id area)
{
	return atomic_load_explicit(&trace.header->areas[area].used, memory_order_acquire);
}

static inline void trace_lost(enum hdt_loss loss, uint64_t count)
{
	atomic_fetch_add_explicit(&trace.header->losses[loss], count, memory_order_relaxed);
}

/* For trace.c, which makes the mapping in which trace-grow.c opens more and more:
 * the directories where a second file may be made, at most one time, and the run's name for it; NULL: none.  Copied. */
void trace_grow_places(const char *const *directories, const char *run);
/* Make a page-aligned range exist: readable, writable, no later access can fail.  False: the place is full. */
bool trace_grow_open(uint8_t *start, uint64_t bytes);

/* Anonymous private memory, zero-filled, from mmap; NULL when there is none.  `wipe`: zeros in fork children. */
void *trace_map_private(size_t bytes, bool wipe);

#endif
