/* SPDX-License-Identifier: MIT */
/*
 * heapdelta export: a snapshot in a format that other programs read.
 */
#include <stdlib.h>

#include "filter-note.h"
#include "load.h"
#include "output.h"
#include "present.h"
#include "selection.h"

struct options {
	int format;
	unsigned long long nframe;
	const char *output;
	struct view_options view; /* only which blocks, and whose */
	struct load_options load;
};

static const char *const format_names[] = {"json", NULL};

static const struct opt export_opts[] = {
	{"format", 0, OPT_CHOICE | OPT_TREE, offsetof(struct options, format), "FORMAT", "what to write (required)", format_names},
	{"output", 'o', OPT_STRING, offsetof(struct options, output), "FILE", "write to FILE; it appears complete or not at all", NULL},
	{"nframe", 0, OPT_NUMBER | OPT_TREE, offsetof(struct options, nframe), "N",
	 "keep the N innermost frames of each stack, 0 for all (default)", NULL},
	{0},
};

static void defaults(void *values)
{
	struct options *options = values;

	options->format = -1;
	view_options_defaults(&options->view);
	load_options_defaults(&options->load);
}

static int note_filters(const struct filters *filters, const struct snapshot *snapshot, size_t stacks, struct error *error)
{
	struct filter_scope scope = {snapshot, &filters->source_root, 1, stacks};
	struct strbuf text;
	int result = 0;

	strbuf_init(&text);
	for (size_t i = 0; i < filters->count; i++) {
		struct error line = {0}; /* escapes what was typed, and names from the file */
		strbuf_clear(&text);
		filter_note(&text, &filters->list[i], &scope);
		error_set(&line, "%s", text.data);
		if (!filters->matches[i])
			cmd_note("%s", line.text);
	}
	if (text.failed)
		result = error_nomem(error);
	strbuf_release(&text);
	return result;
}

/* Blocks of other ages have not been there. */
static int pick_ages(const struct view_options *options, struct snapshot *snapshot, struct error *error)
{
	struct snapshot_info *info = &snapshot->info;

	if (options->older == AGES_UNSET && options->newer == AGES_UNSET)
		return 0;
	if (ages_select(snapshot, options->older, options->newer, error) < 0)
		return -1;
	info->live_blocks = info->live_bytes = 0;
	for (size_t i = 0; i < snapshot->stack_count; i++) {
		info->live_blocks += snapshot->stacks[i].live_blocks;
		info->live_bytes += snapshot->stacks[i].live_bytes;
	}
	return 0;
}

/* Leave what the filters let through. */
static int filter(const struct view_options *options, struct snapshot *snapshot, struct error *error)
{
	const char *root = options->source_root ? options->source_root : snapshot->info.source_root;
	struct attribution attribution = {(enum attribute)options->attribute, *root ? root : NULL, options->skip.items};
	size_t stacks = snapshot->stack_count;
	struct filters filters;
	int result;

	if (options->filter.count + options->exclude.count == 0)
		return 0;
	if (filters_init(&filters, options->filter.items, options->exclude.items, snapshot->intern, error) < 0)
		return -1;
	filters.source_root = attribution.source_root;
	result = selection_apply(snapshot, &filters, &attribution, error);
	if (result == 0)
		result = note_filters(&filters, snapshot, stacks, error);
	filters_release(&filters);
	return result;
}

static int write_snapshot(const struct options *options, struct snapshot *snapshot)
{
	struct error error = {0};
	struct output output;
	int result;

	if (pick_ages(&options->view, snapshot, &error) < 0 || filter(&options->view, snapshot, &error) < 0 ||
	    output_open(&output, options->output, &error) < 0)
		return cmd_error(&error, STATUS_TROUBLE);
	result = snapshot_write_json(snapshot, output.stream, (uint32_t)options->nframe, &error);
	if (output_close(&output, result == 0, &error) < 0)
		result = -1;
	if (result < 0)
		return cmd_error(&error, STATUS_TROUBLE);
	if (snapshot_lost(snapshot))
		cmd_note("the recording has losses, which are in the object 'info' of what was written: see '%s info'", cmd_program());
	return STATUS_OK;
}

static int load_and_write(const struct options *options, const char *operand)
{
	struct error error = {0};
	struct snapshot snapshot;
	struct load load;
	char *newest = NULL;
	int status;

	if (load_init(&load, &options->load, &error) < 0 || (!operand && load_newest(1, &newest, &error) < 0) ||
	    load_snapshot(&load, operand ? operand : newest, &snapshot, &error) < 0) {
		status = cmd_error(&error, STATUS_TROUBLE);
	} else {
		status = write_snapshot(options, &snapshot);
		snapshot_release(&snapshot);
	}
	load_release(&load);
	free(newest);
	return status;
}

static int run(const struct cmd *cmd, void *values, int argc, char **argv)
{
	struct options *options = values;
	int status;

	if (argc > 1)
		return cmd_usage(cmd, "export takes one snapshot, not %d", argc);
	if (options->format < 0)
		return cmd_usage(cmd, "which format? --format json");
	if (options->nframe > UINT32_MAX)
		return cmd_usage(cmd, "option '--nframe' needs a number below 4294967296");
	status = present_check(cmd, &options->view);
	if (status == STATUS_OK)
		status = load_and_write(options, argv[0]);
	view_options_release(&options->view);
	return status;
}

static const struct opt_group groups[] = {
	{NULL, export_opts, 0},
	{"Which blocks, and whose", view_select_opts, offsetof(struct options, view)},
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
