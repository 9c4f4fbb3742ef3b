/* SPDX-License-Identifier: MIT */
/*
 * Groups of a snapshot's stacks.  Comes in: a snapshot and what to group by; goes out: sorted groups.  Strings are interned, so a key is
 * hashed and compared by pointers, never by text; text is compared only by the final sort, where it decides ties.  Frames of keys lie in
 * one pool that grows while groups are found, hence groups hold offsets into it until the end.
 */
#include "stats.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pointer-map.h"
#include "runtime-names.h"

/* One run of stats_make. */
struct builder {
	struct stats *stats;
	const struct snapshot *snapshot;
	const struct stats_options *options;
	struct error *error;
	struct frames frames; /* of the stack at hand */
	struct pointer_map names;
	const char *process, *unknown; /* made when first needed */
	size_t *offsets;               /* per group: first frame in the pool */
	size_t group_room, pool_count, pool_room;
	uint32_t *slots; /* group number + 1, 0: free */
	size_t slot_count;
};

/* What one stack adds to a group. */
struct credit {
	const struct stack *stack;
	wide size, count;
	double variance; /* of size */
	size_t attributed;
	bool one_time;
};

int frames_compare(const struct frame *a, size_t a_count, const struct frame *b, size_t b_count)
{
	while (a_count && b_count) {
		const struct frame *left = &a[--a_count], *right = &b[--b_count];
		int order = left->file == right->file ? 0 : strcmp(left->file, right->file);
		if (order)
			return order;
		if (left->line != right->line)
			return left->line < right->line ? -1 : 1;
	}
	return (a_count > 0) - (b_count > 0);
}

static int compare_text(const char *a, const char *b)
{
	return a == b ? 0 : strcmp(a ? a : "", b ? b : "");
}

int group_compare_key(const struct group *a, const struct group *b)
{
	int order = frames_compare(a->frames, a->frame_count, b->frames, b->frame_count);

	if (order == 0)
		order = compare_text(a->frames[0].function, b->frames[0].function);
	if (order == 0)
		order = compare_text(a->frames[0].module, b->frames[0].module);
	return order;
}

static bool key_uses_function(enum stats_key key)
{
	return key == KEY_FUNCTION || key == KEY_THREAD;
}

static uint64_t mix(uint64_t hash, uint64_t value)
{
	hash = (hash ^ value) * UINT64_C(0x9e3779b97f4a7c15);
	return hash ^ hash >> 29;
}

/* Names that are no part of the key are left out, so that equal keys have equal hashes. */
static uint64_t hash_frames(const struct frame *frames, size_t count, bool with_function)
{
	uint64_t hash = count;

	for (size_t i = 0; i < count; i++) {
		hash = mix(hash, (uintptr_t)frames[i].file);
		hash = mix(hash, frames[i].line);
		if (with_function)
			hash = mix(hash, (uintptr_t)frames[i].function);
	}
	return hash ^ hash >> 32;
}

bool group_same(const struct group *a, const struct group *b)
{
	if (a->hash != b->hash || a->frame_count != b->frame_count || a->by_function != b->by_function)
		return false;
	if (a->by_function && a->frames[0].function != b->frames[0].function)
		return false;
	for (size_t i = 0; i < a->frame_count; i++) {
		if (a->frames[i].file != b->frames[i].file || a->frames[i].line != b->frames[i].line)
			return false;
	}
	return true;
}

/* ---- The table of groups ---- */

static int grow_slots(struct builder *builder)
{
	size_t count = builder->slot_count ? 2 * builder->slot_count : 1024;
	uint32_t *slots = calloc(count, sizeof(*slots));

	if (!slots)
		return error_nomem(builder->error);
	for (size_t i = 0; i < builder->stats->count; i++) {
		size_t at = builder->stats->groups[i].hash & (count - 1);
		while (slots[at])
			at = (at + 1) & (count - 1);
		slots[at] = (uint32_t)i + 1;
	}
	free(builder->slots);
	builder->slots = slots;
	builder->slot_count = count;
	return 0;
}

