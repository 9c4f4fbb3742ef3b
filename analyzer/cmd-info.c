/* SPDX-License-Identifier: MIT */
/*
 * heapdelta info: what a snapshot is of, its totals, losses, modules, threads.
 */
#include <stdlib.h>

#include "load.h"
#include "present.h"
#include "view.h"

struct options {
	struct view_options view; /* only the format */
	struct load_options load;
};

static void defaults(void *values)
{
	struct options *options = values;

	view_options_defaults(&options->view);
	options->load.symbols = false; /* nothing here needs a line */
}

static int show(const struct options *options, struct load *load, const char *name, char **operands)
{
	struct error error = {0};
	struct load_options usual = {.symbols = true};
	struct load described = *load;
	struct snapshot snapshot;
	struct report report;
	struct view_request request = {"info", &options->view, &described, &snapshot, 1, operands};
	int status;

	described.options = &usual; /* the next command looks symbols up as it would anyway */
	if (load_snapshot(load, name, &snapshot, &error) < 0)
		return cmd_error(&error, STATUS_TROUBLE);
	if (view_info(&report, &request, &error) == 0) {
		status = present(&report, &options->view);
		report_release(&report);
	} else {
		status = cmd_error(&error, STATUS_TROUBLE);
	}
	snapshot_release(&snapshot);
	return status;
}

static int run(const struct cmd *cmd, void *values, int argc, char **argv)
{
	struct options *options = values;
	struct error error = {0};
	struct load load;
	char *newest = NULL;
	int status;

	if (argc > 1)
		return cmd_usage(cmd, "info takes one snapshot, not %d", argc);
	if (load_init(&load, &options->load, &error) < 0 || (argc == 0 && load_newest(1, &newest, &error) < 0))
		status = cmd_error(&error, STATUS_TROUBLE);
	else
		status = show(options, &load, argc ? argv[0] : newest, argv);
	load_release(&load);
	free(newest);
	return status;
}

static const struct opt_group groups[] = {
	{"Output", view_format_opts, offsetof(struct options, view)},
};

const struct cmd cmd_info = {
	.name = "info",
	.arguments = "[SNAP]",
	.summary = "what a snapshot is of: command, times, totals, losses, modules, threads",
	.details = "SNAP is a snapshot, a trace file, the directory of a run, interchange JSON, - for standard input, or the PID or unique "
		   "name of a traced process; without it the newest run in the current directory is taken.",
	.examples = "heapdelta info app.hds\teverything about a snapshot\n"
		    "heapdelta info app.hds --format json | jq .totals.lost_events\t0 if nothing is missing\n",
	.groups = groups,
	.group_count = sizeof(groups) / sizeof(*groups),
	.options_size = sizeof(struct options),
	.defaults = defaults,
	.run = run,
};
