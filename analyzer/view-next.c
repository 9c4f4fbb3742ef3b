/* SPDX-License-Identifier: MIT */
/*
 * What comes after a report of groups: the command to type next, and for a report without rows the reason why there are none.  Comes in: the
 * view and what was typed; goes out: a sentence and a command that works when it is pasted.  Where the rows are files, modules, threads or
 * processes, it looks into the first of them; where there are none, at what would show something.
 */
#include "view-next.h"

#include <ctype.h>
#include <string.h>

#include "runtime-names.h"
#include "view-data.h"
#include "view-words.h"

/* Why there is no row. */
enum emptiness {
	HAS_ROWS,
	NOTHING,      /* there is nothing in the snapshots */
	ALL_FILTERED, /* what there is does not pass the filters */
	ALL_ONE_TIME, /* what there is belongs to libc and runtimes, or only that has changed */
	ALL_SAME,     /* nothing has changed */
};

static enum emptiness emptiness_of(const struct view *view)
{
	size_t filtered = 0;

	for (size_t i = 0; i < view->count; i++)
		filtered += view->stats[i].filtered_out;
	if (view->shown_count)
		return HAS_ROWS;
	if (view_group_count(view) == 0)
		return filtered ? ALL_FILTERED : NOTHING;
	return view->rest.groups ? ALL_SAME : ALL_ONE_TIME;
}

/* ---- The sentence ---- */

/* Only blocks of some ages were asked for. */
static bool has_ages(const struct view_options *options)
{
	return options->older != AGES_UNSET || options->newer != AGES_UNSET;
}

static void say_nothing(struct strbuf *out, const struct view *view)
{
	const struct snapshot_info *info = &view->snapshots[view->count - 1].info;

	if (view_is_diff(view)) {
		strbuf_puts(out, "nothing in any of them");
		return;
	}
	if (has_ages(&view->options) && info->live_blocks) {
		strbuf_puts(out, "no live block is of that age");
		return;
	}
	switch ((enum stats_metric)view->options.metric) {
	case METRIC_TEMPORARY:
		strbuf_puts(out, "no block was freed before its thread's next allocation");
		break;
	case METRIC_PEAK:
		strbuf_puts(out, "nothing lived at the peak");
		break;
	case METRIC_TOTAL:
		strbuf_puts(out, "nothing was allocated");
		break;
	case METRIC_LIVE:
		if (!info->total_blocks)
			strbuf_puts(out, "nothing was allocated");
		else if (info->sample_bytes)
			strbuf_puts(out, "nothing lives of what was sampled");
		else if (info->freed_blocks == info->total_blocks)
			strbuf_printf(out, "nothing lives: all of %llu blocks were freed", (unsigned long long)info->total_blocks);
		else
			strbuf_puts(out, "nothing lives");
	}
}

void view_empty(struct report *report, const struct view *view)
{
	struct strbuf line;
	size_t filtered = view->stats[view->count - 1].filtered_out;

	strbuf_init(&line);
	switch (emptiness_of(view)) {
	case HAS_ROWS:
		break;
	case NOTHING:
		say_nothing(&line, view);
		break;
	case ALL_FILTERED:
		strbuf_puts(&line, "no block passes the filters: ");
		words_count(&line, filtered, "stack was left out", "stacks were left out");
		break;
	case ALL_ONE_TIME:
		strbuf_puts(&line, view_is_diff(view) ? "no difference in the program's own blocks"
						      : "nothing of the program's own, only what libc and runtimes allocate once");
		break;
	case ALL_SAME:
		strbuf_puts(&line, "no difference");
	}
	if (line.length)
		report_line(report, &report->footer, "%s", line.data);
	report->failed |= line.failed;
	strbuf_release(&line);
}

/* ---- A filter for the first row ---- */

/* Digits behind a colon at the end, or a suffix, would not be taken for a part of the name. */
static bool is_taken_apart(const char *at, const char *end)
{
	size_t rest = (size_t)(end - at);

	if (*at == ':' && rest > 1) {
		for (at++; at < end; at++) {
			if (!isdigit((unsigned char)*at))
				return false;
		}
		return true;
	}
	return *at == '@';
}

/* A pattern that matches these `length` bytes and nothing else. */
static void put_pattern(struct strbuf *out, const char *name, size_t length)
{
	const char *end = name + length;

	for (; name < end; name++) {
		if (strchr("*?[", *name) || is_taken_apart(name, end))
			strbuf_printf(out, "[%c]", *name);
		else
			strbuf_putc(out, *name);
	}
}

static void put_function(struct strbuf *out, const char *prefix, const struct frame *frame)
{
	size_t length = strlen(frame->file);
	const char *name = frame->function ? qualified_name(frame->function, &length) : frame->file;

	strbuf_puts(out, prefix);
	put_pattern(out, name, length);
}

static void put_named(struct strbuf *out, const char *prefix, const char *name)
{
	strbuf_puts(out, prefix);
	put_pattern(out, name, strlen(name));
}

static void put_file(struct strbuf *out, const char *file)
{
	put_named(out, strchr(file, ':') ? "file:" : "", file);
}

