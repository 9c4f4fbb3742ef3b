/* SPDX-License-Identifier: MIT */
/*
 * heapdelta ps: which processes are traced, how much they hold, which grow; and what dead ones have left.
 * A rate needs two looks: plain ps takes them one interval apart, -w compares with the oldest look of the last minute.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "convert.h"
#include "orphans.h"
#include "pause.h"
#include "present.h"
#include "ps-history.h"
#include "view-ps.h"

struct options {
	struct view_options view; /* only how it is printed */
	int format;               /* index in formats */
	bool watch, clean, names;
	unsigned long long interval_ns;
};

/* A list of processes has no use for the others. */
static const char *const format_names[] = {"text", "json", "markdown", NULL};
static const enum render_format formats[] = {RENDER_TEXT, RENDER_JSON, RENDER_MARKDOWN};

static void set_defaults(void *values)
{
	struct options *options = values;

	view_options_defaults(&options->view);
	options->interval_ns = 1000000000;
}

static int show(const struct options *options, const struct ps_history *looks)
{
	const struct ps_look *now = ps_latest(looks);
	struct error error = {0};
	struct report report;

	if (view_ps(&report, now, ps_history_ns(looks), &error) < 0)
		return cmd_error(&error, STATUS_TROUBLE);
	int status = present(&report, &options->view);
	report_release(&report);
	return status;
}

/* Machines get their empty list, people one line; both the status. */
static int show_or_say(const struct options *options, const struct ps_history *looks)
{
	struct error error = {0};
	bool empty = ps_latest(looks)->count == 0;

	if (empty && render_is_prose((enum render_format)options->view.format)) {
		error_set(&error, "nothing is traced here (try '%s run COMMAND', or see '%s env --help')", cmd_program(), cmd_program());
		return cmd_error(&error, STATUS_NOTHING);
	}
	int status = show(options, looks);
	return status == STATUS_OK && empty ? STATUS_NOTHING : status;
}

static int list(const struct options *options, struct ps_history *looks, const struct pause *pause)
{
	struct error error = {0};

	if (ps_look_again(looks, &error) < 0)
		return cmd_error(&error, STATUS_TROUBLE);
	if (ps_latest(looks)->living && options->interval_ns && pause_for(pause, options->interval_ns, NULL, NULL) == PAUSE_OVER &&
	    ps_look_again(looks, &error) < 0)
		return cmd_error(&error, STATUS_TROUBLE);
	return show_or_say(options, looks);
}

/* ---- -w ------------------------------------------------------------------------------------------------------------------------ */

/* A terminal that can shows each look in the place of the last; elsewhere an empty line is between them. */
static void begin_screen(const struct options *options, bool first)
{
	const char *terminal = getenv("TERM");
	bool clears = !options->view.output && isatty(STDOUT_FILENO) && terminal && *terminal && strcmp(terminal, "dumb") != 0;

	if (clears)
		fputs("\033[H\033[2J", stdout);
	else if (!first && render_is_prose((enum render_format)options->view.format))
		putchar('\n');
}

static int watch(const struct options *options, struct ps_history *looks, const struct pause *pause)
{
	struct error error = {0};
	uint64_t interval = options->interval_ns ? options->interval_ns : 1000000000;
	int status = STATUS_OK;
	bool first = true;

	while (status == STATUS_OK) {
		if (ps_look_again(looks, &error) < 0)
			return cmd_error(&error, STATUS_TROUBLE);
		begin_screen(options, first);
		first = false;
		if (ps_latest(looks)->count || !render_is_prose((enum render_format)options->view.format))
			status = show(options, looks);
		else
			printf("nothing is traced here\n");
		if (fflush(stdout) != 0 || pause_for(pause, interval, NULL, NULL) == PAUSE_INTERRUPTED)
			break;
	}
	return status;
}

/* ---- --clean ------------------------------------------------------------------------------------------------------------------- */

static void print_path(const char *path)
{
	printf("%s\n", path);
}

static void say_cleaned(const struct orphans *orphans)
{
	if (orphans->empty)
		cmd_note("removed %zu trace file%s of processes that left nothing live", orphans->empty, orphans->empty == 1 ? "" : "s");
	if (orphans->expired)
		cmd_note("removed %zu trace file%s older than 7 days", orphans->expired, orphans->expired == 1 ? "" : "s");
	if (!orphans->written && !orphans->empty && !orphans->expired && !orphans->failed)
		cmd_note("no trace file of a process that has ended");
}

