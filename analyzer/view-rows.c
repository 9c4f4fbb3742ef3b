/* SPDX-License-Identifier: MIT */
/*
 * The table of groups: which columns there are for a snapshot, a comparison and a series, and one row at a time.  Comes in: the view's
 * groups; goes out: typed cells, the label, the frames, remarks.  Source lines are read only for formats that show them.
 */
#include "view-data.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "estimate.h"
#include "function-name.h"
#include "symbols-text.h"
#include "view-words.h"

enum number { SIZES, SIZE, SIZE_DIFF, COUNTS, COUNT, COUNT_DIFF, AVERAGE, SIZE_ERROR, MARK, WAS, LOST };
enum { SOURCE_WIDTH = 100 };
enum { COLUMNS_MAX = 11, ALL = IN_TEXT | IN_LINES | IN_DATA | IN_MARKDOWN, READABLE = IN_TEXT | IN_LINES | IN_MARKDOWN };

struct layout {
	struct report_column columns[COLUMNS_MAX];
	enum number numbers[COLUMNS_MAX];
	size_t count;
};

static const struct layout stats_layout = {
	{{"size", NULL, ALL},
	 {"count", NULL, ALL},
	 {"average", NULL, READABLE},
	 {"size_error", NULL, IN_DATA},
	 {"lost_events", NULL, IN_CSV}},
	{SIZE, COUNT, AVERAGE, SIZE_ERROR, LOST},
	5,
};

static const struct layout diff_layout = {
	{{"size", NULL, ALL},
	 {"size_diff", "size diff", ALL},
	 {"count", NULL, ALL},
	 {"count_diff", "count diff", ALL},
	 {"average", NULL, READABLE},
	 {"size_error", NULL, IN_DATA},
	 {"mark", NULL, IN_JSON},
	 {"was", NULL, IN_JSON},
	 {"lost_events", NULL, IN_CSV}},
	{SIZE, SIZE_DIFF, COUNT, COUNT_DIFF, AVERAGE, SIZE_ERROR, MARK, WAS, LOST},
	9,
};

static const struct layout series_layout = {
	{{"sizes", "size", IN_TEXT | IN_MARKDOWN | IN_DATA},
	 {"size", NULL, IN_LINES | IN_DATA},
	 {"size_diff", "size diff", ALL},
	 {"counts", NULL, IN_DATA},
	 {"count", NULL, ALL},
	 {"count_diff", "count diff", ALL},
	 {"average", NULL, READABLE},
	 {"size_error", NULL, IN_DATA},
	 {"mark", NULL, IN_JSON},
	 {"was", NULL, IN_JSON},
	 {"lost_events", NULL, IN_CSV}},
	{SIZES, SIZE, SIZE_DIFF, COUNTS, COUNT, COUNT_DIFF, AVERAGE, SIZE_ERROR, MARK, WAS, LOST},
	11,
};

/* Temporary blocks are counted only: nobody recorded their bytes. */
static const struct layout count_stats_layout = {
	{{"count", NULL, ALL}, {"lost_events", NULL, IN_CSV}},
	{COUNT, LOST},
	2,
};

static const struct layout count_diff_layout = {
	{{"count", NULL, ALL},
	 {"count_diff", "count diff", ALL},
	 {"mark", NULL, IN_JSON},
	 {"was", NULL, IN_JSON},
	 {"lost_events", NULL, IN_CSV}},
	{COUNT, COUNT_DIFF, MARK, WAS, LOST},
	5,
};

static const struct layout count_series_layout = {
	{{"counts", "count", IN_TEXT | IN_MARKDOWN | IN_DATA},
	 {"count", NULL, IN_LINES | IN_DATA},
	 {"count_diff", "count diff", ALL},
	 {"mark", NULL, IN_JSON},
	 {"was", NULL, IN_JSON},
	 {"lost_events", NULL, IN_CSV}},
	{COUNTS, COUNT, COUNT_DIFF, MARK, WAS, LOST},
	6,
};

static const struct layout *layout_of(const struct view *view)
{
	bool counts = view->options.metric == METRIC_TEMPORARY;

	if (view->count == 1)
		return counts ? &count_stats_layout : &stats_layout;
	if (view->count == 2)
		return counts ? &count_diff_layout : &diff_layout;
	return counts ? &count_series_layout : &series_layout;
}

static struct cell series_cell(enum cell_kind kind, const report_integer *values, size_t count)
{
	return (struct cell){.kind = kind, .integers = values, .count = count};
}

static struct cell cell_bytes(enum cell_kind kind, wide bytes, int64_t error)
{
	struct cell cell = cell_integer(kind, bytes);

