/* SPDX-License-Identifier: MIT */
/*
 * Records of blocks that fit no slot (other domains, odd addresses), and the sizes of blocks too large for one: EXTRAS in the trace file.
 * The slow path of blocks.c, its only user.  Lock-free, async-signal-safe, any thread.
 */
#ifndef PRELOAD_EXTRAS_H
#define PRELOAD_EXTRAS_H

#include <stdbool.h>
#include <stdint.h>

#include "heapdelta/trace.h"

/* As a key: state, domain and address count, and size unless it is EXTRA_ANY_SIZE. */
struct extra {
	uint64_t address, size;
	uint32_t domain, stack;
	enum hdt_extra_state state;
};
#define EXTRA_ANY_SIZE UINT64_MAX

/* False: no room. */
bool extras_put(const struct extra *extra);

/* Take a record that fits the key out; exactly one caller gets it.  False: there is none. */
bool extras_take(const struct extra *key, struct extra *taken);

bool extras_find(const struct extra *key, struct extra *found);

/* Move a record that fits the key to another state. */
bool extras_change(const struct extra *key, enum hdt_extra_state state);

/* Sizes of blocks too large for a slot.  `in_realloc`: of a slot with that mark. */
bool extras_put_size(uint64_t address, uint64_t size);
/* The size, or HDT_SIZE_MAX when it is not there (its owner is just leaving). */
uint64_t extras_take_size(uint64_t address);
uint64_t extras_find_size(uint64_t address, bool in_realloc);

/* A number past the last record; records are numbered from 1. */
uint32_t extras_end(void);

/* Copy one record; false when it is not in use. */
bool extras_get(uint32_t number, struct extra *extra);

#endif
