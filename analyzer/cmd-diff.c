/* SPDX-License-Identifier: MIT */
/*
 * heapdelta diff: two snapshots → what changed, as new.compare_to(old); more than two are a series.
 */
#include <stdlib.h>

#include "load.h"
#include "look.h"
#include "present.h"
#include "size-text.h"
#include "view.h"
#include "watch.h"

struct options {
	struct view_options view;
	struct load_options load; /* with --wait as it was typed */
	unsigned long long wait_ns;
};

static void defaults(void *values)
{
	struct options *options = values;

	view_options_defaults(&options->view);
	load_options_defaults(&options->load);
}

static int show(const struct view_request *request)
{
	struct error error = {0};
	struct report report;
	int status;

	present_details(request->load, request->snapshots, request->count);
	if (view_diff(&report, request, &error) < 0)
		return cmd_error(&error, STATUS_TROUBLE);
	status = present(&report, request->options);
	report_release(&report);
	return status;
}

static int watch(const struct options *options, struct load *load, char *const *operands)
{
	struct snapshot looks[2];
	struct view_request request = {"diff", &options->view, load, looks, 2, operands};
	struct error error = {0};
	bool ended;

	if (watch_process(load, operands[0], options->wait_ns, looks, &ended, &error) < 0)
		return cmd_error(&error, STATUS_TROUBLE);
	if (ended)
		request.command = NULL; /* there is no next look */
	bool mapped =
		view_options_apply(&options->view, &looks[0], &error) == 0 && view_options_apply(&options->view, &looks[1], &error) == 0;
	int status = mapped ? show(&request) : cmd_error(&error, STATUS_TROUBLE);
	snapshot_release(&looks[0]);
	snapshot_release(&looks[1]);
	return status;
}

static int read_one(const struct options *options, struct load *load, const char *name, struct snapshot *snapshot, struct error *error)
{
	if (load_snapshot(load, name, snapshot, error) < 0)
		return -1;
	if (view_options_apply(&options->view, snapshot, error) == 0)
		return 0;
	snapshot_release(snapshot);
	return -1;
}

/* Load all, compare, release. */
static int compare(const struct options *options, struct load *load, char *const *names, size_t count, char *const *operands)
{
	struct error error = {0};
	struct snapshot *snapshots = calloc(count, sizeof(*snapshots));
	struct view_request request = {"diff", &options->view, load, snapshots, count, operands};
	size_t loaded = 0;
	int status;

	if (!snapshots)
		error_nomem(&error);
	while (snapshots && loaded < count && read_one(options, load, names[loaded], &snapshots[loaded], &error) == 0)
		loaded++;
	status = snapshots && loaded == count ? show(&request) : cmd_error(&error, STATUS_TROUBLE);
	while (loaded > 0)
		snapshot_release(&snapshots[--loaded]);
	free(snapshots);
	return status;
}

/* A process as it is now is newer than any file. */
static int compare_with_process(const struct options *options, struct load *load, char **argv)
{
	struct error error = {0};
	struct error why = {0};
	char *names[3] = {NULL, argv[0], NULL};
	int status;

	if (load_newest(1, names, &error) < 0) {
		error_set(&why, "%s; '%s diff %s --wait 60s' compares two looks", error.text, cmd_program(), argv[0]);
		status = cmd_error(&why, STATUS_TROUBLE);
	} else
		status = compare(options, load, names, 2, names);
	free(names[0]);
	return status;
}

/* One operand is compared with the newest run here, none means the two newest. */
static int name_and_compare(const struct options *options, struct load *load, size_t count, char **argv)
{
	struct error error = {0};
	char *names[3] = {count == 1 ? argv[0] : NULL};
	int status;

	if (count >= 2)
		return compare(options, load, argv, count, argv);
	if (count == 1 && look_is_process(argv[0]))
		return compare_with_process(options, load, argv);
	if (load_newest(2 - count, names + count, &error) < 0)
		status = cmd_error(&error, STATUS_TROUBLE);
	else
		status = compare(options, load, names, 2, argv);
	for (size_t i = count; i < 2; i++)
		free(names[i]);
	return status;
}

