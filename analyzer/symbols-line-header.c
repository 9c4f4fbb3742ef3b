/* SPDX-License-Identifier: MIT */
/*
 * Comes in: the bytes of a line table, of any version from 2 to 5.  Goes out: its parameters and its tables of directories and files, with
 * libdw's numbers.  Text is not copied.  Whatever libdw would refuse is left to it.
 */
#include "symbols-line-header.h"

#include <dwarf.h>
#include <stdlib.h>

#include "snapshot.h"

/* ---- Directories and files ---- */

static int add_directory(struct line_header *header, const char *directory)
{
	if (array_reserve(&header->directories, &header->directory_room, header->directory_count + 1, sizeof(const char *)))
		return -1;
	header->directories[header->directory_count++] = directory;
	return 0;
}

static int add_file(struct line_header *header, const char *name, uint64_t directory)
{
	if (array_reserve(&header->files, &header->file_room, header->file_count + 1, sizeof(*header->files)))
		return -1;
	header->files[header->file_count++] = (struct line_file){name, directory};
	return 0;
}

/* Before version 5: strings up to an empty one, the first directory and file going without saying. */
static enum lines_result read_old_tables(struct line_header *header, struct bytes *bytes, const char *directory)
{
	const char *text = directory;
	uint64_t number, ignored;

	do {
		if (add_directory(header, text))
			return LINES_NO_MEMORY;
		if (!bytes_string(bytes, &text))
			return LINES_UNKNOWN;
	} while (*text);
	if (add_file(header, NULL, 0))
		return LINES_NO_MEMORY;
	for (;;) {
		if (!bytes_string(bytes, &text))
			return LINES_UNKNOWN;
		if (!*text)
			return LINES_DONE;
		if (!bytes_leb(bytes, &number) || !bytes_leb(bytes, &ignored) || !bytes_leb(bytes, &ignored) ||
		    number >= header->directory_count)
			return LINES_UNKNOWN;
		if (add_file(header, text, number))
			return LINES_NO_MEMORY;
	}
}

/* What the entries of a table consist of, in version 5. */
struct format {
	struct {
		uint64_t content, form;
	} list[UINT8_MAX];
	uint64_t count;
};

static bool read_format(struct bytes *bytes, struct format *format)
{
	if (!bytes_number(bytes, 1, &format->count))
		return false;
	for (size_t i = 0; i < format->count; i++) {
		if (!bytes_leb(bytes, &format->list[i].content) || !bytes_leb(bytes, &format->list[i].form))
			return false;
	}
	return true;
}

static bool string_at(struct bytes section, uint64_t offset, const char **text)
{
	return section.at && bytes_skip(&section, offset) && bytes_string(&section, text);
}

/* A value as text or as a number, whichever it is. */
static bool read_value(const struct line_header *header, struct bytes *bytes, uint64_t form, const char **text, uint64_t *number)
{
	uint64_t offset;

	switch (form) {
	case DW_FORM_string:
		return bytes_string(bytes, text);
	case DW_FORM_line_strp:
		return bytes_number(bytes, 4, &offset) && string_at(header->line_strings, offset, text);
	case DW_FORM_strp:
		return bytes_number(bytes, 4, &offset) && string_at(header->strings, offset, text);
	case DW_FORM_udata:
		return bytes_leb(bytes, number);
	case DW_FORM_data1:
		return bytes_number(bytes, 1, number);
	case DW_FORM_data2:
		return bytes_number(bytes, 2, number);
	case DW_FORM_data4:
		return bytes_number(bytes, 4, number);
	case DW_FORM_data8:
		return bytes_number(bytes, 8, number);
	case DW_FORM_data16:
		return bytes_skip(bytes, 16);
	default:
		return false;
	}
}

/* One entry of a table; false: it has no name, or is of an unknown form. */
static bool read_named(const struct line_header *header, struct bytes *bytes, const struct format *format, struct line_file *file)
{
	*file = (struct line_file){NULL, UINT64_MAX};
	for (size_t i = 0; i < format->count; i++) {
		const char *text = NULL;
		uint64_t number = UINT64_MAX;
		if (!read_value(header, bytes, format->list[i].form, &text, &number))
			return false;
		if (format->list[i].content == DW_LNCT_path)
			file->name = text;
		else if (format->list[i].content == DW_LNCT_directory_index)
			file->directory = number;
	}
	return file->name;
}

