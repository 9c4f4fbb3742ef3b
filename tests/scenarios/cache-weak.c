/* SPDX-License-Identifier: MIT */
/*
 * DataProcessor, fixed with weak references: the cache finds a result as long as somebody uses it, but does not keep it alive; when the
 * last user lets go, result and cache entry vanish together.  The caller uses the HELD newest results.
 * Both lines stay flat at HELD blocks.      Usage: cache-weak [CALLS [SNAPSHOTS]]
 */
#include "story.h"
#include "table.h"

#define HELD 16

struct object {
	long references;
	struct entry *entry; /* that points at this object */
	struct result result;
};

struct entry {
	struct link link;
	struct object *object; /* weak: not counted in its references */
};

struct processor {
	struct table cache;
	struct object *held[HELD]; /* the caller's */
};

static void object_release(struct processor *processor, struct object *object)
{
	if (!object || --object->references > 0)
		return;
	table_remove(&processor->cache, &object->entry->link);
	free(object->entry);
	free(object);
}

static struct object *object_new(struct processor *processor, long input)
{
	struct object *object = malloc(sizeof(*object)); /* FIXED: result */
	struct entry *entry = malloc(sizeof(*entry));    /* FIXED: cache entry */

	object->references = 1;
	object->entry = entry;
	object->result = compute(input);
	entry->object = object;
	table_add(&processor->cache, &entry->link, input);
	return object;
}

/* The result, with one reference for the caller. */
static struct object *process(struct processor *processor, long input)
{
	struct entry *known = (struct entry *)*table_place(&processor->cache, input);

	if (!known)
		return object_new(processor, input);
	known->object->references++;
	return known->object;
}

/* Every input is asked for twice: the second time it is still in use, so it comes from the cache. */
static void call(void *context, long number)
{
	struct processor *processor = context;
	struct object **seat = &processor->held[number % HELD];
	struct object *object = process(processor, number);
	struct object *again = process(processor, number);

	if (again != object)
		abort();
	object_release(processor, again);
	object_release(processor, *seat);
	*seat = object;
}

int main(int argc, char **argv)
{
	static struct processor processor;

	story_tell(story_number(argc, argv, 1, 10000), story_number(argc, argv, 2, 1), call, &processor);
	return 0;
}
