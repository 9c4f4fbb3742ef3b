/* SPDX-License-Identifier: MIT */
/*
 * Comes in: a trace file (heapdelta/trace.h), of a process that is alive or dead.  Goes out: the model.
 * The order makes it consistent without stopping anybody: first blocks, then totals, then the nodes that they name, then the modules that
 * those name, then strings; whatever is referred to was published before what refers to it.
 */
#include <stdlib.h>
#include <string.h>

#include "addresses.h"
#include "heapdelta/sampling.h"
#include "snapshot-trace-blocks.h"
#include "snapshot-trace-info.h"
#include "snapshot-trace-totals.h"

struct reader {
	struct trace_file file;
	struct trace_numbers numbers;
	struct snapshot *snapshot;
	struct address_map addresses;
	struct hdt_node *nodes; /* raw, until the modules are known */
	size_t node_bytes;
	char *strings;
	struct trace_info info;
};

/* ---- Modules and nodes ---- */

static int load_strings(struct reader *reader)
{
	reader->strings = trace_file_load(&reader->file, HDT_AREA_STRINGS, &reader->info.string_bytes);
	reader->info.strings = reader->strings;
	return reader->strings ? 0 : -1;
}

static int add_module(struct reader *reader, const struct hdt_module *from, struct module *to)
{
	*to = (struct module){.path = ""};
	/* Not complete: its writer is about to publish it, or died over it. */
	if (!from->start)
		return 0;
	to->start = from->start;
	to->end = from->end;
	to->bias = from->bias;
	to->generation = from->generation;
	to->flags = from->flags;
	to->build_id_size = from->build_id_size <= HDT_BUILD_ID_MAX ? from->build_id_size : 0;
	memcpy(to->build_id, from->build_id, to->build_id_size);
	const char *path = trace_string(&reader->info, from->path);
	to->path = intern_add(reader->snapshot->intern, path ? path : "");
	return to->path ? 0 : error_nomem(reader->file.error);
}

static int read_modules(struct reader *reader)
{
	struct snapshot *snapshot = reader->snapshot;
	size_t size;
	struct hdt_module *records = trace_file_load(&reader->file, HDT_AREA_MODULES, &size);
	size_t count = size / sizeof(*records);
	int result = -1;

	if (!records || load_strings(reader))
		goto out;
	if (!count)
		count = 1;
	snapshot->modules = calloc(count, sizeof(*snapshot->modules));
	if (!snapshot->modules) {
		error_nomem(reader->file.error);
		goto out;
	}
	snapshot->modules[0].path = "";
	snapshot->module_count = count;
	for (size_t i = 1; i < count; i++)
		if (add_module(reader, &records[i], &snapshot->modules[i]))
			goto out;
	result = 0;
out:
	free(records);
	return result;
}

/* A node's address as an address of its file. */
static struct address address_of(const struct snapshot *snapshot, const struct hdt_node *node)
{
	bool special = node->module == HDT_MODULE_SPECIAL;
	uint32_t module = special || node->module < snapshot->module_count ? node->module : HDS_MODULE_NONE;

	return (struct address){.module = module,
				.offset = special ? node->address : node->address - snapshot->modules[module].bias,
				.flags = node->flags & HDT_NODE_EXACT ? HDS_FRAME_EXACT : 0};
}

static int add_node(struct reader *reader, size_t at, uint32_t *depths)
{
	const struct hdt_node *from = &reader->nodes[at];
	struct snapshot *snapshot = reader->snapshot;
	bool added;

	/* A hole, or not complete: nothing refers to it. */
	if (!from->address)
		return 0;
	if (from->parent >= at)
		return trace_damaged(&reader->file, "node %zu has parent %u", at, from->parent);
	depths[at] = depths[from->parent] + 1;
	if (depths[at] > HDS_DEPTH_MAX)
		return trace_damaged(&reader->file, "node %zu is deeper than %d frames", at, HDS_DEPTH_MAX);
	const struct address key = address_of(snapshot, from);
	uint32_t address = address_map_add(&reader->addresses, snapshot, &key, &added);
	if (address == SNAPSHOT_NONE)
		return error_nomem(reader->file.error);
	snapshot->nodes[at] = (struct node){.parent = from->parent, .address = address};
	return 0;
}

