/* SPDX-License-Identifier: MIT */
/*
 * The command heapdelta: finds the command in its table, has its options parsed, opens the messages, runs it.  Nothing else happens here;
 * each command is one cmd-*.c.  SIGPIPE keeps its default, so a closed pipe ends us silently.
 */
#include <elfutils/version.h>
#include <errno.h>
#include <jansson.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "closest.h"
#include "cmd.h"
#include "heapdelta/hds.h"
#include "heapdelta/trace.h"
#include "help.h"
#include "opts.h"

#ifndef HEAPDELTA_COMMIT
#define HEAPDELTA_COMMIT ""
#endif

static const struct cmd *const cmds[] = {
	&cmd_run, &cmd_snapshot, &cmd_stats, &cmd_diff, &cmd_info, &cmd_export, &cmd_env, &cmd_doctor, NULL,
};

static void print_version(void)
{
	printf("heapdelta %s%s%s%s\n", HEAPDELTA_VERSION, *HEAPDELTA_COMMIT ? " (commit " : "", HEAPDELTA_COMMIT,
	       *HEAPDELTA_COMMIT ? ")" : "");
	printf("formats: snapshot %d.%d, trace file %d.%d, interchange JSON 1\n", HDS_MAJOR, HDS_MINOR, HDT_MAJOR, HDT_MINOR);
	printf("libraries: elfutils %d.%d, jansson %s, zlib %s\n", _ELFUTILS_VERSION / 1000, _ELFUTILS_VERSION % 1000, JANSSON_VERSION,
	       ZLIB_VERSION);
}

/* Standard output may be a full disk or a closed pipe: a status of 0 promises that everything was written. */
static int finish(int status)
{
	struct error error = {0};

	if (fflush(stdout) == 0 && !ferror(stdout))
		return status;
	if (errno == EPIPE) {
		signal(SIGPIPE, SIG_DFL);
		raise(SIGPIPE);
	}
	error_set(&error, "cannot write standard output: %s", strerror(errno));
	return cmd_error(&error, STATUS_TROUBLE);
}

static const struct cmd *find_cmd(const char *name)
{
	for (size_t i = 0; cmds[i]; i++) {
		if (strcmp(cmds[i]->name, name) == 0)
			return cmds[i];
	}
	return NULL;
}

/* The name may hold anything: struct error escapes it. */
static int unknown(const char *what, const char *name)
{
	struct error error = {0};

	error_set(&error, "unknown %s '%s'", what, name);
	return cmd_usage(NULL, "%s", error.text);
}

static int unknown_command(const char *name)
{
	struct closest closest;
	struct error error = {0};

	closest_init(&closest, name);
	for (size_t i = 0; cmds[i]; i++)
		closest_try(&closest, cmds[i]->name);
	if (!closest.best)
		return unknown("command", name);
	error_set(&error, "unknown command '%s'; did you mean '%s'?", name, closest.best);
	return cmd_usage(NULL, "%s", error.text);
}

/* heapdelta help [COMMAND | --man | --bash-completion] */
static int help(const char *topic)
{
	const struct cmd *cmd;

	if (!topic) {
		help_overview(cmds, stdout);
	} else if (strcmp(topic, "--man") == 0) {
		help_man(cmds, stdout);
	} else if (strcmp(topic, "--bash-completion") == 0) {
		help_completion(cmds, stdout);
	} else {
		cmd = find_cmd(topic);
		if (!cmd)
			return unknown_command(topic);
		help_command(cmd, stdout);
	}
	return STATUS_OK;
}

static int trouble(const struct cmd *cmd)
{
	return cmd->usage_status ? cmd->usage_status : STATUS_TROUBLE;
}

static int run_parsed(const struct cmd *cmd, const struct opts_common *common, void *options, char **argv, int operands)
{
	struct error error = {0};

	if (common->help) {
		help_command(cmd, stdout);
		return STATUS_OK;
	}
	if (common->version) {
		print_version();
		return STATUS_OK;
	}
	if (cmd_messages_open(common->quiet, common->verbose, common->log, &error) < 0)
		return cmd_error(&error, trouble(cmd));
	return cmd->run(cmd, options, operands, argv);
}

static int run_cmd(const struct cmd *cmd, char **argv)
{
	struct opts_common common = {0};
	struct error error = {0};
	void *options = calloc(1, cmd->options_size ? cmd->options_size : 1);
	int operands, status, parsed;

	if (!options) {
		error_nomem(&error);
		return cmd_error(&error, trouble(cmd));
	}
	if (cmd->defaults)
		cmd->defaults(options);
	parsed = opts_parse(cmd, options, &common, argv, &operands, &error);
	if (parsed == OPTS_MISUSE)
		status = cmd_usage(cmd, "%s", error.text);
	else if (parsed < 0)
		status = cmd_error(&error, trouble(cmd));
	else
		status = run_parsed(cmd, &common, options, argv, operands);
	opts_release(cmd, options);
	free(options);
	return status;
}

static int dispatch(int argc, char **argv)
{
	const struct cmd *cmd;

	if (argc < 2)
		return cmd_usage(NULL, "no command");
	if (strcmp(argv[1], "--version") == 0) {
		print_version();
		return STATUS_OK;
	}
	if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0)
		return help(NULL);
	if (strcmp(argv[1], "help") == 0)
		return help(argv[2]);
	if (argv[1][0] == '-')
		return unknown("option", argv[1]);
	cmd = find_cmd(argv[1]);
	return cmd ? run_cmd(cmd, argv + 2) : unknown_command(argv[1]);
}

int main(int argc, char **argv)
{
	int status;

	cmd_program_set(argv[0]);
	status = finish(dispatch(argc, argv));
	cmd_messages_close();
	return status;
}
