/* SPDX-License-Identifier: MIT */
/*
 * Statistics and comparisons as reports.  Comes in: snapshots and view options; goes out: a report whose rows are made while it is printed,
 * from the data in struct view, which the report owns.  What the rows hold is in view-rows.c, what stands around them in view-prose.c.
 */
#include "view.h"

#include <stdlib.h>
#include <string.h>

#include "view-data.h"
#include "view-words.h"

static void release_view(void *context)
{
	struct view *view = context;

	if (view->stats) {
		for (size_t i = 0; i < view->count; i++)
			stats_release(&view->stats[i]);
	}
	free(view->stats);
	keys_free(view->keys);
	frames_release(&view->frames);
	diff_release(&view->diff);
	match_release(&view->match);
	strbuf_release(&view->was);
	filters_release(&view->filters);
	source_free(view->source);
	free(view->roots);
	free(view->shown);
	free(view->sizes);
	free(view->totals);
	free(view);
}

/* ---- Statistics ---- */

static int check_metric(const struct view *view, struct error *error)
{
	for (size_t i = 0; i < view->count; i++) {
		const struct snapshot *snapshot = &view->snapshots[i];
		if (view->options.metric == METRIC_PEAK && snapshot->info.peak_seen_bytes == 0)
			return error_set(error, "'%s' does not say which blocks lived at the peak", snapshot->name);
	}
	return 0;
}

static const char *root_of(const struct view *view, const struct snapshot *snapshot)
{
	if (view->options.source_root)
		return view->options.source_root;
	return snapshot->info.source_root[0] ? snapshot->info.source_root : NULL;
}

static int make_stats(struct view *view, size_t index, struct error *error)
{
	struct stats_options options = {
		.key = (enum stats_key)view->options.key,
		.metric = (enum stats_metric)view->options.metric,
		.cumulative = view->options.cumulative,
		.by_count = view->options.sort == SORT_COUNT || view->options.sort == SORT_COUNT_GROWTH ||
			    view->options.metric == METRIC_TEMPORARY,
		.unsorted = view_is_diff(view),
		.nframe = (uint32_t)view->options.nframe,
		.filters = &view->filters,
		.attribution = {(enum attribute)view->options.attribute, view->roots[index], view->options.skip.items},
		.keys = view->keys,
	};

	view->filters.source_root = view->roots[index];
	return stats_make(&view->stats[index], &view->snapshots[index], &options, error);
}

static int make_all_stats(struct view *view, struct error *error)
{
	view->roots = calloc(view->count, sizeof(*view->roots));
	view->stats = calloc(view->count, sizeof(*view->stats));
	view->keys = keys_new();
	view->source = source_new();
	if (!view->roots || !view->stats || !view->keys || !view->source)
		return error_nomem(error);
	if (check_metric(view, error) < 0 ||
	    filters_init(&view->filters, view->options.filter.items, view->options.exclude.items, view->snapshots[0].intern, error) < 0)
		return -1;
	for (size_t i = 0; i < view->count; i++) {
		view->roots[i] = root_of(view, &view->snapshots[i]);
		if (make_stats(view, i, error) < 0)
			return -1;
		view->lost += snapshot_lost(&view->snapshots[i]);
		if (view->distance < view->snapshots[i].info.sample_bytes)
			view->distance = view->snapshots[i].info.sample_bytes;
	}
	return 0;
}

/* Formats that are tracemalloc's to the letter, and data that knows of no builds, are compared by file and line. */
static bool wants_match(const struct view *view)
{
	const struct view_options *options = &view->options;
	bool exact = options->match == VIEW_MATCH_EXACT || options->format == RENDER_LINES || options->format == RENDER_TRACEBACK;

	for (size_t i = 0; i < view->count; i++)
		exact |= view->snapshots[i].kind == SNAPSHOT_JSON;
	return !exact && (options->match == VIEW_MATCH_AUTO || options->format != RENDER_CSV);
}

static int make_diff(struct view *view, struct error *error)
{
	struct diff_options options = {.match = &view->match};
	int sort = view->options.sort >= 0 ? view->options.sort : view->options.usual_sort;

	if (view->options.metric == METRIC_TEMPORARY && (sort == SORT_GROWTH || sort == SORT_SIZE))
		sort = sort == SORT_SIZE ? SORT_COUNT : SORT_COUNT_GROWTH;
	options.sort = (enum diff_sort)sort;
	if (wants_match(view) && match_make(&view->match, view->stats, view->count, error) < 0)
		return -1;
	return diff_make(&view->diff, view->stats, view->count, &options, error);
}

/* ---- Which rows are shown ---- */