static int clean(const struct options *options)
{
	struct naming naming = {0};
	struct convert convert;
	struct orphans orphans;
	struct error error = {0};

	if (naming_init(&naming, options->view.output, "", &error) < 0) {
		naming_release(&naming);
		return cmd_error(&error, STATUS_TROUBLE);
	}
	convert_init(&convert, &naming, NULL, false);
	orphans_clean(&convert, print_path, &orphans);
	naming_release(&naming);
	say_cleaned(&orphans);
	return orphans.failed ? cmd_error(&orphans.error, STATUS_TROUBLE) : STATUS_OK;
}

/* ---- The command --------------------------------------------------------------------------------------------------------------- */

static void print_name(void *data, pid_t pid, const char *name)
{
	(void)data;
	printf("%d\n%s\n", (int)pid, name);
}

static int list_or_watch(const struct options *options)
{
	struct ps_history *looks = calloc(1, sizeof(*looks));
	struct error error = {0};
	struct pause pause;

	if (!looks) {
		error_nomem(&error);
		return cmd_error(&error, STATUS_TROUBLE);
	}
	pause_begin(&pause);
	int status = options->watch ? watch(options, looks, &pause) : list(options, looks, &pause);
	pause_finish(&pause);
	ps_forget(looks);
	free(looks);
	return status;
}

static int run_command(const struct cmd *cmd, void *values, int argc, char **argv)
{
	struct options *options = values;

	(void)argv;
	if (argc)
		return cmd_usage(cmd, "ps takes no operand; 'stats PID' looks into one process");
	if (options->watch && options->clean)
		return cmd_usage(cmd, "-w and --clean exclude each other");
	if (options->names) {
		ps_names(print_name, NULL);
		return STATUS_OK;
	}
	if (options->clean)
		return clean(options);
	options->view.format = formats[options->format];
	int status = present_check(cmd, &options->view);
	if (status == STATUS_OK)
		status = list_or_watch(options);
	view_options_release(&options->view);
	return status;
}

static const struct opt opts[] = {
	{"watch", 'w', OPT_FLAG, offsetof(struct options, watch), NULL, "go on looking until ^C", NULL},
	{"interval", 0, OPT_TIME, offsetof(struct options, interval_ns), "TIME",
	 "between two looks (default 1s); 0: one look, without a rate", NULL},
	{"clean", 0, OPT_FLAG, offsetof(struct options, clean), NULL,
	 "turn the trace files of processes that have ended into snapshots here (-o: a name or pattern, as for run), print their names and "
	 "free that memory; what is older than 7 days is only removed. Only your own; with HEAPDELTA_DIR set, only there",
	 NULL},
	{"names", 0, OPT_FLAG, offsetof(struct options, names), NULL, "print PIDs and names alone, a line each, for completion", NULL},
	{0},
};

static const struct opt output_opts[] = {
	{"format", 0, OPT_CHOICE, offsetof(struct options, format), "FORMAT", "how to print (default text)", format_names},
	{"output", 'o', OPT_STRING, offsetof(struct options, view.output), "FILE", "write to FILE; it appears complete or not at all",
	 NULL},
	{"color", 0, OPT_CHOICE, offsetof(struct options, view.color), "WHEN",
	 "colours in text (default auto: on a terminal, unless NO_COLOR is set)", render_color_names},
	{0},
};

static const struct opt_group groups[] = {
	{"Processes", opts, 0},
	{"Output", output_opts, 0},
};

const struct cmd cmd_ps = {
	.name = "ps",
	.arguments = "",
	.summary = "traced processes: what they hold, how fast they grow",
	.details = "Lists every traced process of yours (root: everybody's), also in other pid namespaces, the biggest first, and then the "
		   "trace "
		   "files that processes left which have ended; those are memory, and every command reads them. "
		   "RATE/min is the growth of LIVE from one look to another, with -w from the oldest look of the last minute, or says that "
		   "the process is stopped or off and records nothing; LOST counts events that are missing in the figures; TRACE FILE is "
		   "where the tables are and what they take.\n"
		   "Exit status: 0, 3 if nothing is traced.",
	.examples = "heapdelta ps\tthe next command to type is below the list\n"
		    "heapdelta ps -w --interval 5s\tlike watch; into a pipe, too\n"
		    "heapdelta ps --format json | jq '.processes[].live_bytes'\tfor a script\n",
	.groups = groups,
	.group_count = sizeof(groups) / sizeof(*groups),
	.options_size = sizeof(struct options),
	.defaults = set_defaults,
	.run = run_command,
};