/* The trie stays as it is, holes included: ids are indices. */
static int add_nodes(struct reader *reader)
{
	struct snapshot *snapshot = reader->snapshot;
	size_t count = reader->numbers.node_count, known = reader->node_bytes / sizeof(*reader->nodes);
	uint32_t *depths = calloc(count, sizeof(*depths));
	int result = -1;

	snapshot->nodes = calloc(count, sizeof(*snapshot->nodes));
	if (!depths || !snapshot->nodes || address_map_init(&reader->addresses, snapshot)) {
		error_nomem(reader->file.error);
		goto out;
	}
	snapshot->node_count = count;
	for (size_t i = 1; i < count && i < known; i++)
		if (add_node(reader, i, depths))
			goto out;
	result = 0;
out:
	address_map_release(&reader->addresses);
	free(depths);
	return result;
}

static int read_tables(struct reader *reader)
{
	if (trace_read_blocks(&reader->numbers) || trace_read_totals(&reader->numbers, reader->snapshot, &reader->info.above))
		return -1;
	reader->nodes = trace_file_load(&reader->file, HDT_AREA_NODES, &reader->node_bytes);
	return !reader->nodes || read_modules(reader) || add_nodes(reader) ? -1 : 0;
}

/* ---- Stacks ---- */

static bool has_numbers(const struct node_numbers *node)
{
	return node->live_blocks || node->total_blocks || node->temporary_blocks;
}

static int compare_others(const void *a, const void *b)
{
	const struct other_block *one = a, *other = b;

	if (one->node != other->node)
		return one->node < other->node ? -1 : 1;
	return one->domain < other->domain ? -1 : one->domain > other->domain;
}

/* The next stack; the caller has counted, so there is room. */
static struct stack *new_stack(struct snapshot *snapshot, uint32_t node, uint32_t domain)
{
	struct stack *stack = &snapshot->stacks[snapshot->stack_count++];

	*stack = (struct stack){.node = node, .domain = domain};
	return stack;
}

/* Of a sum of a stack; the number of a stack is its node's. */
static uint64_t whole_blocks(const struct reader *reader, uint64_t blocks, uint32_t node)
{
	return reader->numbers.distance ? sampling_whole_blocks(blocks, node) : blocks;
}

static void count_live(struct snapshot *snapshot, struct stack *stack, uint64_t blocks, uint64_t bytes)
{
	stack->live_blocks += blocks;
	stack->live_bytes += bytes;
	snapshot->info.live_blocks += blocks;
	snapshot->info.live_bytes += bytes;
}

/* All stacks that end at a node: one per domain.  Totals are not kept per domain; the lowest one shows them. */
static void add_node_stacks(struct reader *reader, uint32_t node, size_t *other)
{
	struct trace_numbers *numbers = &reader->numbers;
	const struct node_numbers *from = &numbers->nodes[node];
	struct snapshot *snapshot = reader->snapshot;
	size_t first = snapshot->stack_count;
	bool others = *other < numbers->other_count && numbers->others[*other].node == node;

	if (from->live_blocks || (has_numbers(from) && !others))
		count_live(snapshot, new_stack(snapshot, node, 0), whole_blocks(reader, from->live_blocks, node), from->live_bytes);
	if (snapshot->stack_count > first)
		snapshot->stacks[first].variance = from->live_variance;
	for (; *other < numbers->other_count && numbers->others[*other].node == node; ++*other) {
		const struct other_block *block = &numbers->others[*other];
		struct stack *last = snapshot->stack_count > first ? &snapshot->stacks[snapshot->stack_count - 1] : NULL;
		if (!last || last->domain != block->domain)
			last = new_stack(snapshot, node, block->domain);
		count_live(snapshot, last, 1, block->size);
	}
	if (snapshot->stack_count == first)
		return;
	snapshot->stacks[first].total_blocks = whole_blocks(reader, from->total_blocks, node);
	snapshot->stacks[first].total_bytes = from->total_bytes;
	snapshot->stacks[first].temporary_blocks = whole_blocks(reader, from->temporary_blocks, node);
}

static int add_stacks(struct reader *reader)
{
	struct trace_numbers *numbers = &reader->numbers;
	struct snapshot *snapshot = reader->snapshot;
	size_t most = numbers->other_count, other = 0;

	for (size_t i = 0; i < numbers->node_count; i++)
		most += has_numbers(&numbers->nodes[i]);
	snapshot->stacks = calloc(most ? most : 1, sizeof(*snapshot->stacks));
	if (!snapshot->stacks)
		return error_nomem(reader->file.error);
	if (numbers->other_count)
		qsort(numbers->others, numbers->other_count, sizeof(*numbers->others), compare_others);
	for (size_t i = 0; i < numbers->node_count; i++)
		add_node_stacks(reader, (uint32_t)i, &other);
	return 0;
}

