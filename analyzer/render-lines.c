/* SPDX-License-Identifier: MIT */
/*
 * Two formats to the letter of tracemalloc: `lines` prints str() of each statistic and nothing else, `traceback` adds the lines of
 * Traceback.format() below each.  Names are printed as they are: another program reads this.  A report without groups (info) has no such
 * lines; its values are printed as name=value.
 */
#include "render.h"

static void print_line(const struct report_table *table, const struct report_row *row, struct strbuf *line, FILE *out)
{
	strbuf_clear(line);
	strbuf_puts(line, row->outer.length ? row->outer.data : row->label.data);
	strbuf_puts(line, ": ");
	render_cells(line, table, row->cells, IN_LINES);
	strbuf_putc(line, '\n');
	fwrite(line->data, 1, line->length, out);
}

static void print_frame(const struct report_frame *frame, FILE *out)
{
	fprintf(out, "  File \"%s\", line %u\n", frame->file, frame->line);
	if (frame->source && *frame->source)
		fprintf(out, "    %s\n", frame->source);
}

/* Traceback.format(limit, most_recent_first).  Positive limit: that many of the most recent; negative: all but that many of them. */
static void print_traceback(const struct report_row *row, const struct render_options *options, FILE *out)
{
	size_t count = row->frame_count, begin = 0, end = count; /* of row->frames, innermost first */

	if (options->traceback_limit >= 0 && (unsigned long long)options->traceback_limit < count)
		end = (size_t)options->traceback_limit;
	else if (options->traceback_limit < 0)
		begin = 0ull - (unsigned long long)options->traceback_limit < count ? (size_t)-options->traceback_limit : count;
	for (size_t i = begin; i < end; i++)
		print_frame(&row->frames[options->most_recent_first ? i : end - 1 - (i - begin)], out);
}

static int print_rows(const struct report_table *table, const struct render_options *options, FILE *out, struct error *error)
{
	struct report_row row;
	struct strbuf line;
	int result = report_row_init(&row, table, error);

	strbuf_init(&line);
	for (size_t i = 0; result == 0 && i < table->row_count; i++) {
		result = report_row_fill(&row, table, i, error);
		if (result < 0)
			break;
		print_line(table, &row, &line, out);
		if (options->format == RENDER_TRACEBACK)
			print_traceback(&row, options, out);
	}
	if (line.failed)
		result = error_nomem(error);
	strbuf_release(&line);
	report_row_release(&row);
	return result;
}

static void print_properties(const struct report *report, FILE *out)
{
	char buffer[CELL_TEXT_MAX];

	for (size_t i = 0; i < report->property_count; i++) {
		const struct report_property *property = &report->properties[i];
		fprintf(out, "%s%s%s=%s\n", property->object ? property->object : "", property->object ? "." : "", property->name,
			render_cell(buffer, &property->cell));
	}
}

int render_lines(const struct report *report, const struct render_options *options, FILE *out, struct error *error)
{
	if (report->table_count && report->tables[0].with_frames)
		return print_rows(&report->tables[0], options, out, error);
	print_properties(report, out);
	return 0;
}

int render_traceback(const struct report *report, const struct render_options *options, FILE *out, struct error *error)
{
	return render_lines(report, options, out, error);
}