static enum lines_result read_new_tables(struct line_header *header, struct bytes *bytes)
{
	struct format format;
	struct line_file file;
	uint64_t count;

	if (!read_format(bytes, &format) || !bytes_leb(bytes, &count))
		return LINES_UNKNOWN;
	for (uint64_t i = 0; i < count; i++) {
		if (!read_named(header, bytes, &format, &file))
			return LINES_UNKNOWN;
		if (add_directory(header, file.name))
			return LINES_NO_MEMORY;
	}
	if (!read_format(bytes, &format) || !bytes_leb(bytes, &count))
		return LINES_UNKNOWN;
	for (uint64_t i = 0; i < count; i++) {
		if (!read_named(header, bytes, &format, &file) || file.directory >= header->directory_count)
			return LINES_UNKNOWN;
		if (add_file(header, file.name, file.directory))
			return LINES_NO_MEMORY;
	}
	return LINES_DONE;
}

/* ---- The header ---- */

/* The standard opcodes must have the arguments that they have had ever since. */
static bool opcodes_are_standard(const struct line_header *header)
{
	static const uint8_t arguments[] = {0, 0, 1, 1, 1, 1, 0, 0, 0, 1, 0, 0, 1};

	for (unsigned i = 1; i < header->opcode_base && i < sizeof(arguments); i++) {
		if (header->arguments[i] != arguments[i])
			return false;
	}
	return true;
}

/* What comes before the tables, and where the program begins. */
static bool read_parameters(struct line_header *header, struct bytes bytes, struct bytes *tables)
{
	uint64_t length, version, address_size = header->address_size, selector = 0, size, instruction, operations = 1, ignored, base,
				  range, opcodes;

	if (!bytes_number(&bytes, 4, &length) || length >= 0xfffffff0u || length > bytes_left(&bytes))
		return false;
	bytes.end = bytes.at + length;
	if (!bytes_number(&bytes, 2, &version) || version < 2 || version > 5)
		return false;
	if (version == 5 && (!bytes_number(&bytes, 1, &address_size) || !bytes_number(&bytes, 1, &selector)))
		return false;
	if (!bytes_number(&bytes, 4, &size) || size > bytes_left(&bytes))
		return false;
	header->program = (struct bytes){bytes.at + size, bytes.end};
	if (!bytes_number(&bytes, 1, &instruction) || (version >= 4 && !bytes_number(&bytes, 1, &operations)) ||
	    !bytes_number(&bytes, 1, &ignored) || !bytes_number(&bytes, 1, &base) || !bytes_number(&bytes, 1, &range) ||
	    !bytes_number(&bytes, 1, &opcodes))
		return false;
	header->version = (unsigned)version;
	header->opcode_base = (unsigned)opcodes;
	header->line_range = (unsigned)range;
	header->line_base = base < 128 ? (int)base : (int)base - 256;
	header->instruction = (unsigned)instruction;
	header->arguments = bytes.at - 1;
	*tables = (struct bytes){bytes.at, header->program.at};
	return opcodes && range && operations == 1 && !selector && address_size == header->address_size &&
	       bytes_skip(tables, opcodes - 1) && opcodes_are_standard(header);
}

enum lines_result line_header_read(struct line_header *header, struct bytes bytes, const char *directory)
{
	enum lines_result result;
	struct bytes tables;

	header->directory_count = header->file_count = 0;
	if (!read_parameters(header, bytes, &tables))
		return LINES_UNKNOWN;
	result = header->version < 5 ? read_old_tables(header, &tables, directory) : read_new_tables(header, &tables);
	/* libdw refuses a header of another length than it says. */
	return result == LINES_DONE && bytes_left(&tables) ? LINES_UNKNOWN : result;
}

void line_header_release(struct line_header *header)
{
	free(header->directories);
	free(header->files);
}
