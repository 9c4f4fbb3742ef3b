/* SPDX-License-Identifier: MIT */
/* Finds a snapshot's address by module, offset and flags while it is read or built. */
#ifndef ANALYZER_ADDRESSES_H
#define ANALYZER_ADDRESSES_H

#include "idmap.h"
#include "snapshot.h"

struct address_map {
	struct idmap map;
	size_t room; /* of snapshot->addresses */
};

/* Address 0 is made if the snapshot has none yet; those that it has are known from here on.  −1: out of memory; release it in both cases. */
int address_map_init(struct address_map *map, struct snapshot *snapshot);
void address_map_release(struct address_map *map);
/* The equal address or a new one without locations; *added tells which.  SNAPSHOT_NONE: out of memory. */
uint32_t address_map_add(struct address_map *map, struct snapshot *snapshot, const struct address *key, bool *added);

#endif
