/* SPDX-License-Identifier: MIT */
/*
 * DataProcessor, fixed with a least-recently-used cache: at most CAPACITY entries, and the one that was asked for longest ago goes first.
 * The cache line stays flat once the cache is full.      Usage: cache-lru [CALLS [SNAPSHOTS [CAPACITY]]]
 */
#include "story.h"
#include "table.h"

struct entry {
	struct link link;
	struct entry *newer, *older;
	struct result result;
};

struct processor {
	struct table cache;
	struct entry *newest, *oldest;
	long size, capacity;
};

static void take_out(struct processor *processor, struct entry *entry)
{
	*(entry->newer ? &entry->newer->older : &processor->newest) = entry->older;
	*(entry->older ? &entry->older->newer : &processor->oldest) = entry->newer;
}

static void put_first(struct processor *processor, struct entry *entry)
{
	entry->newer = NULL;
	entry->older = processor->newest;
	*(processor->newest ? &processor->newest->newer : &processor->oldest) = entry;
	processor->newest = entry;
}

static void evict_oldest(struct processor *processor)
{
	struct entry *entry = processor->oldest;

	take_out(processor, entry);
	table_remove(&processor->cache, &entry->link);
	free(entry);
	processor->size--;
}

static struct entry *cache_put(struct processor *processor, long input)
{
	struct entry *entry = malloc(sizeof(*entry)); /* FIXED: cache entry */

	entry->result = compute(input);
	table_add(&processor->cache, &entry->link, input);
	put_first(processor, entry);
	if (++processor->size > processor->capacity)
		evict_oldest(processor);
	return entry;
}

static struct result process(struct processor *processor, long input)
{
	struct entry *entry = (struct entry *)*table_place(&processor->cache, input);

	if (!entry)
		return cache_put(processor, input)->result;
	take_out(processor, entry);
	put_first(processor, entry);
	return entry->result;
}

/* Input 0 is asked for all the time: a least-recently-used cache never drops it. */
static void call(void *context, long number)
{
	process(context, number);
	process(context, 0);
}

int main(int argc, char **argv)
{
	static struct processor processor;

	processor.capacity = story_number(argc, argv, 3, 1000);
	story_tell(story_number(argc, argv, 1, 10000), story_number(argc, argv, 2, 1), call, &processor);
	return *table_place(&processor.cache, 0) ? 0 : 1;
}
