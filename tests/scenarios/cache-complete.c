/* SPDX-License-Identifier: MIT */
/*
 * DataProcessor, the complete version: a bounded cache that can be looked at (get_cache_size, get_cache_info) and emptied (clear_cache).
 * The cache line stays flat, and after clear_cache, in the snapshot "cleared", it is empty.      Usage: cache-complete [CALLS [SNAPSHOTS]]
 */
#include "story.h"
#include "table.h"

#define CAPACITY 1000

struct entry {
	struct link link;
	struct entry *younger;
	struct result result;
};

struct cache_info {
	long size, capacity, hits, misses, evictions;
};

struct processor {
	struct table cache;
	struct entry *oldest, *youngest;
	struct cache_info info;
};

static struct cache_info get_cache_info(const struct processor *processor)
{
	return processor->info;
}

static long get_cache_size(const struct processor *processor)
{
	return processor->info.size;
}

static void drop_oldest(struct processor *processor)
{
	struct entry *entry = processor->oldest;

	processor->oldest = entry->younger;
	if (!processor->oldest)
		processor->youngest = NULL;
	table_remove(&processor->cache, &entry->link);
	free(entry);
	processor->info.size--;
}

static void clear_cache(struct processor *processor)
{
	while (processor->oldest)
		drop_oldest(processor);
}

static struct entry *cache_put(struct processor *processor, long input)
{
	struct entry *entry = malloc(sizeof(*entry)); /* FIXED: cache entry */

	if (processor->info.size == processor->info.capacity) {
		drop_oldest(processor);
		processor->info.evictions++;
	}
	entry->younger = NULL;
	entry->result = compute(input);
	table_add(&processor->cache, &entry->link, input);
	*(processor->youngest ? &processor->youngest->younger : &processor->oldest) = entry;
	processor->youngest = entry;
	processor->info.size++;
	return entry;
}

static struct result process(struct processor *processor, long input)
{
	struct entry *entry = (struct entry *)*table_place(&processor->cache, input);

	if (entry) {
		processor->info.hits++;
		return entry->result;
	}
	processor->info.misses++;
	return cache_put(processor, input)->result;
}

/* Each input twice in a row: a miss, then a hit. */
static void call(void *context, long number)
{
	process(context, number);
	process(context, number);
}

int main(int argc, char **argv)
{
	static struct processor processor = {.info.capacity = CAPACITY};
	long calls = story_number(argc, argv, 1, 10000), full = calls < CAPACITY ? calls : CAPACITY;
	struct cache_info info;

	story_tell(calls, story_number(argc, argv, 2, 1), call, &processor);
	info = get_cache_info(&processor);
	if (info.size != full || info.hits != calls || info.misses != calls || info.evictions != calls - full)
		return 1;
	clear_cache(&processor);
	heapdelta_take_snapshot("cleared");
	return get_cache_size(&processor) == 0 ? 0 : 1;
}