	cell.error = error;
	return cell;
}

static struct cell make_cell(const struct view *view, enum number number, const struct view_numbers *numbers)
{
	switch (number) {
	case SIZES:
		return series_cell(CELL_BYTES_SERIES, numbers->sizes, view->count);
	case SIZE:
		return cell_bytes(CELL_BYTES, numbers->size, view_is_diff(view) ? 0 : numbers->error);
	case SIZE_DIFF:
		return cell_bytes(CELL_BYTES_DELTA, numbers->size_diff, numbers->error);
	case COUNTS:
		return series_cell(CELL_COUNT_SERIES, numbers->counts, view->count);
	case COUNT:
		return cell_integer(CELL_COUNT, numbers->count);
	case COUNT_DIFF:
		return cell_integer(CELL_COUNT_DELTA, numbers->count_diff);
	case AVERAGE:
		if (numbers->count == 0)
			return cell_none();
		/* As exact as Python's division of integers wherever the text could show it. */
		return cell_real(CELL_AVERAGE, (double)((long double)numbers->size / (long double)numbers->count));
	case SIZE_ERROR:
		return cell_integer(CELL_BYTES, numbers->error);
	case MARK:
		return cell_text(numbers->mark);
	case WAS:
		return cell_text(view->was.length ? view->was.data : NULL);
	case LOST:
		return cell_integer(CELL_COUNT, view->lost);
	}
	return cell_none();
}

static void make_cells(const struct view *view, const struct view_numbers *numbers, struct cell *cells)
{
	const struct layout *layout = layout_of(view);

	for (size_t i = 0; i < layout->count; i++)
		cells[i] = make_cell(view, layout->numbers[i], numbers);
}

/* ---- Errors of sampled data ---- */

static bool same_process(const struct snapshot *a, const struct snapshot *b)
{
	const struct snapshot_info *one = &a->info, *other = &b->info;

	return one->pid && one->pid == other->pid && one->image == other->image && one->start_realtime_ns &&
	       one->start_realtime_ns == other->start_realtime_ns && a->process_count < 2 && b->process_count < 2;
}

/* What came and went in between is known of one process, whose totals only grow. */
static double diff_variance(const struct view *view, const struct diff_row *row)
{
	const struct group *first = row->groups[0], *last = row->groups[view->count - 1];
	struct estimate_ends ends = {.old_variance = first ? first->variance : 0,
				     .new_variance = last ? last->variance : 0,
				     .came = -1,
				     .gone = -1,
				     .distance = view->distance};

	if (first && last && view->options.metric != METRIC_PEAK && same_process(&view->snapshots[0], &view->snapshots[view->count - 1])) {
		ends.came = (double)(last->allocated - first->allocated);
		ends.gone = view->options.metric == METRIC_TOTAL ? 0 : ends.came - (double)row->size_diff;
	}
	return estimate_diff_variance(&ends);
}

double view_variance(const struct view *view, size_t index)
{
	return view_is_diff(view) ? diff_variance(view, &view->diff.rows[index]) : view->stats[0].groups[index].variance;
}

/* Different lines have different blocks, but for cumulative ones, where blocks are counted for several. */
static double total_diff_variance(const struct view *view)
{
	double ends = view->stats[0].total_variance + view->stats[view->count - 1].total_variance, rows = 0;

	for (size_t i = 0; i < view->diff.count; i++)
		rows += diff_variance(view, &view->diff.rows[i]);
	return fmin(ends, rows);
}

/* ---- Totals ---- */

struct view_numbers view_totals(const struct view *view)
{
	const struct stats *last = &view->stats[view->count - 1];
	struct view_numbers numbers = {
		.size = last->total_size, .count = last->total_count, .sizes = view->total_sizes, .counts = view->total_counts};

	double variance = last->total_variance;
	if (view_is_diff(view)) {
		numbers.size_diff = view->diff.size_diff;
		numbers.count_diff = view->diff.count_diff;
		variance = total_diff_variance(view);
	}
	numbers.error = estimate_error(variance);
	return numbers;
}

/* ---- Numbers of a row ---- */

static struct view_numbers numbers_of(struct view *view, size_t index)
{
	struct view_numbers numbers = {.sizes = view->sizes, .counts = view->counts};
	const struct diff_row *row;

