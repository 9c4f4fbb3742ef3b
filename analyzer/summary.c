/* SPDX-License-Identifier: MIT */
/*
 * Comes in: the list of a run's processes and the sum of their snapshots.  Goes out: the lines that people read first.
 * Numbers are those of the snapshots, so the summary cannot say anything else than `stats` and `info` will.  Losses are said even when
 * there are none: a reader must not have to wonder.
 */
#include "summary.h"

#include <inttypes.h>
#include <string.h>
#include <sys/wait.h>

#include "cmd.h"
#include "render.h"
#include "size-text.h"
#include "strbuf.h"
#include "view-words.h"

#define SECOND UINT64_C(1000000000)

char *duration_text(char text[DURATION_TEXT_MAX], uint64_t ns)
{
	uint64_t seconds = ns / SECOND;

	if (ns < SECOND)
		snprintf(text, DURATION_TEXT_MAX, "%" PRIu64 " ms", ns / 1000000);
	else if (seconds < 10)
		snprintf(text, DURATION_TEXT_MAX, "%" PRIu64 ".%" PRIu64 " s", seconds, ns / (SECOND / 10) % 10);
	else if (seconds < 60)
		snprintf(text, DURATION_TEXT_MAX, "%" PRIu64 " s", seconds);
	else if (seconds < 3600)
		snprintf(text, DURATION_TEXT_MAX, "%" PRIu64 " min %" PRIu64 " s", seconds / 60, seconds % 60);
	else
		snprintf(text, DURATION_TEXT_MAX, "%" PRIu64 " h %" PRIu64 " min", seconds / 3600, seconds / 60 % 60);
	return text;
}

static const char *plural(uint64_t count)
{
	return count == 1 ? "" : "s";
}

static bool counts(const struct traced *traced)
{
	return traced->state != TRACED_REPLACED && traced->state != TRACED_UNWANTED;
}

size_t summary_processes(const struct summary *summary)
{
	size_t processes = 0;

	for (size_t i = 0; i < summary->count; i++)
		processes += counts(summary->list[i]);
	return processes;
}

static void print_command(const struct summary *summary, FILE *out)
{
	struct strbuf text;

	strbuf_init(&text);
	for (char *const *argument = summary->command; *argument; argument++) {
		if (text.length)
			strbuf_putc(&text, ' ');
		cmd_quote(&text, *argument);
	}
	/* A generated command line can be megabytes long. */
	bool cut = text.length > 200;
	fprintf(out, "heapdelta: %.*s%s", cut ? 200 : (int)text.length, text.data, cut ? "…" : "");
	strbuf_release(&text);
}

/* ---- Numbers --------------------------------------------------------------------------------------------------------------------- */

static void print_live(const struct snapshot *sum, bool several, FILE *out)
{
	const struct snapshot_info *info = &sum->info;
	char peak[SIZE_TEXT_MAX], when[DURATION_TEXT_MAX];
	struct strbuf numbers;

	strbuf_init(&numbers);
	words_estimate(&numbers, (double)info->live_bytes, words_live_error(sum), false);
	strbuf_printf(&numbers, " in %" PRIu64 " block%s", info->live_blocks, plural(info->live_blocks));
	fprintf(out, "  live at exit   %-*s  peak %s%s", 30 + (int)(numbers.length - render_width(numbers.data)), numbers.data,
		size_text(peak, (double)info->peak_bytes, false), several ? " in all, each at its own time" : "");
	strbuf_release(&numbers);
	if (!several && info->peak_ns)
		fprintf(out, " at %s", duration_text(when, info->peak_ns));
	fputc('\n', out);
}

static void print_allocated(const struct snapshot_info *info, FILE *out)
{
	char size[SIZE_TEXT_MAX];

	fprintf(out, "  allocated      %s in %" PRIu64 " block%s", size_text(size, (double)info->total_bytes, false), info->total_blocks,
		plural(info->total_blocks));
	if (info->total_blocks)
		fprintf(out, ", %.0f %% of them freed before the thread's next allocation",
			100.0 * (double)info->temporary_blocks / (double)info->total_blocks);
	fputc('\n', out);
}

static void print_lost(const struct snapshot *sum, FILE *out)
{
	static const char *const names[HDT_LOSS_COUNT] = {
		[HDT_LOSS_BLOCK] = "allocations not recorded (no room)",
		[HDT_LOSS_STACK] = "blocks without their stack (no room)",
		[HDT_LOSS_TOTALS] = "events missing in the totals per stack",
		[HDT_LOSS_THREAD] = "threads without counters of their own",
		[HDT_LOSS_MISSED_FREE] = "frees not seen",
		[HDT_LOSS_FLUSH] = "totals interrupted by the end",
		[HDT_LOSS_BEFORE_START] = "events before the start",
	};
	const char *separator = "  lost           ";

	for (int i = 0; i < HDT_LOSS_ROOM; i++) {
		if (!sum->info.lost[i])
			continue;
		fprintf(out, "%s%" PRIu64 " %s", separator, sum->info.lost[i], i < HDT_LOSS_COUNT ? names[i] : "other events");
		separator = ", ";
	}
	if (snapshot_lost(sum) == 0)
		fprintf(out, "%snothing", separator);
	fputc('\n', out);
}

