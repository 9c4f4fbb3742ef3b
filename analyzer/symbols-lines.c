/* SPDX-License-Identifier: MIT */
/*
 * A line table is a program whose run gives a row per statement.  libdw runs it to the end, allocates every row, sorts them, and finds an
 * address by a binary search for the last row at or before it.  Here the rows are made, looked at and forgotten: those of a sequence
 * ascend, so that a row answers the addresses up to the next one.
 *
 * Where sequences overlap, the answer is still libdw's: of all rows at or before an address the highest, of equal ones the last; none if the
 * end of a sequence lies between.  That includes rows at the end of their sequence, behind which nothing ends.  Tables of another shape (rows
 * that descend, several operations per instruction) are left to libdw, as is everything that is damaged.
 */
#include "symbols-lines.h"

#include <dwarf.h>
#include <stdlib.h>

#include "snapshot.h"

/* libdw's rows have no room for more, and it refuses the table. */
#define MOST_COLUMN UINT16_MAX
#define MOST_ISA UINT8_MAX
#define MOST_DISCRIMINATOR ((1u << 24) - 1)

struct lines {
	struct bytes table; /* section */
	struct line_header header;
	uint64_t *ends;         /* of sequences */
	struct line_at *strays; /* rows at the end of their sequence */
	size_t end_count, end_room, stray_count, stray_room;
};

struct row {
	uint64_t address, file, column, isa, discriminator;
	int64_t line;
};

/* One run. */
struct run {
	struct lines *lines;
	const struct line_header *header;
	struct bytes bytes;
	const uint64_t *addresses;
	size_t count;
	struct line_at *at;
	struct row state, last; /* the row being made; the one before it in its sequence */
	bool begun;             /* there is one before it */
	uint32_t number;        /* of `last`: the rows so far */
	size_t next;            /* the first address that `last` may answer */
	bool no_memory;
};

/* ---- The file ---- */

struct lines *lines_new(Dwarf *dwarf)
{
	struct lines *lines = calloc(1, sizeof(*lines));
	Elf *elf = dwarf_getelf(dwarf);

	if (lines && elf) {
		lines->table = bytes_section(elf, ".debug_line");
		lines->header.strings = bytes_section(elf, ".debug_str");
		lines->header.line_strings = bytes_section(elf, ".debug_line_str");
	}
	return lines;
}

void lines_free(struct lines *lines)
{
	if (!lines)
		return;
	line_header_release(&lines->header);
	free(lines->ends);
	free(lines->strays);
	free(lines);
}

bool lines_file(const struct lines *lines, uint64_t number, const char **directory, const char **name)
{
	const struct line_header *header = &lines->header;
	const struct line_file *file = number < header->file_count ? &header->files[number] : NULL;

	if (!file || !file->name)
		return false;
	*name = file->name;
	*directory = file->name[0] == '/' ? NULL : header->directories[file->directory];
	return true;
}

size_t lines_file_count(const struct lines *lines)
{
	return lines->header.file_count;
}

/* ---- The program ---- */

static size_t first_from(const struct run *run, uint64_t address)
{
	size_t begin = 0, end = run->count;

	while (begin < end) {
		size_t middle = begin + (end - begin) / 2;
		if (run->addresses[middle] < address)
			begin = middle + 1;
		else
			end = middle;
	}
	return begin;
}

static struct line_at last_row(const struct run *run)
{
	const struct row *last = &run->last;

	return (struct line_at){
		.found = true, .file = (uint32_t)last->file, .line = (uint32_t)last->line, .row = last->address, .number = run->number};
}

/* Which of two rows is libdw's answer to an address that they are both before? */
static bool is_better(const struct line_at *row, const struct line_at *than)
{
	return !than->found || row->row > than->row || (row->row == than->row && row->number > than->number);
}

/* The last row answers the addresses up to `end`, unless a higher one has. */
static void answer(struct run *run, uint64_t end)
{
	struct line_at row = last_row(run);

	for (; run->next < run->count && run->addresses[run->next] < end; run->next++) {
		if (is_better(&row, &run->at[run->next]))
			run->at[run->next] = row;
	}
}

