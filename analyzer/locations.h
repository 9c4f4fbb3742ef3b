/* SPDX-License-Identifier: MIT */
/* A growing list of source positions, and a question that some of them answer. */
#ifndef ANALYZER_LOCATIONS_H
#define ANALYZER_LOCATIONS_H

#include <stdlib.h>

#include "snapshot.h"

struct locations {
	struct location *list;
	size_t count, room;
};

/* An address, and the range of locations that it has. */
struct lookup {
	uint64_t address;
	uint32_t first, count;
};

/* A new zeroed location at the end; NULL: out of memory, or more than 32 bits can count. */
static inline struct location *locations_add(struct locations *locations)
{
	if (locations->count == locations->room) {
		size_t room = locations->room ? locations->room * 2 : 64;
		struct location *list = room < UINT32_MAX ? reallocarray(locations->list, room, sizeof(*list)) : NULL;
		if (!list)
			return NULL;
		locations->list = list;
		locations->room = room;
	}
	locations->list[locations->count] = (struct location){0};
	return &locations->list[locations->count++];
}

#endif
