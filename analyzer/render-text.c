/* SPDX-License-Identifier: MIT */
/*
 * The output for people at a terminal.  Groups are tracemalloc's line with the source line below it and remarks in fixed columns; plain
 * tables (modules, threads) are aligned.  Everything that came from a file is escaped.  A row is built in one buffer, so widths are known
 * before it is printed.
 */
#include "render.h"

#include <stdlib.h>
#include <string.h>

enum { MARK_COLUMN = 83, VIA_COLUMN = 55, FUNCTION_COLUMNS = 40 };

enum style { STYLE_NONE, STYLE_HEADING, STYLE_GREW, STYLE_SHRANK };
static const char *const styles[] = {"", "\033[1m", "\033[31m", "\033[32m"};

/* What a text is printed with. */
struct printer {
	FILE *out;
	bool color;
	struct strbuf line;
};

static void style_on(struct printer *printer, enum style style)
{
	if (printer->color)
		fputs(styles[style], printer->out);
}

static void style_off(struct printer *printer, enum style style)
{
	if (printer->color && style != STYLE_NONE)
		fputs("\033[0m", printer->out);
}

static void end_line(struct printer *printer, enum style style)
{
	style_on(printer, style);
	fwrite(printer->line.data, 1, printer->line.length, printer->out);
	style_off(printer, style);
	fputc('\n', printer->out);
	strbuf_clear(&printer->line);
}

/* Spaces up to `column`, at least two. */
static void pad(struct strbuf *line, size_t column)
{
	size_t width = render_width(line->data);

	strbuf_printf(line, "%*s", (int)(width + 2 < column ? column - width : 2), "");
}

static void print_lines(struct printer *printer, const struct report_texts *lines)
{
	for (size_t i = 0; i < lines->count; i++) {
		render_escape(&printer->line, lines->items[i]);
		end_line(printer, STYLE_NONE);
	}
}

static void print_source(struct printer *printer, const struct report_row *row)
{
	if (!row->source.length && !row->via.length)
		return;
	strbuf_puts(&printer->line, "    ");
	render_escape(&printer->line, row->source.data);
	if (row->via.length) {
		if (row->source.length)
			pad(&printer->line, VIA_COLUMN);
		render_escape(&printer->line, row->via.data);
	}
	end_line(printer, STYLE_NONE);
}

static size_t widest_function(const struct report_row *row)
{
	size_t widest = 0;

	for (size_t i = 0; i < row->frame_count; i++) {
		size_t width = row->frames[i].function ? render_width(row->frames[i].function) : 1;
		widest = width > widest ? width : widest;
	}
	return widest < FUNCTION_COLUMNS ? widest : FUNCTION_COLUMNS;
}

/* The stack, innermost frame first: function, place. */
static void print_stack(struct printer *printer, const struct report_row *row)
{
	size_t functions = 6 + widest_function(row) + 2;

	for (size_t i = 0; i < row->frame_count; i++) {
		const struct report_frame *frame = &row->frames[i];
		strbuf_puts(&printer->line, "      ");
		render_escape(&printer->line, frame->function ? frame->function : "?");
		pad(&printer->line, functions);
		render_escape(&printer->line, frame->file);
		if (frame->line)
			strbuf_printf(&printer->line, ":%u", frame->line);
		end_line(printer, STYLE_NONE);
	}
}

static void print_group(struct printer *printer, const struct report_table *table, const struct report_row *row)
{
	enum style style = row->growth > 0 ? STYLE_GREW : row->growth < 0 ? STYLE_SHRANK : STYLE_NONE;

	render_escape(&printer->line, row->label.data);
	strbuf_puts(&printer->line, ": ");
	render_cells(&printer->line, table, row->cells, IN_TEXT);
	if (row->mark.length) {
		pad(&printer->line, MARK_COLUMN);
		render_escape(&printer->line, row->mark.data);
	}
	end_line(printer, style);
	print_source(printer, row);
	if (table->with_stacks)
		print_stack(printer, row);
}

