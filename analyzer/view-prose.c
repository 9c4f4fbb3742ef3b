/* SPDX-License-Identifier: MIT */
/*
 * The lines around the rows of a report, for people: what was compared, what is not shown one by one, totals, losses, hints, what to type
 * next; and the notes that go to stderr whatever the format.
 */
#include "view-data.h"

#include <string.h>

#include "estimate.h"
#include "filter-note.h"
#include "size-text.h"
#include "view-words.h"

enum { COMMAND_WIDTH = 60, BUILD_ID_DIGITS = 6, COMMIT_DIGITS = 7 };
enum { PEAK_GRAIN = 20 };                                   /* peak.c looks again when a twentieth more lives */
enum { SERIES_MAX = 7, SERIES_FIRST = 2, SERIES_LAST = 3 }; /* snapshots that the header lists */

static const char *subject(const struct view *view, size_t count)
{
	static const char *const one[] = {"line", "file", "function", "module", "stack", "thread", "process"};
	static const char *const many[] = {"lines", "files", "functions", "modules", "stacks", "threads", "processes"};

	return count == 1 ? one[view->options.key] : many[view->options.key];
}

static const char *bytes_text(char buffer[SIZE_TEXT_MAX], wide bytes, bool sign)
{
	return size_text(buffer, (double)bytes, sign);
}

/* ---- Heading ---- */

static const char *what_is_shown(const struct view *view)
{
	const struct snapshot_info *info = &view->snapshots[0].info;

	switch ((enum stats_metric)view->options.metric) {
	case METRIC_TOTAL:
		return "allocated in total";
	case METRIC_TEMPORARY:
		return "temporary";
	case METRIC_PEAK:
		return "at the peak";
	case METRIC_LIVE:
		break;
	}
	return info->state == HDS_STATE_EXITED && info->pid ? "live at exit" : "live";
}

static const char *metric_suffix(const struct view *view)
{
	static const char *const suffixes[] = {"", " in all allocations", " in temporary blocks", " at the peaks"};

	return suffixes[view->options.metric];
}

/* " blocks older than 30 min at 11:32:42" */
static void put_ages(struct strbuf *out, const struct view *view)
{
	const struct view_options *options = &view->options;
	uint64_t taken = view->snapshots[0].info.taken_realtime_ns;

	if (options->older == AGES_UNSET && options->newer == AGES_UNSET)
		return;
	strbuf_puts(out, view_is_diff(view) ? " in blocks" : " blocks");
	if (options->older != AGES_UNSET) {
		strbuf_puts(out, " older than ");
		words_round_duration(out, options->older);
	}
	if (options->newer != AGES_UNSET) {
		strbuf_puts(out, options->older != AGES_UNSET ? " and newer than " : " newer than ");
		words_round_duration(out, options->newer);
	}
	if (!view_is_diff(view) && taken) {
		strbuf_puts(out, " at ");
		words_moment(out, taken, false);
	}
}

const char *view_title(struct report *report, const struct view *view)
{
	struct strbuf title;

	strbuf_init(&title);
	if (view->options.limit)
		strbuf_printf(&title, "Top %llu ", view->options.limit);
	else
		strbuf_puts(&title, "All ");
	if (!view_is_diff(view))
		strbuf_puts(&title, what_is_shown(view));
	else
		strbuf_printf(&title, "differences%s", metric_suffix(view));
	put_ages(&title, view);
	if (view->count > 2)
		strbuf_printf(&title, " over %zu snapshots", view->count);
	strbuf_printf(&title, " by %s%s", view_key_names[view->options.key], view->options.cumulative ? ", cumulative" : "");
	return report_keep(report, &title);
}

/* ---- Header ---- */

