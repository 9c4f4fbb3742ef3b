/* SPDX-License-Identifier: MIT */
/*
 * heapdelta stats: one snapshot → its top groups.
 */
#include <stdlib.h>

#include "load.h"
#include "present.h"
#include "view.h"

struct options {
	struct view_options view;
	struct load_options load;
};

static void defaults(void *values)
{
	struct options *options = values;

	view_options_defaults(&options->view);
	load_options_defaults(&options->load);
}

static int present_stats(const struct view_request *request)
{
	struct error error = {0};
	struct report report;
	int status;

	present_details(request->load, request->snapshots, 1);
	if (view_stats(&report, request, &error) < 0)
		return cmd_error(&error, STATUS_TROUBLE);
	status = present(&report, request->options);
	report_release(&report);
	return status;
}

static int show(const struct options *options, struct load *load, const char *name, char **operands)
{
	struct error error = {0};
	struct snapshot snapshot;
	struct view_request request = {"stats", &options->view, load, &snapshot, 1, operands};
	int status;

	if (load_snapshot(load, name, &snapshot, &error) < 0)
		return cmd_error(&error, STATUS_TROUBLE);
	if (view_options_apply(&options->view, &snapshot, &error) == 0)
		status = present_stats(&request);
	else
		status = cmd_error(&error, STATUS_TROUBLE);
	snapshot_release(&snapshot);
	return status;
}

static int run(const struct cmd *cmd, void *values, int argc, char **argv)
{
	struct options *options = values;
	struct error error = {0};
	struct load load;
	char *newest = NULL;
	int status = STATUS_OK;

	if (argc > 1)
		return cmd_usage(cmd, "stats takes one snapshot, not %d; 'diff' compares several", argc);
	status = present_check(cmd, &options->view);
	if (status == STATUS_OK) {
		if (load_init(&load, &options->load, &error) < 0 || (argc == 0 && load_newest(1, &newest, &error) < 0))
			status = cmd_error(&error, STATUS_TROUBLE);
		else
			status = show(options, &load, argc ? argv[0] : newest, argv);
		load_release(&load);
	}
	free(newest);
	view_options_release(&options->view);
	return status;
}

static const struct opt_group groups[] = {
	{"What is shown", view_opts, offsetof(struct options, view)},
	{"Which blocks, and whose", view_select_opts, offsetof(struct options, view)},
	{"Output", view_format_opts, offsetof(struct options, view)},
	{"Symbols", load_opts, offsetof(struct options, load)},
};

const struct cmd cmd_stats = {
	.name = "stats",
	.arguments = "[SNAP]",
	.summary = "which lines hold the memory of a snapshot",
	.details = "SNAP is a snapshot, a trace file, the directory of a run, interchange JSON, - for standard input, or the PID or unique "
		   "name of a traced process; without it the newest run in the current directory is taken. Groups, order and texts are "
		   "those of tracemalloc's snapshot.statistics().",
	.examples = "heapdelta stats\tthe ten biggest lines of the newest run here\n"
		    "heapdelta stats app.hds -k traceback -n 1\twho calls the biggest one\n"
		    "heapdelta stats app.hds --filter 'src/*' --format csv\tall lines below src, for a spreadsheet\n"
		    "heapdelta stats app.hds --format json | jq '.stats[0].frames[0]'\tfor a script",
	.groups = groups,
	.group_count = sizeof(groups) / sizeof(*groups),
	.options_size = sizeof(struct options),
	.defaults = defaults,
	.run = run,
};