/* False: of a kind that is left to libdw. */
static bool emit_row(struct run *run)
{
	const struct row *row = &run->state;

	if (row->column > MOST_COLUMN || row->isa > MOST_ISA || row->discriminator > MOST_DISCRIMINATOR || row->file > UINT32_MAX ||
	    row->line < INT32_MIN || row->line > INT32_MAX || run->number == UINT32_MAX)
		return false;
	if (!run->begun)
		run->next = first_from(run, row->address);
	else if (row->address < run->last.address)
		return false;
	else
		answer(run, row->address);
	run->last = *row;
	run->number++;
	run->begun = true;
	run->state.discriminator = 0;
	return true;
}

static bool note_end(struct run *run, bool stray)
{
	struct lines *lines = run->lines;

	if (array_reserve(&lines->ends, &lines->end_room, lines->end_count + 1, sizeof(*lines->ends)) ||
	    array_reserve(&lines->strays, &lines->stray_room, lines->stray_count + 1, sizeof(*lines->strays))) {
		run->no_memory = true;
		return false;
	}
	lines->ends[lines->end_count++] = run->state.address;
	if (stray)
		lines->strays[lines->stray_count++] = last_row(run);
	return true;
}

static bool end_sequence(struct run *run)
{
	bool stray = run->begun && run->state.address == run->last.address;

	if (run->begun && run->state.address < run->last.address)
		return false;
	if (run->begun)
		answer(run, run->state.address);
	if (!note_end(run, stray))
		return false;
	run->state = (struct row){.file = 1, .line = 1};
	run->begun = false;
	return true;
}

static bool advance(struct run *run, uint64_t instructions)
{
	if (instructions > UINT32_MAX || instructions * run->header->instruction > UINT32_MAX)
		return false;
	run->state.address += instructions * run->header->instruction;
	return true;
}

static bool run_special(struct run *run, unsigned opcode)
{
	unsigned adjusted = opcode - run->header->opcode_base;

	run->state.line += run->header->line_base + (int)(adjusted % run->header->line_range);
	run->state.address += (uint64_t)run->header->instruction * (adjusted / run->header->line_range);
	return emit_row(run);
}

static bool run_extended(struct run *run)
{
	uint64_t length, opcode;
	struct bytes rest;

	if (!bytes_number(&run->bytes, 1, &length) || !length || length > 127 || length > bytes_left(&run->bytes))
		return false;
	rest = (struct bytes){run->bytes.at, run->bytes.at + length};
	run->bytes.at += length;
	if (!bytes_number(&rest, 1, &opcode))
		return false;
	switch (opcode) {
	case DW_LNE_end_sequence:
		return !bytes_left(&rest) && end_sequence(run);
	case DW_LNE_set_address:
		return bytes_number(&rest, run->header->address_size, &run->state.address) && !bytes_left(&rest);
	case DW_LNE_set_discriminator:
		return bytes_leb(&rest, &run->state.discriminator) && !bytes_left(&rest);
	case DW_LNE_define_file:
		return false;
	default:
		return true;
	}
}

/* Opcodes that nobody has defined yet have numbers as arguments. */
static bool skip_arguments(struct run *run, unsigned opcode)
{
	uint64_t ignored;

	for (unsigned i = 0; i < run->header->arguments[opcode]; i++) {
		if (!bytes_leb(&run->bytes, &ignored))
			return false;
	}
	return true;
}

static bool run_standard(struct run *run, unsigned opcode)
{
	struct row *state = &run->state;
	uint64_t number;
	int64_t change;

	switch (opcode) {
	case DW_LNS_copy:
		return emit_row(run);
	case DW_LNS_advance_pc:
		return bytes_leb(&run->bytes, &number) && advance(run, number);
	case DW_LNS_advance_line:
		if (!bytes_signed_leb(&run->bytes, &change) || change < INT32_MIN || change > INT32_MAX)
			return false;
		state->line += change;
		return state->line >= INT32_MIN && state->line <= INT32_MAX;
	case DW_LNS_set_file:
		return bytes_leb(&run->bytes, &state->file);
	case DW_LNS_set_column:
		return bytes_leb(&run->bytes, &state->column);
	case DW_LNS_const_add_pc:
		return advance(run, (255 - run->header->opcode_base) / run->header->line_range);
	case DW_LNS_fixed_advance_pc:
		if (!bytes_number(&run->bytes, 2, &number))
			return false;
		state->address += number;
		return true;
	case DW_LNS_set_isa:
		return bytes_leb(&run->bytes, &state->isa);
	default:
		return skip_arguments(run, opcode);
	}
}

