/* SPDX-License-Identifier: MIT */
/* Pointer to pointer, open addressing: a memo of what was worked out for a string that stays where it is. */
#ifndef ANALYZER_POINTER_MAP_H
#define ANALYZER_POINTER_MAP_H

#include <stddef.h>

struct pointer_entry {
	const void *key; /* NULL: free */
	void *value;
};

struct pointer_map {
	struct pointer_entry *slots;
	size_t count, room; /* room: 0 or a power of two */
};

/* Where the value of `key` (not NULL) stands, NULL in a new entry; valid until the next call.  NULL: out of memory. */
void **pointer_map_at(struct pointer_map *map, const void *key);
void pointer_map_release(struct pointer_map *map);

#endif