void view_line_filter(struct strbuf *out, const struct report_row *row)
{
	const struct report_frame *frame = &row->frames[0];

	if (!row->frame_count || !frame->line)
		return;
	put_file(out, frame->file);
	strbuf_printf(out, ":%u", frame->line);
}

/* Empty: the rows cannot be told apart by a filter. */
static void put_filter(struct strbuf *out, const struct view *view, const struct frame *frame)
{
	const char *slash;

	switch ((enum stats_key)view->options.key) {
	case KEY_FILENAME:
		put_file(out, frame->file);
		break;
	case KEY_FUNCTION:
		if (frame->function)
			put_function(out, "func:", frame);
		break;
	case KEY_MODULE:
		slash = strrchr(frame->file, '/');
		if (frame->module)
			put_named(out, "module:", slash && slash[1] ? slash + 1 : frame->file);
		break;
	case KEY_THREAD:
		put_function(out, "thread:", frame);
		break;
	case KEY_PROCESS:
		if (strspn(frame->file, "0123456789"))
			strbuf_printf(out, "process:%.*s", (int)strspn(frame->file, "0123456789"), frame->file);
		break;
	default:
		break;
	}
}

static void filter_first_row(struct strbuf *out, struct view *view)
{
	size_t newest = view->count - 1, index = view->shown[0];
	const struct group *group = view_group(view, index);

	while (view_is_diff(view) && newest > 0 && !view->diff.rows[index].groups[newest])
		newest--;
	if (stats_frames(&view->stats[newest], group, &view->frames))
		out->failed = true;
	else
		put_filter(out, view, &view->frames.list[group->attributed]);
}

/* ---- The command ---- */

/* What to type: a command, which of the operands it gets, and options. */
struct next {
	const char *command;
	bool newest_only;
	struct strbuf options;
};

static void next_to_rows(struct next *next, struct view *view)
{
	struct strbuf filter;

	view_options_hint(&view->options, &next->options);
	strbuf_init(&filter);
	/* Filters are alternatives: one more would not narrow what others let through. */
	if (view->options.filter.count == 0)
		filter_first_row(&filter, view);
	if (filter.length) {
		strbuf_puts(&next->options, " --filter ");
		cmd_quote(&next->options, filter.data);
	}
	if (!filter.length || view->options.key == KEY_FUNCTION)
		strbuf_puts(&next->options, " -k traceback -n 1");
	next->options.failed |= filter.failed;
	strbuf_release(&filter);
}

static void next_to_info(struct next *next)
{
	next->command = "info";
	next->newest_only = true;
}

/* The same rows with other options. */
static void next_with(struct next *next, const struct view *view, const struct view_options *options)
{
	view_options_hint(options, &next->options);
	if (view->options.key != KEY_LINENO)
		strbuf_printf(&next->options, " -k %s", view_key_names[view->options.key]);
}

static void next_to_nothing(struct next *next, const struct view *view)
{
	const struct snapshot_info *info = &view->snapshots[view->count - 1].info;

	if (view->options.metric != METRIC_LIVE || !info->total_blocks) {
		next_to_info(next);
		return;
	}
	if (has_ages(&view->options)) {
		struct view_options of_any_age = view->options;
		of_any_age.older = of_any_age.newer = AGES_UNSET;
		next_with(next, view, &of_any_age);
		return;
	}
	view_options_hint(&view->options, &next->options);
	strbuf_puts(&next->options, " --metric total");
}

static void next_without_filters(struct next *next, const struct view *view)
{
	struct view_options unfiltered = view->options;

	unfiltered.filter.count = unfiltered.exclude.count = 0;
	next_with(next, view, &unfiltered);
}

static void choose(struct next *next, struct view *view)
{
	switch (emptiness_of(view)) {
	case HAS_ROWS:
		if (view->options.key == KEY_TRACEBACK)
			next_to_info(next); /* the stacks are on the screen: what is left is what the newest snapshot is */
		else
			next_to_rows(next, view);
		break;
	case NOTHING:
		next_to_nothing(next, view);
		break;
	case ALL_FILTERED:
		next_without_filters(next, view);
		break;
	case ALL_ONE_TIME:
		view_options_hint(&view->options, &next->options);
		strbuf_puts(&next->options, " --attribute raw");
		break;
	case ALL_SAME:
		next->command = "stats";
		next->newest_only = true;
	}
}

const char *view_next_after(struct report *report, struct view *view, const struct view_typed *typed)
{
	struct next next = {.command = typed->command};
	char *const *operands = typed->operands;
	struct strbuf options;
	const char *line;

	strbuf_init(&next.options);
	strbuf_init(&options);
	if (typed->load)
		load_options_hint(typed->load->options, &next.options);
	choose(&next, view);
	while (next.newest_only && operands && operands[0] && operands[1])
		operands++;
	if (typed->load && next.command && typed->command && strcmp(next.command, typed->command) == 0)
		load_options_hint_wait(typed->load->options, &options); /* another command looks once */
	strbuf_puts(&options, next.options.length ? next.options.data : "");
	line = view_next(report, next.command, operands, options.data);
	report->failed |= next.options.failed || options.failed;
	strbuf_release(&next.options);
	strbuf_release(&options);
	return line;
}
