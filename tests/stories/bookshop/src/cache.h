/* SPDX-License-Identifier: MIT */
#ifndef CACHE_H
#define CACHE_H

struct cache;

struct cache *cache_new(void);
/* Keeps a copy of the key. */
void cache_put(struct cache *cache, const char *key);

#endif
