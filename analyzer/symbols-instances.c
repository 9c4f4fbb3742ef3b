/* SPDX-License-Identifier: MIT */
/*
 * A walk through all entries of a unit costs libdw more than everything else together, and most of them are types.  So the walk first looks
 * only at what lies directly in the unit, which is where gcc puts functions, and enters only those that have one of the addresses; then it looks
 * into namespaces too, which is where clang puts them; and into everything if an address is still in no function.
 *
 * The file may be damaged: entries must lie behind each other in the section (no loops, linear time), nesting and ranges are bounded.
 */
#include "symbols-instances.h"

#include <dwarf.h>
#include <stdlib.h>

#define DEEPEST 256            /* nested entries */
#define MOST_RANGES (1u << 22) /* of one unit */

enum reach { REACH_UNIT, REACH_NAMESPACES, REACH_ALL };

/* One walk. */
struct walk {
	struct instances *instances;
	struct wanted wanted;
	enum reach reach;
	const char *last; /* entry seen last */
	size_t ranges;    /* seen so far */
};

/* ---- Entries with code ---- */

static bool is_wanted(struct wanted wanted, uint64_t low, uint64_t high)
{
	size_t begin = 0, end = wanted.count;

	if (!wanted.list)
		return true;
	while (begin < end) {
		size_t middle = begin + (end - begin) / 2;
		if (wanted.list[middle] < low)
			begin = middle + 1;
		else
			end = middle;
	}
	return begin < wanted.count && wanted.list[begin] < high;
}

/* The ranges of the next instance, as far as they are wanted.  Those from address 0 belong to functions that the linker threw away. */
static int add_ranges(struct walk *walk, Dwarf_Die *die, uint64_t *lowest)
{
	struct interval range = {.value = (uint32_t)walk->instances->count, .rank = (uint32_t)walk->instances->count};
	Dwarf_Addr base, low, high;
	ptrdiff_t next = 0;

	while (walk->ranges < MOST_RANGES && (next = dwarf_ranges(die, next, &base, &low, &high)) > 0) {
		walk->ranges++;
		if (low == 0 || low >= high)
			continue;
		if (low < *lowest)
			*lowest = low;
		range.low = low;
		range.high = high;
		if (is_wanted(walk->wanted, low, high) && intervals_add(&walk->instances->ranges, &range))
			return -1;
	}
	return 0;
}

static int add_instance(struct instances *instances, const struct instance *instance)
{
	if (instances->count == instances->room) {
		size_t room = instances->room ? instances->room * 2 : 32;
		struct instance *list = room < INTERVAL_NONE ? reallocarray(instances->list, room, sizeof(*list)) : NULL;
		if (!list)
			return -1;
		instances->list = list;
		instances->room = room;
	}
	instances->list[instances->count++] = *instance;
	return 0;
}

/* *inside becomes the number of an entry that has code.  *enter: what is inside of it may have one of the addresses. */
static int visit_code(struct walk *walk, Dwarf_Die *die, bool inlined, uint32_t *inside, bool *enter)
{
	size_t before = walk->instances->ranges.count;
	struct instance instance = {.die = *die, .low = UINT64_MAX, .parent = inlined ? *inside : INTERVAL_NONE};

	if (add_ranges(walk, die, &instance.low))
		return -1;
	if (instance.low == UINT64_MAX) {
		*enter = inlined || walk->reach == REACH_ALL;
		return 0;
	}
	*enter = walk->reach == REACH_ALL || walk->instances->ranges.count > before;
	if (!*enter)
		return 0;
	*inside = (uint32_t)walk->instances->count;
	return add_instance(walk->instances, &instance);
}

/* ---- Entries ---- */

/* Notes an entry and says if others that count may be inside of it. */
static int visit(struct walk *walk, Dwarf_Die *die, uint32_t *inside, bool *enter)
{
	int tag = dwarf_tag(die);

	switch (tag) {
	case DW_TAG_subprogram:
	case DW_TAG_inlined_subroutine:
		return visit_code(walk, die, tag == DW_TAG_inlined_subroutine, inside, enter);
	case DW_TAG_lexical_block:
	case DW_TAG_try_block:
	case DW_TAG_catch_block:
		*enter = true;
		return 0;
	case DW_TAG_namespace:
	case DW_TAG_module:
		*enter = walk->reach >= REACH_NAMESPACES;
		return 0;
	case DW_TAG_class_type:
	case DW_TAG_structure_type:
	case DW_TAG_union_type:
	case DW_TAG_interface_type:
	case DW_TAG_variant_part:
	case DW_TAG_variant:
		*enter = walk->reach == REACH_ALL;
		return 0;
	default:
		*enter = false;
		return 0;
	}
}

static int walk_children(struct walk *walk, Dwarf_Die *parent, uint32_t around, unsigned depth)
{
	Dwarf_Die die;

	if (depth == DEEPEST || dwarf_child(parent, &die))
		return 0;
	do {
		uint32_t inside = around;
		bool enter;
		if ((const char *)die.addr <= walk->last)
			break;
		walk->last = die.addr;
		if (visit(walk, &die, &inside, &enter) || (enter && walk_children(walk, &die, inside, depth + 1)))
			return -1;
	} while (dwarf_siblingof(&die, &die) == 0);
	return 0;
}

static int walk_unit(struct instances *instances, const Dwarf_Die *tree, struct wanted wanted, enum reach reach)
{
	struct walk walk = {.instances = instances, .wanted = wanted, .reach = reach, .last = tree->addr};
	Dwarf_Die root = *tree;

	instances->count = instances->ranges.count = 0;
	if (walk_children(&walk, &root, INTERVAL_NONE, 0))
		return -1;
	intervals_finish(&instances->ranges);
	return 0;
}

static bool has_all(const struct instances *instances, struct wanted wanted)
{
	for (size_t i = 0; i < wanted.count; i++) {
		if (intervals_find(&instances->ranges, wanted.list[i]) == INTERVAL_NONE)
			return false;
	}
	return true;
}

int instances_find(struct instances *instances, const Dwarf_Die *tree, struct wanted wanted)
{
	int result;

	for (enum reach reach = wanted.list ? REACH_UNIT : REACH_ALL;; reach++) {
		result = walk_unit(instances, tree, wanted, reach);
		if (result || reach == REACH_ALL || has_all(instances, wanted))
			return result;
	}
}

void instances_release(struct instances *instances)
{
	free(instances->list);
	intervals_release(&instances->ranges);
	*instances = (struct instances){0};
}
