/* SPDX-License-Identifier: MIT */
/*
 * Comes in: a snapshot and another one, of another process of the same run.  Goes out: the first one, with the second added.
 * Frames of the same object file at the same place are one node, wherever the object was loaded, so that the sum of a hundred forked
 * workers is hardly larger than one of them.  Stacks stay apart: each has its process.
 */
#include <stdlib.h>
#include <string.h>

#include "ages.h"
#include "snapshot-info.h"
#include "snapshot.h"

struct merge {
	struct snapshot *into;
	const struct snapshot *from;
	uint32_t *modules;   /* index in `into` per module of `from` */
	uint32_t *addresses; /* the same for addresses */
	uint32_t *nodes;     /* the same for nodes */
	uint32_t *locations; /* copy of the range that starts here; SNAPSHOT_NONE: not copied yet */
};

static int add_modules(struct merge *merge)
{
	for (size_t i = 1; i < merge->from->module_count; i++) {
		merge->modules[i] = snapshot_module(merge->into, &merge->from->modules[i]);
		if (merge->modules[i] == SNAPSHOT_NONE)
			return -1;
	}
	return 0;
}

/* Append the locations of an address once, however many addresses share them. */
static int copy_locations(struct merge *merge, const struct address *from, struct address *to)
{
	uint32_t *copied = &merge->locations[from->first_location];

	if (!from->location_count)
		return 0;
	if (*copied == SNAPSHOT_NONE)
		*copied = snapshot_append_locations(merge->into, merge->from->locations + from->first_location, from->location_count);
	to->first_location = *copied;
	to->location_count = from->location_count;
	return *copied == SNAPSHOT_NONE ? -1 : 0;
}

/* Frames without an address have numbers of their own in each snapshot: they are told by their location. */
static uint32_t add_unaddressed(struct merge *merge, const struct address *from, struct address *to)
{
	if (from->location_count == 1)
		return snapshot_located_address(merge->into, &merge->from->locations[from->first_location]);
	if (copy_locations(merge, from, to))
		return SNAPSHOT_NONE;
	to->offset = HDS_NO_ADDRESS | (HDS_NO_ADDRESS >> 1) | to->first_location;
	return snapshot_address(merge->into, to);
}

/* The new address's locations: its own, if it has some already, else a copy. */
static uint32_t add_address(struct merge *merge, const struct address *from)
{
	bool placed = from->module != HDS_MODULE_NONE && from->module != HDS_MODULE_SPECIAL;
	struct address to = {.module = placed ? merge->modules[from->module] : from->module, .offset = from->offset, .flags = from->flags};

	if (!placed && from->module == HDS_MODULE_NONE && from->offset & HDS_NO_ADDRESS)
		return add_unaddressed(merge, from, &to);
	uint32_t id = snapshot_address(merge->into, &to);
	if (id == SNAPSHOT_NONE || merge->into->addresses[id].location_count || !from->location_count)
		return id;
	return copy_locations(merge, from, &to) ? SNAPSHOT_NONE : snapshot_address(merge->into, &to);
}

static int add_addresses(struct merge *merge)
{
	for (size_t i = 0; i < merge->from->address_count; i++) {
		merge->addresses[i] = add_address(merge, &merge->from->addresses[i]);
		if (merge->addresses[i] == SNAPSHOT_NONE)
			return -1;
	}
	return 0;
}

static int add_nodes(struct merge *merge)
{
	for (size_t i = 1; i < merge->from->node_count; i++) {
		const struct node *from = &merge->from->nodes[i];
		merge->nodes[i] = snapshot_child(merge->into, merge->nodes[from->parent], merge->addresses[from->address]);
		if (merge->nodes[i] == SNAPSHOT_NONE)
			return -1;
	}
	return 0;
}