void view_snapshot_line(struct strbuf *out, const struct snapshot *snapshot)
{
	const struct module *program = words_main_module(snapshot);

	strbuf_puts(out, snapshot->name);
	if (snapshot->info.command[0]) {
		strbuf_puts(out, "  ");
		words_cut(out, snapshot->info.command, COMMAND_WIDTH);
	}
	if (snapshot->info.taken_realtime_ns) {
		strbuf_puts(out, "  ");
		words_moment(out, snapshot->info.taken_realtime_ns, false);
	}
	strbuf_puts(out, "  ");
	words_live(out, snapshot);
	if (snapshot->info.sample_bytes) {
		strbuf_puts(out, ", ");
		words_sampled(out, snapshot->info.sample_bytes);
	}
	if (snapshot->process_count > 1)
		strbuf_printf(out, "  %zu processes", snapshot->process_count);
	if (program && program->build_id_size && snapshot->process_count < 2) {
		strbuf_puts(out, "   build ");
		words_build_id(out, program, BUILD_ID_DIGITS);
	}
}

static bool same_build(const struct snapshot *a, const struct snapshot *b)
{
	const struct module *left = words_main_module(a), *right = words_main_module(b);

	if (!left || !right || !left->build_id_size || !right->build_id_size)
		return true; /* not known to differ */
	return left->build_id_size == right->build_id_size && memcmp(left->build_id, right->build_id, left->build_id_size) == 0;
}

static bool same_commit(const struct snapshot *a, const struct snapshot *b)
{
	return strcmp(a->info.commit, b->info.commit) == 0;
}

static void put_commit(struct strbuf *out, const struct snapshot *snapshot)
{
	if (snapshot->info.commit[0])
		strbuf_printf(out, ", commit %.*s", COMMIT_DIGITS, snapshot->info.commit);
}

/* What told the groups apart. */
static const char *evidence(const struct view *view)
{
	static const char *const by[] = {"function and text", "name",          "name and text", "name",
					 "function and text", "name and text", "command"};

	return by[view->options.key];
}

static bool knows_builds(const struct view *view)
{
	const struct module *old = words_main_module(&view->snapshots[0]), *new = words_main_module(&view->snapshots[view->count - 1]);

	return old && new && old->build_id_size &&new->build_id_size;
}

static const char *which_differ(const struct view *view, bool same)
{
	if (same && view->options.key == KEY_PROCESS)
		return "";
	return same && knows_builds(view) ? "different builds of libraries, " : "different builds, ";
}

/* "different builds, lines matched by function and text: 409 same, 212 moved, 1 new, 1 gone" */
static void head_match(struct report *report, const struct view *view)
{
	bool same = same_build(&view->snapshots[0], &view->snapshots[view->count - 1]);
	const struct diff *diff = &view->diff;

	if (!view->match.classes && !same && view->options.key == KEY_LINENO)
		report_line(report, &report->header, "different builds: a line whose number changed is shown as gone and new");
	else if (!view->match.classes && !same)
		report_line(report, &report->header, "different builds");
	if (!view->match.classes || (same && !diff->moved))
		return;
	report_line(report, &report->header, "%s%s matched by %s: %zu same, %zu moved, %zu new, %zu gone", which_differ(view, same),
		    subject(view, 2), evidence(view), diff->same, diff->moved, diff->came, diff->gone);
}

void view_header(struct report *report, const struct view *view)
{
	const struct snapshot *old = &view->snapshots[0], *new = &view->snapshots[view->count - 1];
	bool with_commit = view_is_diff(view) && !(same_build(old, new) && same_commit(old, new));
	struct strbuf line;

	strbuf_init(&line);
	for (size_t i = 0; i < view->count; i++) {
		strbuf_clear(&line);
		if (view->count > SERIES_MAX && i == SERIES_FIRST) {
			i = view->count - SERIES_LAST;
			report_line(report, &report->header, "… %zu more", view->count - SERIES_FIRST - SERIES_LAST);
		}
		if (view->count == 2)
			strbuf_puts(&line, i ? "new: " : "old: ");
		else if (view->count > 2)
			strbuf_printf(&line, "%zu: ", i + 1);
		view_snapshot_line(&line, &view->snapshots[i]);
		if (with_commit)
			put_commit(&line, &view->snapshots[i]);
		report_line(report, &report->header, "%s", line.data);
	}
	if (view_is_diff(view))
		head_match(report, view);
	report->failed |= line.failed;
	strbuf_release(&line);
}

/* ---- Footer ---- */

