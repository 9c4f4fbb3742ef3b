/* SPDX-License-Identifier: MIT */
/*
 * Comes in: hashes and record numbers.  Goes out: the number of the record with a key.  Not thread-safe.
 * Open addressing with eight bytes a slot: tries of millions of nodes are looked up by (parent, address), so the map must stay small
 * and must not hold the keys a second time.
 */
#include "idmap.h"

#include <stdlib.h>
#include <sys/random.h>

struct idmap_slot {
	uint32_t hash;
	uint32_t id; /* IDMAP_NONE: empty */
};

void idmap_init(struct idmap *map)
{
	*map = (struct idmap){0};
	if (getrandom(&map->seed, sizeof(map->seed), GRND_NONBLOCK) != (ssize_t)sizeof(map->seed))
		map->seed = (uintptr_t)map;
}

void idmap_release(struct idmap *map)
{
	free(map->slots);
	*map = (struct idmap){0};
}

static uint64_t mix(uint64_t a, uint64_t b)
{
	__uint128_t product = (__uint128_t)a * b;
	return (uint64_t)product ^ (uint64_t)(product >> 64);
}

uint32_t idmap_hash(const struct idmap *map, const uint64_t *words, size_t count)
{
	uint64_t hash = map->seed;

	for (size_t i = 0; i < count; i++)
		hash = mix(hash ^ words[i] ^ UINT64_C(0x9e3779b97f4a7c15), UINT64_C(0xd6e8feb86659fd93) ^ map->seed);
	return (uint32_t)(hash ^ hash >> 32);
}

uint32_t idmap_find(const struct idmap *map, uint32_t hash, idmap_same *same, const void *records, const void *key)
{
	if (!map->slots)
		return IDMAP_NONE;
	for (size_t i = hash;; i++) {
		const struct idmap_slot *slot = &map->slots[i & (map->room - 1)];
		if (slot->id == IDMAP_NONE || (slot->hash == hash && same(records, slot->id, key)))
			return slot->id;
	}
}

static void place(struct idmap *map, struct idmap_slot entry)
{
	size_t i = entry.hash;

	while (map->slots[i & (map->room - 1)].id != IDMAP_NONE)
		i++;
	map->slots[i & (map->room - 1)] = entry;
}

static int grow(struct idmap *map)
{
	struct idmap_slot *old = map->slots;
	size_t old_room = map->room, room = old_room ? old_room * 2 : 64;
	struct idmap_slot *slots = malloc(room * sizeof(*slots));

	if (!slots)
		return -1;
	for (size_t i = 0; i < room; i++)
		slots[i].id = IDMAP_NONE;
	map->slots = slots;
	map->room = room;
	for (size_t i = 0; i < old_room; i++)
		if (old[i].id != IDMAP_NONE)
			place(map, old[i]);
	free(old);
	return 0;
}

int idmap_add(struct idmap *map, uint32_t hash, uint32_t id)
{
	if (map->count >= map->room / 4 * 3 && grow(map))
		return -1;
	place(map, (struct idmap_slot){.hash = hash, .id = id});
	map->count++;
	return 0;
}
