/* SPDX-License-Identifier: MIT */
/*
 * Linear probing, at most half full, keys spread by Fibonacci hashing.  Entries are never removed, so there are no tombstones.
 */
#include "pointer-map.h"

#include <stdint.h>
#include <stdlib.h>

static struct pointer_entry *find(struct pointer_entry *slots, size_t room, const void *key)
{
	size_t at = (size_t)(((uintptr_t)key * UINT64_C(0x9e3779b97f4a7c15)) >> 20) & (room - 1);

	while (slots[at].key && slots[at].key != key)
		at = (at + 1) & (room - 1);
	return &slots[at];
}

static int grow(struct pointer_map *map)
{
	size_t room = map->room ? map->room * 2 : 64;
	struct pointer_entry *slots = calloc(room, sizeof(*slots));

	if (!slots)
		return -1;
	for (size_t i = 0; i < map->room; i++) {
		if (map->slots[i].key)
			*find(slots, room, map->slots[i].key) = map->slots[i];
	}
	free(map->slots);
	map->slots = slots;
	map->room = room;
	return 0;
}

void **pointer_map_at(struct pointer_map *map, const void *key)
{
	struct pointer_entry *entry;

	if (map->count * 2 >= map->room && grow(map))
		return NULL;
	entry = find(map->slots, map->room, key);
	if (!entry->key) {
		entry->key = key;
		map->count++;
	}
	return &entry->value;
}

void pointer_map_release(struct pointer_map *map)
{
	free(map->slots);
	*map = (struct pointer_map){0};
}
