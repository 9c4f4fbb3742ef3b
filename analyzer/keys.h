/* SPDX-License-Identifier: MIT */
/*
 * What stacks are grouped by, as numbers: a key is a list of frames (file, line, perhaps function), outermost first, and equal lists are one
 * number, for all snapshots of one command.  Lists share their beginnings, so that a million stacks take the room of their trie.  Not
 * thread-safe.
 */
#ifndef ANALYZER_KEYS_H
#define ANALYZER_KEYS_H

#include <stddef.h>
#include <stdint.h>

struct keys;

#define KEYS_NONE UINT32_MAX
#define KEYS_EMPTY 0 /* the list without frames */

struct keys *keys_new(void); /* NULL: out of memory */
void keys_free(struct keys *keys);

/* The number of a frame; the strings are interned, `function` may be NULL.  KEYS_NONE: out of memory. */
uint32_t keys_frame(struct keys *keys, const char *file, uint32_t line, const char *function);
/* The list `outer` with one more frame at its inner end.  KEYS_NONE: out of memory. */
uint32_t keys_list(struct keys *keys, uint32_t outer, uint32_t frame);
/* Lists, and frames, so far: all their numbers are below. */
size_t keys_count(const struct keys *keys);
size_t keys_frames(const struct keys *keys);
/* A list without its innermost frame, and that frame.  Not of KEYS_EMPTY. */
uint32_t keys_outer(const struct keys *keys, uint32_t list);
uint32_t keys_inner(const struct keys *keys, uint32_t list);

/*
 * tracemalloc's order of tracebacks: frame by frame from the oldest, (file by bytes, line, then function), a strict prefix is smaller.  Takes
 * time proportional to the logarithm of the lists' lengths.
 */
int keys_compare(struct keys *keys, uint32_t a, uint32_t b);

/* Steps that all comparisons have taken, for tests of their number. */
size_t keys_steps(const struct keys *keys);

#endif
