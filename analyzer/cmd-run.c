/* SPDX-License-Identifier: MIT */
/*
 * heapdelta run: start a command with the library preloaded, stay out of its way, turn what it leaves into snapshots (run.c).
 */
#include <stddef.h>

#include "cmd.h"
#include "run.h"

static void set_defaults(void *data)
{
	struct run_options *options = data;

	recording_options_defaults(&options->recording);
	options->symbols = true;
}

static int run_with(const struct cmd *cmd, void *data, int argc, char **argv)
{
	const struct run_options *options = data;
	struct error error = {0};

	if (argc < 1)
		return cmd_usage(cmd, "no command to run");
	if (recording_options_check(&options->recording, &error) < 0)
		return cmd_usage(cmd, "%s", error.text);
	return run_command(options, argv);
}

static const struct opt output_opts[] = {
	{"output", 'o', OPT_STRING, offsetof(struct run_options, output), "PATTERN",
	 "name of the snapshot: %e executable, %p pid, %n number, %h host, %t time, %q{VAR}, %%; a directory takes default names. An "
	 "existing "
	 "file is replaced",
	 NULL},
	{"interval", 0, OPT_TIME, offsetof(struct run_options, interval), "TIME",
	 "write numbered snapshots while the command runs: 10s, 5m, 1h", NULL},
	{"keep", 0, OPT_NUMBER, offsetof(struct run_options, keep), "N", "keep the last N numbered snapshots of a process", NULL},
	{"source-root", 0, OPT_STRING, offsetof(struct run_options, source_root), "DIR",
	 "what counts as your sources when the snapshot is read (default: the git work tree around the current directory)", NULL},
	{"blocks", 0, OPT_FLAG | OPT_TREE, offsetof(struct run_options, blocks), NULL,
	 "store every live block with its address; with --sample, those that were recorded", NULL},
	{"no-symbols", 0, OPT_OFF | OPT_TREE, offsetof(struct run_options, symbols), NULL,
	 "leave the snapshots raw: symbols are looked up when they are read", NULL},
	{0},
};

static const struct opt process_opts[] = {
	{"only", 0, OPT_LIST | OPT_TREE, offsetof(struct run_options, only), "PATTERN", "keep processes whose executable's name matches",
	 NULL},
	{"not", 0, OPT_LIST | OPT_TREE, offsetof(struct run_options, except), "PATTERN", "drop processes whose executable's name matches",
	 NULL},
	{"wait", 0, OPT_FLAG, offsetof(struct run_options, wait), NULL, "stay until all traced descendants have ended, too", NULL},
	{0},
};

static const struct opt_group groups[] = {{"Snapshots", output_opts, 0},
					  {"Recording", recording_opts, offsetof(struct run_options, recording)},
					  {"Processes", process_opts, 0}};

const struct cmd cmd_run = {
	.name = "run",
	.arguments = "[--] COMMAND [ARG…]",
	.summary = "trace a program and its children",
	.details = "Runs COMMAND with libheapdelta.so preloaded and writes a snapshot of every process when it ends: heapdelta.EXE.PID.hds "
		   "for "
		   "the command itself, and for its children files in heapdelta.EXE.PID.d. Options end at the first operand.\n"
		   "The exit status is the command's own (128 + N when signal N killed it); 127: not found, 126: not executable, 125: "
		   "heapdelta's own trouble before the start. Signals sent to heapdelta are passed on; a process that is killed leaves its "
		   "snapshot all the same.",
	.examples = "heapdelta run ./server -c dev.conf\ttrace it and say what is live at exit\n"
		    "heapdelta run -o old.hds ./app job.txt\tchoose the file\n"
		    "heapdelta run --interval 10s --keep 6 ./server\ta look every 10 seconds, the last minute is kept\n"
		    "heapdelta run --sample 512K ./server\tfor production: a few nanoseconds per allocation\n"
		    "heapdelta run --only 'cc1*' -- make -j8\tonly the compiler's processes",
	.groups = groups,
	.group_count = sizeof(groups) / sizeof(groups[0]),
	.options_size = sizeof(struct run_options),
	.defaults = set_defaults,
	.run = run_with,
	.operands_end_options = true,
	.usage_status = STATUS_CANNOT_START,
};
