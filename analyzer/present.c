/* SPDX-License-Identifier: MIT */
/*
 * What stats, diff and info have in common once they have a report.  One of the few places that print: it belongs to the commands.
 */
#include "present.h"

#include "output.h"
#include "render.h"

int present_check(const struct cmd *cmd, struct view_options *options)
{
	struct error error = {0};

	if (view_options_check(options, &error) < 0)
		return cmd_usage(cmd, "%s", error.text);
	if (view_options_resolve(options, &error) < 0)
		return cmd_error(&error, STATUS_TROUBLE);
	return STATUS_OK;
}

void present_details(const struct load *load, const struct snapshot *snapshots, size_t count)
{
	const struct symbols_missing *missing;
	size_t missing_count = load->symbols ? symbols_missing(load->symbols, &missing) : 0;

	for (size_t i = 0; i < count; i++) {
		struct error line = {0};
		error_set(&line, "read '%s': %zu stacks, %zu modules", snapshots[i].name, snapshots[i].stack_count,
			  snapshots[i].module_count ? snapshots[i].module_count - 1 : 0);
		cmd_detail("%s", line.text);
	}
	for (size_t i = 0; i < missing_count; i++) {
		struct error line = {0};
		error_set(&line, "no lines for '%s': %s", missing[i].module->path, missing[i].reason);
		cmd_detail("%s", line.text);
	}
}

static void say_notes(const struct report *report)
{
	for (size_t i = 0; i < report->notes.count; i++) {
		struct error line = {0}; /* escapes what came from files */
		error_set(&line, "%s", report->notes.items[i]);
		cmd_note("%s", line.text);
	}
}

int present(const struct report *report, const struct view_options *options)
{
	struct render_options render_options = {
		.format = (enum render_format)options->format,
		.traceback_limit = options->traceback_limit,
		.most_recent_first = options->most_recent_first,
	};
	struct error error = {0};
	struct output output;
	int result;

	if (output_open(&output, options->output, &error) < 0)
		return cmd_error(&error, STATUS_TROUBLE);
	render_options.color = render_wants_color(options->color, output.stream);
	render_options.width = options->full_names ? 0 : render_terminal_width(output.stream);
	render_options.ascii = render_wants_ascii();
	result = render(report, &render_options, output.stream, &error);
	if (output_close(&output, result == 0, &error) < 0)
		result = -1;
	if (result < 0)
		return cmd_error(&error, STATUS_TROUBLE);
	say_notes(report);
	return STATUS_OK;
}