static void print_sampling(const struct snapshot *sum, FILE *out)
{
	struct strbuf text;

	if (!sum->info.sample_bytes)
		return;
	strbuf_init(&text);
	words_sampling(&text, sum->info.sample_bytes);
	fprintf(out, "  recording      %s\n", text.data);
	strbuf_release(&text);
}

/* "318 processes traced, 3 not (sudo: setuid; hello: static x2)" */
static void print_processes(const struct summary *summary, size_t processes, FILE *out)
{
	size_t untraced = summary->untraced ? untraced_count(summary->untraced) : 0;
	struct strbuf kinds;

	fprintf(out, ", %zu process%s", processes, processes == 1 ? "" : "es");
	if (untraced) {
		strbuf_init(&kinds);
		untraced_describe(summary->untraced, &kinds);
		fprintf(out, " traced, %zu not (%s)", untraced, kinds.data);
		strbuf_release(&kinds);
	}
	fputc('\n', out);
}

void summary_head(const struct summary *summary, const struct snapshot *sum, FILE *out)
{
	char duration[DURATION_TEXT_MAX];
	size_t processes = summary_processes(summary);

	print_command(summary, out);
	if (WIFSIGNALED(summary->wait_status))
		fprintf(out, ": killed by signal %d (%s)", WTERMSIG(summary->wait_status), strsignal(WTERMSIG(summary->wait_status)));
	else
		fprintf(out, ": exit status %d", WEXITSTATUS(summary->wait_status));
	fprintf(out, " after %s", duration_text(duration, summary->duration_ns));
	if (!processes) {
		fputs(", nothing was traced\n", out);
		return;
	}
	print_processes(summary, processes, out);
	print_live(sum, processes > 1, out);
	print_allocated(&sum->info, out);
	print_sampling(sum, out);
	print_lost(sum, out);
}

/* ---- Files ----------------------------------------------------------------------------------------------------------------------- */

static void print_written(const struct summary *summary, FILE *out)
{
	const char *root = NULL, *child = NULL;
	size_t children = 0, empty = 0, numbered = 0;

	for (size_t i = 0; i < summary->count; i++) {
		const struct traced *traced = summary->list[i];
		numbered += traced->series_count;
		empty += traced->state == TRACED_EMPTY;
		if (traced->state != TRACED_WRITTEN)
			continue;
		if (traced->is_root)
			root = traced->file;
		else if (children++ == 0)
			child = traced->file;
	}
	const char *place = summary->directory ? summary->directory : child;
	if (root)
		fprintf(out, "wrote %s", root);
	if (children)
		fprintf(out, "%s%zu %sin %s", root ? " and " : "wrote ", children, root ? "more " : "", place);
	if (numbered)
		fprintf(out, "%s%zu numbered", root || children ? ", " : "wrote ", numbered);
	if (empty)
		fprintf(out, "%s%zu process%s ended with nothing live", root || children || numbered ? "; " : "", empty,
			empty == 1 ? "" : "es");
	if (root || children || numbered || empty)
		fputc('\n', out);
}

static void print_running(const struct summary *summary, FILE *out)
{
	enum { SHOWN = 8 };
	size_t running = 0;
	pid_t example = 0;
	const char *name = NULL;

	for (size_t i = 0; i < summary->count; i++)
		running += summary->list[i]->state == TRACED_LIVE;
	if (!running)
		return;
	fprintf(out, "heapdelta: %zu descendant%s still run%s and %s traced:", running, plural(running), running == 1 ? "s" : "",
		running == 1 ? "is" : "are");
	size_t shown = 0;
	for (size_t i = 0; i < summary->count && shown < SHOWN; i++) {
		const struct traced *traced = summary->list[i];
		if (traced->state != TRACED_LIVE)
			continue;
		example = traced->peek.pid;
		if (!shown || strcmp(name, traced->peek.name) != 0)
			fprintf(out, " %s", traced->peek.name);
		fprintf(out, " %d", (int)example);
		name = traced->peek.name;
		shown++;
	}
	fprintf(out, "%s ('%s snapshot %d'; --wait stays until they end)\n", shown < running ? " …" : "", summary->program, (int)example);
}

void summary_failures(const struct summary *summary, FILE *out)
{
	for (size_t i = 0; i < summary->count; i++) {
		const struct traced *traced = summary->list[i];
		if (traced->state == TRACED_FAILED)
			fprintf(out, "heapdelta: process %d (%s): %s; what it recorded is in %s\n", (int)traced->peek.pid,
				traced->peek.name, traced->error.text, traced->trace);
		else if (traced->error.text[0])
			fprintf(out, "heapdelta: process %d (%s): %s\n", (int)traced->peek.pid, traced->peek.name, traced->error.text);
	}
}

void summary_tail(const struct summary *summary, FILE *out)
{
	print_written(summary, out);
	print_running(summary, out);
}