static void add_rest(struct view_rest *rest, const struct view *view, size_t index)
{
	rest->groups++;
	rest->variance += view_variance(view, index);
	if (!view_is_diff(view)) {
		rest->size += view->stats[0].groups[index].size;
		rest->count += view->stats[0].groups[index].count;
		return;
	}
	const struct diff_row *row = &view->diff.rows[index];
	wide change = row->size_diff ? row->size_diff : row->count_diff;
	rest->size += row->size;
	rest->count += row->count;
	rest->size_diff += row->size_diff;
	rest->count_diff += row->count_diff;
	rest->grew += change > 0;
	rest->shrank += change < 0;
	rest->same += change == 0;
	if (row->size_diff > 0)
		rest->grown += row->size_diff;
	else
		rest->shrunk += row->size_diff;
}

static bool is_one_time(const struct view *view, size_t index)
{
	if (view->options.attribute == ATTRIBUTE_RAW)
		return false;
	if (!view_is_diff(view))
		return view->stats[0].groups[index].one_time;
	/* What was there already and has grown since does not live once, whoever allocates it. */
	const struct group *before = NULL;
	for (size_t i = 0; i < view->count; i++) {
		const struct group *group = view->diff.rows[index].groups[i];
		if (group && (!group->one_time || (before && group->count > before->count)))
			return false;
		before = group ? group : before;
	}
	return true;
}

/* People look for what changed; rows without a difference are only counted for them, unless they ask for all. */
static bool is_hidden(const struct view *view, size_t index)
{
	const struct diff_row *row = view_is_diff(view) ? &view->diff.rows[index] : NULL;

	return row && view->options.limit && row->size_diff == 0 && row->count_diff == 0 && (view->count == 2 || row->grew == 0);
}

static int choose_rows(struct view *view, struct error *error)
{
	size_t count = view_group_count(view), limit = view->options.limit && view->options.limit < count ? view->options.limit : count;
	bool prose = render_is_prose((enum render_format)view->options.format);

	view->shown = calloc(count + 1, sizeof(*view->shown));
	if (!view->shown)
		return error_nomem(error);
	for (size_t i = 0; i < count; i++) {
		if (prose && is_one_time(view, i))
			add_rest(&view->one_time, view, i);
		else if (view->shown_count == limit || (prose && is_hidden(view, i)))
			add_rest(&view->rest, view, i);
		else
			view->shown[view->shown_count++] = i;
	}
	return 0;
}

/* ---- Properties for machines ---- */

static void add_snapshot_properties(struct report *report, const char *object, int element, const struct snapshot *snapshot)
{
	struct strbuf text;
	const char **ids = calloc(snapshot->module_count + 1, sizeof(*ids));
	struct cell list = {.kind = CELL_LIST, .texts = ids};

	strbuf_init(&text);
	if (!ids || !report_adopt(report, ids)) {
		report->failed = true;
		return;
	}
	for (size_t i = 1; i < snapshot->module_count; i++) {
		if (snapshot->modules[i].build_id_size) {
			words_build_id(&text, &snapshot->modules[i], 0);
			ids[list.count++] = report_keep(report, &text);
		}
	}
	report_property_at(report, object, element, "file", cell_text(snapshot->name));
	report_property_at(report, object, element, "pid",
			   snapshot->info.pid ? cell_integer(CELL_NUMBER, snapshot->info.pid) : cell_none());
	report_property_at(report, object, element, "command", cell_text(snapshot->info.command[0] ? snapshot->info.command : NULL));
	if (snapshot->info.taken_realtime_ns)
		words_moment_utc(&text, snapshot->info.taken_realtime_ns);
	report_property_at(report, object, element, "time", cell_text(text.length ? report_keep(report, &text) : NULL));
	report_property_at(report, object, element, "commit", cell_text(snapshot->info.commit[0] ? snapshot->info.commit : NULL));
	report_property_at(report, object, element, "build_ids", list);
	report_property_at(report, object, element, "lost_events", cell_integer(CELL_COUNT, snapshot_lost(snapshot)));
	report_property_at(report, object, element, "sample_bytes", cell_integer(CELL_BYTES, snapshot->info.sample_bytes));
	strbuf_release(&text);
}

static void add_totals(struct report *report, const struct view *view)
{
	struct view_numbers totals = view_totals(view);
	bool sizes = view->options.metric != METRIC_TEMPORARY;

	if (sizes)
		report_property(report, "totals", "size", cell_integer(CELL_BYTES, totals.size));
	if (sizes && view_is_diff(view))
		report_property(report, "totals", "size_diff", cell_integer(CELL_BYTES_DELTA, totals.size_diff));
	report_property(report, "totals", "count", cell_integer(CELL_COUNT, totals.count));
	if (view_is_diff(view))
		report_property(report, "totals", "count_diff", cell_integer(CELL_COUNT_DELTA, totals.count_diff));
	if (sizes && view->distance)
		report_property(report, "totals", "size_error", cell_integer(CELL_BYTES, totals.error));
	report_property(report, "totals", "rows", cell_integer(CELL_COUNT, (report_integer)view_group_count(view)));
}

