/* SPDX-License-Identifier: MIT */
/*
 * Hash set of numbers that stand for somebody else's records: "which record has this key?".  The keys stay in the caller's array; the map
 * asks a function whether record `id` has the key.  Seeded, because the keys come from files.  Not thread-safe.
 */
#ifndef ANALYZER_IDMAP_H
#define ANALYZER_IDMAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define IDMAP_NONE UINT32_MAX

struct idmap {
	struct idmap_slot *slots; /* NULL: empty */
	size_t room, count;
	uint64_t seed;
};

typedef bool idmap_same(const void *records, uint32_t id, const void *key);

void idmap_init(struct idmap *map);
void idmap_release(struct idmap *map);
/* Hash of a key made of words. */
uint32_t idmap_hash(const struct idmap *map, const uint64_t *words, size_t count);
/* IDMAP_NONE: no record has this key. */
uint32_t idmap_find(const struct idmap *map, uint32_t hash, idmap_same *same, const void *records, const void *key);
/* Add a record that is not there yet.  0, or −1: out of memory. */
int idmap_add(struct idmap *map, uint32_t hash, uint32_t id);

#endif
