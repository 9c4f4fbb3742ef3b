/* SPDX-License-Identifier: MIT */
/*
 * DataProcessor, leaky: every result is stored in a cache that never forgets and, once more, in a list that nobody reads.
 * Both lines grow by one block with each new input.      Usage: cache-leaky [CALLS [SNAPSHOTS]]
 */
#include "story.h"
#include "table.h"

struct entry {
	struct link link;
	struct result result;
};

struct node {
	struct node *next;
	struct result result;
};

struct processor {
	struct table cache;
	struct node *results;
};

static void cache_put(struct processor *processor, long input, const struct result *result)
{
	struct entry *entry = malloc(sizeof(*entry)); /* LEAK: cache entry */

	entry->result = *result;
	table_add(&processor->cache, &entry->link, input);
}

static void results_append(struct processor *processor, const struct result *result)
{
	struct node *node = malloc(sizeof(*node)); /* LEAK: list node */

	node->result = *result;
	node->next = processor->results;
	processor->results = node;
}

static struct result process(struct processor *processor, long input)
{
	struct link *known = *table_place(&processor->cache, input);
	struct result result;

	if (known)
		return ((struct entry *)known)->result;
	result = compute(input);
	cache_put(processor, input, &result);
	results_append(processor, &result);
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