static int grow_groups(struct builder *builder)
{
	size_t room = builder->group_room ? 2 * builder->group_room : 256;
	struct group *groups = reallocarray(builder->stats->groups, room, sizeof(*groups));
	size_t *offsets;

	if (!groups)
		return error_nomem(builder->error);
	builder->stats->groups = groups;
	offsets = reallocarray(builder->offsets, room, sizeof(*offsets));
	if (!offsets)
		return error_nomem(builder->error);
	builder->offsets = offsets;
	builder->group_room = room;
	return 0;
}

static int pool_add(struct builder *builder, const struct frame *frames, size_t count)
{
	if (builder->pool_room - builder->pool_count < count) {
		size_t room =
			2 * builder->pool_room > builder->pool_count + count ? 2 * builder->pool_room : builder->pool_count + count + 256;
		struct frame *pool = reallocarray(builder->stats->frame_pool, room, sizeof(*pool));
		if (!pool)
			return error_nomem(builder->error);
		builder->stats->frame_pool = pool;
		builder->pool_room = room;
	}
	memcpy(builder->stats->frame_pool + builder->pool_count, frames, count * sizeof(*frames));
	builder->pool_count += count;
	return 0;
}

static bool group_has_key(const struct builder *builder, size_t index, const struct frame *frames, size_t count)
{
	const struct frame *own = builder->stats->frame_pool + builder->offsets[index];
	bool with_function = key_uses_function(builder->options->key);

	if (builder->stats->groups[index].frame_count != count)
		return false;
	for (size_t i = 0; i < count; i++) {
		if (own[i].file != frames[i].file || own[i].line != frames[i].line ||
		    (with_function && own[i].function != frames[i].function))
			return false;
	}
	return true;
}

static struct group *new_group(struct builder *builder, const struct frame *frames, size_t count, uint64_t hash)
{
	struct stats *stats = builder->stats;

	if (stats->count == builder->group_room && grow_groups(builder) < 0)
		return NULL;
	builder->offsets[stats->count] = builder->pool_count;
	if (pool_add(builder, frames, count) < 0)
		return NULL;
	stats->groups[stats->count] = (struct group){
		.frame_count = count, .hash = hash, .one_time = true, .by_function = key_uses_function(builder->options->key)};
	return &stats->groups[stats->count++];
}

/* The group with this key, made if it is new.  NULL: out of memory. */
static struct group *find_group(struct builder *builder, const struct frame *frames, size_t count)
{
	uint64_t hash = hash_frames(frames, count, key_uses_function(builder->options->key));
	struct group *group;
	size_t at;

	if (2 * builder->stats->count >= builder->slot_count && grow_slots(builder) < 0)
		return NULL;
	for (at = hash & (builder->slot_count - 1); builder->slots[at]; at = (at + 1) & (builder->slot_count - 1)) {
		size_t index = builder->slots[at] - 1;
		if (builder->stats->groups[index].hash == hash && group_has_key(builder, index, frames, count))
			return &builder->stats->groups[index];
	}
	group = new_group(builder, frames, count, hash);
	if (group)
		builder->slots[at] = (uint32_t)builder->stats->count;
	return group;
}

/* ---- From stacks to keys ---- */

/* The file as it is shown: relative to the source root.  NULL: out of memory. */
static const char *shown_file(struct builder *builder, const char *file)
{
	const char *root = builder->options->attribution.source_root, *relative;
	void **memo;

	if (!root)
		return file;
	memo = pointer_map_at(&builder->names, file);
	if (!memo)
		return NULL;
	if (!*memo) {
		relative = filter_relative(root, file);
		*memo = (void *)(relative ? intern_add(builder->snapshot->intern, relative) : file);
	}
	return *memo;
}

/* Frames where a thread begins are libc's; below them is main or the start routine. */
static bool is_outermost(const struct frame *frame)
{
	return (frame->flags & FRAME_PSEUDO) || (frame->function && is_start_code(frame->function)) ||
	       (frame->module && strstr(frame->module, "/libc.so") != NULL);
}

static const struct frame *thread_frame(const struct frames *frames)
{
	for (size_t i = frames->count; i > 0; i--) {
		if (!is_outermost(&frames->list[i - 1]))
			return &frames->list[i - 1];
	}
	return &frames->list[frames->count - 1];
}

