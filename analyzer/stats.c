/* SPDX-License-Identifier: MIT */
/*
 * Groups of a snapshot's stacks.  Comes in: a snapshot and what to group by; goes out: sorted groups.  Keys are numbers (keys.c), so a group
 * is found by an index, and what has to be known of a stack (whose line, which key, which filter) paths.c knows of its innermost node: a
 * stack costs the same however deep it is.  Text is compared only by the final sort, where it decides ties.
 */
#include "stats.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "paths.h"
#include "selection.h"

enum { ONCE_MAX = 64 };

/* One run of stats_make. */
struct builder {
	struct stats *stats;
	const struct snapshot *snapshot;
	const struct stats_options *options;
	struct paths paths;
	struct node_sum *sums; /* per node, for cumulative statistics */
	uint32_t *group_of;    /* per key: number + 1, 0: none */
	size_t group_of_room, group_room;
	struct vias vias;
	struct frame_ref *kept; /* innermost frames of the stack at hand, if nframe cuts the others */
	size_t kept_count, kept_room;
	struct selection selection;
};

/* What one stack, or in cumulative statistics one node, adds to a group. */
struct credit {
	struct stats_sum sum;
	uint32_t stack;      /* its number */
	uint32_t node;       /* where it ends */
	uint32_t attributed; /* index of the frame whose line it is */
	struct frame_ref chosen;
};

/* ---- The table of groups ---- */

static int grow_index(struct builder *builder, size_t need)
{
	size_t room = builder->group_of_room;

	if (array_reserve(&builder->group_of, &builder->group_of_room, need, sizeof(*builder->group_of)))
		return -1;
	memset(builder->group_of + room, 0, (builder->group_of_room - room) * sizeof(*builder->group_of));
	return 0;
}

/* The group with this key, made if it is new.  NULL: out of memory, also if the key is. */
static struct group *find_group(struct builder *builder, uint32_t key)
{
	struct stats *stats = builder->stats;

	if (key == KEYS_NONE || (key >= builder->group_of_room && grow_index(builder, keys_count(stats->keys))))
		return NULL;
	if (!builder->group_of[key]) {
		if (array_reserve(&stats->groups, &builder->group_room, stats->count + 1, sizeof(*stats->groups)))
			return NULL;
		stats->groups[stats->count] = (struct group){.key = key, .frame_count = 1, .one_time = true, .first = UINT32_MAX};
		builder->group_of[key] = (uint32_t)++stats->count;
	}
	return &stats->groups[builder->group_of[key] - 1];
}

static void add_sum(struct group *group, const struct stats_sum *sum)
{
	group->allocated += sum->allocated;
	if (!sum->counted)
		return;
	group->counted = true;
	group->size += sum->size;
	group->count += sum->count;
	group->variance += sum->variance;
	group->one_time = group->one_time && sum->one_time;
}

/* Frames with one key may have several functions: shown is the first stack's, there the innermost. */
static void show_first(const struct builder *builder, struct group *group, uint32_t stack, struct frame_ref frame)
{
	uint32_t depth = builder->paths.list[frame.node].depth - frame.index;

	if (stack > group->first || (stack == group->first && depth <= group->depth))
		return;
	group->first = stack;
	group->depth = depth;
	group->frame = frame;
}

/* ---- From stacks to keys ---- */

static int credit_frame(struct builder *builder, const struct credit *credit, struct frame_ref frame)
{
	const struct place *place = places_at(&builder->stats->places, frame);
	struct group *group = place ? find_group(builder, place->key) : NULL;

	if (!group)
		return -1;
	show_first(builder, group, credit->stack, frame);
	add_sum(group, &credit->sum);
	return 0;
}

/* With the name of what attribution passed over last. */
static int credit_line(struct builder *builder, const struct credit *credit)
{
	struct frame_ref callee;
	struct frame frame;
	const struct place *place;
	const char *function;

	if (credit_frame(builder, credit, credit->chosen))
		return -1;
	if (builder->options->key != KEY_LINENO || !credit->sum.counted || !paths_callee(&builder->paths, credit->node, &callee))
		return 0;
	if (frame_at(&frame, builder->snapshot, callee.node, callee.index))
		return -1;
	function = attribution_via(&frame);
	place = function ? places_at(&builder->stats->places, credit->chosen) : NULL;
	if (!place)
		return function ? -1 : 0;
	return vias_add(&builder->vias, &(struct via){function, credit->sum.size, place->key});
}

