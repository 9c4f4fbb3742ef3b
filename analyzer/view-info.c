/* SPDX-License-Identifier: MIT */
/*
 * What a snapshot is of, as a report: for machines properties by object (totals, losses, process, recording), for people a page of lines;
 * for both the modules, threads and processes as tables.  Unknown values are null, never 0 or "".
 */
#include "view.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "view-data.h"
#include "view-words.h"

/* ---- Properties ---- */

static struct cell known_text(const char *text)
{
	return cell_text(*text ? text : NULL);
}

static struct cell known_number(uint64_t value)
{
	return value ? cell_integer(CELL_NUMBER, value) : cell_none();
}

static struct cell moment(struct report *report, uint64_t realtime_ns)
{
	struct strbuf text;

	if (!realtime_ns)
		return cell_none();
	strbuf_init(&text);
	words_moment_utc(&text, realtime_ns);
	return cell_text(report_keep(report, &text));
}

static void add_totals(struct report *report, const struct snapshot *snapshot)
{
	const struct snapshot_info *info = &snapshot->info;

	report_property(report, "totals", "live_blocks", cell_integer(CELL_COUNT, info->live_blocks));
	report_property(report, "totals", "live_bytes", cell_integer(CELL_BYTES, info->live_bytes));
	if (info->sample_bytes)
		report_property(report, "totals", "live_bytes_error", cell_integer(CELL_BYTES, words_live_error(snapshot)));
	report_property(report, "totals", "total_blocks", cell_integer(CELL_COUNT, info->total_blocks));
	report_property(report, "totals", "total_bytes", cell_integer(CELL_BYTES, info->total_bytes));
	report_property(report, "totals", "freed_blocks", cell_integer(CELL_COUNT, info->freed_blocks));
	report_property(report, "totals", "freed_bytes", cell_integer(CELL_BYTES, info->freed_bytes));
	report_property(report, "totals", "temporary_blocks", cell_integer(CELL_COUNT, info->temporary_blocks));
	report_property(report, "totals", "peak_bytes", cell_integer(CELL_BYTES, info->peak_bytes));
	report_property(report, "totals", "lost_events", cell_integer(CELL_COUNT, snapshot_lost(snapshot)));
	report_property(report, "totals", "stacks", cell_integer(CELL_COUNT, (report_integer)snapshot->stack_count));
	report_property(report, "totals", "truncated_stacks", cell_integer(CELL_COUNT, info->truncated_stacks));
	report_property(report, "totals", "nested_events", cell_integer(CELL_COUNT, info->nested_events));
	report_property(report, "totals", "cleared_blocks", cell_integer(CELL_COUNT, info->cleared_blocks));
	report_property(report, "totals", "cleared_bytes", cell_integer(CELL_BYTES, info->cleared_bytes));
	report_property(report, "totals", "ignored_frees", cell_integer(CELL_COUNT, info->ignored_frees));
}

static void add_losses(struct report *report, const struct snapshot_info *info)
{
	uint64_t other = 0;

	for (unsigned i = 0; i < HDT_LOSS_ROOM; i++) {
		if (i < HDT_LOSS_COUNT)
			report_property(report, "losses", words_loss_name(i), cell_integer(CELL_COUNT, info->lost[i]));
		else
			other += info->lost[i];
	}
	report_property(report, "losses", "other", cell_integer(CELL_COUNT, other));
}

static void add_process(struct report *report, const struct snapshot *snapshot)
{
	const struct snapshot_info *info = &snapshot->info;
	struct strbuf state;

	strbuf_init(&state);
	words_state(&state, info);
	report_property(report, "process", "pid", known_number(info->pid));
	report_property(report, "process", "ppid", known_number(info->ppid));
	report_property(report, "process", "uid", info->pid ? cell_integer(CELL_NUMBER, info->uid) : cell_none());
	report_property(report, "process", "exe", known_text(info->exe));
	report_property(report, "process", "command", known_text(info->command));
	report_property(report, "process", "cwd", known_text(info->cwd));
	report_property(report, "process", "host", known_text(info->host));
	report_property(report, "process", "started", moment(report, info->start_realtime_ns));
	report_property(report, "process", "taken", moment(report, info->taken_realtime_ns));
	report_property(report, "process", "up_ns", known_number(info->up_ns));
	report_property(report, "process", "peak_ns", known_number(info->peak_ns));
	report_property(report, "process", "state", info->pid ? cell_text(report_keep(report, &state)) : cell_none());
	report_property(report, "process", "wait_status", info->has_exit ? cell_integer(CELL_NUMBER, info->exit_status) : cell_none());
	strbuf_release(&state);
}

