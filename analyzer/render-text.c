/* SPDX-License-Identifier: MIT */
/*
 * The output for people at a terminal.  Groups are tracemalloc's line with the source line below it and remarks in fixed columns; plain
 * tables (modules, threads) are aligned.  Everything that came from a file is escaped.  A row is built in one buffer, so widths are known
 * before it is printed.
 */
#include "render.h"

#include <stdlib.h>
#include <string.h>

enum { MARK_COLUMN = 83, VIA_COLUMN = 55, FUNCTION_COLUMNS = 40, LABEL_LEAST = 24 };

enum style { STYLE_NONE, STYLE_HEADING, STYLE_GREW, STYLE_SHRANK };
static const char *const styles[] = {"", "\033[1m", "\033[31m", "\033[32m"};

/* What a text is printed with. */
struct printer {
	FILE *out;
	const struct render_options *options;
	struct strbuf line;
};

static void style_on(struct printer *printer, enum style style)
{
	if (printer->options->color)
		fputs(styles[style], printer->out);
}

static void style_off(struct printer *printer, enum style style)
{
	if (printer->options->color && style != STYLE_NONE)
		fputs("\033[0m", printer->out);
}

/* The characters beyond ASCII that our texts are made with, in its letters. */
static void write_ascii(const char *text, FILE *out)
{
	static const char *const pairs[][2] = {{"…", "..."}, {"→", "->"}, {"±", "+-"}};

	while (*text) {
		size_t length = 0;
		for (size_t i = 0; i < sizeof(pairs) / sizeof(*pairs) && !length; i++) {
			if (strncmp(text, pairs[i][0], strlen(pairs[i][0])) == 0) {
				length = strlen(pairs[i][0]);
				fputs(pairs[i][1], out);
			}
		}
		if (!length)
			fputc(*text++, out);
		text += length;
	}
}

static void end_line(struct printer *printer, enum style style)
{
	style_on(printer, style);
	if (printer->options->ascii)
		write_ascii(printer->line.data, printer->out);
	else
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

/* The end of a line that does not fit into the terminal is left out. */
static void cut_line(struct printer *printer)
{
	size_t width = printer->options->width, columns = 0, i = 0;

	if (!width || render_width(printer->line.data) <= width)
		return;
	for (; printer->line.data[i]; i++) {
		if (((unsigned char)printer->line.data[i] & 0xc0) != 0x80 && columns++ == width - 1)
			break;
	}
	printer->line.length = i;
	strbuf_puts(&printer->line, "…");
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
	cut_line(printer);
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

/* The label has what the numbers and the mark leave of the terminal's width. */
static void put_label(struct printer *printer, const struct report_row *row, size_t others)
{
	size_t width = printer->options->width, room = width > others + LABEL_LEAST ? width - others : LABEL_LEAST;
	struct strbuf label;

	strbuf_init(&label);
	render_escape(&label, row->label.data);
	render_shorten(&printer->line, label.data, width ? room : 0);
	printer->line.failed |= label.failed;
	strbuf_release(&label);
}

static void print_group(struct printer *printer, const struct report_table *table, const struct report_row *row)
{
	enum style style = row->growth > 0 ? STYLE_GREW : row->growth < 0 ? STYLE_SHRANK : STYLE_NONE;
	struct strbuf numbers;

	strbuf_init(&numbers);
	strbuf_puts(&numbers, ": ");
	render_cells(&numbers, table, row->cells, IN_TEXT);
	put_label(printer, row, render_width(numbers.data) + (row->mark.length ? render_width(row->mark.data) + 2 : 0));
	strbuf_puts(&printer->line, numbers.data);
	printer->line.failed |= numbers.failed;
	strbuf_release(&numbers);
	if (row->mark.length) {
		size_t width = printer->options->width, mark = render_width(row->mark.data);
		pad(&printer->line, width && width < MARK_COLUMN + mark ? width - mark : MARK_COLUMN);
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

/* A column of a plain table: numbers are aligned at their ends. */
struct plain_column {
	size_t width;
	bool number;
};

static void put_aligned(struct strbuf *line, const char *text, const struct plain_column *column)
{
	size_t width = render_width(text), space = column->width > width ? column->width - width : 0;

	strbuf_printf(line, "  %*s%s%*s", (int)(column->number ? space : 0), "", text, (int)(column->number ? 0 : space), "");
}

/* The cells of a row, measured or, with `print`, printed. */
static void walk_row(struct printer *printer, const struct report_table *table, const struct report_row *row, struct plain_column *columns,
		     bool print)
{
	struct strbuf one;

	strbuf_init(&one);
	for (size_t i = 0; i < table->column_count; i++) {
		const struct cell *cell = &row->cells[i];
		if (!(table->columns[i].places & IN_TEXT))
			continue;
		strbuf_clear(&one);
		put_plain_cell(&one, cell);
		if (print) {
			put_aligned(&printer->line, one.data, &columns[i]);
			continue;
		}
		columns[i].number |= cell->kind != CELL_TEXT && cell->kind != CELL_NONE;
		columns[i].width = render_width(one.data) > columns[i].width ? render_width(one.data) : columns[i].width;
	}
	printer->line.failed |= one.failed;
	strbuf_release(&one);
}

static void end_plain(struct printer *printer, enum style style)
{
	while (printer->line.length && printer->line.data[printer->line.length - 1] == ' ')
		printer->line.data[--printer->line.length] = '\0';
	cut_line(printer);
	end_line(printer, style);
}

static int walk_plain(struct printer *printer, const struct report_table *table, struct plain_column *columns, bool print,
		      struct error *error)
{
	struct report_row row;
	int result = report_row_init(&row, table, error);

	for (size_t i = 0; result == 0 && i < render_rows(table); i++) {
		result = report_row_fill(&row, table, i, error);
		if (result == 0)
			walk_row(printer, table, &row, columns, print);
		if (result == 0 && print)
			end_plain(printer, STYLE_NONE);
	}
	report_row_release(&row);
	return result;
}

static const char *heading_of(const struct report_column *column)
{
	return column->label ? column->label : column->name;
}

static int print_plain(struct printer *printer, const struct report_table *table, struct error *error)
{
	struct plain_column *columns = calloc(table->column_count + 1, sizeof(*columns));
	int result;

	if (!columns)
		return error_nomem(error);
	for (size_t i = 0; i < table->column_count; i++)
		columns[i].width = render_width(heading_of(&table->columns[i]));
	result = walk_plain(printer, table, columns, false, error);
	for (size_t i = 0; result == 0 && i < table->column_count; i++) {
		if (table->columns[i].places & IN_TEXT)
			put_aligned(&printer->line, heading_of(&table->columns[i]), &columns[i]);
	}
	if (result == 0) {
		end_plain(printer, STYLE_NONE);
		result = walk_plain(printer, table, columns, true, error);
	}
	if (render_rows(table) < table->row_count) {
		strbuf_printf(&printer->line, "  … %zu more", table->row_count - render_rows(table));
		end_line(printer, STYLE_NONE);
	}
	free(columns);
	return result;
}

int render_text(const struct report *report, const struct render_options *options, FILE *out, struct error *error)
{
	struct printer printer = {.out = out, .options = options};
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
