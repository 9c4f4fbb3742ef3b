/* SPDX-License-Identifier: MIT */
/*
 * libdw's own look-up by address needs .debug_aranges, which clang does not write, and walks a unit's tree from its root for every
 * address. So: one list of the ranges of all units (from their own attributes); the addresses that are asked for come sorted, all of a file
 * at once, and each unit that has some is gone through once for all of them.
 *
 * libdw ends the process when it runs out of memory; its handler jumps back into units_lookup or units_new instead.
 */
#include "symbols-dwarf.h"

#include <dwarf.h>
#include <setjmp.h>
#include <stdlib.h>

#include "intervals.h"
#include "symbols-unit.h"

#define MOST_RANGES (1u << 22) /* of one unit */
#define MOST_UNITS 8           /* asked for one address */

struct units {
	Dwarf *dwarf;
	struct unit *list;
	size_t count, room;
	struct intervals ranges; /* value: index in list */
	struct unit_reader reader;
	struct candidate *candidates;
	struct lookup **group; /* look-ups of one unit */
};

static _Thread_local jmp_buf *no_memory;

static void __attribute__((noreturn)) jump_out(void)
{
	longjmp(*no_memory, 1);
}

/* ---- The list of units ---- */

static struct unit *add_unit(struct units *units)
{
	if (units->count == units->room) {
		size_t room = units->room ? units->room * 2 : 64;
		struct unit *list = room < INTERVAL_NONE ? reallocarray(units->list, room, sizeof(*list)) : NULL;
		if (!list)
			return NULL;
		units->list = list;
		units->room = room;
	}
	return &units->list[units->count++];
}

static int add_range(struct units *units, uint64_t low, uint64_t high, uint32_t value)
{
	return intervals_add(&units->ranges, &(struct interval){.low = low, .high = high, .value = value, .rank = value});
}

/* Ranges from address 0 belong to code that the linker threw away. */
static int add_own_ranges(struct units *units, struct unit *unit, uint32_t value)
{
	Dwarf_Addr base, low, high;
	ptrdiff_t next = 0;
	int result = 0;

	for (size_t i = 0; result == 0 && i < MOST_RANGES && (next = dwarf_ranges(&unit->die, next, &base, &low, &high)) > 0; i++)
		result = low ? add_range(units, low, high, value) : 0;
	return result;
}

/* A unit that does not say where its code is: ask its functions. */
static int add_function_ranges(struct units *units, const struct unit *unit, uint32_t value)
{
	struct instances *instances = &units->reader.instances;
	int result = instances_find(instances, &unit->tree, (struct wanted){NULL, 0});

	for (size_t i = 0; result == 0 && i < instances->ranges.count; i++) {
		const struct interval *range = &instances->ranges.list[i];
		if (range->outer == INTERVAL_NONE)
			result = add_range(units, range->low, range->high, value);
	}
	instances_release(instances);
	return result;
}

static int list_unit(struct units *units, const Dwarf_Die *die, const Dwarf_Die *split)
{
	uint32_t value = (uint32_t)units->count;
	size_t before = units->ranges.count;
	struct unit *unit = add_unit(units);

	if (!unit)
		return -1;
	unit->die = *die;
	unit->tree = split->addr ? *split : *die;
	if (add_own_ranges(units, unit, value))
		return -1;
	return units->ranges.count == before ? add_function_ranges(units, unit, value) : 0;
}

static int list_units(struct units *units)
{
	Dwarf_CU *unit = NULL;
	Dwarf_Die die, split;

	while (dwarf_get_units(units->dwarf, unit, &unit, NULL, NULL, &die, &split) == 0) {
		int tag = dwarf_tag(&die);
		if ((tag == DW_TAG_compile_unit || tag == DW_TAG_skeleton_unit) && list_unit(units, &die, &split))
			return -1;
	}
	intervals_finish(&units->ranges);
	return 0;
}

static int list_units_guarded(struct units *units)
{
	jmp_buf here;

	no_memory = &here;
	return setjmp(here) ? -1 : list_units(units);
}

struct units *units_new(Dwarf *dwarf, struct intern *intern)
{
	struct units *units = calloc(1, sizeof(*units));