static void add_recording(struct report *report, const struct snapshot *snapshot)
{
	const struct snapshot_info *info = &snapshot->info;

	report_property(report, "recording", "state", cell_text(words_recording(info)));
	report_property(report, "recording", "nframe", known_number(snapshot->traceback_limit));
	report_property(report, "recording", "sample_bytes", cell_integer(CELL_BYTES, info->sample_bytes));
	report_property(report, "recording", "trace_bytes", cell_integer(CELL_BYTES, info->trace_bytes));
	report_property(report, "recording", "sequence", known_number(info->sequence));
	report_property(report, "recording", "label", known_text(info->label));
	report_property(report, "recording", "run", known_text(info->run));
	report_property(report, "recording", "source_root", known_text(info->source_root));
	report_property(report, "recording", "commit", known_text(info->commit));
	report_property(report, "recording", "writer", known_text(info->writer));
	report_property(report, "recording", "trace_file", known_text(info->trace_file));
	report_property(report, "recording", "parent_file", known_text(info->parent_file));
	report_property(report, "recording", "symbolised", cell_flag(snapshot->symbolised));
	report_property(report, "recording", "block_list", cell_flag(snapshot->block_count > 0));
}

/* One line of info->marks: the name, its end (exclusive) and the time; false: that is not one. */
static bool parse_mark(const char **at, uint64_t *time, const char **name, int *length)
{
	char *end;

	if (**at < '0' || **at > '9')
		return false;
	*time = strtoull(*at, &end, 10);
	if (*end != ' ')
		return false;
	*name = end + 1;
	*length = (int)strcspn(*name, "\n");
	*at = *name + *length + ((*name)[*length] == '\n');
	return *length < 256;
}

static void add_marks(struct report *report, const char *marks)
{
	const char *name;
	uint64_t time;
	int length;

	for (int i = 0; parse_mark(&marks, &time, &name, &length); i++) {
		report_property_at(report, "marks", i, "name", cell_text(report_text(report, "%.*s", length, name)));
		report_property_at(report, "marks", i, "time", moment(report, time));
	}
}

/* A debugging aid, so only where it was asked for. */
static void add_verification(struct report *report, const struct snapshot_info *info)
{
	if (!info->verify)
		return;
	report_property(report, "verification", "every", cell_integer(CELL_NUMBER, info->verify));
	report_property(report, "verification", "stacks", cell_integer(CELL_COUNT, info->verified_stacks));
	report_property(report, "verification", "stacks_by_libunwind", cell_integer(CELL_COUNT, info->verified_by_engine));
	report_property(report, "verification", "frames_by_libunwind", cell_integer(CELL_COUNT, info->verified_frames));
	report_property(report, "verification", "shorter", cell_integer(CELL_COUNT, info->verify_shorter));
	report_property(report, "verification", "differences", cell_integer(CELL_COUNT, info->verify_differences));
}

static void add_properties(struct report *report, const struct snapshot *snapshot)
{
	static const char *const kinds[] = {"snapshot", "trace file", "interchange JSON"};

	report_property(report, NULL, "file", cell_text(snapshot->name));
	report_property(report, NULL, "kind", cell_text(kinds[snapshot->kind]));
	add_totals(report, snapshot);
	add_losses(report, &snapshot->info);
	add_process(report, snapshot);
	add_recording(report, snapshot);
	add_marks(report, snapshot->info.marks);
	add_verification(report, &snapshot->info);
}

/* ---- The page for people ---- */

/* A line of the page: a name in a column of its own. */
struct page {
	struct report *report;
	struct strbuf line;
};

static void begin(struct page *page, const char *name)
{
	strbuf_clear(&page->line);
	strbuf_printf(&page->line, "%-12s", name);
}

static void end(struct page *page)
{
	report_line(page->report, &page->report->header, "%s", page->line.data);
}

static void say(struct page *page, const char *name, const char *text)
{
	if (!*text)
		return;
	begin(page, name);
	strbuf_puts(&page->line, text);
	end(page);
}