	if (!view_is_diff(view)) {
		const struct group *group = &view->stats[0].groups[index];
		return (struct view_numbers){.size = group->size, .count = group->count, .error = estimate_error(group->variance)};
	}
	row = &view->diff.rows[index];
	numbers.size = row->size;
	numbers.size_diff = row->size_diff;
	numbers.count = row->count;
	numbers.count_diff = row->count_diff;
	for (size_t i = 0; i < view->count; i++) {
		view->sizes[i] = row->groups[i] ? row->groups[i]->size : 0;
		view->counts[i] = row->groups[i] ? row->groups[i]->count : 0;
	}
	numbers.mark = row->mark == DIFF_NEW ? "new" : row->mark == DIFF_GONE ? "gone" : row->moved ? "moved" : NULL;
	numbers.error = estimate_error(diff_variance(view, row));
	return numbers;
}

/* ---- Names ---- */

void view_place(struct strbuf *out, const char *file, uint32_t line)
{
	strbuf_puts(out, file);
	if (line)
		strbuf_printf(out, ":%u", line);
}

static bool is_prose(const struct view *view)
{
	return render_is_prose((enum render_format)view->options.format);
}

static void add_function(const struct view *view, struct strbuf *out, const char *function)
{
	if (is_prose(view) && !view->options.full_names)
		function_name_short(out, function);
	else
		strbuf_puts(out, function);
}

/* The same, interned; NULL: out of memory. */
static const char *shown_function(const struct view *view, const char *function)
{
	struct strbuf text;

	strbuf_init(&text);
	add_function(view, &text, function);
	const char *shown = text.failed ? NULL : intern_add(view->snapshots[0].intern, text.data);
	strbuf_release(&text);
	return shown;
}

static const char *last_component(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash && slash[1] ? slash + 1 : path;
}

/* Labels of keys that tracemalloc does not have. */
static void add_other_label(const struct view *view, const struct frame *frame, struct strbuf *out)
{
	if ((view->options.key == KEY_FUNCTION || view->options.key == KEY_THREAD) && frame->function) {
		add_function(view, out, frame->function);
		strbuf_printf(out, " (%s)", view_file(view, frame));
	} else if (view->options.key == KEY_MODULE && is_prose(view) && !view->options.full_names) {
		strbuf_puts(out, last_component(frame->file));
	} else {
		strbuf_puts(out, view_file(view, frame));
	}
}

/* Of the group whose frames view->frames are. */
static void add_label(const struct view *view, const struct group *group, struct strbuf *out)
{
	const struct frame *own = &view->frames.list[group->attributed];

	switch ((enum stats_key)view->options.key) {
	case KEY_LINENO:
	case KEY_FILENAME:
	case KEY_TRACEBACK:
		view_place(out, view_file(view, own), own->line);
		break;
	default:
		add_other_label(view, own, out);
	}
}

/* As tracemalloc prints it. */
static void add_outer(const struct view *view, struct report_row *row)
{
	const struct frame *oldest = &view->frames.list[view->frames.count - 1];
	enum stats_key key = (enum stats_key)view->options.key;

	if (key == KEY_LINENO || key == KEY_FILENAME || key == KEY_TRACEBACK)
		strbuf_printf(&row->outer, "%s:%u", oldest->file, oldest->line);
}

/* What the first snapshot's group of a row that moved is called; nothing if that is still its name.  −1: out of memory. */
static int find_was(struct view *view, size_t index, const struct strbuf *label)
{
	const struct diff_row *row = view_is_diff(view) ? &view->diff.rows[index] : NULL;

	strbuf_clear(&view->was);
	if (!row || !row->moved)
		return 0;
	if (stats_frames(&view->stats[0], row->groups[0], &view->frames))
		return -1;
	add_label(view, row->groups[0], &view->was);
	if (!view->was.failed && strcmp(view->was.data, label->data) == 0)
		strbuf_clear(&view->was);
	return view->was.failed ? -1 : 0;
}

/* ---- Source lines ---- */

/* Relative names are below the source root, or below the current directory if nobody knows one. */
static const char *read_source(const struct view *view, size_t snapshot, const struct frame *frame)
{
	const char *root = view->roots[snapshot], *line;
	struct strbuf path;

	if (frame->line == 0 || frame->file[0] == '<' || frame->file[0] == '[')
		return NULL;
	if (frame->file[0] == '/' || !root)
		return source_line(view->source, frame->file, frame->line);
	strbuf_init(&path);
	strbuf_printf(&path, "%s/%s", root, frame->file);
	line = path.failed ? NULL : source_line(view->source, path.data, frame->line);
	strbuf_release(&path);
	return line;
}

/* Not what stands there today if the line said something else when the snapshot was symbolised. */
static const char *source_of(const struct view *view, size_t index, const struct frame *frame)
{
	const struct snapshot *snapshot = &view->snapshots[index];
	const char *line = read_source(view, index, frame);
	uint64_t hash = frame->location < snapshot->location_count ? snapshot->locations[frame->location].text_hash : 0;

	return line && hash && text_hash(line, strlen(line)) != hash ? NULL : line;
}

