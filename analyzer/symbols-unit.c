/* SPDX-License-Identifier: MIT */
/*
 * One pass through the unit's entries lists the functions around the addresses, one through its line table finds their lines; then each
 * address is put together, libdw being asked for the names alone.
 */
#include "symbols-unit.h"

#include <dwarf.h>
#include <string.h>

#include "source-path.h"
#include "strbuf.h"
#include "symbols-demangle.h"

int unit_reader_init(struct unit_reader *reader, Dwarf *dwarf, struct intern *intern)
{
	*reader = (struct unit_reader){.intern = intern, .dies = dies_new(dwarf), .lines = lines_new(dwarf)};
	return reader->dies && reader->lines ? 0 : -1;
}

void unit_reader_release(struct unit_reader *reader)
{
	dies_free(reader->dies);
	lines_free(reader->lines);
	pointer_map_release(&reader->functions);
	pointer_map_release(&reader->files);
	instances_release(&reader->instances);
	scopes_release(&reader->scopes);
	free(reader->wanted);
	free(reader->at);
	free(reader->paths);
}

int unit_reader_reserve(struct unit_reader *reader, size_t count)
{
	uint64_t *wanted = reallocarray(reader->wanted, count + 1, sizeof(*wanted));
	struct line_at *at;

	if (!wanted)
		return -1;
	reader->wanted = wanted;
	at = reallocarray(reader->at, count + 1, sizeof(*at));
	if (!at)
		return -1;
	reader->at = at;
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

static bool is_cplusplus(struct unit *unit)
{
	switch (dwarf_srclang(&unit->tree)) {
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

static int set_numbered_file(struct unit_reader *reader, struct unit *unit, struct location *location, uint64_t number)
{
	const char *directory, *name;
	struct strbuf joined;

	if (!lines_file(reader->lines, number, &directory, &name) || (!directory && !*name))
		return 0;
	if (!reader->paths[number]) {
		strbuf_init(&joined);
		if (directory)
			strbuf_printf(&joined, "%s/", directory);
		strbuf_puts(&joined, name);
		reader->paths[number] = joined.failed ? NULL : absolute(reader, unit, joined.data);
		strbuf_release(&joined);
	}
	location->file = reader->paths[number];
	return location->file ? 0 : -1;
}

/* Where the inlined function was called: the position in the function around it. */
static int set_call(struct unit_reader *reader, struct unit *unit, struct location *location, Dwarf_Die *inlined)
{
	uint32_t file = number_of(inlined, DW_AT_call_file);
	Dwarf_Files *files;
	size_t count;

	location->line = number_of(inlined, DW_AT_call_line);
	if (reader->own_lines)
		return set_numbered_file(reader, unit, location, file);
	if (dwarf_getsrcfiles(&unit->tree, &files, &count) || file >= count)
		return 0;
	return set_file(reader, unit, location, dwarf_filesrc(files, file, NULL, NULL));
}

/* The line of one of the wanted addresses, as far as there is one. */
static bool find_line(struct unit_reader *reader, struct unit *unit, size_t wanted)
{
	Dwarf_Line *line;
	int number = 0;

	if (reader->own_lines)
		return reader->at[wanted].found;
	line = dwarf_getsrc_die(&unit->die, reader->wanted[wanted]);
	if (line)
		dwarf_lineno(line, &number);
	reader->at[wanted] = (struct line_at){.found = line, .line = (uint32_t)number};
	return line;
}

static int set_line(struct unit_reader *reader, struct unit *unit, struct location *location, size_t wanted)
{
	const struct line_at *at = &reader->at[wanted];

	if (!at->found)
		return 0;
	if ((int32_t)at->line > 0)
		location->line = at->line;
	if (reader->own_lines)
		return set_numbered_file(reader, unit, location, at->file);
	return set_file(reader, unit, location, dwarf_linesrc(dwarf_getsrc_die(&unit->die, reader->wanted[wanted]), NULL, NULL));
}

/* ---- Addresses ---- */

/* The functions at the address, from the innermost outwards; `location` is the first one's. */
static int describe_functions(struct unit_reader *reader, struct unit *unit, uint64_t address, uint32_t number, struct locations *locations)
{
	struct location *location = &locations->list[locations->count - 1];

	for (;;) {
		const struct instance *instance = &reader->instances.list[number];
		Dwarf_Die die = instances_die(&reader->instances, number, &unit->tree);
		if (set_function(reader, location, &die))
			return -1;
		if (instance->parent == INTERVAL_NONE) {
			location->symbol_offset = address - instance->low;
			return 0;
		}
		location->flags |= HDS_LOCATION_INLINED;
		location = locations_add(locations);
		if (!location || set_call(reader, unit, location, &die))
			return -1;
		number = instance->parent;
	}
}

/* One of the wanted addresses. */
static int describe(struct unit_reader *reader, struct unit *unit, size_t wanted, struct locations *locations)
{
	uint64_t address = reader->wanted[wanted];
	uint32_t found = intervals_find(&reader->instances.ranges, address);
	struct location *location;

	if (!find_line(reader, unit, wanted) && found == INTERVAL_NONE)
		return 0;
	location = locations_add(locations);
	if (!location || set_line(reader, unit, location, wanted))
		return -1;
	if (found == INTERVAL_NONE)
		return 0;
	return describe_functions(reader, unit, address, reader->instances.ranges.list[found].value, locations);
}

/* A split unit's line table is not its own. */
static int find_lines(struct unit_reader *reader, struct unit *unit, size_t count)
{
	enum lines_result result = LINES_UNKNOWN;

	if (unit->tree.addr == unit->die.addr)
		result = lines_find(reader->lines, &unit->die, reader->wanted, count, reader->at);
	reader->own_lines = result == LINES_DONE;
	if (!reader->own_lines)
		return result == LINES_NO_MEMORY ? -1 : 0;
	free(reader->paths);
	reader->paths = calloc(lines_file_count(reader->lines) + 1, sizeof(const char *));
	return reader->paths ? 0 : -1;
}

int unit_describe(struct unit_reader *reader, struct unit *unit, struct lookup *const *lookups, size_t count, struct locations *locations)
{
	struct wanted wanted = {reader->wanted, count};

	for (size_t i = 0; i < count; i++)
		reader->wanted[i] = lookups[i]->address;
	reader->is_cplusplus = is_cplusplus(unit);
	if (instances_find(&reader->instances, reader->is_cplusplus ? &reader->scopes : NULL, reader->dies, &unit->tree, wanted) ||
	    find_lines(reader, unit, count))
		return -1;
	for (size_t i = 0; i < count; i++) {
		lookups[i]->first = (uint32_t)locations->count;
		if (describe(reader, unit, i, locations))
			return -1;
		lookups[i]->count = (uint32_t)locations->count - lookups[i]->first;
	}
	return 0;
}