static uint32_t key_of_kept(struct builder *builder)
{
	uint32_t key = KEYS_EMPTY;

	for (size_t i = builder->kept_count; i-- > 0 && key != KEYS_NONE;) {
		const struct place *place = places_at(&builder->stats->places, builder->kept[i]);
		key = place ? keys_list(builder->stats->keys, key, place->key) : KEYS_NONE;
	}
	return key;
}

static int credit_stack(struct builder *builder, const struct credit *credit)
{
	bool cut = builder->kept_count;
	struct group *group = find_group(builder, cut ? key_of_kept(builder) : paths_key(&builder->paths, credit->node));

	if (!group)
		return -1;
	group->frame_count = cut ? (uint32_t)builder->kept_count : builder->paths.list[credit->node].depth;
	group->attributed = credit->attributed;
	if (group->first == UINT32_MAX)
		group->first = credit->stack;
	add_sum(group, &credit->sum);
	return 0;
}

static int credit_thread(struct builder *builder, const struct credit *credit)
{
	struct frame_ref thread;

	return paths_thread(&builder->paths, credit->node, builder->kept, builder->kept_count, &thread)
		       ? -1
		       : credit_frame(builder, credit, thread);
}

static int credit_process(struct builder *builder, const struct credit *credit)
{
	const char *name = selection_process(&builder->selection, credit->stack);
	struct keys *keys = builder->stats->keys;
	uint32_t frame = name ? keys_frame(keys, name, 0, NULL) : KEYS_NONE;
	struct group *group = frame == KEYS_NONE ? NULL : find_group(builder, keys_list(keys, KEYS_EMPTY, frame));

	if (!group)
		return -1;
	group->name = name;
	add_sum(group, &credit->sum);
	return 0;
}

/* Every kept frame; whole stacks are summed up by node first. */
static int credit_all(struct builder *builder, const struct credit *credit)
{
	struct node_sum *sum = &builder->sums[credit->node];

	if (!builder->kept_count) {
		stats_sum_add(&sum->sum, &credit->sum);
		if (!sum->first)
			sum->first = credit->stack + 1;
		return 0;
	}
	for (size_t i = 0; i < builder->kept_count; i++) {
		if (credit_frame(builder, credit, builder->kept[i]))
			return -1;
	}
	return 0;
}

static int credit_groups(struct builder *builder, const struct credit *credit)
{
	switch (builder->options->key) {
	case KEY_TRACEBACK:
		return credit_stack(builder, credit);
	case KEY_THREAD:
		return credit_thread(builder, credit);
	case KEY_PROCESS:
		return credit_process(builder, credit);
	default:
		return builder->sums ? credit_all(builder, credit) : credit_line(builder, credit);
	}
}

/* After all stacks: what goes through a node is credited to its frames. */
static int credit_nodes(struct builder *builder)
{
	const struct snapshot *snapshot = builder->snapshot;

	stats_sums_propagate(builder->sums, snapshot->nodes, snapshot->node_count);
	for (uint32_t node = 0; node < snapshot->node_count; node++) {
		struct credit credit = {.sum = builder->sums[node].sum, .stack = builder->sums[node].first - 1};
		uint32_t count = node ? frames_of_node(snapshot, node) : 1;
		for (uint32_t i = 0; builder->sums[node].first && i < count; i++) {
			if (credit_frame(builder, &credit, (struct frame_ref){node, i}))
				return -1;
		}
	}
	return 0;
}

/* ---- Stacks ---- */

/* Variances are known of what lives; of anything else, the distance times its size is never less. */
static struct stats_sum measure(const struct stack *stack, enum stats_metric metric, uint64_t distance)
{
	struct stats_sum sum = {.allocated = stack->total_bytes};

	switch (metric) {
	case METRIC_LIVE:
		sum.size = stack->live_bytes;
		sum.count = stack->live_blocks;
		sum.variance = (double)stack->variance;
		break;
	case METRIC_TOTAL:
		sum.size = stack->total_bytes;
		sum.count = stack->total_blocks;
		break;
	case METRIC_TEMPORARY:
		sum.count = stack->temporary_blocks; /* the recorder counts them only */
		break;
	case METRIC_PEAK:
		sum.size = stack->peak_bytes;
		sum.count = stack->peak_blocks;
		break;
	}
	if (metric != METRIC_LIVE && stack->domain == 0)
		sum.variance = (double)distance * (double)sum.size;
	sum.counted = sum.size || sum.count;
	return sum;
}

