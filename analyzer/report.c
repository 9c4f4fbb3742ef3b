/* SPDX-License-Identifier: MIT */
/*
 * The container behind report.h: properties, lines and texts that live as long as the report.  Failed allocations are remembered in
 * report->failed instead of being returned by every call, so that a view reads as a list of what it shows; the maker checks once at its end.
 */
#include "report.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void report_init(struct report *report, const char *format)
{
	memset(report, 0, sizeof(*report));
	report->format = format;
}

void report_release(struct report *report)
{
	for (size_t i = 0; i < report->owned.count; i++)
		free((char *)report->owned.items[i]);
	free(report->owned.items);
	free(report->header.items);
	free(report->footer.items);
	free(report->notes.items);
	free(report->properties);
	free(report->tables);
	if (report->release_context)
		report->release_context(report->context);
	memset(report, 0, sizeof(*report));
}

static bool texts_add(struct report *report, struct report_texts *texts, const char *text)
{
	if (texts->count == texts->room) {
		size_t room = texts->room ? 2 * texts->room : 16;
		const char **items = reallocarray(texts->items, room, sizeof(*items));
		if (!items) {
			report->failed = true;
			return false;
		}
		texts->items = items;
		texts->room = room;
	}
	texts->items[texts->count++] = text;
	return true;
}

static const char *own(struct report *report, char *text)
{
	if (text && texts_add(report, &report->owned, text))
		return text;
	free(text);
	report->failed = true;
	return "";
}

bool report_adopt(struct report *report, void *memory)
{
	if (texts_add(report, &report->owned, memory))
		return true;
	free(memory);
	return false;
}

const char *report_keep(struct report *report, struct strbuf *text)
{
	return own(report, strbuf_steal(text));
}

__attribute__((format(printf, 2, 0))) __attribute__((format(printf, 2, 0))) static const char *
format_text(struct report *report, const char *format, va_list arguments)
{
	char *text;

	if (vasprintf(&text, format, arguments) < 0)
		text = NULL;
	return own(report, text);
}

const char *report_text(struct report *report, const char *format, ...)
{
	va_list arguments;
	const char *text;

	va_start(arguments, format);
	text = format_text(report, format, arguments);
	va_end(arguments);
	return text;
}

void report_line(struct report *report, struct report_texts *lines, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	texts_add(report, lines, format_text(report, format, arguments));
	va_end(arguments);
}

void report_property_at(struct report *report, const char *object, int element, const char *name, struct cell cell)
{
	if (report->property_count == report->property_room) {
		size_t room = report->property_room ? 2 * report->property_room : 32;
		struct report_property *properties = reallocarray(report->properties, room, sizeof(*properties));
		if (!properties) {
			report->failed = true;
			return;
		}
		report->properties = properties;
		report->property_room = room;
	}
	report->properties[report->property_count++] = (struct report_property){object, element, name, cell};
}

void report_property(struct report *report, const char *object, const char *name, struct cell cell)
{
	report_property_at(report, object, -1, name, cell);
}

struct cell cell_none(void)
{
	return (struct cell){.kind = CELL_NONE};
}

struct cell cell_text(const char *text)
{
	return (struct cell){.kind = text ? CELL_TEXT : CELL_NONE, .text = text};
}

struct cell cell_integer(enum cell_kind kind, report_integer value)
{
	return (struct cell){.kind = kind, .integer = value};
}

struct cell cell_real(enum cell_kind kind, double value)
{
	return (struct cell){.kind = kind, .real = value};
}

struct cell cell_flag(bool value)
{
	return (struct cell){.kind = CELL_FLAG, .integer = value};
}

int report_row_init(struct report_row *row, const struct report_table *table, struct error *error)
{
	memset(row, 0, sizeof(*row));
	strbuf_init(&row->label);
	strbuf_init(&row->outer);
	strbuf_init(&row->source);
	strbuf_init(&row->via);
	strbuf_init(&row->mark);
	row->cells = calloc(table->column_count + 1, sizeof(*row->cells));
	return row->cells ? 0 : error_nomem(error);
}

int report_row_fill(struct report_row *row, const struct report_table *table, size_t index, struct error *error)
{
	strbuf_clear(&row->label);
	strbuf_clear(&row->outer);
	strbuf_clear(&row->source);
	strbuf_clear(&row->via);
	strbuf_clear(&row->mark);
	memset(row->cells, 0, table->column_count * sizeof(*row->cells));
	row->frame_count = row->attributed = 0;
	row->growth = 0;
	if (table->fill(table, index, row, error) < 0)
		return -1;
	if (row->label.failed || row->outer.failed || row->source.failed || row->via.failed || row->mark.failed)
		return error_nomem(error);
	return 0;
}

int report_row_frames(struct report_row *row, size_t count, struct error *error)
{
	if (count > row->frame_room) {
		struct report_frame *frames = reallocarray(row->frames, count, sizeof(*frames));
		if (!frames)
			return error_nomem(error);
		row->frames = frames;
		row->frame_room = count;
	}
	row->frame_count = count;
	return 0;
}

void report_row_release(struct report_row *row)
{
	strbuf_release(&row->label);
	strbuf_release(&row->outer);
	strbuf_release(&row->source);
	strbuf_release(&row->via);
	strbuf_release(&row->mark);
	free(row->cells);
	free(row->frames);
	memset(row, 0, sizeof(*row));
}