static void print_title(struct printer *printer, const struct report_table *table)
{
	if (!table->title)
		return;
	strbuf_puts(&printer->line, "[ ");
	render_escape(&printer->line, table->title);
	strbuf_puts(&printer->line, " ]");
	end_line(printer, STYLE_HEADING);
}

static int print_groups(struct printer *printer, const struct report_table *table, struct error *error)
{
	struct report_row row;
	int result = report_row_init(&row, table, error);

	for (size_t i = 0; result == 0 && i < table->row_count; i++) {
		result = report_row_fill(&row, table, i, error);
		if (result == 0)
			print_group(printer, table, &row);
	}
	report_row_release(&row);
	return result;
}

static void put_plain_cell(struct strbuf *out, const struct cell *cell)
{
	char buffer[CELL_TEXT_MAX];

	if (cell->kind == CELL_NONE)
		strbuf_putc(out, '-');
	else
		render_escape(out, render_cell(buffer, cell));
}

/* Called twice for a plain table: first to measure (`print` false), then to print. */
static int walk_plain(struct printer *printer, const struct report_table *table, size_t *widths, bool print, struct error *error)
{
	struct report_row row;
	struct strbuf one;
	int result = report_row_init(&row, table, error);

	strbuf_init(&one);
	for (size_t i = 0; result == 0 && i < render_rows(table); i++) {
		size_t column = 2;
		result = report_row_fill(&row, table, i, error);
		strbuf_puts(&printer->line, "  ");
		for (size_t j = 0; result == 0 && j < table->column_count; j++) {
			size_t width;
			if (!(table->columns[j].places & IN_TEXT))
				continue;
			strbuf_clear(&one);
			put_plain_cell(&one, &row.cells[j]);
			width = render_width(one.data);
			widths[j] = width > widths[j] ? width : widths[j];
			if (column > 2)
				pad(&printer->line, column);
			strbuf_puts(&printer->line, one.data);
			column += widths[j] + 2;
		}
		if (print && result == 0)
			end_line(printer, STYLE_NONE);
		strbuf_clear(&printer->line);
	}
	printer->line.failed |= one.failed;
	strbuf_release(&one);
	report_row_release(&row);
	return result;
}

static int print_plain(struct printer *printer, const struct report_table *table, struct error *error)
{
	size_t *widths = calloc(table->column_count + 1, sizeof(*widths));
	size_t column = 2;
	int result;

	if (!widths)
		return error_nomem(error);
	for (size_t i = 0; i < table->column_count; i++)
		widths[i] = render_width(table->columns[i].label ? table->columns[i].label : table->columns[i].name);
	result = walk_plain(printer, table, widths, false, error);
	if (result == 0) {
		strbuf_puts(&printer->line, "  ");
		for (size_t i = 0; i < table->column_count; i++) {
			if (!(table->columns[i].places & IN_TEXT))
				continue;
			if (column > 2)
				pad(&printer->line, column);
			strbuf_puts(&printer->line, table->columns[i].label ? table->columns[i].label : table->columns[i].name);
			column += widths[i] + 2;
		}
		end_line(printer, STYLE_NONE);
		result = walk_plain(printer, table, widths, true, error);
	}
	if (render_rows(table) < table->row_count) {
		strbuf_printf(&printer->line, "  … %zu more", table->row_count - render_rows(table));
		end_line(printer, STYLE_NONE);
	}
	free(widths);
	return result;
}

int render_text(const struct report *report, const struct render_options *options, FILE *out, struct error *error)
{
	struct printer printer = {.out = out, .color = options->color};
	int result = 0;

	strbuf_init(&printer.line);
	print_lines(&printer, &report->header);
	for (size_t i = 0; result == 0 && i < report->table_count; i++) {
		const struct report_table *table = &report->tables[i];
		if (!table->with_frames && table->row_count == 0)
			continue;
		print_title(&printer, table);
		result = table->with_frames ? print_groups(&printer, table, error) : print_plain(&printer, table, error);
	}
	if (result == 0) {
		print_lines(&printer, &report->footer);
		if (report->next)
			fprintf(out, "next: %s\n", report->next);
	}
	if (printer.line.failed && result == 0)
		result = error_nomem(error);
	strbuf_release(&printer.line);
	return result;
}
