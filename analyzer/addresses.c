/* SPDX-License-Identifier: MIT */
/*
 * Comes in: the addresses of frames as they are met, most of them many times.  Goes out: the index of each in the snapshot's table, where
 * it stands once.  Not thread-safe.
 * A program has far fewer places that call than it has stacks, so what is known about a place (its lines, its memos) lies here and not in
 * the nodes, which are two numbers each.
 */
#include "addresses.h"

static uint32_t hash(const struct idmap *map, const struct address *address)
{
	return idmap_hash(map, (uint64_t[]){(uint64_t)address->flags << 32 | address->module, address->offset}, 2);
}

static bool same(const void *records, uint32_t id, const void *key)
{
	const struct address *a = (const struct address *)records + id, *b = key;

	return a->offset == b->offset && a->module == b->module && a->flags == b->flags;
}

int address_map_init(struct address_map *map, struct snapshot *snapshot)
{
	bool added;

	map->room = snapshot->address_count;
	idmap_init(&map->map);
	for (uint32_t i = 0; i < snapshot->address_count; i++)
		if (idmap_add(&map->map, hash(&map->map, &snapshot->addresses[i]), i))
			return -1;
	if (snapshot->address_count)
		return 0;
	return address_map_add(map, snapshot, &(struct address){0}, &added) == SNAPSHOT_NONE ? -1 : 0;
}

void address_map_release(struct address_map *map)
{
	idmap_release(&map->map);
}

uint32_t address_map_add(struct address_map *map, struct snapshot *snapshot, const struct address *key, bool *added)
{
	uint32_t key_hash = hash(&map->map, key), id = idmap_find(&map->map, key_hash, same, snapshot->addresses, key);

	*added = id == IDMAP_NONE;
	if (!*added)
		return id;
	id = (uint32_t)snapshot->address_count;
	if (snapshot->address_count >= SNAPSHOT_NONE || array_reserve(&snapshot->addresses, &map->room, id + 1, sizeof(*key)) ||
	    idmap_add(&map->map, key_hash, id))
		return SNAPSHOT_NONE;
	snapshot->addresses[id] = (struct address){.module = key->module, .offset = key->offset, .flags = key->flags};
	snapshot->address_count++;
	return id;
}