static void put_rest(struct strbuf *out, const struct view *view)
{
	const struct view_rest *rest = &view->rest;

	strbuf_printf(out, "… %zu more %s (", rest->groups, subject(view, rest->groups));
	if (view->options.metric == METRIC_TEMPORARY)
		words_count(out, (uint64_t)rest->count, "block", "blocks");
	else
		words_estimate(out, (double)rest->size, estimate_error(rest->variance), false);
	strbuf_putc(out, ')');
}

static void put_diff_rest(struct strbuf *out, const struct view *view)
{
	const struct view_rest *rest = &view->rest;
	char text[SIZE_TEXT_MAX];

	if (rest->grew + rest->shrank == 0) {
		strbuf_printf(out, "… %zu %s unchanged", rest->same, subject(view, rest->same));
		return;
	}
	strbuf_printf(out, "… %zu more %s grew", rest->grew, subject(view, rest->grew));
	if (rest->grown)
		strbuf_printf(out, " (%s)", bytes_text(text, rest->grown, true));
	strbuf_printf(out, ", %zu shrank", rest->shrank);
	if (rest->shrunk)
		strbuf_printf(out, " (%s)", bytes_text(text, rest->shrunk, true));
	strbuf_printf(out, ", %zu unchanged", rest->same);
}

static void put_counts(struct strbuf *out, const struct view *view, wide count, wide count_diff)
{
	struct cell cell = cell_integer(CELL_COUNT, count), diff = cell_integer(CELL_COUNT_DELTA, count_diff);
	char text[CELL_TEXT_MAX];

	strbuf_printf(out, "count=%s", render_cell(text, &cell));
	if (view_is_diff(view))
		strbuf_printf(out, " (%s)", render_cell(text, &diff));
}

/* "size=7072 KiB (+2048 KiB), count=44022 (+24001)" */
static void put_sums(struct strbuf *out, const struct view *view, const struct view_numbers *numbers)
{
	bool is_diff = view_is_diff(view);

	if (view->options.metric != METRIC_TEMPORARY) {
		strbuf_puts(out, "size=");
		words_estimate(out, (double)numbers->size, is_diff ? 0 : numbers->error, false);
		if (is_diff) {
			strbuf_puts(out, " (");
			words_estimate(out, (double)numbers->size_diff, numbers->error, true);
			strbuf_putc(out, ')');
		}
		strbuf_puts(out, ", ");
	}
	put_counts(out, view, numbers->count, numbers->count_diff);
}

static void put_lost(struct strbuf *out, const struct view *view)
{
	bool any = false;

	strbuf_puts(out, "lost: ");
	for (size_t i = 0; i < view->count; i++) {
		if (snapshot_lost(&view->snapshots[i]) == 0)
			continue;
		if (any)
			strbuf_puts(out, "; ");
		if (view->count > 1)
			strbuf_printf(out, "in %s: ", view->snapshots[i].name);
		words_lost(out, &view->snapshots[i]);
		any = true;
	}
	if (!any)
		strbuf_puts(out, "nothing");
}

/* Only looks tell whose memory it was.  What one can miss while it is enough to look again is no news. */
static void say_peak(struct report *report, const struct view *view, const struct snapshot *snapshot)
{
	uint64_t seen = snapshot->info.peak_seen_bytes;
	char peak[SIZE_TEXT_MAX], text[SIZE_TEXT_MAX];

	if (snapshot->info.peak_bytes <= seen + seen / PEAK_GRAIN)
		return;
	report_line(report, &report->footer, "the peak itself%s%s was %s: shown is the highest moment that was looked at, %s",
		    view->count > 1 ? " in " : "", view->count > 1 ? snapshot->name : "",
		    bytes_text(peak, (wide)snapshot->info.peak_bytes, false), bytes_text(text, (wide)seen, false));
}

static void say_peaks(struct report *report, const struct view *view)
{
	if (view->options.metric != METRIC_PEAK)
		return;
	say_peak(report, view, &view->snapshots[0]);
	if (view->count > 1)
		say_peak(report, view, &view->snapshots[view->count - 1]);
}

static struct view_numbers numbers_of_rest(const struct view_rest *rest)
{
	return (struct view_numbers){.size = rest->size,
				     .count = rest->count,
				     .size_diff = rest->size_diff,
				     .count_diff = rest->count_diff,
				     .error = estimate_error(rest->variance)};
}