static void add_match(struct report *report, const struct view *view)
{
	const struct diff *diff = &view->diff;

	report_property(report, "match", "how", cell_text(view->match.classes ? "auto" : "exact"));
	report_property(report, "match", "same", cell_integer(CELL_COUNT, (report_integer)diff->same));
	report_property(report, "match", "moved", cell_integer(CELL_COUNT, (report_integer)diff->moved));
	report_property(report, "match", "new", cell_integer(CELL_COUNT, (report_integer)diff->came));
	report_property(report, "match", "gone", cell_integer(CELL_COUNT, (report_integer)diff->gone));
}

static void add_properties(struct report *report, const struct view *view)
{
	static const char *const metrics[] = {"live", "total", "temporary", "peak"};

	report_property(report, NULL, "key", cell_text(view_key_names[view->options.key]));
	report_property(report, NULL, "cumulative", cell_flag(view->options.cumulative));
	report_property(report, NULL, "metric", cell_text(metrics[view->options.metric]));
	if (view->options.older != AGES_UNSET)
		report_property(report, NULL, "older_than", cell_integer(CELL_NUMBER, (report_integer)(view->options.older / 1000000000)));
	if (view->options.newer != AGES_UNSET)
		report_property(report, NULL, "newer_than", cell_integer(CELL_NUMBER, (report_integer)(view->options.newer / 1000000000)));
	report_property(report, NULL, "limit", cell_integer(CELL_COUNT, (report_integer)view->options.limit));
	add_totals(report, view);
	if (view_is_diff(view)) {
		add_match(report, view);
		add_snapshot_properties(report, "old", -1, &view->snapshots[0]);
	}
	add_snapshot_properties(report, "new", -1, &view->snapshots[view->count - 1]);
	for (size_t i = 0; view->count > 2 && i < view->count; i++)
		add_snapshot_properties(report, "series", (int)i, &view->snapshots[i]);
}

/* ---- Reports ---- */

/* The statistics, the comparison if there is one, and the table; the report owns the view from here on. */
static int make_view(struct report *report, struct view **made, const struct view_options *options, const struct snapshot *snapshots,
		     size_t count, struct error *error)
{
	struct view *view = calloc(1, sizeof(*view));

	report_init(report, "heapdelta-stats");
	report->tables = calloc(1, sizeof(*report->tables));
	if (!view || !report->tables) {
		free(view);
		return error_nomem(error);
	}
	*made = view;
	report->context = view;
	report->release_context = release_view;
	view->options = *options;
	view->snapshots = snapshots;
	view->count = count;
	strbuf_init(&view->was);
	if (make_all_stats(view, error) < 0 || (count > 1 && make_diff(view, error) < 0))
		return -1;
	if (choose_rows(view, error) < 0 || view_table(&report->tables[0], view, error) < 0)
		return -1;
	report->table_count = 1;
	report->tables[0].title = view_title(report, view);
	return 0;
}

static int finish(struct report *report, int result, struct error *error)
{
	if (result == 0 && report->failed)
		result = error_nomem(error);
	if (result < 0)
		report_release(report);
	return result;
}

static int view_groups(struct report *report, const struct view_request *request, size_t count, struct error *error)
{
	struct view *view = NULL;
	int result = make_view(report, &view, request->options, request->snapshots, count, error);

	if (result == 0) {
		add_properties(report, view);
		view_header(report, view);
		view_empty(report, view);
		view_footer(report, view, request->load);
		view_notes(report, view);
		if (request->command)
			report->next =
				view_next_after(report, view, &(struct view_typed){request->command, request->operands, request->load});
	}
	return finish(report, result, error);
}

int view_stats(struct report *report, const struct view_request *request, struct error *error)
{
	return view_groups(report, request, 1, error);
}

int view_diff(struct report *report, const struct view_request *request, struct error *error)
{
	return view_groups(report, request, request->count, error);
}

int view_summary(struct report *report, const struct snapshot *snapshot, const char *source_root, size_t limit, struct error *error)
{
	struct view_options options = {0};
	struct view *view = NULL;
	int result;

	view_options_defaults(&options);
	options.limit = limit;
	options.source_root = source_root;
	result = make_view(report, &view, &options, snapshot, 1, error);
	if (result == 0) {
		view_empty(report, view);
		view_summary_footer(report, view);
	}
	return finish(report, result, error);
}
