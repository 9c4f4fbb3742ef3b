/* SPDX-License-Identifier: MIT */
/*
 * Comes in: what paths.c and places.c know of a stack's frames, and its process; goes out: whether it counts.  A sum of processes lists the
 * stacks of each together, so the bits of the last process seen are all the memo there is.
 */
#include "selection.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int selection_init(struct selection *selection, const struct snapshot *snapshot, struct filters *filters, struct paths *paths)
{
	size_t words = filters ? filters_words(filters) : 0;

	*selection = (struct selection){.snapshot = snapshot, .filters = filters, .paths = paths};
	selection->any = calloc(3 * words + 1, sizeof(*selection->any));
	if (!selection->any)
		return -1;
	selection->process = selection->any + words;
	selection->thread = selection->process + words;
	return 0;
}

void selection_release(struct selection *selection)
{
	free(selection->any);
	*selection = (struct selection){0};
}

const char *selection_process(struct selection *selection, uint32_t stack)
{
	const struct snapshot *snapshot = selection->snapshot;
	char name[256];

	if (snapshot->stack_process)
		return snapshot->processes[snapshot->stack_process[stack]];
	if (!snapshot->info.pid)
		return snapshot->name;
	if (!selection->own) {
		snprintf(name, sizeof(name), "%llu %s", (unsigned long long)snapshot->info.pid, snapshot->info.command);
		selection->own = intern_add(snapshot->intern, name);
	}
	return selection->own;
}

/* ---- Facts about a stack; NULL: out of memory ---- */

static const uint64_t *bits_at(const struct selection *selection, struct frame_ref ref)
{
	const struct place *place = places_at(selection->paths->places, ref);

	return place ? places_bits(selection->paths->places, place) : NULL;
}

/* All frames that count. */
static const uint64_t *bits_of_all(struct selection *selection, const struct candidate *candidate)
{
	size_t words = filters_words(selection->filters);

	if (!candidate->kept_count)
		return selection->paths->bits + selection->snapshot->stacks[candidate->stack].node * words;
	memset(selection->any, 0, words * sizeof(*selection->any));
	for (size_t i = 0; i < candidate->kept_count; i++) {
		const uint64_t *bits = bits_at(selection, candidate->kept[i]);
		if (!bits)
			return NULL;
		for (size_t word = 0; word < words; word++)
			selection->any[word] |= bits[word];
	}
	return selection->any;
}

static const uint64_t *bits_of_thread(struct selection *selection, const struct candidate *candidate)
{
	uint32_t node = selection->snapshot->stacks[candidate->stack].node;
	const uint64_t *bits;
	struct frame_ref thread;

	if (paths_thread(selection->paths, node, candidate->kept, candidate->kept_count, &thread) || !(bits = bits_at(selection, thread)))
		return NULL;
	/* A copy: the next frame may be worked out where this one was. */
	return memcpy(selection->thread, bits, filters_words(selection->filters) * sizeof(*bits));
}

static const uint64_t *bits_of_process(struct selection *selection, uint32_t stack)
{
	const char *name = selection_process(selection, stack);

	if (!name)
		return NULL;
	if (name != selection->process_seen)
		filters_match_process(selection->filters, name, selection->process);
	selection->process_seen = name;
	return selection->process;
}

int selection_decide(struct selection *selection, const struct candidate *candidate, bool *passes)
{
	struct filters *filters = selection->filters;
	struct filter_facts facts = {.domain = selection->snapshot->stacks[candidate->stack].domain};

	*passes = true;
	if (!filters)
		return 0;
	if (filters->all_frames && !(facts.any = bits_of_all(selection, candidate)))
		return -1;
	if (filters->threads && !(facts.thread = bits_of_thread(selection, candidate)))
		return -1;
	if (filters->processes && !(facts.process = bits_of_process(selection, candidate->stack)))
		return -1;
	facts.attributed = bits_at(selection, candidate->chosen);
	if (!facts.attributed)
		return -1;
	*passes = filters_decide(filters, &facts);
	return 0;
}

/* ---- A snapshot of what passes ---- */

static void add_up(uint64_t *sum, uint64_t more)
{
	if (__builtin_add_overflow(*sum, more, sum))
		*sum = UINT64_MAX;
}

static void add_totals(struct snapshot_info *info, const struct stack *stack)
{
	add_up(&info->live_blocks, stack->live_blocks);
	add_up(&info->live_bytes, stack->live_bytes);
	add_up(&info->total_blocks, stack->total_blocks);
	add_up(&info->total_bytes, stack->total_bytes);
	add_up(&info->temporary_blocks, stack->temporary_blocks);
	add_up(&info->peak_seen_bytes, stack->peak_bytes);
}

static uint64_t difference(uint64_t all, uint64_t part)
{
	return all > part ? all - part : 0;
}

static void clear_totals(struct snapshot *snapshot)
{
	struct snapshot_info *info = &snapshot->info;

	info->live_blocks = info->live_bytes = info->total_blocks = info->total_bytes = info->temporary_blocks = 0;
	info->peak_bytes = info->peak_ns = info->peak_seen_bytes = info->truncated_stacks = 0;
	snapshot->block_count = snapshot->age_count = 0; /* they name stacks by their numbers */
	snapshot->has_ages = false;
}

static void keep(struct snapshot *snapshot, const bool *passes)
{
	size_t kept = 0;

	clear_totals(snapshot);
	for (size_t i = 0; i < snapshot->stack_count; i++) {
		if (!passes[i])
			continue;
		add_totals(&snapshot->info, &snapshot->stacks[i]);
		if (snapshot->stack_process)
			snapshot->stack_process[kept] = snapshot->stack_process[i];
		snapshot->stacks[kept++] = snapshot->stacks[i];
	}
	snapshot->stack_count = kept;
	snapshot->info.freed_blocks = difference(snapshot->info.total_blocks, snapshot->info.live_blocks);
	snapshot->info.freed_bytes = difference(snapshot->info.total_bytes, snapshot->info.live_bytes);
}

static int decide_all(struct selection *selection, bool *passes)
{
	const struct snapshot *snapshot = selection->snapshot;

	for (size_t i = 0; i < snapshot->stack_count; i++) {
		struct candidate candidate = {.stack = (uint32_t)i, .chosen = paths_chosen(selection->paths, snapshot->stacks[i].node)};
		if (selection_decide(selection, &candidate, &passes[i]))
			return -1;
	}
	return 0;
}

int selection_apply(struct snapshot *snapshot, struct filters *filters, const struct attribution *attribution, struct error *error)
{
	struct keys *keys = keys_new();
	struct places places = {.snapshot = snapshot, .attribution = *attribution, .filters = filters, .keys = keys, .key = KEY_LINENO};
	struct paths paths = {0};
	struct selection selection = {0};
	bool *passes = calloc(snapshot->stack_count + 1, sizeof(*passes));
	int result = -1;

	if (keys && passes && places_init(&places) == 0 && paths_init(&paths, &places) == 0 &&
	    selection_init(&selection, snapshot, filters, &paths) == 0)
		result = decide_all(&selection, passes);
	if (result == 0)
		keep(snapshot, passes);
	selection_release(&selection);
	paths_release(&paths);
	places_release(&places);
	keys_free(keys);
	free(passes);
	return result ? error_nomem(error) : 0;
}