static void say_process(struct page *page, const struct snapshot *snapshot)
{
	const struct snapshot_info *info = &snapshot->info;
	const struct module *program = words_main_module(snapshot);

	say(page, "command", info->command);
	if (info->pid) {
		begin(page, "process");
		strbuf_printf(&page->line, "%" PRIu64 ", parent %" PRIu64 ", ", info->pid, info->ppid);
		words_state(&page->line, info);
		if (info->host[0])
			strbuf_printf(&page->line, ", on %s", info->host);
		end(page);
	}
	say(page, "program", info->exe);
	if (program && program->build_id_size) {
		begin(page, "build id");
		words_build_id(&page->line, program, 0);
		end(page);
	}
	say(page, "directory", info->cwd);
	say(page, "sources", info->source_root);
	say(page, "commit", info->commit);
	say(page, "label", info->label);
}

static void say_times(struct page *page, const struct snapshot_info *info)
{
	if (info->start_realtime_ns) {
		begin(page, "started");
		words_moment(&page->line, info->start_realtime_ns, true);
		end(page);
	}
	if (info->taken_realtime_ns) {
		begin(page, "taken");
		words_moment(&page->line, info->taken_realtime_ns, true);
		if (info->up_ns) {
			strbuf_puts(&page->line, ", after ");
			words_duration(&page->line, info->up_ns);
		}
		end(page);
	}
}

/* "10:17:26, after 2 min 3 s  before-load" */
static void say_marks(struct page *page, const struct snapshot_info *info)
{
	const char *marks = info->marks, *name;
	uint64_t time;
	int length;

	while (parse_mark(&marks, &time, &name, &length)) {
		begin(page, "mark");
		strbuf_printf(&page->line, "%.*s: ", length, name);
		words_moment(&page->line, time, true);
		if (info->start_realtime_ns && time > info->start_realtime_ns) {
			strbuf_puts(&page->line, ", after ");
			words_duration(&page->line, time - info->start_realtime_ns);
		}
		end(page);
	}
}

static void say_totals(struct page *page, const struct snapshot *snapshot)
{
	const struct snapshot_info *info = &snapshot->info;

	begin(page, "live");
	words_estimate(&page->line, (double)info->live_bytes, words_live_error(snapshot), false);
	strbuf_puts(&page->line, " in ");
	words_count(&page->line, info->live_blocks, "block", "blocks");
	end(page);
	if (info->peak_bytes) {
		begin(page, "peak");
		words_bytes(&page->line, (double)info->peak_bytes);
		if (snapshot->process_count > 1) {
			strbuf_puts(&page->line, " in all, each process at its own time");
		} else if (info->peak_ns) {
			strbuf_puts(&page->line, " at ");
			words_duration(&page->line, info->peak_ns);
		}
		end(page);
	}
	if (info->total_blocks) {
		begin(page, "allocated");
		words_bytes(&page->line, (double)info->total_bytes);
		strbuf_puts(&page->line, " in ");
		words_count(&page->line, info->total_blocks, "block", "blocks");
		strbuf_printf(&page->line, ", %.0f %% of them freed before the thread's next allocation",
			      100.0 * (double)info->temporary_blocks / (double)info->total_blocks);
		end(page);
	}
}

static void say_verification(struct page *page, const struct snapshot_info *info)
{
	if (!info->verify)
		return;
	begin(page, "verified");
	strbuf_printf(&page->line, "%" PRIu64 " stacks without the cache, %" PRIu64 " of them by libunwind with %" PRIu64 " frames: ",
		      info->verified_stacks, info->verified_by_engine, info->verified_frames);
	if (info->verify_differences)
		strbuf_printf(&page->line, "%" PRIu64 " DIFFERENCES", info->verify_differences);
	else
		strbuf_puts(&page->line, "no difference");
	if (info->verify_shorter)
		strbuf_printf(&page->line, ", %" PRIu64 " cut short", info->verify_shorter);
	end(page);
}

static void say_recording(struct page *page, const struct snapshot *snapshot)
{
	const struct snapshot_info *info = &snapshot->info;

	begin(page, "lost");
	words_lost(&page->line, snapshot);
	end(page);
	if (info->recording != HDS_RECORDING_ON) {
		begin(page, "recording");
		strbuf_printf(&page->line, "%s: no new blocks", words_recording(info));
		end(page);
	}
	if (info->sample_bytes) {
		begin(page, "recording");
		words_sampling(&page->line, info->sample_bytes);
		end(page);
	}
	begin(page, "stacks");
	strbuf_printf(&page->line, "%zu", snapshot->stack_count);
	if (info->truncated_stacks)
		strbuf_printf(&page->line, ", %" PRIu64 " truncated", info->truncated_stacks);
	strbuf_puts(&page->line, snapshot->symbolised ? ", with symbols" : ", without symbols");
	end(page);
	say_verification(page, info);
	if (info->trace_bytes) {
		begin(page, "tracer");
		words_bytes(&page->line, (double)info->trace_bytes);
		strbuf_puts(&page->line, " of tables");
		end(page);
	}
	say(page, "trace file", info->trace_file);
	say(page, "written by", info->writer);
}