void view_footer(struct report *report, const struct view *view, const struct load *load)
{
	struct view_numbers totals = view_totals(view), one_time = numbers_of_rest(&view->one_time);
	struct strbuf line;

	strbuf_init(&line);
	if (view_is_diff(view) && view->rest.grew + view->rest.shrank + view->rest.same)
		put_diff_rest(&line, view);
	else if (!view_is_diff(view) && view->rest.groups)
		put_rest(&line, view);
	if (line.length)
		report_line(report, &report->footer, "%s", line.data);
	if (view->one_time.groups) {
		strbuf_clear(&line);
		strbuf_puts(&line, "libc and runtime, one-time: ");
		put_sums(&line, view, &one_time);
		report_line(report, &report->footer, "%s", line.data);
	}
	strbuf_clear(&line);
	strbuf_puts(&line, "Total: ");
	put_sums(&line, view, &totals);
	strbuf_puts(&line, "        ");
	put_lost(&line, view);
	report_line(report, &report->footer, "%s", line.data);
	say_peaks(report, view);
	if (view->distance) {
		strbuf_clear(&line);
		words_sampling(&line, view->distance);
		report_line(report, &report->footer, "%s", line.data);
	}
	report->failed |= line.failed;
	strbuf_release(&line);
	view_hint(report, view, load);
}

void view_summary_footer(struct report *report, const struct view *view)
{
	struct strbuf line;

	strbuf_init(&line);
	if (view->rest.groups)
		put_rest(&line, view);
	if (view->one_time.groups) {
		strbuf_printf(&line, "%slibc and runtime, one-time: ", line.length ? "; " : "");
		words_estimate(&line, (double)view->one_time.size, estimate_error(view->one_time.variance), false);
		strbuf_puts(&line, " in ");
		words_count(&line, (uint64_t)view->one_time.count, "block", "blocks");
	}
	if (view->shown_count)
		strbuf_printf(&line, "%sLive at exit is not yet a leak: compare two moments.", line.length ? ". " : "");
	if (line.length)
		report_line(report, &report->footer, "%s", line.data);
	report->failed |= line.failed;
	strbuf_release(&line);
}

/* ---- Notes ---- */

static void note_filters(struct report *report, const struct view *view)
{
	struct filter_scope scope = {view->snapshots, view->roots, view->count, 0};
	struct strbuf line;

	strbuf_init(&line);
	for (size_t i = 0; i < view->count; i++)
		scope.stacks += view->stats[i].considered;
	for (size_t i = 0; i < view->filters.count && scope.stacks; i++) {
		if (view->filters.matches[i])
			continue;
		strbuf_clear(&line);
		filter_note(&line, &view->filters.list[i], &scope);
		report_line(report, &report->notes, "%s", line.data);
	}
	report->failed |= line.failed;
	strbuf_release(&line);
}

static bool differ(const char *a, const char *b)
{
	return *a && *b && strcmp(a, b) != 0;
}

static void put_recording(struct strbuf *out, uint64_t distance)
{
	if (distance)
		words_sampled(out, distance);
	else
		strbuf_puts(out, "exact");
}

/* One may not have seen what the other has. */
static void note_mixed(struct report *report, const struct snapshot *old, const struct snapshot *new)
{
	struct strbuf line;

	if (old->info.sample_bytes == new->info.sample_bytes)
		return;
	strbuf_init(&line);
	strbuf_printf(&line, "'%s' is ", old->name);
	put_recording(&line, old->info.sample_bytes);
	strbuf_printf(&line, ", '%s' ", new->name);
	put_recording(&line, new->info.sample_bytes);
	report_line(report, &report->notes, "%s", line.data);
	report->failed |= line.failed;
	strbuf_release(&line);
}

static void put_taken(struct strbuf *out, const char *which, const struct snapshot *snapshot, bool dated)
{
	strbuf_printf(out, "%s (%s, ", which, snapshot->name);
	words_moment(out, snapshot->info.taken_realtime_ns, dated);
	strbuf_putc(out, ')');
}

