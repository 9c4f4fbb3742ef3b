/* SPDX-License-Identifier: MIT */
/*
 * A list, and a map that finds a (key, function) in it: a line of a template can have thousands of callees, so nothing is searched.
 */
#include "vias.h"

#include <stdlib.h>
#include <string.h>

void vias_init(struct vias *vias)
{
	*vias = (struct vias){0};
	idmap_init(&vias->map);
}

void vias_release(struct vias *vias)
{
	free(vias->list);
	idmap_release(&vias->map);
	*vias = (struct vias){0};
}

static bool same(const void *records, uint32_t id, const void *key)
{
	const struct via *a = (const struct via *)records + id, *b = key;

	return a->key == b->key && a->function == b->function;
}

int vias_add(struct vias *vias, const struct via *via)
{
	uint32_t hash = idmap_hash(&vias->map, (uint64_t[]){via->key, (uintptr_t)via->function}, 2);
	uint32_t id = idmap_find(&vias->map, hash, same, vias->list, via);

	if (id != IDMAP_NONE) {
		vias->list[id].size += via->size;
		return 0;
	}
	if (vias->count >= IDMAP_NONE || array_reserve(&vias->list, &vias->room, vias->count + 1, sizeof(*via)) ||
	    idmap_add(&vias->map, hash, (uint32_t)vias->count))
		return -1;
	vias->list[vias->count++] = *via;
	return 0;
}

static int by_key(const void *left, const void *right)
{
	const struct via *a = left, *b = right;

	if (a->key != b->key)
		return a->key < b->key ? -1 : 1;
	if (a->size != b->size)
		return a->size > b->size ? -1 : 1;
	return strcmp(a->function, b->function);
}

struct via *vias_steal(struct vias *vias, size_t *count)
{
	struct via *list = vias->list;

	if (list)
		qsort(list, vias->count, sizeof(*list), by_key);
	*count = vias->count;
	vias->list = NULL;
	vias_release(vias);
	return list;
}