static void add_page(struct report *report, const struct snapshot *snapshot)
{
	static const char *const kinds[] = {"snapshot", "trace file", "interchange JSON"};
	struct page page = {.report = report};

	strbuf_init(&page.line);
	begin(&page, "file");
	if (snapshot->process_count > 1)
		strbuf_printf(&page.line, "%s (a run of %zu processes)", snapshot->name, snapshot->process_count);
	else
		strbuf_printf(&page.line, "%s (%s)", snapshot->name, kinds[snapshot->kind]);
	end(&page);
	say_process(&page, snapshot);
	say_times(&page, &snapshot->info);
	say_marks(&page, &snapshot->info);
	say_totals(&page, snapshot);
	say_recording(&page, snapshot);
	report->failed |= page.line.failed;
	strbuf_release(&page.line);
}

/* ---- Tables ---- */

enum { PEOPLE_ROWS = 20 };
enum { EVERYWHERE = IN_TEXT | IN_JSON | IN_MARKDOWN };

/* The biggest first, of threads and processes. */
struct ranked {
	size_t index;
	uint64_t size, count;
};

/* What the rows are made from. */
struct info {
	const struct snapshot *snapshot;
	struct ranked *threads, *processes;
};

static void release_info(void *context)
{
	struct info *info = context;

	free(info->threads);
	free(info->processes);
	free(info);
}

static int by_size(const void *left, const void *right)
{
	const struct ranked *a = left, *b = right;

	if (a->size != b->size)
		return a->size < b->size ? 1 : -1;
	return (a->index > b->index) - (a->index < b->index);
}

static void rank_threads(struct info *info)
{
	const struct snapshot *snapshot = info->snapshot;

	for (size_t i = 0; i < snapshot->thread_count; i++)
		info->threads[i] = (struct ranked){i, snapshot->threads[i].alloc_bytes, snapshot->threads[i].alloc_blocks};
	qsort(info->threads, snapshot->thread_count, sizeof(*info->threads), by_size);
}

static void rank_processes(struct info *info)
{
	const struct snapshot *snapshot = info->snapshot;

	if (!snapshot->stack_process)
		return;
	for (size_t i = 0; i < snapshot->process_count; i++)
		info->processes[i].index = i;
	for (size_t i = 0; i < snapshot->stack_count; i++) {
		struct ranked *process = &info->processes[snapshot->stack_process[i]];
		process->size += snapshot->stacks[i].live_bytes;
		process->count += snapshot->stacks[i].live_blocks;
	}
	qsort(info->processes, snapshot->process_count, sizeof(*info->processes), by_size);
}

static int fill_module(const struct report_table *table, size_t index, struct report_row *row, struct error *error)
{
	const struct info *info = table->context;
	const struct module *module = &info->snapshot->modules[index + 1];
	struct strbuf *id = &row->mark; /* lives as long as the row */

	(void)error;
	words_build_id(id, module, 0);
	row->cells[0] = known_text(module->path);
	row->cells[1] = cell_text(id->length ? id->data : NULL);
	row->cells[2] = cell_integer(CELL_NUMBER, module->start);
	row->cells[3] = cell_integer(CELL_NUMBER, module->end);
	row->cells[4] = cell_integer(CELL_NUMBER, module->generation);
	strbuf_puts(&row->label, module->path);
	return 0;
}

static const struct report_column module_columns[] = {
	{"path", NULL, IN_TEXT | IN_JSON}, {"build_id", "build id", EVERYWHERE}, {"start", NULL, IN_JSON}, {"end", NULL, IN_JSON},
	{"generation", NULL, IN_JSON},
};