/* "NEW (old.hds, 09:17:26) was taken before OLD (new.hds, 09:25:14); arguments swapped?" */
static void note_order(struct report *report, const struct snapshot *old, const struct snapshot *new)
{
	uint64_t before = new->info.taken_realtime_ns, after = old->info.taken_realtime_ns;
	struct strbuf line;
	bool dated;

	if (!before || !after || before >= after)
		return;
	dated = words_day(before) != words_day(after);
	strbuf_init(&line);
	put_taken(&line, "NEW", new, dated);
	strbuf_puts(&line, " was taken before ");
	put_taken(&line, "OLD", old, dated);
	strbuf_puts(&line, "; arguments swapped?");
	report_line(report, &report->notes, "%s", line.data);
	report->failed |= line.failed;
	strbuf_release(&line);
}

/* Where the program lies does not count: each build has its own directory. */
static bool same_command(const char *a, const char *b)
{
	size_t a_length = strcspn(a, " "), b_length = strcspn(b, " ");
	const char *a_name = memrchr(a, '/', a_length), *b_name = memrchr(b, '/', b_length);

	return strcmp(a_name ? a_name + 1 : a, b_name ? b_name + 1 : b) == 0;
}

/* Comparisons that are probably not what was meant. */
static void note_pair(struct report *report, const struct snapshot *old, const struct snapshot *new)
{
	note_order(report, old, new);
	if (*old->info.command && *new->info.command && !same_command(old->info.command, new->info.command))
		report_line(report, &report->notes, "another command: OLD is of '%s', NEW of '%s'", old->info.command, new->info.command);
	if (differ(old->info.host, new->info.host))
		report_line(report, &report->notes, "another host: OLD is from '%s', NEW from '%s'", old->info.host, new->info.host);
}

/* What is missing from the numbers, or makes them estimates. */
static void note_quality(struct report *report, const struct snapshot *snapshot)
{
	struct strbuf text;

	strbuf_init(&text);
	if (snapshot_lost(snapshot)) {
		words_lost(&text, snapshot);
		report_line(report, &report->notes, "'%s' lost: %s", snapshot->name, text.data);
		strbuf_clear(&text);
	}
	if (snapshot->info.sample_bytes) {
		words_sampled(&text, snapshot->info.sample_bytes);
		report_line(report, &report->notes, "'%s' was %s: its numbers are estimates", snapshot->name, text.data);
	}
	report->failed |= text.failed;
	strbuf_release(&text);
}

/* Of a process as it is now: why there is little to see. */
static void note_recording(struct report *report, const struct snapshot *snapshot)
{
	const struct snapshot_info *info = &snapshot->info;

	if (snapshot->kind == SNAPSHOT_TRACE && info->state == HDS_STATE_RUNNING && info->recording != HDS_RECORDING_ON)
		report_line(report, &report->notes, "recording is %s in process %llu; '%s start %llu' changes that", words_recording(info),
			    (unsigned long long)info->pid, cmd_program(), (unsigned long long)info->pid);
}

void view_notes(struct report *report, const struct view *view)
{
	note_recording(report, &view->snapshots[view->count - 1]);
	note_filters(report, view);
	if (view_is_diff(view)) {
		note_pair(report, &view->snapshots[0], &view->snapshots[view->count - 1]);
		note_mixed(report, &view->snapshots[0], &view->snapshots[view->count - 1]);
	}
	/* Text says it at its end; a loss that the other formats hide would be a false green. */
	for (size_t i = 0; i < view->count && !render_is_prose((enum render_format)view->options.format); i++)
		note_quality(report, &view->snapshots[i]);
}

/* ---- What to type next ---- */

const char *view_next(struct report *report, const char *command, char *const *operands, const char *options)
{
	struct strbuf line;

	strbuf_init(&line);
	strbuf_printf(&line, "%s %s", cmd_program(), command);
	for (size_t i = 0; operands && operands[i]; i++) {
		/* Standard input is gone. */
		if (strcmp(operands[i], "-") == 0) {
			strbuf_release(&line);
			return NULL;
		}
		strbuf_puts(&line, operands[i][0] == '-' ? " ./" : " ");
		cmd_quote(&line, operands[i]);
	}
	strbuf_puts(&line, options);
	return report_keep(report, &line);
}
