/* SPDX-License-Identifier: MIT */
/*
 * libdw's own look-up by address needs .debug_aranges, which clang does not write, and walks a unit's tree from its root for every
 * address. So: one list of the ranges of all units (from their own attributes), and for each unit that is asked about, one walk that lists
 * the ranges of its functions and of the functions inlined into them, each with a link to the one around it.  A look-up is two binary
 * searches.
 *
 * The file may be damaged: entries must lie behind each other in the section (no loops, linear time) and nesting is bounded.  libdw ends
 * the process when it runs out of memory; its handler jumps back into units_lookup or units_new instead.
 */
#include "symbols-dwarf.h"

#include <dwarf.h>
#include <setjmp.h>
#include <string.h>

#include "intervals.h"
#include "pointer-map.h"
#include "source-path.h"
#include "symbols-demangle.h"
#include "symbols-scopes.h"

#define DEEPEST 256            /* nested entries */
#define MOST_RANGES (1u << 22) /* of one unit */

/* A function with code of its own, or one place where a function is inlined. */
struct instance {
	Dwarf_Die die;
	uint64_t low;
	uint32_t parent; /* what it is inlined into; INTERVAL_NONE: not inlined */
};

struct unit {
	Dwarf_Die die;  /* has the ranges and the line table */
	Dwarf_Die tree; /* has the functions: the same, or the split unit's */
	bool walked;
	bool is_cplusplus;
	struct instance *instances;
	size_t count, room;
	struct intervals ranges; /* value: index in instances */
	struct scopes scopes;    /* C++ only */
	const char *last;        /* entry seen last by the walk */
};

struct units {
	Dwarf *dwarf;
	struct intern *intern;
	struct unit *list;
	size_t count, room;
	struct intervals ranges;      /* value: index in list */
	struct pointer_map functions; /* linkage name in the file → demangled, interned */
	struct pointer_map files;     /* file name in libdw's table → absolute, interned */
};

static _Thread_local jmp_buf *no_memory;

static void __attribute__((noreturn)) jump_out(void)
{
	longjmp(*no_memory, 1);
}

/* ---- Walking a unit ---- */

static struct instance *add_instance(struct unit *unit)
{
	if (unit->count == unit->room) {
		size_t room = unit->room ? unit->room * 2 : 32;
		struct instance *instances = reallocarray(unit->instances, room, sizeof(*instances));
		if (!instances)
			return NULL;
		unit->instances = instances;
		unit->room = room;
	}
	return &unit->instances[unit->count++];
}

/* Ranges from address 0 belong to functions that the linker threw away. */
static int add_ranges(struct intervals *ranges, Dwarf_Die *die, uint32_t value, uint64_t *lowest)
{
	Dwarf_Addr base, low, high;
	ptrdiff_t next = 0;

	while (ranges->count < MOST_RANGES && (next = dwarf_ranges(die, next, &base, &low, &high)) > 0) {
		if (low == 0)
			continue;
		if (intervals_add(ranges, &(struct interval){.low = low, .high = high, .value = value, .rank = value}))
			return -1;
		if (low < high && low < *lowest)
			*lowest = low;
	}
	return 0;
}

/* The entry's ranges, if it has code.  *inside becomes its index. */
static int add_function(struct unit *unit, Dwarf_Die *die, uint32_t parent, uint32_t *inside)
{
	size_t before = unit->ranges.count;
	uint64_t low = UINT64_MAX;
	struct instance *instance;

	if (add_ranges(&unit->ranges, die, (uint32_t)unit->count, &low))
		return -1;
	if (unit->ranges.count == before)
		return 0;
	instance = add_instance(unit);
	if (!instance)
		return -1;
	*instance = (struct instance){.die = *die, .low = low, .parent = parent};
	*inside = (uint32_t)(unit->count - 1);
	return 0;
}

static bool may_contain_functions(int tag)
{
	switch (tag) {
	case DW_TAG_subprogram:
	case DW_TAG_inlined_subroutine:
	case DW_TAG_lexical_block:
	case DW_TAG_try_block:
	case DW_TAG_catch_block:
	case DW_TAG_namespace:
	case DW_TAG_module:
	case DW_TAG_class_type:
	case DW_TAG_structure_type:
	case DW_TAG_union_type:
	case DW_TAG_interface_type:
	case DW_TAG_variant_part:
	case DW_TAG_variant:
		return true;
	default:
		return false;
	}
}