/* ---- Ages ---- */

/* Stacks are in the order of (node, domain). */
static uint32_t find_stack(const struct snapshot *snapshot, uint32_t node, uint32_t domain)
{
	size_t low = 0, high = snapshot->stack_count;

	while (low + 1 < high) {
		size_t middle = low + (high - low) / 2;
		const struct stack *stack = &snapshot->stacks[middle];
		if (stack->node < node || (stack->node == node && stack->domain <= domain))
			low = middle;
		else
			high = middle;
	}
	return (uint32_t)low;
}

/* Lists by node become lists by stack; the other domains' blocks come in. */
static int add_ages(struct reader *reader)
{
	const struct trace_numbers *numbers = &reader->numbers;
	const struct age_list *from = &numbers->ages.list;
	struct snapshot *snapshot = reader->snapshot;
	struct age_list ages;
	int result = 0;

	if (!trace_file_has(&reader->file, HDT_AREA_AGES))
		return 0;
	age_list_init(&ages);
	for (size_t i = 0; i < from->count && !result; i++) {
		struct age age = from->list[i];
		age.blocks = whole_blocks(reader, age.blocks, age.stack);
		age.stack = find_stack(snapshot, age.stack, 0);
		result = age_list_add(&ages, &age);
	}
	for (size_t i = 0; i < numbers->other_count && !result; i++) {
		const struct other_block *other = &numbers->others[i];
		uint32_t stack = find_stack(snapshot, other->node, other->domain);
		result = age_list_add(&ages, &(struct age){stack, other->seconds, 1, other->size, 0});
	}
	age_list_move(&ages, snapshot);
	return result ? error_nomem(reader->file.error) : 0;
}

/* ---- The list of blocks ---- */

static int compare_blocks(const void *a, const void *b)
{
	const struct block *one = a, *other = b;

	return one->address < other->address ? -1 : one->address > other->address;
}

/* Stacks are in the order of (node, domain). */
static int add_blocks(struct reader *reader)
{
	struct trace_numbers *numbers = &reader->numbers;
	struct snapshot *snapshot = reader->snapshot;
	size_t count = numbers->block_count + numbers->other_count;

	if (!numbers->with_blocks || !count)
		return 0;
	if (array_reserve(&numbers->blocks, &numbers->block_room, count, sizeof(*numbers->blocks)))
		return error_nomem(reader->file.error);
	for (size_t i = 0; i < numbers->block_count; i++)
		numbers->blocks[i].stack = find_stack(snapshot, numbers->blocks[i].stack, 0);
	for (size_t i = 0; i < numbers->other_count; i++) {
		const struct other_block *from = &numbers->others[i];
		numbers->blocks[numbers->block_count++] = (struct block){
			.address = from->address, .size = from->size, .stack = find_stack(snapshot, from->node, from->domain)};
	}
	qsort(numbers->blocks, count, sizeof(*numbers->blocks), compare_blocks);
	snapshot->blocks = numbers->blocks;
	snapshot->block_count = count;
	numbers->blocks = NULL;
	return 0;
}

/* ---- The whole ---- */

int snapshot_read_trace(struct snapshot *snapshot, int fd, const char *spill_root, bool with_blocks, struct error *error)
{
	struct reader reader = {.snapshot = snapshot};
	const char *name = *snapshot->name ? snapshot->name : "trace file";

	reader.numbers = (struct trace_numbers){.file = &reader.file, .with_blocks = with_blocks};
	reader.info = (struct trace_info){.file = &reader.file, .snapshot = snapshot, .lost = reader.numbers.lost};
	int result = trace_file_open(&reader.file, fd, name, spill_root, error);
	reader.numbers.distance = reader.file.header.sample_bytes;
	if (!result)
		trace_ages_init(&reader.numbers.ages, &reader.file);
	if (!result)
		result = read_tables(&reader) || add_stacks(&reader) || add_ages(&reader) || add_blocks(&reader) ||
					 trace_read_info(&reader.info)
				 ? -1
				 : 0;
	trace_file_close(&reader.file);
	trace_numbers_release(&reader.numbers);
	free(reader.nodes);
	free(reader.strings);
	if (result) {
		snapshot_release(snapshot);
		return -1;
	}
	snapshot->kind = SNAPSHOT_TRACE;
	snapshot->traceback_limit = (uint32_t)snapshot->info.nframe;
	return 0;
}
