/* SPDX-License-Identifier: MIT */
/*
 * Comes in: a collected run.  Goes out: symbolised files, the run's directory, the words at the end.
 * Everything of value is in raw files before this begins: whatever fails here, or is interrupted, costs symbols and words only.
 */
#include "conclude.h"

#include <stdlib.h>
#include <string.h>

#include "assemble.h"
#include "cmd.h"
#include "render.h"
#include "rundir.h"
#include "summary.h"
#include "symbols.h"
#include "view-next.h"
#include "view.h"

enum { TOP_LINES = 3 };

static bool is_child(const struct traced *traced)
{
	return !traced->is_root && traced->state != TRACED_REPLACED && traced->state != TRACED_UNWANTED;
}

static bool has_children(const struct collect *collect)
{
	for (size_t i = 0; i < collect->count; i++) {
		if (is_child(collect->list[i]))
			return true;
	}
	return false;
}

/* The directory gets the root's final name; the root's file may be missing when it could not be traced. */
static void finish_directory(struct collect *collect, struct error *error)
{
	const struct naming *naming = collect->convert.naming;
	const struct traced *root = collect_root(collect);
	const char *file = root ? root->file : NULL;
	bool replace = naming_is_explicit(naming);

	if (naming_has_pid(naming))
		return;
	if (!has_children(collect)) {
		if (file && replace)
			rundir_forget(file);
		return;
	}
	if (!collect->directory && file)
		collect->directory = rundir_make(file, replace);
	if (!collect->directory)
		return;
	if (file)
		rundir_rename(&collect->directory, file, collect->list, collect->count);
	const struct rundir_index index = {file, collect->list, collect->count, collect->untraced};
	rundir_close(collect->directory, &index, error);
}

/* Is the largest stack one of the line that `row` is about?  Several small stacks may make up the largest line. */
static bool is_largest_stack(const struct snapshot *sum, const struct report_row *row)
{
	struct view_options options = {0};
	const struct view_request request = {.options = &options, .snapshots = sum, .count = 1};
	struct report report;
	struct report_row stack;
	struct error error = {0};
	bool same = false;

	view_options_defaults(&options);
	options.key = KEY_TRACEBACK;
	options.limit = 1;
	if (view_stats(&report, &request, &error) < 0)
		return false;
	if (report_row_init(&stack, &report.tables[0], &error) == 0) {
		same = report.tables[0].row_count && report_row_fill(&stack, &report.tables[0], 0, &error) == 0 &&
		       strcmp(stack.label.data, row->label.data) == 0;
		report_row_release(&stack);
	}
	report_release(&report);
	return same;
}

static void put_callers(struct strbuf *out, const struct snapshot *sum, const struct report_row *row)
{
	bool answered = is_largest_stack(sum, row);
	struct strbuf filter;

	strbuf_init(&filter);
	if (!answered)
		view_line_filter(&filter, row);
	if (filter.length) {
		strbuf_puts(out, " --filter ");
		cmd_quote(out, filter.data);
	}
	strbuf_puts(out, " -k traceback -n 1        # ");
	if (answered || filter.length)
		strbuf_printf(out, "who calls %s", row->label.data);
	else
		strbuf_puts(out, "the largest stack");
	out->failed |= filter.failed;
	strbuf_release(&filter);
}

/* " heapdelta.app.4711.d", or nothing where the newest run here is read anyway, which is this one. */
static void put_place(struct strbuf *out, const struct collect *collect)
{
	const struct traced *root = collect_root(collect);
	const struct naming *naming = collect->convert.naming;
	const char *place = collect->directory;

	if (!place && root && root->file && (naming_is_explicit(naming) || naming->directory[0]))
		place = root->file;
	if (!place)
		return;
	strbuf_putc(out, ' ');
	cmd_quote(out, place);
}

/* "-k traceback -n 1   # who calls src/cache.c:42": a shell takes the whole line. */
static void put_question(struct strbuf *out, const struct report *report, const struct snapshot *sum)
{
	struct report_row row;
	struct error error = {0};

	if (!report) {
		strbuf_puts(out, " --metric total        # who allocated what is freed again");
		return;
	}
	if (!report->table_count || !report->tables[0].row_count) {
		strbuf_puts(out, " --attribute raw        # what libc and runtimes keep");
		return;
	}
	if (report_row_init(&row, &report->tables[0], &error) < 0)
		return;
	if (report_row_fill(&row, &report->tables[0], 0, &error) == 0)
		put_callers(out, sum, &row);
	report_row_release(&row);
}

/* `report` NULL: nothing lives. */
static void print_next(const struct collect *collect, const struct report *report, const struct snapshot *sum, FILE *out)
{
	const struct traced *root = collect_root(collect);
	struct strbuf line;

	if (!collect->directory && !(root && root->file))
		return;
	strbuf_init(&line);
	put_place(&line, collect);
	put_question(&line, report, sum);
	fprintf(out, "next: %s stats%s\n", cmd_program(), line.data);
	strbuf_release(&line);
}

static void print_summary(const struct collect *collect, const struct summary *summary, const struct snapshot *sum,
			  const struct conclusion *conclusion)
{
	const struct render_options how = {
		.format = RENDER_TEXT,
		.color = render_wants_color(0, cmd_messages()),
		.width = render_terminal_width(cmd_messages()),
		.ascii = render_wants_ascii(),
	};
	FILE *out = cmd_messages();
	struct error error = {0};
	struct report report;

	summary_head(summary, sum, out);
	bool has_lines = sum->info.live_blocks && view_summary(&report, sum, NULL, TOP_LINES, &error) == 0;
	if (has_lines && render(&report, &how, out, &error) < 0)
		cmd_warning("%s", error.text);
	summary_tail(summary, out);
	if (sum->info.total_blocks)
		print_next(collect, has_lines ? &report : NULL, sum, out);
	if (has_lines)
		report_release(&report);
	else if (error.text[0])
		cmd_warning("%s", error.text);
	fflush(out);
	if (conclusion->note[0] && summary_processes(summary))
		cmd_note("%s", conclusion->note);
}

static void symbolise_and_say(struct collect *collect, const struct conclusion *conclusion, struct intern *intern)
{
	const struct symbols_options options = {0};
	const struct summary summary = {conclusion->command, conclusion->wait_status, conclusion->duration_ns, collect->list,
					collect->count,      collect->directory,      cmd_program(),           collect->untraced};
	struct error error = {0};
	struct snapshot sum;

	snapshot_init(&sum, intern);
	struct symbols *symbols = conclusion->symbols ? symbols_new(&options, &error) : NULL;
	if (assemble(collect->list, collect->count, symbols, &sum, &error) < 0 || error.text[0])
		cmd_warning("%s", error.text);
	if (!cmd_quiet())
		print_summary(collect, &summary, &sum, conclusion);
	summary_failures(&summary, cmd_messages());
	symbols_free(symbols);
	snapshot_release(&sum);
}

void conclude(struct collect *collect, const struct conclusion *conclusion)
{
	struct intern *intern = intern_new();
	struct error error = {0};

	finish_directory(collect, &error);
	if (error.text[0])
		cmd_warning("%s", error.text);
	if (intern)
		symbolise_and_say(collect, conclusion, intern);
	else
		cmd_warning("out of memory: the snapshots stay without symbols");
	intern_free(intern);
}
