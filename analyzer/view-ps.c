/* SPDX-License-Identifier: MIT */
/*
 * Traced processes as a table.  For people UP, RATE and TRACE FILE say several things at once (a process that has ended has no uptime, one
 * that records nothing no rate); machines get each as a field of its own.
 */
#include "view-ps.h"

#include <stdlib.h>
#include <string.h>

#include "cmd.h"
#include "view-words.h"

enum { DEAD_SHOWN = 20 };
enum { FOR_PEOPLE = IN_TEXT | IN_MARKDOWN, EVERYWHERE = FOR_PEOPLE | IN_DATA };

static const struct report_column columns[] = {
	{"pid", "PID", IN_TEXT | IN_DATA},
	{"inner_pid", NULL, IN_DATA},
	{"command", "COMMAND", EVERYWHERE},
	{"up", "UP", FOR_PEOPLE},
	{"up_ns", NULL, IN_DATA},
	{"state", NULL, IN_DATA},
	{"recording", NULL, IN_DATA},
	{"uid", NULL, IN_DATA},
	{"live_bytes", "LIVE", EVERYWHERE},
	{"live_blocks", "BLOCKS", EVERYWHERE},
	{"rate", "RATE/min", FOR_PEOPLE},
	{"bytes_per_minute", NULL, IN_DATA},
	{"lost_events", "LOST", EVERYWHERE},
	{"trace", "TRACE FILE", FOR_PEOPLE},
	{"trace_file", NULL, IN_DATA},
	{"trace_bytes", NULL, IN_DATA},
};
enum { COLUMNS = sizeof(columns) / sizeof(*columns) };

static const char *state_of(const struct trace_counters *counters)
{
	if (counters->alive)
		return "running";
	if (counters->flags & HDT_FLAG_REPLACED && !(counters->flags & HDT_FLAG_EXITED))
		return "replaced";
	return counters->flags & HDT_FLAG_EXITED || counters->state == HDT_STATE_SEALED ? "exited" : "killed";
}

static const char *recording_of(const struct trace_counters *counters)
{
	if (counters->tracing & HDT_TRACING_NEW)
		return "on";
	return counters->tracing & HDT_TRACING_PAUSED ? "stopped" : "off";
}

static struct cell rate_of(const struct ps_process *process)
{
	if (process->has_rate && process->counters.tracing & HDT_TRACING_NEW)
		return cell_integer(CELL_BYTES_DELTA, (report_integer)process->rate);
	if (process->counters.alive && !(process->counters.tracing & HDT_TRACING_NEW))
		return cell_text(recording_of(&process->counters));
	return cell_none();
}

/* "/dev/shm/heapdelta-1000 (38 MiB)" */
static void put_place(struct strbuf *out, const struct ps_process *process)
{
	const char *slash = strrchr(process->path, '/');

	if (process->counters.alive)
		strbuf_printf(out, "%.*s (", slash && slash > process->path ? (int)(slash - process->path) : 1, process->path);
	else
		strbuf_printf(out, "%s (", process->path); /* to be typed: there is no PID to give */
	words_bytes(out, (double)process->counters.memory);
	strbuf_putc(out, ')');
}

static int fill(const struct report_table *table, size_t index, struct report_row *row, struct error *error)
{
	const struct ps_look *look = table->context;
	const struct ps_process *process = &look->list[index];
	const struct trace_counters *counters = &process->counters;
	struct cell *cells = row->cells;

	(void)error;
	if (counters->alive)
		words_duration(&row->via, counters->up_ns);
	else
		strbuf_puts(&row->via, state_of(counters));
	put_place(&row->mark, process);
	strbuf_printf(&row->label, "%d", (int)process->pid);
	cells[0] = process->pid ? cell_integer(CELL_NUMBER, process->pid) : cell_none();
	cells[1] = cell_integer(CELL_NUMBER, process->inner_pid);
	cells[2] = cell_text(process->name);
	cells[3] = cell_text(row->via.data);
	cells[4] = counters->up_ns ? cell_integer(CELL_NUMBER, (report_integer)counters->up_ns) : cell_none();
	cells[5] = cell_text(state_of(counters));
	cells[6] = cell_text(recording_of(counters));
	cells[7] = cell_integer(CELL_NUMBER, (report_integer)counters->owner);
	cells[8] = cell_integer(CELL_BYTES, (report_integer)counters->live_bytes);
	cells[9] = cell_integer(CELL_COUNT, (report_integer)counters->live_blocks);
	cells[10] = rate_of(process);
	cells[11] = process->has_rate ? cell_integer(CELL_BYTES_DELTA, (report_integer)process->rate) : cell_none();
	cells[12] = cell_integer(CELL_COUNT, (report_integer)counters->lost_events);
	cells[13] = cell_text(row->mark.data);
	cells[14] = cell_text(process->path);
	cells[15] = cell_integer(CELL_BYTES, (report_integer)counters->memory);
	return 0;
}

/* What the words in the table do not say. */
static void explain(struct report *report, const struct ps_look *look, uint64_t rate_ns)
{
	size_t dead = look->count - look->living;
	struct strbuf time;

	if (look->living && rate_ns) {
		strbuf_init(&time);
		words_duration(&time, rate_ns);
		report_line(report, &report->footer, "RATE/min: growth of LIVE over the last %s, per minute", time.data ? time.data : "");
		strbuf_release(&time);
	}
	if (dead)
		report_line(report, &report->footer,
			    "%zu trace file%s of processes that have ended: '%s ps --clean' makes snapshots here and frees that memory",
			    dead, dead == 1 ? "" : "s", cmd_program());
}

/* What a user came for: the one that grows fastest, else the biggest. */
static const struct ps_process *most_wanted(const struct ps_look *look)
{
	const struct ps_process *best = NULL;

	for (size_t i = 0; i < look->living; i++) {
		const struct ps_process *process = &look->list[i];
		if (process->pid && process->counters.tracing & HDT_TRACING_NEW && (!best || process->rate > best->rate))
			best = process;
	}
	return best;
}

int view_ps(struct report *report, const struct ps_look *look, uint64_t rate_ns, struct error *error)
{
	const struct ps_process *wanted = most_wanted(look);

	report_init(report, "heapdelta-ps");
	report->tables = calloc(1, sizeof(*report->tables));
	if (report->tables) {
		report->table_count = 1;
		report->tables[0] = (struct report_table){.name = "processes",
							  .subject = "PID",
							  .columns = columns,
							  .column_count = COLUMNS,
							  .row_count = look->count,
							  .shown_max = look->living + DEAD_SHOWN,
							  .fill = fill,
							  .context = (void *)look};
		report_property(report, NULL, "rate_ns", rate_ns ? cell_integer(CELL_NUMBER, (report_integer)rate_ns) : cell_none());
		explain(report, look, rate_ns);
		if (wanted)
			report->next = report_text(report, "%s diff %d --wait 60s", cmd_program(), (int)wanted->pid);
	}
	if (report->tables && !report->failed)
		return 0;
	report_release(report);
	return error_nomem(error);
}
