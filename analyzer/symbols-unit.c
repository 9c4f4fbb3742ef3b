/* SPDX-License-Identifier: MIT */
/*
 * One walk lists the functions around the addresses; then each address is put together from them and from libdw's line table.
 */
#include "symbols-unit.h"

#include <dwarf.h>
#include <string.h>

#include "source-path.h"
#include "symbols-demangle.h"

void unit_reader_init(struct unit_reader *reader, struct intern *intern)
{
	*reader = (struct unit_reader){.intern = intern};
}

void unit_reader_release(struct unit_reader *reader)
{
	pointer_map_release(&reader->functions);
	pointer_map_release(&reader->files);
	instances_release(&reader->instances);
	scopes_release(&reader->scopes);
	free(reader->wanted);
}

int unit_reader_reserve(struct unit_reader *reader, size_t count)
{
	uint64_t *wanted = reallocarray(reader->wanted, count + 1, sizeof(*wanted));

	if (!wanted)
		return -1;
	reader->wanted = wanted;
	return 0;
}

/* ---- Functions ---- */

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
static const char *demangled(struct unit_reader *reader, const char *linkage)
{
	void **slot = pointer_map_at(&reader->functions, linkage);
	char *text;

	if (!slot)
		return NULL;
	if (!*slot) {
		text = symbols_demangle(linkage);
		*slot = (void *)intern_add(reader->intern, text ? text : linkage);
		free(text);
	}
	return *slot;
}

static bool is_cplusplus(Dwarf_Die *tree)
{
	switch (dwarf_srclang(tree)) {
	case DW_LANG_C_plus_plus:
	case DW_LANG_C_plus_plus_03:
	case DW_LANG_C_plus_plus_11:
	case DW_LANG_C_plus_plus_14:
		return true;
	default:
		return false;
	}
}

/* A name without a linkage name: in C++ its namespaces and classes are part of it. */
static const char *plain(struct unit_reader *reader, const Dwarf_Die *die, const char *name)
{
	const char *interned;
	char *text;

	if (!reader->is_cplusplus)
		return intern_add(reader->intern, name);
	text = scopes_qualify(&reader->scopes, die, name);
	interned = text ? intern_add(reader->intern, text) : NULL;
	free(text);
	return interned;
}

/* A linkage name that is not mangled is an assembler's alias (glibc's "__GI_fopen"): people know the other one. */
static int set_function(struct unit_reader *reader, struct location *location, Dwarf_Die *die)
{
	const char *linkage = string_of(die, DW_AT_linkage_name), *name = string_of(die, DW_AT_name);
	int line = 0;

	if (!linkage)
		linkage = string_of(die, DW_AT_MIPS_linkage_name);
	if (dwarf_decl_line(die, &line) == 0 && line > 0)
		location->function_line = (uint32_t)line;
	if (linkage && *linkage) {
		location->linkage = intern_add(reader->intern, linkage);
		if (!location->linkage)
			return -1;
	}
	if (location->linkage && (symbols_is_mangled(linkage) || !name))
		location->function = demangled(reader, linkage);
	else if (name && *name)
		location->function = plain(reader, die, name);
	else
		return 0;
	if (location->function == location->linkage)
		location->linkage = NULL;
	return location->function ? 0 : -1;
}

/* ---- Files and lines ---- */

/* A file's name as the line table has it, with its directory before it or not; interned.  NULL: out of memory. */
static const char *absolute(struct unit_reader *reader, struct unit *unit, const char *name)
{
	Dwarf_Attribute attribute;
	char *path = source_path(dwarf_formstring(dwarf_attr(&unit->die, DW_AT_comp_dir, &attribute)), name);
	const char *interned = path ? intern_add(reader->intern, path) : NULL;

	free(path);
	return interned;
}

static int set_file(struct unit_reader *reader, struct unit *unit, struct location *location, const char *name)
{
	void **slot;

	if (!name || !*name || strcmp(name, "???") == 0)
		return 0;
	slot = pointer_map_at(&reader->files, name);
	if (!slot)
		return -1;
	if (!*slot)
		*slot = (void *)absolute(reader, unit, name);
	location->file = *slot;
	return location->file ? 0 : -1;
}

/* Where the inlined function was called: the position in the function around it. */
static int set_call(struct unit_reader *reader, struct unit *unit, struct location *location, Dwarf_Die *inlined)
{
	uint32_t file = number_of(inlined, DW_AT_call_file);
	Dwarf_Files *files;
	size_t count;

	location->line = number_of(inlined, DW_AT_call_line);
	if (dwarf_getsrcfiles(&unit->tree, &files, &count) || file >= count)
		return 0;
	return set_file(reader, unit, location, dwarf_filesrc(files, file, NULL, NULL));
}

static int set_line(struct unit_reader *reader, struct unit *unit, struct location *location, Dwarf_Line *line)
{
	int number;

	if (!line)
		return 0;
	if (dwarf_lineno(line, &number) == 0 && number > 0)
		location->line = (uint32_t)number;
	return set_file(reader, unit, location, dwarf_linesrc(line, NULL, NULL));
}

/* ---- Addresses ---- */

/* The functions at the address, from the innermost outwards; `location` is the first one's. */
static int describe_functions(struct unit_reader *reader, struct unit *unit, uint64_t address, uint32_t number, struct locations *locations)
{
	struct location *location = &locations->list[locations->count - 1];

	for (;;) {
		struct instance *instance = &reader->instances.list[number];
		if (set_function(reader, location, &instance->die))
			return -1;
		if (instance->parent == INTERVAL_NONE) {
			location->symbol_offset = address - instance->low;
			return 0;
		}
		location->flags |= HDS_LOCATION_INLINED;
		location = locations_add(locations);
		if (!location || set_call(reader, unit, location, &instance->die))
			return -1;
		number = instance->parent;
	}
}

static int describe(struct unit_reader *reader, struct unit *unit, uint64_t address, struct locations *locations)
{
	Dwarf_Line *line = dwarf_getsrc_die(&unit->die, address);
	uint32_t found = intervals_find(&reader->instances.ranges, address);
	struct location *location;

	if (!line && found == INTERVAL_NONE)
		return 0;
	location = locations_add(locations);
	if (!location || set_line(reader, unit, location, line))
		return -1;
	if (found == INTERVAL_NONE)
		return 0;
	return describe_functions(reader, unit, address, reader->instances.ranges.list[found].value, locations);
}

int unit_describe(struct unit_reader *reader, struct unit *unit, struct lookup *const *lookups, size_t count, struct locations *locations)
{
	for (size_t i = 0; i < count; i++)
		reader->wanted[i] = lookups[i]->address;
	reader->is_cplusplus = is_cplusplus(&unit->tree);
	if (scopes_clear(&reader->scopes, &unit->tree) ||
	    instances_find(&reader->instances, &unit->tree, (struct wanted){reader->wanted, count}))
		return -1;
	for (size_t i = 0; i < count; i++) {
		lookups[i]->first = (uint32_t)locations->count;
		if (describe(reader, unit, reader->wanted[i], locations))
			return -1;
		lookups[i]->count = (uint32_t)locations->count - lookups[i]->first;
	}
	return 0;
}