static bool wants_all_sources(const struct view *view)
{
	return view->options.format == RENDER_TRACEBACK;
}

/* The newest snapshot that has the group. */
static size_t snapshot_of(const struct view *view, size_t index)
{
	size_t newest = view->count - 1;

	if (view_is_diff(view)) {
		while (newest > 0 && !view->diff.rows[index].groups[newest])
			newest--;
	}
	return newest;
}

static int add_frames(const struct view *view, const struct group *group, size_t snapshot, struct report_row *row, struct error *error)
{
	if (report_row_frames(row, view->frames.count, error) < 0)
		return -1;
	for (size_t i = 0; i < view->frames.count; i++) {
		const struct frame *frame = &view->frames.list[i];
		row->frames[i] = (struct report_frame){
			.file = view_file(view, frame),
			.line = frame->line,
			.function = frame->function ? shown_function(view, frame->function) : NULL,
			.module = frame->module,
			.source = wants_all_sources(view) ? source_of(view, snapshot, frame) : NULL,
		};
		if (frame->function && !row->frames[i].function)
			return error_nomem(error);
	}
	row->attributed = group->attributed;
	return 0;
}

/* What stands below and behind a row in text. */
static void add_remarks(const struct view *view, const struct group *group, size_t index, struct report_row *row)
{
	size_t snapshot = snapshot_of(view, index);
	const char *source = NULL;

	if (view->options.key == KEY_LINENO || view->options.key == KEY_TRACEBACK)
		source = source_of(view, snapshot, &view->frames.list[group->attributed]);
	if (source && view->options.full_names)
		strbuf_puts(&row->source, source);
	else if (source)
		words_cut(&row->source, source, SOURCE_WIDTH);
	view_via(&row->via, view, &view->stats[snapshot], group);
}

static void add_mark(const struct view *view, const struct diff_row *diff, struct report_row *row)
{
	if (diff->mark == DIFF_NEW)
		strbuf_puts(&row->mark, "new");
	else if (diff->mark == DIFF_GONE)
		strbuf_puts(&row->mark, "gone");
	else if (view->was.length)
		strbuf_printf(&row->mark, "was %s", view->was.data);
	if (view->count > 2 && diff->grew)
		strbuf_printf(&row->mark, "%sgrew in %u of %zu steps", row->mark.length ? ", " : "", diff->grew, view->count - 1);
	if (diff->size_diff)
		row->growth = diff->size_diff > 0 ? 1 : -1;
	else
		row->growth = (diff->count_diff > 0) - (diff->count_diff < 0);
}

static int fill(const struct report_table *table, size_t at, struct report_row *row, struct error *error)
{
	struct view *view = table->context;
	size_t index = view->shown[at], newest = snapshot_of(view, index);
	const struct group *group = view_group(view, index);
	struct view_numbers numbers = numbers_of(view, index);

	if (stats_frames(&view->stats[newest], group, &view->frames))
		return error_nomem(error);
	add_label(view, group, &row->label);
	add_outer(view, row);
	if (find_was(view, index, &row->label) || stats_frames(&view->stats[newest], group, &view->frames))
		return error_nomem(error);
	make_cells(view, &numbers, row->cells);
	if (is_prose(view))
		add_remarks(view, group, index, row);
	if (is_prose(view) && view_is_diff(view))
		add_mark(view, &view->diff.rows[index], row);
	return add_frames(view, group, newest, row, error);
}

int view_table(struct report_table *table, struct view *view, struct error *error)
{
	const struct layout *layout = layout_of(view);
	struct view_numbers totals;

	view->sizes = calloc(4 * view->count, sizeof(*view->sizes));
	view->totals = calloc(layout->count, sizeof(*view->totals));
	if (!view->sizes || !view->totals)
		return error_nomem(error);
	view->counts = view->sizes + view->count;
	view->total_sizes = view->counts + view->count;
	view->total_counts = view->total_sizes + view->count;
	for (size_t i = 0; i < view->count; i++) {
		view->total_sizes[i] = view->stats[i].total_size;
		view->total_counts[i] = view->stats[i].total_count;
	}
	totals = view_totals(view);
	make_cells(view, &totals, view->totals);
	*table = (struct report_table){
		.name = "stats",
		.subject = view_key_names[view->options.key],
		.columns = layout->columns,
		.column_count = layout->count,
		.row_count = view->shown_count,
		.totals = view->totals,
		.with_frames = true,
		.with_stacks = view->options.key == KEY_TRACEBACK,
		.fill = fill,
		.context = view,
	};
	return 0;
}
