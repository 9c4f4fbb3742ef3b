/* SPDX-License-Identifier: MIT */
/*
 * DataProcessor, fixed with a bounded cache: at most CAPACITY entries, the oldest is evicted, and nothing is stored anywhere else.
 * The cache line stays flat once the cache is full.      Usage: cache-bounded [CALLS [SNAPSHOTS]]
 */
#include "story.h"
#include "table.h"

#define CAPACITY 1000

struct entry {
	struct link link;
	struct result result;
};

struct processor {
	struct table cache;
	struct entry *ring[CAPACITY]; /* in the order of arrival */
	long arrived;
};

static void evict(struct processor *processor, struct entry *entry)
{
	table_remove(&processor->cache, &entry->link);
	free(entry);
}

static void cache_put(struct processor *processor, long input, const struct result *result)
{
	struct entry **seat = &processor->ring[processor->arrived++ % CAPACITY];
	struct entry *entry = malloc(sizeof(*entry)); /* FIXED: cache entry */

	entry->result = *result;
	if (*seat)
		evict(processor, *seat);
	*seat = entry;
	table_add(&processor->cache, &entry->link, input);
}

static struct result process(struct processor *processor, long input)
{
	struct link *known = *table_place(&processor->cache, input);
	struct result result;

	if (known)
		return ((struct entry *)known)->result;
	result = compute(input);
	cache_put(processor, input, &result);
	return result;
}

static void call(void *context, long number)
{
	process(context, number);
}

int main(int argc, char **argv)
{
	static struct processor processor;

	story_tell(story_number(argc, argv, 1, 10000), story_number(argc, argv, 2, 1), call, &processor);
	return 0;
}