static int fill_thread(const struct report_table *table, size_t index, struct report_row *row, struct error *error)
{
	const struct info *info = table->context;
	const struct thread *thread = &info->snapshot->threads[info->threads[index].index];

	(void)error;
	row->cells[0] = cell_integer(CELL_NUMBER, thread->tid);
	row->cells[1] = cell_integer(CELL_COUNT, thread->alloc_blocks);
	row->cells[2] = cell_integer(CELL_BYTES, thread->alloc_bytes);
	row->cells[3] = cell_integer(CELL_COUNT, thread->free_blocks);
	row->cells[4] = cell_integer(CELL_BYTES, thread->free_bytes);
	row->cells[5] = cell_integer(CELL_COUNT, thread->temporary_blocks);
	strbuf_printf(&row->label, "%u", thread->tid);
	return 0;
}

static const struct report_column thread_columns[] = {
	{"tid", NULL, IN_TEXT | IN_JSON},
	{"alloc_blocks", "blocks allocated", EVERYWHERE},
	{"alloc_bytes", "bytes allocated", EVERYWHERE},
	{"free_blocks", "blocks freed", EVERYWHERE},
	{"free_bytes", "bytes freed", EVERYWHERE},
	{"temporary_blocks", "temporary", EVERYWHERE},
};

static int fill_process(const struct report_table *table, size_t index, struct report_row *row, struct error *error)
{
	const struct info *info = table->context;
	const struct ranked *process = &info->processes[index];

	(void)error;
	row->cells[0] = cell_text(info->snapshot->processes[process->index]);
	row->cells[1] = cell_integer(CELL_BYTES, process->size);
	row->cells[2] = cell_integer(CELL_COUNT, process->count);
	strbuf_puts(&row->label, info->snapshot->processes[process->index]);
	return 0;
}

static const struct report_column process_columns[] = {
	{"process", NULL, IN_TEXT | IN_JSON},
	{"live_bytes", "live", EVERYWHERE},
	{"live_blocks", "blocks", EVERYWHERE},
};

#define LENGTH(array) (sizeof(array) / sizeof(*(array)))

static int make_info(struct report *report, const struct snapshot *snapshot, struct error *error)
{
	struct info *info = calloc(1, sizeof(*info));

	if (!info)
		return error_nomem(error);
	report->context = info;
	report->release_context = release_info;
	info->snapshot = snapshot;
	info->threads = calloc(snapshot->thread_count + 1, sizeof(*info->threads));
	info->processes = calloc(snapshot->process_count + 1, sizeof(*info->processes));
	if (!info->threads || !info->processes)
		return error_nomem(error);
	rank_threads(info);
	rank_processes(info);
	return 0;
}

static int add_tables(struct report *report, const struct snapshot *snapshot, struct error *error)
{
	struct report_table tables[] = {
		{.name = "modules",
		 .title = "Modules",
		 .subject = "module",
		 .columns = module_columns,
		 .column_count = LENGTH(module_columns),
		 .row_count = snapshot->module_count ? snapshot->module_count - 1 : 0,
		 .fill = fill_module},
		{.name = "threads",
		 .title = "Threads",
		 .subject = "thread",
		 .columns = thread_columns,
		 .column_count = LENGTH(thread_columns),
		 .row_count = snapshot->thread_count,
		 .fill = fill_thread},
		{.name = "processes",
		 .title = "Processes",
		 .subject = "process",
		 .columns = process_columns,
		 .column_count = LENGTH(process_columns),
		 .row_count = snapshot->stack_process ? snapshot->process_count : 0,
		 .fill = fill_process},
	};

	if (make_info(report, snapshot, error) < 0)
		return -1;
	report->tables = malloc(sizeof(tables));
	if (!report->tables)
		return error_nomem(error);
	for (size_t i = 0; i < LENGTH(tables); i++) {
		tables[i].context = report->context;
		tables[i].shown_max = PEOPLE_ROWS;
	}
	memcpy(report->tables, tables, sizeof(tables));
	report->table_count = LENGTH(tables);
	return 0;
}

int view_info(struct report *report, const struct view_request *request, struct error *error)
{
	struct strbuf options;
	int result;

	report_init(report, "heapdelta-info");
	result = add_tables(report, &request->snapshots[0], error);
	if (result == 0) {
		add_properties(report, &request->snapshots[0]);
		add_page(report, &request->snapshots[0]);
		strbuf_init(&options);
		load_options_hint(request->load->options, &options);
		report->next = view_next(report, "stats", request->operands, options.data);
		report->failed |= options.failed;
		strbuf_release(&options);
	}
	if (result == 0 && report->failed)
		result = error_nomem(error);
	if (result < 0)
		report_release(report);
	return result;
}
