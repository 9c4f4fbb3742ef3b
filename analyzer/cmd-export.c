/* SPDX-License-Identifier: MIT */
/*
 * heapdelta export: a snapshot in a format that other programs read.
 */
#include <stdlib.h>

#include "load.h"
#include "output.h"

struct options {
	int format;
	unsigned long long nframe;
	const char *output;
	struct load_options load;
};

static const char *const format_names[] = {"json", NULL};

static const struct opt export_opts[] = {
	{"format", 0, OPT_CHOICE, offsetof(struct options, format), "FORMAT", "what to write (required)", format_names},
	{"output", 'o', OPT_STRING, offsetof(struct options, output), "FILE", "write to FILE; it appears complete or not at all", NULL},
	{"nframe", 0, OPT_NUMBER, offsetof(struct options, nframe), "N", "keep the N innermost frames of each stack, 0 for all (default)",
	 NULL},
	{0},
};

static void defaults(void *values)
{
	struct options *options = values;

	options->format = -1;
	load_options_defaults(&options->load);
}

static int write_snapshot(const struct options *options, const struct snapshot *snapshot)
{
	struct error error = {0};
	struct output output;
	int result;

	if (output_open(&output, options->output, &error) < 0)
		return cmd_error(&error, STATUS_TROUBLE);
	result = snapshot_write_json(snapshot, output.stream, (uint32_t)options->nframe, &error);
	if (output_close(&output, result == 0, &error) < 0)
		result = -1;
	if (result < 0)
		return cmd_error(&error, STATUS_TROUBLE);
	if (snapshot_lost(snapshot))
		cmd_note("the recording has losses, which this format cannot say: see '%s info'", cmd_program());
	return STATUS_OK;
}

static int run(const struct cmd *cmd, void *values, int argc, char **argv)
{
	struct options *options = values;
	struct error error = {0};
	struct snapshot snapshot;
	struct load load;
	char *newest = NULL;
	int status;

	if (argc > 1)
		return cmd_usage(cmd, "export takes one snapshot, not %d", argc);
	if (options->format < 0)
		return cmd_usage(cmd, "which format? --format json");
	if (options->nframe > UINT32_MAX)
		return cmd_usage(cmd, "option '--nframe' needs a number below 4294967296");
	if (load_init(&load, &options->load, &error) < 0 || (argc == 0 && load_newest(1, &newest, &error) < 0) ||
	    load_snapshot(&load, argc ? argv[0] : newest, &snapshot, &error) < 0) {
		status = cmd_error(&error, STATUS_TROUBLE);
	} else {
		status = write_snapshot(options, &snapshot);
		snapshot_release(&snapshot);
	}
	load_release(&load);
	free(newest);
	return status;
}

static const struct opt_group groups[] = {
	{NULL, export_opts, 0},
	{"Symbols", load_opts, offsetof(struct options, load)},
};

const struct cmd cmd_export = {
	.name = "export",
	.arguments = "[SNAP]",
	.summary = "write a snapshot in a format for other programs",
	.details = "json is the interchange format: every live block's stack with file, line and function, innermost frame first. Every "
		   "command reads it "
		   "again.",
	.examples = "heapdelta export app.hds --format json -o app.json\tto keep or to process\n",
	.groups = groups,
	.group_count = sizeof(groups) / sizeof(*groups),
	.options_size = sizeof(struct options),
	.defaults = defaults,
	.run = run,
};