/* NULL: out of memory. */
static const char *process_name(struct builder *builder, const struct stack *stack)
{
	const struct snapshot *snapshot = builder->snapshot;
	char name[256];

	if (snapshot->stack_process)
		return snapshot->processes[snapshot->stack_process[stack - snapshot->stacks]];
	if (!snapshot->info.pid)
		return snapshot->name;
	if (!builder->process) {
		snprintf(name, sizeof(name), "%llu %s", (unsigned long long)snapshot->info.pid, snapshot->info.command);
		builder->process = intern_add(snapshot->intern, name);
	}
	return builder->process;
}

static const char *module_name(struct builder *builder, const struct frame *frame)
{
	if (frame->module)
		return frame->module;
	if (!builder->unknown)
		builder->unknown = intern_add(builder->snapshot->intern, "<unknown>");
	return builder->unknown;
}

/* The single frame that stands for `frame` of the stack in this key. */
static int key_frame(struct builder *builder, const struct frame *frame, const struct stack *stack, struct frame *key)
{
	switch (builder->options->key) {
	case KEY_MODULE:
		*key = (struct frame){.file = module_name(builder, frame), .module = frame->module};
		break;
	case KEY_PROCESS:
		*key = (struct frame){.file = process_name(builder, stack)};
		break;
	case KEY_FILENAME:
		*key = (struct frame){.file = shown_file(builder, frame->file), .module = frame->module, .node = frame->node};
		break;
	default:
		*key = *frame;
		key->file = shown_file(builder, frame->file);
		if (key_uses_function(builder->options->key))
			key->line = 0;
	}
	return key->file ? 0 : error_nomem(builder->error);
}

static bool is_empty(const struct credit *credit)
{
	return credit->size == 0 && credit->count == 0;
}

static void add_credit(struct group *group, const struct credit *credit, const char *via)
{
	group->allocated += credit->stack->total_bytes;
	if (is_empty(credit))
		return;
	if (!group->example) {
		group->via = via;
	} else if (group->via != via) {
		group->via = NULL;
		group->via_differs = true;
	}
	if (group->via_differs)
		group->via = NULL;
	if (!group->example || credit->stack->live_bytes > group->example->live_bytes)
		group->example = credit->stack;
	group->size += credit->size;
	group->count += credit->count;
	group->variance += credit->variance;
	group->one_time = group->one_time && credit->one_time;
}

static int credit_frame(struct builder *builder, const struct frame *frame, const struct credit *credit, const char *via)
{
	struct frame key;
	struct group *group;

	if (key_frame(builder, frame, credit->stack, &key) < 0)
		return -1;
	group = find_group(builder, &key, 1);
	if (!group)
		return -1;
	add_credit(group, credit, via);
	return 0;
}

static int credit_stack(struct builder *builder, const struct credit *credit)
{
	struct frames *frames = &builder->frames;
	struct group *group;

	for (size_t i = 0; i < frames->count; i++) {
		frames->list[i].file = shown_file(builder, frames->list[i].file);
		if (!frames->list[i].file)
			return error_nomem(builder->error);
	}
	group = find_group(builder, frames->list, frames->count);
	if (!group)
		return -1;
	group->attributed = credit->attributed;
	add_credit(group, credit, attribution_via(frames, credit->attributed));
	return 0;
}

static int credit_groups(struct builder *builder, const struct credit *credit)
{
	const struct frames *frames = &builder->frames;

	if (builder->options->key == KEY_TRACEBACK)
		return credit_stack(builder, credit);
	if (builder->options->key == KEY_THREAD)
		return credit_frame(builder, thread_frame(frames), credit, NULL);
	if (!builder->options->cumulative)
		return credit_frame(builder, &frames->list[credit->attributed], credit, attribution_via(frames, credit->attributed));
	for (size_t i = 0; i < frames->count; i++) {
		if (credit_frame(builder, &frames->list[i], credit, NULL) < 0)
			return -1;
	}
	return 0;
}

/* Variances are known of what lives; of anything else, the distance times its size is never less. */
static void measure(const struct stack *stack, enum stats_metric metric, uint64_t distance, struct credit *credit)
{
	switch (metric) {
	case METRIC_LIVE:
		credit->size = stack->live_bytes;
		credit->count = stack->live_blocks;
		credit->variance = (double)stack->variance;
		return;
	case METRIC_TOTAL:
		credit->size = stack->total_bytes;
		credit->count = stack->total_blocks;
		break;
	case METRIC_TEMPORARY:
		credit->size = 0; /* the recorder counts them only */
		credit->count = stack->temporary_blocks;
		break;
	case METRIC_PEAK:
		credit->size = stack->peak_bytes;
		credit->count = stack->peak_blocks;
		break;
	}
	if (stack->domain == 0)
		credit->variance = (double)distance * (double)credit->size;
}