static bool is_scope(int tag)
{
	return tag != DW_TAG_inlined_subroutine && tag != DW_TAG_lexical_block && may_contain_functions(tag);
}

static int walk(struct unit *unit, Dwarf_Die *parent, uint32_t around, unsigned depth)
{
	Dwarf_Die die;

	if (depth == DEEPEST || dwarf_child(parent, &die))
		return 0;
	do {
		int tag = dwarf_tag(&die);
		uint32_t inside = around;
		if ((const char *)die.addr <= unit->last)
			break;
		unit->last = die.addr;
		if (tag == DW_TAG_subprogram && add_function(unit, &die, INTERVAL_NONE, &inside))
			return -1;
		if (tag == DW_TAG_inlined_subroutine && add_function(unit, &die, around, &inside))
			return -1;
		if (may_contain_functions(tag) && walk(unit, &die, inside, depth + 1))
			return -1;
		if (unit->is_cplusplus && is_scope(tag) && scopes_add(&unit->scopes, &die, unit->last + 1))
			return -1;
	} while (dwarf_siblingof(&die, &die) == 0);
	return 0;
}

static bool is_cplusplus(int language)
{
	switch (language) {
	case DW_LANG_C_plus_plus:
	case DW_LANG_C_plus_plus_03:
	case DW_LANG_C_plus_plus_11:
	case DW_LANG_C_plus_plus_14:
		return true;
	default:
		return false;
	}
}

static int walk_unit(struct unit *unit)
{
	if (unit->walked)
		return 0;
	unit->walked = true;
	unit->last = unit->tree.addr;
	unit->is_cplusplus = is_cplusplus(dwarf_srclang(&unit->tree));
	if (walk(unit, &unit->tree, INTERVAL_NONE, 0))
		return -1;
	intervals_finish(&unit->ranges);
	scopes_finish(&unit->scopes);
	return 0;
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
	units->list[units->count] = (struct unit){.walked = false};
	return &units->list[units->count++];
}

/* A unit that does not say where its code is: ask its functions. */
static int add_function_ranges(struct units *units, struct unit *unit, uint32_t value)
{
	if (walk_unit(unit))
		return -1;
	for (size_t i = 0; i < unit->ranges.count; i++) {
		struct interval range = {.low = unit->ranges.list[i].low, .high = unit->ranges.list[i].high, .value = value, .rank = value};
		if (unit->ranges.list[i].outer == INTERVAL_NONE && intervals_add(&units->ranges, &range))
			return -1;
	}
	return 0;
}

static int list_unit(struct units *units, const Dwarf_Die *die, const Dwarf_Die *split)
{
	uint32_t value = (uint32_t)units->count;
	size_t before = units->ranges.count;
	struct unit *unit = add_unit(units);
	uint64_t low = UINT64_MAX;

	if (!unit)
		return -1;
	unit->die = *die;
	unit->tree = split->addr ? *split : *die;
	if (add_ranges(&units->ranges, &unit->die, value, &low))
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
	units->intern = intern;
	dwarf_new_oom_handler(dwarf, jump_out);
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
	for (size_t i = 0; i < units->count; i++) {
		free(units->list[i].instances);
		intervals_release(&units->list[i].ranges);
		scopes_release(&units->list[i].scopes);
	}
	free(units->list);
	intervals_release(&units->ranges);
	pointer_map_release(&units->functions);
	pointer_map_release(&units->files);
	free(units);
}

/* ---- Describing an address ---- */

static const char *string_of(Dwarf_Die *die, unsigned name)
{
	Dwarf_Attribute attribute;

	return dwarf_formstring(dwarf_attr_integrate(die, name, &attribute));
}

static uint32_t number_of(Dwarf_Die *die, unsigned name)
{
	Dwarf_Attribute attribute;
	Dwarf_Word value;

	if (dwarf_formudata(dwarf_attr(die, name, &attribute), &value) || value > UINT32_MAX)
		return 0;
	return (uint32_t)value;
}

/* Demangled once per name of the file. */
static const char *demangled(struct units *units, const char *linkage)
{
	void **slot = pointer_map_at(&units->functions, linkage);
	char *text;

	if (!slot)
		return NULL;
	if (!*slot) {
		text = symbols_demangle(linkage);
		*slot = (void *)intern_add(units->intern, text ? text : linkage);
		free(text);
	}
	return *slot;
}

