/* SPDX-License-Identifier: MIT */
/* Comes in: how old blocks are, one by one; goes out: a list per snapshot, and snapshots with the blocks of some ages only. */
#include "ages.h"

#include <stdlib.h>
#include <string.h>

#define SECOND UINT64_C(1000000000)
#define AGE_BITS 6 /* that are kept */

uint32_t age_rounded(uint64_t nanoseconds)
{
	uint64_t seconds = nanoseconds / SECOND;
	unsigned place = 0;

	if (seconds > UINT32_MAX)
		seconds = UINT32_MAX;
	while (seconds >> place >= 1u << AGE_BITS)
		place++;
	return (uint32_t)(seconds >> place << place);
}

/* ---- Lists ---- */

void age_list_init(struct age_list *ages)
{
	*ages = (struct age_list){.last = IDMAP_NONE};
	idmap_init(&ages->map);
}

void age_list_release(struct age_list *ages)
{
	free(ages->list);
	idmap_release(&ages->map);
	*ages = (struct age_list){.last = IDMAP_NONE};
}

static bool same_age(const void *records, uint32_t id, const void *key)
{
	const struct age *one = (const struct age *)records + id, *other = key;

	return one->stack == other->stack && one->seconds == other->seconds;
}

static uint32_t find_or_add(struct age_list *ages, const struct age *key)
{
	if (ages->last != IDMAP_NONE && same_age(ages->list, ages->last, key))
		return ages->last;
	uint32_t hash = idmap_hash(&ages->map, (uint64_t[]){(uint64_t)key->stack << 32 | key->seconds}, 1);
	uint32_t found = idmap_find(&ages->map, hash, same_age, ages->list, key);
	if (found != IDMAP_NONE)
		return found;
	if (ages->count >= IDMAP_NONE || array_reserve(&ages->list, &ages->room, ages->count + 1, sizeof(*ages->list)) ||
	    idmap_add(&ages->map, hash, (uint32_t)ages->count))
		return IDMAP_NONE;
	ages->list[ages->count] = (struct age){.stack = key->stack, .seconds = key->seconds};
	return (uint32_t)ages->count++;
}

static void add(struct age *to, const struct age *more)
{
	to->blocks += more->blocks;
	to->bytes += more->bytes;
	to->variance = to->variance + more->variance < to->variance ? UINT64_MAX : to->variance + more->variance;
}

int age_list_add(struct age_list *ages, const struct age *more)
{
	ages->last = find_or_add(ages, more);
	if (ages->last == IDMAP_NONE)
		return -1;
	add(&ages->list[ages->last], more);
	return 0;
}

static int compare(const void *a, const void *b)
{
	const struct age *one = a, *other = b;

	if (one->stack != other->stack)
		return one->stack < other->stack ? -1 : 1;
	return one->seconds < other->seconds ? -1 : one->seconds > other->seconds;
}

void age_list_move(struct age_list *ages, struct snapshot *snapshot)
{
	if (ages->count)
		qsort(ages->list, ages->count, sizeof(*ages->list), compare);
	free(snapshot->ages);
	snapshot->ages = ages->list;
	snapshot->age_count = ages->count;
	snapshot->has_ages = true;
	ages->list = NULL;
	age_list_release(ages);
}

/* ---- Snapshots ---- */

static bool is_wanted(const struct age *age, unsigned long long older, unsigned long long newer)
{
	unsigned long long nanoseconds = age->seconds * SECOND;

	return (older == AGES_UNSET || nanoseconds >= older) && (newer == AGES_UNSET || nanoseconds < newer);
}

static void add_to_stack(struct stack *stack, const struct age *age)
{
	stack->live_blocks += age->blocks;
	stack->live_bytes += age->bytes;
	stack->variance = stack->variance + age->variance < stack->variance ? UINT64_MAX : stack->variance + age->variance;
}

int ages_select(struct snapshot *snapshot, unsigned long long older, unsigned long long newer, struct error *error)
{
	size_t kept = 0;

	if (older == AGES_UNSET && newer == AGES_UNSET)
		return 0;
	if (!snapshot->has_ages)
		return error_set(error, "'%s' does not say how old its blocks are%s", snapshot->name,
				 snapshot->kind == SNAPSHOT_JSON ? ": interchange JSON does not" : "");
	for (size_t i = 0; i < snapshot->stack_count; i++)
		snapshot->stacks[i].live_blocks = snapshot->stacks[i].live_bytes = snapshot->stacks[i].variance = 0;
	for (size_t i = 0; i < snapshot->age_count; i++) {
		if (!is_wanted(&snapshot->ages[i], older, newer))
			continue;
		add_to_stack(&snapshot->stacks[snapshot->ages[i].stack], &snapshot->ages[i]);
		snapshot->ages[kept++] = snapshot->ages[i];
	}
	snapshot->age_count = kept;
	/* Nobody knows any more which of these are meant. */
	free(snapshot->blocks);
	snapshot->blocks = NULL;
	snapshot->block_count = 0;
	return 0;
}

int ages_append(struct snapshot *into, const struct snapshot *from, size_t first)
{
	bool known = from->has_ages && (into->has_ages || first == 0);
	size_t count = known ? into->age_count + from->age_count : 0;

	into->has_ages = known;
	if (count > into->age_count) {
		struct age *ages = realloc(into->ages, count * sizeof(*ages));
		if (!ages)
			return -1;
		into->ages = ages;
		for (size_t i = into->age_count; i < count; i++) {
			ages[i] = from->ages[i - into->age_count];
			ages[i].stack += (uint32_t)first;
		}
	}
	into->age_count = count;
	return 0;
}