/* Misuse of --wait: its status; else STATUS_OK. */
static int check_wait(const struct cmd *cmd, struct options *options, int argc, char **argv)
{
	struct error error = {0};

	if (!options->load.wait)
		return STATUS_OK;
	if (argc != 1)
		return cmd_usage(cmd, "--wait looks twice at one process: give its PID or name, and nothing else");
	if (!look_is_process(argv[0])) {
		error_set(&error, "--wait needs a process, and '%s' is a file", argv[0]);
		return cmd_usage(cmd, "%s", error.text);
	}
	if (time_parse(options->load.wait, &options->wait_ns) < 0) {
		error_set(&error, "option '--wait' needs a time such as 10s, 2m or 1h, not '%s'", options->load.wait);
		return cmd_usage(cmd, "%s", error.text);
	}
	options->view.usual_sort = SORT_GROWTH;
	return STATUS_OK;
}

static int run(const struct cmd *cmd, void *values, int argc, char **argv)
{
	struct options *options = values;
	struct error error = {0};
	struct load load;
	int status = check_wait(cmd, options, argc, argv);

	if (status == STATUS_OK)
		status = present_check(cmd, &options->view);
	if (status == STATUS_OK) {
		if (load_init(&load, &options->load, &error) < 0)
			status = cmd_error(&error, STATUS_TROUBLE);
		else if (options->load.wait)
			status = watch(options, &load, argv);
		else
			status = name_and_compare(options, &load, (size_t)argc, argv);
		load_release(&load);
	}
	view_options_release(&options->view);
	return status;
}

static const struct opt wait_opts[] = {
	{"wait", 0, OPT_STRING, offsetof(struct options, load.wait), "TIME",
	 "look at the process now and again after TIME (60s, 5m, 1h; a plain number is seconds), and compare; ^C ends the wait", NULL},
	{0},
};

static const struct opt_group groups[] = {
	{"Two looks at a process", wait_opts, 0},
	{"What is shown", view_opts, offsetof(struct options, view)},
	{"Which blocks, and whose", view_select_opts, offsetof(struct options, view)},
	{"Output", view_format_opts, offsetof(struct options, view)},
	{"Symbols", load_opts, offsetof(struct options, load)},
};

const struct cmd cmd_diff = {
	.name = "diff",
	.arguments = "[OLD [NEW…]] | PID --wait TIME",
	.summary = "compare snapshots by source line",
	.details =
		"OLD and NEW are snapshots, trace files, directories of runs, interchange JSON, - for standard input, or PIDs or unique "
		"names of traced processes. Without them the two newest runs in the current directory are compared, with only OLD it "
		"and the newest one; a process alone is compared, as it is now, with the newest run. More than two are a series: each "
		"row shows its size in every snapshot. Groups, order and texts are those of tracemalloc's new.compare_to(old).\n"
		"With --wait the one operand is a process: what changed in it meanwhile, what grew most first (-s growth). If it ends "
		"before the time is over, what it left is compared.\n"
		"Code of different builds is found again by file, function and text wherever its lines are now: a row says where it was, "
		"or that it is new or gone. --map-path names sources that have moved, --match exact compares line numbers only.",
	.examples = "heapdelta diff 4711 --wait 60s\twhich lines of a running process grew in a minute; ^C ends it earlier\n"
		    "heapdelta diff before.hds after.hds\twhich lines grew between two moments\n"
		    "heapdelta diff old.hds new.hds --map-path src/a.c=lib/b.c\tbefore and after a change that moved a file\n"
		    "heapdelta diff -s growth -k function 1.hds 2.hds 3.hds\twhich functions grow in a series\n"
		    "heapdelta diff old.hds new.hds --format json | jq .totals.size_diff\tfor a script\n",
	.groups = groups,
	.group_count = sizeof(groups) / sizeof(*groups),
	.options_size = sizeof(struct options),
	.defaults = defaults,
	.run = run,
};