/* List the innermost frames if nframe cuts the others. */
static int keep_frames(struct builder *builder, const struct credit *credit)
{
	const struct snapshot *snapshot = builder->snapshot;
	uint32_t nframe = builder->options->nframe, node = credit->node;
	size_t count = (size_t)credit->attributed + nframe;

	builder->kept_count = 0;
	if (!nframe || count >= builder->paths.list[node].depth)
		return 0;
	if (array_reserve(&builder->kept, &builder->kept_room, count, sizeof(*builder->kept)))
		return -1;
	for (; builder->kept_count < count; node = snapshot->nodes[node].parent) {
		for (uint32_t i = 0; i < frames_of_node(snapshot, node) && builder->kept_count < count; i++)
			builder->kept[builder->kept_count++] = (struct frame_ref){node, i};
	}
	builder->stats->frames_seen += count;
	return 0;
}

static void note_missing_line(struct builder *builder, const struct credit *credit)
{
	const struct snapshot *snapshot = builder->snapshot;
	const struct address *address = credit->chosen.node ? snapshot_address_of(snapshot, credit->chosen.node) : NULL;
	const struct location *location;

	if (!address || credit->sum.one_time || address->module == HDS_MODULE_NONE || address->module >= snapshot->module_count)
		return;
	location = address->location_count ? &snapshot->locations[address->first_location + credit->chosen.index] : NULL;
	if (!location || !location->file || location->line == 0)
		builder->stats->no_line[address->module] += credit->sum.size;
}

/* The runtime has blocks per thread, per library, and a handful of others.  More than that of one stack is a loop of the program's. */
static bool is_once(const struct builder *builder, const struct stack *stack)
{
	const struct snapshot *snapshot = builder->snapshot;

	return attribution_is_once(builder->paths.list[stack->node].state) &&
	       stack->live_blocks <= ONCE_MAX + snapshot->module_count + snapshot->thread_count;
}

static int add_stack(struct builder *builder, uint32_t number)
{
	const struct stack *stack = &builder->snapshot->stacks[number];
	uint64_t distance = builder->snapshot->info.sample_bytes;
	struct stats *stats = builder->stats;
	struct credit credit = {.sum = measure(stack, builder->options->metric, distance), .stack = number, .node = stack->node};
	struct candidate candidate;
	bool passes;

	if (!credit.sum.counted && !distance)
		return 0;
	stats->considered += credit.sum.counted;
	credit.chosen = paths_chosen(&builder->paths, stack->node);
	credit.attributed = (uint32_t)paths_attributed(&builder->paths, stack->node);
	credit.sum.one_time = is_once(builder, stack);
	if (keep_frames(builder, &credit))
		return -1;
	candidate = (struct candidate){number, credit.chosen, builder->kept, builder->kept_count};
	if (selection_decide(&builder->selection, &candidate, &passes))
		return -1;
	if (!passes) {
		stats->filtered_out += credit.sum.counted;
		return 0;
	}
	stats->total_size += credit.sum.size;
	stats->total_count += credit.sum.count;
	stats->total_variance += credit.sum.variance;
	note_missing_line(builder, &credit);
	return credit_groups(builder, &credit);
}

/* ---- Order ---- */

static int compare_wide(wide a, wide b)
{
	return (a > b) - (a < b);
}

static int by_size(const void *left, const void *right, void *keys)
{
	const struct group *a = left, *b = right;
	int order = compare_wide(b->size, a->size);

	if (order == 0)
		order = compare_wide(b->count, a->count);
	return order ? order : keys_compare(keys, b->key, a->key);
}

static int by_count(const void *left, const void *right, void *keys)
{
	const struct group *a = left, *b = right;
	int order = compare_wide(b->count, a->count);

	return order ? order : by_size(left, right, keys);
}

