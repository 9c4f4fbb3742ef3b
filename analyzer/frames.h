/* SPDX-License-Identifier: MIT */
/*
 * A stack as the list of its frames, innermost first, inlined functions expanded: what keys, filters and attribution work on.
 */
#ifndef ANALYZER_FRAMES_H
#define ANALYZER_FRAMES_H

#include <stdint.h>

#include "runtime-names.h"
#include "snapshot.h"

struct frame {
	const char *file;     /* what tracemalloc calls the filename: source file; else "libfoo.so.3(foo_open+0x1c)", "libfoo.so.3+0x1c40",
				 "[jit](py::handle:/app/server.py)", "[anon]", "[during tracing]", "[unknown]", "<unknown>"; interned, never NULL */
	const char *function; /* NULL: unknown */
	const char *module;   /* path, NULL: none */
	uint32_t line;        /* 0: unknown */
	uint32_t location;    /* index in snapshot->locations, UINT32_MAX: none */
	uint32_t node;        /* 0: a stack without frames */
	uint32_t flags;       /* enum frame_flags, and enum name_kind of the function */
};

enum frame_flags {
	FRAME_PSEUDO = 1 << 16,    /* no frame of the program: "[truncated]", "[during tracing]", … */
	FRAME_SYSTEM = 1 << 17,    /* in a system include directory */
	FRAME_RUNTIME = 1 << 18,   /* in a module of the C or C++ runtime */
	FRAME_CPLUSPLUS = 1 << 19, /* in libstdc++ */
	FRAME_NO_FILE = 1 << 20,   /* in a module, and `file` is composed from its name */
};

struct frames {
	struct frame *list;
	size_t count, room;
	uint32_t total_nframe; /* true depth: ≥ count */
};

void frames_init(struct frames *frames);
void frames_release(struct frames *frames);
/* Room for `count`; 0 or −1. */
int frames_reserve(struct frames *frames, size_t count);

/* Frames that a node stands for: one, or one per location. */
static inline uint32_t frames_of_node(const struct snapshot *snapshot, uint32_t node)
{
	uint32_t count = snapshot_address_of(snapshot, node)->location_count;

	return count ? count : 1;
}

/* One of them, 0 being the innermost; of node 0 ("no stack is known") it is ("<unknown>", 0).  −1: out of memory. */
int frame_at(struct frame *frame, const struct snapshot *snapshot, uint32_t node, uint32_t index);

/* Fill `frames` with those of a stack, at most `nframe` innermost ones (0: all).  A stack without frames becomes ("<unknown>", 0).  −1: out
 * of memory. */
int frames_of(struct frames *frames, const struct snapshot *snapshot, const struct stack *stack, uint32_t nframe);

/* The flags that follow from a frame's names, each of which may be NULL. */
uint32_t frame_flags(const char *file, const char *function, const char *module);

#endif
