/* SPDX-License-Identifier: MIT */
/*
 * Tables for a merge request or an issue.  Places stand in code spans, where only a pipe needs a backslash; a name with backticks gets a
 * longer fence.  Lines for people become a list, control characters visible escapes as on a terminal.
 */
#include "render.h"

#include <string.h>

static size_t longest_backticks(const char *text)
{
	size_t longest = 0;

	while (*text) {
		size_t run = strspn(text, "`");
		longest = run > longest ? run : longest;
		text += run ? run : 1;
	}
	return longest;
}

/* Text of a cell or a code span: escaped for terminals, pipes for tables. */
static void put_plain(struct strbuf *out, const char *text)
{
	struct strbuf escaped;

	strbuf_init(&escaped);
	render_escape(&escaped, text);
	for (const char *at = escaped.data; *at; at++) {
		if (*at == '|')
			strbuf_putc(out, '\\');
		strbuf_putc(out, *at);
	}
	out->failed |= escaped.failed;
	strbuf_release(&escaped);
}

static void put_code(struct strbuf *out, const char *text)
{
	size_t fence = longest_backticks(text) + 1;

	for (size_t i = 0; i < fence; i++)
		strbuf_putc(out, '`');
	if (fence > 1)
		strbuf_putc(out, ' ');
	put_plain(out, text);
	if (fence > 1)
		strbuf_putc(out, ' ');
	for (size_t i = 0; i < fence; i++)
		strbuf_putc(out, '`');
}

static void put_cells(struct strbuf *out, const struct report_table *table, const struct cell *cells)
{
	char buffer[CELL_TEXT_MAX];

	for (size_t i = 0; i < table->column_count; i++) {
		const struct cell *cell = &cells[i];
		if (!(table->columns[i].places & IN_MARKDOWN))
			continue;
		strbuf_puts(out, " | ");
		if (cell->integers)
			render_series(out, cell);
		else
			put_plain(out, render_cell(buffer, cell));
	}
}

static void put_heading(struct strbuf *out, const struct report_table *table)
{
	size_t columns = 1;

	if (table->title) {
		strbuf_puts(out, "### ");
		put_plain(out, table->title);
		strbuf_puts(out, "\n\n");
	}
	strbuf_printf(out, "| %s", table->subject);
	for (size_t i = 0; i < table->column_count; i++) {
		if (table->columns[i].places & IN_MARKDOWN) {
			strbuf_printf(out, " | %s", table->columns[i].label ? table->columns[i].label : table->columns[i].name);
			columns++;
		}
	}
	strbuf_puts(out, table->with_frames ? " | |\n| ---" : " |\n| ---");
	for (size_t i = 1; i < columns; i++)
		strbuf_puts(out, " | ---:");
	strbuf_puts(out, table->with_frames ? " | --- |\n" : " |\n");
}

/* Frames of a whole stack below the place, outwards. */
static void put_stack(struct strbuf *out, const struct report_row *row)
{
	for (size_t i = 0; i < row->frame_count; i++) {
		struct strbuf place;
		strbuf_init(&place);
		strbuf_printf(&place, "%s:%u", row->frames[i].file, row->frames[i].line);
		strbuf_puts(out, "<br>");
		put_code(out, place.data);
		out->failed |= place.failed;
		strbuf_release(&place);
	}
}

static void put_row(struct strbuf *out, const struct report_table *table, const struct report_row *row)
{
	strbuf_puts(out, "| ");
	put_code(out, row->label.data);
	if (table->with_stacks)
		put_stack(out, row);
	put_cells(out, table, row->cells);
	if (table->with_frames) {
		strbuf_puts(out, " | ");
		put_plain(out, row->mark.data);
		if (row->mark.length && row->via.length)
			strbuf_putc(out, ' ');
		put_plain(out, row->via.data);
	}
	strbuf_puts(out, " |\n");
}

static int print_table(const struct report_table *table, FILE *out, struct error *error)
{
	struct report_row row;
	struct strbuf text;
	int result = report_row_init(&row, table, error);

	strbuf_init(&text);
	put_heading(&text, table);
	for (size_t i = 0; result == 0 && i < render_rows(table); i++) {
		result = report_row_fill(&row, table, i, error);
		if (result < 0)
			break;
		put_row(&text, table, &row);
		fwrite(text.data, 1, text.length, out);
		strbuf_clear(&text);
	}
	if (render_rows(table) < table->row_count)
		strbuf_printf(&text, "\n… %zu more\n", table->row_count - render_rows(table));
	strbuf_putc(&text, '\n');
	fwrite(text.data, 1, text.length, out);
	if (text.failed)
		result = error_nomem(error);
	strbuf_release(&text);
	report_row_release(&row);
	return result;
}

/* Free text: what Markdown would take for markup is escaped. */
static void put_item(struct strbuf *out, const char *text)
{
	struct strbuf escaped;

	strbuf_init(&escaped);
	render_escape(&escaped, text);
	strbuf_puts(out, "- ");
	for (const char *at = escaped.data; *at; at++) {
		if (strchr("\\`*_[]<>|#", *at))
			strbuf_putc(out, '\\');
		strbuf_putc(out, *at);
	}
	strbuf_putc(out, '\n');
	out->failed |= escaped.failed;
	strbuf_release(&escaped);
}

static int print_list(const struct report_texts *lines, FILE *out, struct error *error)
{
	struct strbuf text;
	bool failed;

	strbuf_init(&text);
	for (size_t i = 0; i < lines->count; i++)
		put_item(&text, lines->items[i]);
	fwrite(text.data, 1, text.length, out);
	failed = text.failed;
	strbuf_release(&text);
	return failed ? error_nomem(error) : 0;
}

int render_markdown(const struct report *report, const struct render_options *options, FILE *out, struct error *error)
{
	(void)options;
	if (print_list(&report->header, out, error) < 0)
		return -1;
	if (report->header.count)
		fputc('\n', out);
	for (size_t i = 0; i < report->table_count; i++) {
		if (print_table(&report->tables[i], out, error) < 0)
			return -1;
	}
	return print_list(&report->footer, out, error);
}