/* Make room for the process of every stack; those before have none of their own and become process 0. */
static int add_process(struct merge *merge, const char *process, uint32_t *number)
{
	struct snapshot *into = merge->into;
	size_t stacks = into->stack_count + merge->from->stack_count;
	bool first = !into->stack_process;
	size_t names = into->process_count + 1 + (first && into->stack_count ? 1 : 0);

	uint32_t *of_stack = realloc(into->stack_process, (stacks ? stacks : 1) * sizeof(*of_stack));
	if (!of_stack)
		return -1;
	into->stack_process = of_stack;
	if (first)
		memset(of_stack, 0, into->stack_count * sizeof(*of_stack));
	const char **processes = realloc(into->processes, names * sizeof(*processes));
	if (!processes)
		return -1;
	into->processes = processes;
	if (names > into->process_count + 1)
		into->processes[into->process_count++] = "";
	const char *name = intern_add(into->intern, process);
	if (!name)
		return -1;
	*number = (uint32_t)into->process_count;
	into->processes[into->process_count++] = name;
	return 0;
}

static int add_stacks(struct merge *merge, const char *process)
{
	struct snapshot *into = merge->into;
	const struct snapshot *from = merge->from;
	uint32_t number = 0;

	if (into->stack_count + from->stack_count >= SNAPSHOT_NONE || snapshot_reserve_stacks(into, from->stack_count))
		return -1;
	if ((process || into->stack_process) && add_process(merge, process ? process : "", &number))
		return -1;
	for (size_t i = 0; i < from->stack_count; i++) {
		struct stack *to = &into->stacks[into->stack_count];
		*to = from->stacks[i];
		to->node = merge->nodes[to->node];
		if (into->stack_process)
			into->stack_process[into->stack_count] = number;
		into->stack_count++;
	}
	return 0;
}

static int add_threads(struct snapshot *into, const struct snapshot *from)
{
	size_t count = into->thread_count + from->thread_count;

	if (!from->thread_count)
		return 0;
	struct thread *threads = realloc(into->threads, count * sizeof(*threads));
	if (!threads)
		return -1;
	into->threads = threads;
	memcpy(threads + into->thread_count, from->threads, from->thread_count * sizeof(*threads));
	into->thread_count = count;
	return 0;
}

/* Before the stacks are added: their numbers go on from here. */
static int add_blocks(struct snapshot *into, const struct snapshot *from)
{
	size_t count = into->block_count + from->block_count;

	if (!from->block_count)
		return 0;
	struct block *blocks = realloc(into->blocks, count * sizeof(*blocks));
	if (!blocks)
		return -1;
	into->blocks = blocks;
	for (size_t i = 0; i < from->block_count; i++) {
		blocks[into->block_count + i] = from->blocks[i];
		blocks[into->block_count + i].stack += (uint32_t)into->stack_count;
	}
	into->block_count = count;
	return 0;
}

static void add_info(struct snapshot *into, const struct snapshot *from, bool first)
{
	if (first) {
		into->info = from->info;
		into->kind = from->kind;
		into->symbolised = from->symbolised;
		into->traceback_limit = from->traceback_limit;
		return;
	}
	snapshot_info_add(&into->info, &from->info);
	into->symbolised = into->symbolised && from->symbolised;
	if (from->traceback_limit > into->traceback_limit)
		into->traceback_limit = from->traceback_limit;
}

static int merge_init(struct merge *merge)
{
	const struct snapshot *from = merge->from;

	merge->modules = calloc(from->module_count + 1, sizeof(*merge->modules));
	merge->addresses = calloc(from->address_count + 1, sizeof(*merge->addresses));
	merge->nodes = calloc(from->node_count + 1, sizeof(*merge->nodes));
	merge->locations = malloc((from->location_count + 1) * sizeof(*merge->locations));
	if (!merge->modules || !merge->addresses || !merge->nodes || !merge->locations)
		return -1;
	memset(merge->locations, 0xff, (from->location_count + 1) * sizeof(*merge->locations));
	return 0;
}

int snapshot_add(struct snapshot *into, const struct snapshot *from, const char *process, struct error *error)
{
	struct merge merge = {.into = into, .from = from};
	bool first = !into->node_count;
	int result = -1;

	if (merge_init(&merge) || add_modules(&merge) || add_addresses(&merge) || add_nodes(&merge) || add_blocks(into, from))
		goto out;
	if (ages_append(into, from, into->stack_count))
		goto out;
	if (add_stacks(&merge, process) || add_threads(into, from))
		goto out;
	add_info(into, from, first);
	result = 0;
out:
	free(merge.modules);
	free(merge.addresses);
	free(merge.nodes);
	free(merge.locations);
	return result ? error_nomem(error) : 0;
}