	if (!units)
		return NULL;
	units->dwarf = dwarf;
	dwarf_new_oom_handler(dwarf, jump_out);
	unit_reader_init(&units->reader, intern);
	if (list_units_guarded(units)) {
		units_free(units);
		return NULL;
	}
	return units;
}

void units_free(struct units *units)
{
	if (!units)
		return;
	free(units->list);
	free(units->candidates);
	free(units->group);
	intervals_release(&units->ranges);
	unit_reader_release(&units->reader);
	free(units);
}

/* ---- Addresses ---- */

/* A unit that may know an address. */
struct candidate {
	uint32_t lookup; /* index in the list */
	uint32_t range;  /* of units->ranges */
	uint32_t unit;
};

static int by_unit(const void *left, const void *right)
{
	const struct candidate *a = left, *b = right;

	if (a->unit != b->unit)
		return a->unit < b->unit ? -1 : 1;
	return a->lookup < b->lookup ? -1 : a->lookup > b->lookup;
}

/* All addresses that one unit is asked for, in ascending order. */
static int ask_unit(struct units *units, const struct candidate *candidates, size_t count, struct lookup *list, struct locations *locations)
{
	for (size_t i = 0; i < count; i++)
		units->group[i] = &list[candidates[i].lookup];
	return unit_describe(&units->reader, &units->list[candidates[0].unit], units->group, count, locations);
}

static int ask_units(struct units *units, struct candidate *candidates, size_t count, struct lookup *list, struct locations *locations)
{
	size_t group;

	qsort(candidates, count, sizeof(*candidates), by_unit);
	for (size_t i = 0; i < count; i += group) {
		for (group = 1; i + group < count && candidates[i + group].unit == candidates[i].unit; group++)
			continue;
		if (ask_unit(units, candidates + i, group, list, locations))
			return -1;
	}
	return 0;
}

/* Each address first goes to the innermost unit around it; to the next one outwards if that knows nothing.  Returns how many have one. */
static size_t first_candidates(const struct units *units, struct candidate *candidates, const struct lookup *list, size_t count)
{
	size_t found = 0;

	for (size_t i = 0; i < count; i++) {
		uint32_t range = intervals_find(&units->ranges, list[i].address);
		if (range != INTERVAL_NONE)
			candidates[found++] = (struct candidate){(uint32_t)i, range, units->ranges.list[range].value};
	}
	return found;
}

static size_t next_candidates(const struct units *units, struct candidate *candidates, size_t count, const struct lookup *list)
{
	size_t kept = 0;

	for (size_t i = 0; i < count; i++) {
		struct candidate next = candidates[i];
		if (list[next.lookup].count)
			continue;
		next.range = intervals_outer(&units->ranges, next.range, list[next.lookup].address);
		if (next.range == INTERVAL_NONE)
			continue;
		next.unit = units->ranges.list[next.range].value;
		candidates[kept++] = next;
	}
	return kept;
}

static int lookup_all(struct units *units, struct lookup *list, size_t count, struct locations *locations)
{
	size_t asked = first_candidates(units, units->candidates, list, count);
	int result = 0;

	for (int round = 0; result == 0 && asked && round < MOST_UNITS; round++) {
		result = ask_units(units, units->candidates, asked, list, locations);
		asked = next_candidates(units, units->candidates, asked, list);
	}
	return result;
}

/* Room for as many look-ups at once. */
static int reserve(struct units *units, size_t count)
{
	struct candidate *candidates = reallocarray(units->candidates, count + 1, sizeof(*candidates));
	struct lookup **group;

	if (!candidates)
		return -1;
	units->candidates = candidates;
	group = reallocarray(units->group, count + 1, sizeof(struct lookup *));
	if (!group)
		return -1;
	units->group = group;
	return unit_reader_reserve(&units->reader, count);
}

int units_lookup(struct units *units, struct lookup *list, size_t count, struct locations *locations)
{
	jmp_buf here;

	for (size_t i = 0; i < count; i++)
		list[i].first = list[i].count = 0;
	if (reserve(units, count))
		return -1;
	no_memory = &here;
	return setjmp(here) ? -1 : lookup_all(units, list, count, locations);
}