static void note_missing_line(struct builder *builder, const struct credit *credit)
{
	const struct frame *frame = &builder->frames.list[credit->attributed];
	uint32_t module =
		frame->node < builder->snapshot->node_count ? snapshot_address_of(builder->snapshot, frame->node)->module : HDS_MODULE_NONE;

	if (frame->line == 0 && !credit->one_time && module != HDS_MODULE_NONE && module < builder->snapshot->module_count)
		builder->stats->no_line[module] += credit->size;
}

static int add_stack(struct builder *builder, const struct stack *stack)
{
	const struct stats_options *options = builder->options;
	struct credit credit = {.stack = stack};
	struct frames *frames = &builder->frames;

	measure(stack, options->metric, builder->snapshot->info.sample_bytes, &credit);
	if (is_empty(&credit) && !builder->snapshot->info.sample_bytes)
		return 0;
	if (frames_of(frames, builder->snapshot, stack, 0) < 0)
		return error_nomem(builder->error);
	builder->stats->considered += !is_empty(&credit);
	credit.attributed = attribution_choose(&options->attribution, frames, &credit.one_time);
	if (options->nframe && frames->count - credit.attributed > options->nframe)
		frames->count = credit.attributed + options->nframe;
	if (options->filters && !filters_pass(options->filters, frames, credit.attributed, stack->domain)) {
		builder->stats->filtered_out += !is_empty(&credit);
		return 0;
	}
	builder->stats->total_size += credit.size;
	builder->stats->total_count += credit.count;
	builder->stats->total_variance += credit.variance;
	note_missing_line(builder, &credit);
	return credit_groups(builder, &credit);
}

/* ---- Order ---- */

static int compare_wide(wide a, wide b)
{
	return (a > b) - (a < b);
}

static int by_size(const void *left, const void *right)
{
	const struct group *a = left, *b = right;
	int order = compare_wide(b->size, a->size);

	if (order == 0)
		order = compare_wide(b->count, a->count);
	return order ? order : group_compare_key(b, a);
}

static int by_count(const void *left, const void *right)
{
	const struct group *a = left, *b = right;
	int order = compare_wide(b->count, a->count);

	return order ? order : by_size(left, right);
}

/* Groups that were made for what their stacks have allocated only. */
static void drop_empty_groups(struct builder *builder)
{
	struct stats *stats = builder->stats;
	size_t kept = 0;

	for (size_t i = 0; i < stats->count; i++) {
		if (!stats->groups[i].example)
			continue;
		stats->groups[kept] = stats->groups[i];
		builder->offsets[kept++] = builder->offsets[i];
	}
	stats->count = kept;
}

static void finish(struct builder *builder)
{
	struct stats *stats = builder->stats;

	drop_empty_groups(builder);
	for (size_t i = 0; i < stats->count; i++)
		stats->groups[i].frames = stats->frame_pool + builder->offsets[i];
	if (stats->count)
		qsort(stats->groups, stats->count, sizeof(*stats->groups), builder->options->by_count ? by_count : by_size);
}

int stats_make(struct stats *stats, const struct snapshot *snapshot, const struct stats_options *options, struct error *error)
{
	struct builder builder = {.stats = stats, .snapshot = snapshot, .options = options, .error = error};
	int result = 0;

	*stats = (struct stats){0};
	frames_init(&builder.frames);
	stats->no_line = calloc(snapshot->module_count + 1, sizeof(*stats->no_line));
	if (!stats->no_line)
		result = error_nomem(error);
	for (size_t i = 0; result == 0 && i < snapshot->stack_count; i++)
		result = add_stack(&builder, &snapshot->stacks[i]);
	if (result == 0)
		finish(&builder);
	else
		stats_release(stats);
	frames_release(&builder.frames);
	pointer_map_release(&builder.names);
	free(builder.offsets);
	free(builder.slots);
	return result;
}

void stats_release(struct stats *stats)
{
	free(stats->groups);
	free(stats->frame_pool);
	free(stats->no_line);
	*stats = (struct stats){0};
}