/* False: it is not known, or damaged; or no_memory. */
static bool run_program(struct run *run)
{
	while (run->bytes.at < run->bytes.end) {
		unsigned opcode = *run->bytes.at++;
		bool good = opcode >= run->header->opcode_base ? run_special(run, opcode)
			    : opcode == 0                      ? run_extended(run)
							       : run_standard(run, opcode);
		if (!good)
			return false;
	}
	return !run->begun;
}

static int compare_addresses(const void *left, const void *right)
{
	uint64_t a = *(const uint64_t *)left, b = *(const uint64_t *)right;

	return (a > b) - (a < b);
}

static int compare_rows(const void *left, const void *right)
{
	const struct line_at *a = left, *b = right;

	return is_better(a, b) ? 1 : is_better(b, a) ? -1 : 0;
}

static void sort_ends(struct lines *lines)
{
	if (lines->end_count)
		qsort(lines->ends, lines->end_count, sizeof(*lines->ends), compare_addresses);
	if (lines->stray_count)
		qsort(lines->strays, lines->stray_count, sizeof(*lines->strays), compare_rows);
}

/* Where another sequence ends between a row and the address, or has a row after its end, that is what libdw finds; at the very end nothing. */
static void apply_ends(struct run *run)
{
	struct lines *lines = run->lines;
	size_t end = 0, stray = 0;

	sort_ends(lines);
	for (size_t i = 0; i < run->count; i++) {
		struct line_at *at = &run->at[i];
		while (end < lines->end_count && lines->ends[end] <= run->addresses[i])
			end++;
		while (stray < lines->stray_count && lines->strays[stray].row <= run->addresses[i])
			stray++;
		if (stray && is_better(&lines->strays[stray - 1], at))
			*at = lines->strays[stray - 1];
		if (end && (end == lines->end_count || lines->ends[end - 1] > at->row))
			at->found = false;
	}
}

/* ---- The whole ---- */

/* The line table of a unit; false: it has none. */
static bool table_of(const struct lines *lines, Dwarf_Die *unit, struct bytes *table)
{
	Dwarf_Attribute attribute;
	Dwarf_Word offset;

	*table = lines->table;
	return table->at && dwarf_formudata(dwarf_attr(unit, DW_AT_stmt_list, &attribute), &offset) == 0 && bytes_skip(table, offset);
}

enum lines_result lines_find(struct lines *lines, const Dwarf_Die *unit, const uint64_t *addresses, size_t count, struct line_at *at)
{
	Dwarf_Die die = *unit, ignored;
	Dwarf_Attribute attribute;
	uint8_t address_size, offset_size;
	struct run run = {.lines = lines,
			  .header = &lines->header,
			  .addresses = addresses,
			  .count = count,
			  .at = at,
			  .state = {.file = 1, .line = 1}};
	enum lines_result result;
	struct bytes table;

	memset(at, 0, count * sizeof(*at));
	if (!dwarf_diecu(&die, &ignored, &address_size, &offset_size) || !table_of(lines, &die, &table))
		return LINES_UNKNOWN;
	lines->header.address_size = address_size;
	result = line_header_read(&lines->header, table, dwarf_formstring(dwarf_attr_integrate(&die, DW_AT_comp_dir, &attribute)));
	if (result != LINES_DONE)
		return result;
	run.bytes = lines->header.program;
	lines->end_count = lines->stray_count = 0;
	if (!run_program(&run))
		return run.no_memory ? LINES_NO_MEMORY : LINES_UNKNOWN;
	apply_ends(&run);
	return LINES_DONE;
}
