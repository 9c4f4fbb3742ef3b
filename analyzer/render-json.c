/* SPDX-License-Identifier: MIT */
/*
 * A report as one JSON object: format, version, properties (grouped into objects and lists of objects), tables as lists.  Written by hand
 * and not with a library, because sums are 128 bits wide and rows are streamed.  One row per line, so that line tools can look at it.
 * Strings that are not UTF-8 get U+FFFD for each bad byte; control characters are escaped.
 */
#include "render.h"

#include <string.h>

static void put_string(struct strbuf *out, const char *text)
{
	strbuf_putc(out, '"');
	for (; *text; text++) {
		unsigned char byte = (unsigned char)*text;
		if (byte == '"' || byte == '\\')
			strbuf_printf(out, "\\%c", byte);
		else if (byte < 0x20 || byte == 0x7f)
			strbuf_printf(out, "\\u%04x", byte);
		else if (byte < 0x80)
			strbuf_putc(out, *text);
		else {
			size_t length = render_utf8_length(text);
			if (length)
				strbuf_add(out, text, length);
			else
				strbuf_puts(out, "\\ufffd");
			text += length ? length - 1 : 0;
		}
	}
	strbuf_putc(out, '"');
}

static void put_list(struct strbuf *out, const struct cell *cell)
{
	char buffer[CELL_TEXT_MAX];

	strbuf_putc(out, '[');
	for (size_t i = 0; i < cell->count; i++) {
		if (i)
			strbuf_putc(out, ',');
		if (cell->kind == CELL_LIST)
			put_string(out, cell->texts[i]);
		else
			strbuf_puts(out, render_integer(buffer, cell->integers[i], false));
	}
	strbuf_putc(out, ']');
}

static void put_cell(struct strbuf *out, const struct cell *cell)
{
	char buffer[CELL_TEXT_MAX];

	switch (cell->kind) {
	case CELL_NONE:
		strbuf_puts(out, "null");
		break;
	case CELL_TEXT:
		put_string(out, cell->text);
		break;
	case CELL_FLAG:
		strbuf_puts(out, cell->integer ? "true" : "false");
		break;
	case CELL_AVERAGE:
		strbuf_printf(out, "%.17g", cell->real);
		break;
	case CELL_BYTES_SERIES:
	case CELL_COUNT_SERIES:
	case CELL_LIST:
		put_list(out, cell);
		break;
	default:
		strbuf_puts(out, render_integer(buffer, cell->integer, false));
	}
}

static void put_member(struct strbuf *out, bool *first, const char *name, const struct cell *cell)
{
	if (!*first)
		strbuf_putc(out, ',');
	*first = false;
	put_string(out, name);
	strbuf_putc(out, ':');
	put_cell(out, cell);
}

static void put_frames(struct strbuf *out, const struct report_row *row)
{
	strbuf_printf(out, ",\"attributed\":%zu,\"frames\":[", row->attributed);
	for (size_t i = 0; i < row->frame_count; i++) {
		const struct report_frame *frame = &row->frames[i];
		struct cell function = cell_text(frame->function), module = cell_text(frame->module);
		strbuf_puts(out, i ? ",{\"file\":" : "{\"file\":");
		put_string(out, frame->file);
		strbuf_printf(out, ",\"line\":%u,\"function\":", frame->line);
		put_cell(out, &function);
		strbuf_puts(out, ",\"module\":");
		put_cell(out, &module);
		strbuf_putc(out, '}');
	}
	strbuf_putc(out, ']');
}

static void put_row(struct strbuf *out, const struct report_table *table, const struct report_row *row)
{
	bool first = true;

	strbuf_putc(out, '{');
	for (size_t i = 0; i < table->column_count; i++) {
		if (table->columns[i].places & IN_JSON)
			put_member(out, &first, table->columns[i].name, &row->cells[i]);
	}
	if (table->with_frames)
		put_frames(out, row);
	strbuf_putc(out, '}');
}

/* "name":[ rows ] */
static int print_table(const struct report_table *table, FILE *out, struct error *error)
{
	struct report_row row;
	struct strbuf text;
	int result = report_row_init(&row, table, error);

	strbuf_init(&text);
	fprintf(out, ",\n\"%s\":[", table->name);
	for (size_t i = 0; result == 0 && i < table->row_count; i++) {
		result = report_row_fill(&row, table, i, error);
		if (result < 0)
			break;
		strbuf_clear(&text);
		strbuf_puts(&text, i ? ",\n" : "\n");
		put_row(&text, table, &row);
		fwrite(text.data, 1, text.length, out);
	}
	fputs("]", out);
	if (text.failed)
		result = error_nomem(error);
	strbuf_release(&text);
	report_row_release(&row);
	return result;
}

static bool same_object(const struct report_property *a, const struct report_property *b)
{
	if (!a->object || !b->object)
		return false;
	return strcmp(a->object, b->object) == 0 && a->element == b->element;
}

/* What stands before the first property of an object. */
static void open_object(struct strbuf *out, const struct report_property *property)
{
	if (property->element <= 0) {
		strbuf_puts(out, ",\n");
		put_string(out, property->object);
		strbuf_puts(out, property->element < 0 ? ":{" : ":[\n{");
	} else {
		strbuf_puts(out, ",\n{");
	}
}

static bool list_ends(const struct report_property *property, const struct report_property *next)
{
	return property->element >= 0 && !(next && next->object && strcmp(next->object, property->object) == 0);
}

static void put_properties(struct strbuf *out, const struct report *report)
{
	bool first = false; /* format and version stand before the top level's */

	for (size_t i = 0; i < report->property_count; i++) {
		const struct report_property *property = &report->properties[i];
		const struct report_property *next = i + 1 < report->property_count ? property + 1 : NULL;
		if (property->object && (i == 0 || !same_object(property - 1, property))) {
			open_object(out, property);
			first = true;
		}
		put_member(out, &first, property->name, &property->cell);
		if (property->object && !(next && same_object(property, next))) {
			strbuf_puts(out, list_ends(property, next) ? "}]" : "}");
			first = false;
		}
	}
}

int render_json(const struct report *report, const struct render_options *options, FILE *out, struct error *error)
{
	struct strbuf text;
	bool failed;

	(void)options;
	strbuf_init(&text);
	strbuf_printf(&text, "{\"format\":\"%s\",\"version\":1", report->format);
	put_properties(&text, report);
	fwrite(text.data, 1, text.length, out);
	failed = text.failed;
	strbuf_release(&text);
	if (failed)
		return error_nomem(error);
	for (size_t i = 0; i < report->table_count; i++) {
		if (print_table(&report->tables[i], out, error) < 0)
			return -1;
	}
	fputs("}\n", out);
	return 0;
}