/* Groups that were made for what their stacks have allocated only. */
static void drop_empty_groups(struct stats *stats)
{
	size_t kept = 0;

	for (size_t i = 0; i < stats->count; i++) {
		if (stats->groups[i].counted)
			stats->groups[kept++] = stats->groups[i];
	}
	stats->count = kept;
}

/* Each group learns which are its own, while it can be found by its key. */
static void give_vias(struct builder *builder)
{
	struct stats *stats = builder->stats;

	stats->vias = vias_steal(&builder->vias, &stats->via_count);
	for (size_t i = 0; i < stats->via_count; i++) {
		struct group *group = &stats->groups[builder->group_of[stats->vias[i].key] - 1];
		if (!group->via_count++)
			group->first_via = (uint32_t)i;
	}
}

static int finish(struct builder *builder)
{
	struct stats *stats = builder->stats;

	if (builder->sums && credit_nodes(builder))
		return -1;
	give_vias(builder);
	drop_empty_groups(stats);
	if (stats->count && !builder->options->unsorted)
		qsort_r(stats->groups, stats->count, sizeof(*stats->groups), builder->options->by_count ? by_count : by_size, stats->keys);
	stats->frames_seen += builder->paths.frames_seen;
	return 0;
}

/* ---- The whole ---- */

static int prepare(struct builder *builder)
{
	const struct snapshot *snapshot = builder->snapshot;
	const struct stats_options *options = builder->options;
	struct stats *stats = builder->stats;

	stats->places = (struct places){.snapshot = snapshot,
					.attribution = options->attribution,
					.filters = options->filters,
					.keys = options->keys,
					.key = options->key};
	stats->no_line = calloc(snapshot->module_count + 1, sizeof(*stats->no_line));
	if (!stats->no_line || places_init(&stats->places) || paths_init(&builder->paths, &stats->places))
		return -1;
	if (options->cumulative)
		builder->sums = calloc(snapshot->node_count + 1, sizeof(*builder->sums));
	if (selection_init(&builder->selection, snapshot, options->filters, &builder->paths))
		return -1;
	return builder->sums || !options->cumulative ? 0 : -1;
}

static int make(struct builder *builder)
{
	if (prepare(builder))
		return -1;
	for (size_t i = 0; i < builder->snapshot->stack_count; i++) {
		if (add_stack(builder, (uint32_t)i))
			return -1;
	}
	return finish(builder);
}

int stats_make(struct stats *stats, const struct snapshot *snapshot, const struct stats_options *options, struct error *error)
{
	struct builder builder = {.stats = stats, .snapshot = snapshot, .options = options};
	int result;

	*stats = (struct stats){.keys = options->keys};
	vias_init(&builder.vias);
	result = make(&builder);
	vias_release(&builder.vias);
	paths_release(&builder.paths);
	free(builder.sums);
	free(builder.group_of);
	free(builder.kept);
	selection_release(&builder.selection);
	if (result == 0)
		return 0;
	stats_release(stats);
	return error_nomem(error);
}

void stats_release(struct stats *stats)
{
	free(stats->groups);
	free(stats->vias);
	free(stats->no_line);
	places_release(&stats->places);
	*stats = (struct stats){0};
}

/* ---- What a group is shown as ---- */

size_t stats_vias(const struct stats *stats, const struct group *group, const struct via **first)
{
	*first = group->via_count ? &stats->vias[group->first_via] : NULL;
	return group->via_count;
}

static int list_frames(struct stats *stats, const struct group *group, struct frames *frames)
{
	const struct snapshot *snapshot = stats->places.snapshot;

	if (stats->places.key == KEY_TRACEBACK)
		return frames_of(frames, snapshot, &snapshot->stacks[group->first], (uint32_t)group->frame_count);
	if (frames_reserve(frames, 1))
		return -1;
	frames->count = 1;
	return frame_at(&frames->list[0], snapshot, group->frame.node, group->frame.index);
}

int stats_frames(struct stats *stats, const struct group *group, struct frames *frames)
{
	if (group->name) {
		if (frames_reserve(frames, 1))
			return -1;
		frames->list[0] = (struct frame){.file = group->name};
		frames->count = 1;
		return 0;
	}
	if (list_frames(stats, group, frames))
		return -1;
	for (size_t i = 0; i < frames->count; i++) {
		if (places_show(&stats->places, &frames->list[i]))
			return -1;
	}
	return 0;
}
