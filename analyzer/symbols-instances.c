/* SPDX-License-Identifier: MIT */
/*
 * Two ways through a unit's entries lead to the same list: the quick one (symbols-dies.c), and libdw's for what that one does not know.  The
 * file may be damaged: entries must lie behind each other in the section (no loops, linear time), nesting and ranges are bounded.
 */
#include "symbols-instances.h"

#include <stdlib.h>

#include "symbols-abbrev.h"

#define MOST_RANGES (1u << 22) /* of one unit */

/* One search in a unit. */
struct search {
	const Dwarf_Die *tree;
	struct instances *instances;
	struct scopes *scopes;
	struct wanted wanted;
	size_t ranges; /* seen so far */
	bool failed;
};

static Dwarf_Die die_at(const Dwarf_Die *tree, void *at)
{
	return (Dwarf_Die){.addr = at, .cu = tree->cu};
}

Dwarf_Die instances_die(const struct instances *instances, uint32_t index, const Dwarf_Die *tree)
{
	return die_at(tree, instances->list[index].at);
}

/* ---- Keeping ---- */

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

/* One range of the next instance.  Ranges from address 0 belong to functions that the linker threw away. */
static int add_range(struct search *search, uint64_t low, uint64_t high, uint64_t *lowest)
{
	struct instances *instances = search->instances;
	uint32_t value = (uint32_t)instances->count;

	search->ranges++;
	if (low == 0 || low >= high)
		return 0;
	if (low < *lowest)
		*lowest = low;
	if (!is_wanted(search->wanted, low, high))
		return 0;
	return intervals_add(&instances->ranges, &(struct interval){.low = low, .high = high, .value = value, .rank = value});
}

static int add_ranges(struct search *search, const struct die_code *code, uint64_t *lowest)
{
	Dwarf_Die die = die_at(search->tree, code->at);
	Dwarf_Addr base, low, high;
	ptrdiff_t next = 0;

	if (!code->in_pieces)
		return add_range(search, code->low, code->high, lowest);
	while (search->ranges < MOST_RANGES && (next = dwarf_ranges(&die, next, &base, &low, &high)) > 0) {
		if (add_range(search, low, high, lowest))
			return -1;
	}
	return 0;
}

static int add_instance(struct instances *instances, const struct instance *instance)
{
	if (instances->count == instances->room) {
		size_t room = instances->room ? instances->room * 2 : 32;
		struct instance *list = room < DIES_STOP ? reallocarray(instances->list, room, sizeof(*list)) : NULL;
		if (!list)
			return -1;
		instances->list = list;
		instances->room = room;
	}
	instances->list[instances->count++] = *instance;
	return 0;
}

/* Also of those whose ranges are not kept: others may be inlined into them. */
static uint32_t visit_code(void *data, const struct die_code *code)
{
	struct search *search = data;
	struct instance instance = {.at = code->at, .low = UINT64_MAX, .parent = code->inlined ? code->around : INTERVAL_NONE};

	if (search->ranges >= MOST_RANGES)
		return code->around;
	if (add_ranges(search, code, &instance.low))
		goto failed;
	if (instance.low == UINT64_MAX)
		return code->around;
	if (add_instance(search->instances, &instance))
		goto failed;
	return (uint32_t)search->instances->count - 1;
failed:
	search->failed = true;
	return DIES_STOP;
}

static uint32_t begin_scope(void *data, void *at)
{
	struct search *search = data;
	uint32_t number = scopes_begin(search->scopes, at);

	search->failed |= number == UINT32_MAX;
	return search->failed ? DIES_STOP : number;
}

static void end_scope(void *data, uint32_t number, const void *end)
{
	scopes_end(((struct search *)data)->scopes, number, end);
}

/* ---- libdw's way ---- */

struct libdw_walk {
	const struct die_visitor *visitor;
	const char *last; /* entry seen last */
};

/* What is inside of it has *inside around it; *scope is its number if it is one. */
static void enter(const struct libdw_walk *walk, Dwarf_Die *die, uint32_t *inside, uint32_t *scope)
{
	const struct die_visitor *visitor = walk->visitor;
	enum die_kind kind = die_kind(dwarf_tag(die));
	struct die_code code = {.at = die->addr, .inlined = kind == DIE_INLINED, .in_pieces = true, .around = *inside};

	if (kind == DIE_FUNCTION || kind == DIE_INLINED)
		*inside = visitor->code(visitor->data, &code);
	if (visitor->begin_scope && (kind == DIE_SCOPE || kind == DIE_FUNCTION))
		*scope = visitor->begin_scope(visitor->data, die->addr);
}

static int walk_children(struct libdw_walk *walk, Dwarf_Die *parent, uint32_t around, unsigned depth)
{
	Dwarf_Die die;

	if (depth == DIES_NESTED_MAX || dwarf_child(parent, &die))
		return 0;
	do {
		uint32_t inside = around, scope = DIES_NOTHING;
		if ((const char *)die.addr <= walk->last)
			break;
		walk->last = die.addr;
		if (die_kind(dwarf_tag(&die)) == DIE_SKIPPED)
			continue;
		enter(walk, &die, &inside, &scope);
		if (inside == DIES_STOP || scope == DIES_STOP || walk_children(walk, &die, inside, depth + 1))
			return -1;
		if (scope != DIES_NOTHING)
			walk->visitor->end_scope(walk->visitor->data, scope, walk->last + 1);
	} while (dwarf_siblingof(&die, &die) == 0);
	return 0;
}

static void walk_by_libdw(const Dwarf_Die *tree, const struct die_visitor *visitor)
{
	struct libdw_walk walk = {.visitor = visitor, .last = tree->addr};
	Dwarf_Die die = *tree;

	walk_children(&walk, &die, DIES_NOTHING, 0);
}

/* ---- Both ---- */

static void begin(struct search *search)
{
	search->instances->count = search->instances->ranges.count = search->ranges = 0;
	if (search->scopes)
		scopes_clear(search->scopes, search->tree);
}

int instances_find(struct instances *instances, struct scopes *scopes, struct dies *dies, const Dwarf_Die *tree, struct wanted wanted)
{
	struct search search = {.tree = tree, .instances = instances, .scopes = scopes, .wanted = wanted};
	struct die_visitor visitor = {visit_code, scopes ? begin_scope : NULL, scopes ? end_scope : NULL, &search};
	enum dies_result result;

	begin(&search);
	result = dies ? dies_walk(dies, tree, &visitor) : DIES_UNKNOWN;
	if (result == DIES_UNKNOWN) {
		begin(&search);
		walk_by_libdw(tree, &visitor);
	}
	if (search.failed || result == DIES_NO_MEMORY)
		return -1;
	intervals_finish(&instances->ranges);
	if (scopes)
		scopes_finish(scopes);
	return 0;
}

void instances_release(struct instances *instances)
{
	free(instances->list);
	intervals_release(&instances->ranges);
	*instances = (struct instances){0};
}
