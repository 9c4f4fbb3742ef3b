/* SPDX-License-Identifier: MIT */
/*
 * heapdelta run: start a command with the library preloaded, stay out of its way, turn what it leaves into snapshots (run.c).
 */
#include <stddef.h>
#include <string.h>

#include "cmd.h"
#include "heapdelta/sampling.h"
#include "run.h"
#include "size-text.h"

static void set_defaults(void *data)
{
	struct run_options *options = data;

	options->follow = true;
	options->symbols = true;
}

/* One byte marked in one is every block. */
static int check_sample(const char *text)
{
	unsigned long long bytes = 0;

	if (strcmp(text, "off") != 0 && size_parse(text, &bytes) < 0)
		return -1;
	return bytes <= 1 || (bytes >= SAMPLING_MIN && bytes <= SAMPLING_MAX) ? 0 : -1;
}

static int run_with(const struct cmd *cmd, void *data, int argc, char **argv)
{
	const struct run_options *options = data;

	if (argc < 1)
		return cmd_usage(cmd, "no command to run");
	if (options->nframe > 65535)
		return cmd_usage(cmd, "option '--nframe' is at most 65535");
	if (options->sample && check_sample(options->sample) < 0)
		return cmd_usage(cmd, "option '--sample' needs a size from 512 to 1G such as 512K (powers of 1024), or 'off', not '%s'",
				 options->sample);
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
	{"blocks", 0, OPT_FLAG, offsetof(struct run_options, blocks), NULL,
	 "store every live block with its address; with --sample, those that were recorded", NULL},
	{"no-symbols", 0, OPT_OFF, offsetof(struct run_options, symbols), NULL,
	 "leave the snapshots raw: symbols are looked up when they are read", NULL},
	{0},
};

static const struct opt recording_opts[] = {
	{"nframe", 0, OPT_NUMBER, offsetof(struct run_options, nframe), "N", "record at most N frames of a stack (0: all)", NULL},
	{"sample", 0, OPT_STRING, offsetof(struct run_options, sample), "SIZE",
	 "record a sample, on average one block per SIZE bytes allocated: 512K costs nearly nothing; sizes and counts are estimates then, "
	 "with ± "
	 "where it is known (0 or off: every block, the default)",
	 NULL},
	{"only", 0, OPT_LIST, offsetof(struct run_options, only), "PATTERN", "keep processes whose executable's name matches", NULL},
	{"not", 0, OPT_LIST, offsetof(struct run_options, except), "PATTERN", "drop processes whose executable's name matches", NULL},
	{"no-follow", 0, OPT_OFF, offsetof(struct run_options, follow), NULL, "do not trace the command's children", NULL},
	{"wait", 0, OPT_FLAG, offsetof(struct run_options, wait), NULL, "stay until all traced descendants have ended, too", NULL},
	{0},
};

static const struct opt_group groups[] = {{"Snapshots", output_opts, 0}, {"Recording", recording_opts, 0}};

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
	.examples = "run ./server -c dev.conf\ttrace it and say what is live at exit\n"
		    "run -o old.hds ./app job.txt\tchoose the file\n"
		    "run --interval 10s --keep 6 ./server\ta look every 10 seconds, the last minute is kept\n"
		    "run --sample 512K ./server\tfor production: a few nanoseconds per allocation\n"
		    "run --only 'cc1*' -- make -j8\tonly the compiler's processes",
	.groups = groups,
	.group_count = sizeof(groups) / sizeof(groups[0]),
	.options_size = sizeof(struct run_options),
	.defaults = set_defaults,
	.run = run_with,
	.operands_end_options = true,
	.usage_status = STATUS_CANNOT_START,
};