static const char *plain(struct units *units, const struct unit *unit, const Dwarf_Die *die, const char *name)
{
	const char *interned;
	char *text;

	if (!unit->is_cplusplus)
		return intern_add(units->intern, name);
	text = scopes_qualify(&unit->scopes, die, name);
	interned = text ? intern_add(units->intern, text) : NULL;
	free(text);
	return interned;
}

/* A linkage name that is not mangled is an assembler's alias (glibc's "__GI_fopen"): people know the other one. */
static int set_function(struct units *units, const struct unit *unit, struct location *location, Dwarf_Die *die)
{
	const char *linkage = string_of(die, DW_AT_linkage_name), *name = string_of(die, DW_AT_name);
	int line = 0;

	if (!linkage)
		linkage = string_of(die, DW_AT_MIPS_linkage_name);
	if (dwarf_decl_line(die, &line) == 0 && line > 0)
		location->function_line = (uint32_t)line;
	if (linkage && *linkage) {
		location->linkage = intern_add(units->intern, linkage);
		if (!location->linkage)
			return -1;
	}
	if (location->linkage && (symbols_is_mangled(linkage) || !name))
		location->function = demangled(units, linkage);
	else if (name && *name)
		location->function = plain(units, unit, die, name);
	else
		return 0;
	if (location->function == location->linkage)
		location->linkage = NULL;
	return location->function ? 0 : -1;
}

static int set_file(struct units *units, struct unit *unit, struct location *location, const char *name)
{
	Dwarf_Attribute attribute;
	void **slot;
	char *path;

	if (!name || !*name || strcmp(name, "???") == 0)
		return 0;
	slot = pointer_map_at(&units->files, name);
	if (!slot)
		return -1;
	if (!*slot) {
		path = source_path(dwarf_formstring(dwarf_attr(&unit->die, DW_AT_comp_dir, &attribute)), name);
		*slot = path ? (void *)intern_add(units->intern, path) : NULL;
		free(path);
	}
	location->file = *slot;
	return location->file ? 0 : -1;
}

/* Where the inlined function was called: the position in the function around it. */
static int set_call(struct units *units, struct unit *unit, struct location *location, Dwarf_Die *inlined)
{
	uint32_t file = number_of(inlined, DW_AT_call_file);
	Dwarf_Files *files;
	size_t count;

	location->line = number_of(inlined, DW_AT_call_line);
	if (dwarf_getsrcfiles(&unit->tree, &files, &count) || file >= count)
		return 0;
	return set_file(units, unit, location, dwarf_filesrc(files, file, NULL, NULL));
}

static int set_line(struct units *units, struct unit *unit, struct location *location, Dwarf_Line *line)
{
	int number;

	if (!line)
		return 0;
	if (dwarf_lineno(line, &number) == 0 && number > 0)
		location->line = (uint32_t)number;
	return set_file(units, unit, location, dwarf_linesrc(line, NULL, NULL));
}

static int describe(struct units *units, struct unit *unit, uint64_t address, struct locations *locations)
{
	Dwarf_Line *line = dwarf_getsrc_die(&unit->die, address);
	struct instance *instance = NULL, *inner;
	struct location *location;
	uint32_t found;

	if (walk_unit(unit))
		return -1;
	found = intervals_find(&unit->ranges, address);
	if (found == INTERVAL_NONE && !line)
		return 0;
	location = locations_add(locations);
	if (!location || set_line(units, unit, location, line))
		return -1;
	if (found != INTERVAL_NONE)
		instance = &unit->instances[unit->ranges.list[found].value];
	while (instance) {
		if (set_function(units, unit, location, &instance->die))
			return -1;
		inner = instance;
		instance = inner->parent == INTERVAL_NONE ? NULL : &unit->instances[inner->parent];
		if (!instance) {
			location->symbol_offset = address - inner->low;
			break;
		}
		location->flags |= HDS_LOCATION_INLINED;
		location = locations_add(locations);
		if (!location || set_call(units, unit, location, &inner->die))
			return -1;
	}
	return 0;
}

static int lookup(struct units *units, uint64_t address, struct locations *locations)
{
	size_t before = locations->count;

	for (uint32_t i = intervals_find(&units->ranges, address); i != INTERVAL_NONE; i = intervals_outer(&units->ranges, i, address)) {
		if (describe(units, &units->list[units->ranges.list[i].value], address, locations))
			return -1;
		if (locations->count > before)
			break;
	}
	return 0;
}

int units_lookup(struct units *units, uint64_t address, struct locations *locations)
{
	jmp_buf here;

	no_memory = &here;
	return setjmp(here) ? -1 : lookup(units, address, locations);
}
