/* SPDX-License-Identifier: MIT */
/*
 * RFC 4180: a header line, CRLF, quotes where needed.  Groups have the columns file, line, function, module of their attributed frame, then
 * the numbers (bytes and blocks, unscaled), and for whole stacks a column `stack`, innermost frame first.  A report without groups (info) is
 * three columns: object, name, value.
 */
#include "render.h"

#include <string.h>

static void put_field(struct strbuf *out, const char *text)
{
	if (!strpbrk(text, ",\"\r\n") && *text != ' ') {
		strbuf_puts(out, text);
		return;
	}
	strbuf_putc(out, '"');
	for (; *text; text++) {
		if (*text == '"')
			strbuf_putc(out, '"');
		strbuf_putc(out, *text);
	}
	strbuf_putc(out, '"');
}

static void put_texts(struct strbuf *out, const struct cell *cell)
{
	struct strbuf joined;

	strbuf_init(&joined);
	for (size_t i = 0; i < cell->count; i++)
		strbuf_printf(&joined, "%s%s", i ? " " : "", cell->texts[i]);
	put_field(out, joined.data);
	out->failed |= joined.failed;
	strbuf_release(&joined);
}

static void put_cell(struct strbuf *out, const struct cell *cell)
{
	char buffer[CELL_TEXT_MAX];

	switch (cell->kind) {
	case CELL_NONE:
		break;
	case CELL_TEXT:
		put_field(out, cell->text);
		break;
	case CELL_AVERAGE:
		strbuf_printf(out, "%.17g", cell->real);
		break;
	case CELL_BYTES_SERIES:
	case CELL_COUNT_SERIES:
		for (size_t i = 0; i < cell->count; i++)
			strbuf_printf(out, "%s%s", i ? "," : "", render_integer(buffer, cell->integers[i], false));
		break;
	case CELL_LIST:
		put_texts(out, cell);
		break;
	default:
		strbuf_puts(out, render_integer(buffer, cell->integer, false));
	}
}

static bool is_series(const struct cell *cell)
{
	return cell->kind == CELL_BYTES_SERIES || cell->kind == CELL_COUNT_SERIES;
}

/* A series is as many columns as it has snapshots; `totals` knows how many. */
static void put_heading(struct strbuf *out, const struct report_table *table)
{
	strbuf_puts(out, "file,line,function,module");
	for (size_t i = 0; i < table->column_count; i++) {
		const struct report_column *column = &table->columns[i];
		if (!(column->places & IN_CSV))
			continue;
		if (!is_series(&table->totals[i])) {
			strbuf_printf(out, ",%s", column->name);
			continue;
		}
		for (size_t j = 0; j < table->totals[i].count; j++)
			strbuf_printf(out, ",%s_%zu", column->name, j + 1);
	}
	strbuf_puts(out, table->with_stacks ? ",stack\r\n" : "\r\n");
}

static void put_stack(struct strbuf *out, const struct report_row *row)
{
	struct strbuf stack;

	strbuf_init(&stack);
	for (size_t i = 0; i < row->frame_count; i++)
		strbuf_printf(&stack, "%s%s:%u", i ? " < " : "", row->frames[i].file, row->frames[i].line);
	strbuf_putc(out, ',');
	put_field(out, stack.data);
	out->failed |= stack.failed;
	strbuf_release(&stack);
}

static void put_row(struct strbuf *out, const struct report_table *table, const struct report_row *row)
{
	const struct report_frame *frame = &row->frames[row->attributed];

	put_field(out, frame->file);
	strbuf_printf(out, ",%u,", frame->line);
	put_field(out, frame->function ? frame->function : "");
	strbuf_putc(out, ',');
	put_field(out, frame->module ? frame->module : "");
	for (size_t i = 0; i < table->column_count; i++) {
		if (table->columns[i].places & IN_CSV) {
			strbuf_putc(out, ',');
			put_cell(out, &row->cells[i]);
		}
	}
	if (table->with_stacks)
		put_stack(out, row);
	strbuf_puts(out, "\r\n");
}

static int print_groups(const struct report_table *table, FILE *out, struct error *error)
{
	struct report_row row;
	struct strbuf text;
	int result = report_row_init(&row, table, error);

	strbuf_init(&text);
	put_heading(&text, table);
	fwrite(text.data, 1, text.length, out);
	for (size_t i = 0; result == 0 && i < table->row_count; i++) {
		result = report_row_fill(&row, table, i, error);
		if (result < 0)
			break;
		strbuf_clear(&text);
		put_row(&text, table, &row);
		fwrite(text.data, 1, text.length, out);
	}
	if (text.failed)
		result = error_nomem(error);
	strbuf_release(&text);
	report_row_release(&row);
	return result;
}

static int print_properties(const struct report *report, FILE *out, struct error *error)
{
	struct strbuf text;
	bool failed;

	strbuf_init(&text);
	strbuf_puts(&text, "object,name,value\r\n");
	for (size_t i = 0; i < report->property_count; i++) {
		const struct report_property *property = &report->properties[i];
		put_field(&text, property->object ? property->object : "");
		strbuf_putc(&text, ',');
		put_field(&text, property->name);
		strbuf_putc(&text, ',');
		put_cell(&text, &property->cell);
		strbuf_puts(&text, "\r\n");
	}
	fwrite(text.data, 1, text.length, out);
	failed = text.failed;
	strbuf_release(&text);
	return failed ? error_nomem(error) : 0;
}

int render_csv(const struct report *report, const struct render_options *options, FILE *out, struct error *error)
{
	(void)options;
	if (report->table_count && report->tables[0].with_frames)
		return print_groups(&report->tables[0], out, error);
	return print_properties(report, out, error);
}
