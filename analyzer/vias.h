/* SPDX-License-Identifier: MIT */
/*
 * What each line has called to allocate for it, and how much of the line's bytes that is: collected stack by stack, handed out by line.
 */
#ifndef ANALYZER_VIAS_H
#define ANALYZER_VIAS_H

#include "idmap.h"
#include "stats-sums.h"

struct via {
	const char *function; /* interned */
	wide size;
	uint32_t key; /* of the line */
};

struct vias {
	struct via *list;
	size_t count, room;
	struct idmap map;
};

void vias_init(struct vias *vias);
void vias_release(struct vias *vias);
/* Add to the size of that key and function.  −1: out of memory. */
int vias_add(struct vias *vias, const struct via *via);
/* All of them, those of one key together, the largest first; free() it.  *vias is empty after that. */
struct via *vias_steal(struct vias *vias, size_t *count);

#endif
