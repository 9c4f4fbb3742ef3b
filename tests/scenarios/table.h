/* SPDX-License-Identifier: MIT */
/*
 * The data processor's vocabulary, shared by the five caches: a result, the computation that makes one, and a hash table whose links lie
 * inside the entries.  The table's buckets are static: the only heap blocks of these stories are the ones they tell about.
 */
#ifndef SCENARIOS_TABLE_H
#define SCENARIOS_TABLE_H

#include <stddef.h>

struct result {
	double values[8];
};

/* First member of every cache entry. */
struct link {
	struct link *next;
	long key;
};

struct table {
	struct link *buckets[1 << 16];
};

static inline struct result compute(long input)
{
	struct result result;

	for (int i = 0; i < 8; i++)
		result.values[i] = (double)(input % 1000) * (i + 1);
	return result;
}

/* Where the link with this key is, or would be, hung in. */
static inline struct link **table_place(struct table *table, long key)
{
	struct link **place = &table->buckets[(unsigned long)key % (sizeof(table->buckets) / sizeof(table->buckets[0]))];

	while (*place && (*place)->key != key)
		place = &(*place)->next;
	return place;
}

static inline void table_add(struct table *table, struct link *link, long key)
{
	struct link **place = table_place(table, key);

	link->key = key;
	link->next = NULL;
	*place = link;
}

static inline void table_remove(struct table *table, struct link *link)
{
	struct link **place = table_place(table, link->key);

	*place = link->next;
}

#endif
