/* SPDX-License-Identifier: MIT */
/* A cache that never forgets. */
#include "cache.h"

#include <stdlib.h>
#include <string.h>

struct entry {
	struct entry *next;
	char *key;
};

struct cache {
	struct entry *first;
};

struct cache *cache_new(void)
{
	return calloc(1, sizeof(struct cache));
}

void cache_put(struct cache *cache, const char *key)
{
	struct entry *entry = malloc(sizeof(*entry));

	entry->key = strdup(key);
	entry->next = cache->first;
	cache->first = entry;
}
