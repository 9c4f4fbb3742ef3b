/* SPDX-License-Identifier: MIT */
/*
 * The command heapdelta: finds the command in its table, has its options parsed, those of files below those that were typed, opens the
 * messages, runs it.  Nothing else happens here; each command is one cmd-*.c.  SIGPIPE keeps its default, so a closed pipe ends us silently.
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
#include "config.h"
#include "heapdelta/hds.h"
#include "heapdelta/trace.h"
#include "help.h"
#include "opts.h"

#ifndef HEAPDELTA_COMMIT
#define HEAPDELTA_COMMIT ""
#endif

static const struct cmd *const cmds[] = {
	&cmd_run, &cmd_snapshot, &cmd_stats, &cmd_diff, &cmd_info, &cmd_symbolize, &cmd_export,
	&cmd_ps,  &cmd_start,    &cmd_stop,  &cmd_mark, &cmd_env,  &cmd_doctor,    NULL,
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

/* A page about a command, or about all if `name` is NULL. */
static int help_about(const char *name, void (*about_one)(const struct cmd *cmd, FILE *out),
		      void (*about_all)(const struct cmd *const *cmds, FILE *out))
{
	const struct cmd *cmd = name ? find_cmd(name) : NULL;

	if (name && !cmd)
		return unknown_command(name);
	if (cmd)
		about_one(cmd, stdout);
	else
		about_all(cmds, stdout);
	return STATUS_OK;
}

/* heapdelta help [COMMAND | --man [COMMAND] | --bash-completion | --options] */
static int help(const char *topic, const char *name)
{
	if (topic && strcmp(topic, "--man") == 0)
		return help_about(name, help_man_command, help_man);
	if (topic && strcmp(topic, "--bash-completion") == 0)
		help_completion(cmds, stdout);
	else if (topic && strcmp(topic, "--options") == 0)
		help_options(cmds, stdout);
	else
		return help_about(topic, help_command, help_overview);
	return STATUS_OK;
}

static int trouble(const struct cmd *cmd)
{
	return cmd->usage_status ? cmd->usage_status : STATUS_TROUBLE;
}

/* ---- One command ---- */

/* What was typed, and what files add to it. */
struct call {
	const struct cmd *cmd;
	char **argv;
	void *options;
	struct opts_common common;
	int operands;
	struct config config;
};

static int begin(struct call *call, struct error *error)
{
	call->common = (struct opts_common){0};
	call->options = calloc(1, call->cmd->options_size ? call->cmd->options_size : 1);
	if (!call->options)
		return error_nomem(error);
	if (call->cmd->defaults)
		call->cmd->defaults(call->options);
	return 0;
}

static void end(struct call *call)
{
	if (call->options)
		opts_release(call->cmd, call->options);
	free(call->options);
	call->options = NULL;
}

/* The value of --source-root, if the command has it and it was given. */
static const char *source_root(const struct call *call)
{
	for (size_t i = 0; i < call->cmd->group_count; i++) {
		const struct opt_group *group = &call->cmd->groups[i];
		for (const struct opt *opt = group->opts; opt->name; opt++) {
			if (strcmp(opt->name, "source-root") == 0)
				return *(const char **)(void *)((char *)call->options + group->offset + opt->offset);
		}
	}
	return NULL;
}

/*
 * The command line is parsed twice: first alone, because it says which files there are and whether they matter; then on top of them, so that
 * it wins.  OPTS_MISUSE: of the command line.
 */
static int parse(struct call *call, size_t count, struct error *error)
{
	struct config_target target = {cmds, call->cmd, NULL, &call->common};
	char **copy = calloc(count + 1, sizeof(*copy));
	int result;

	if (!copy) {
		error_nomem(error);
		return OPTS_TROUBLE;
	}
	memcpy(copy, call->argv, count * sizeof(*copy));
	result = begin(call, error) < 0 ? OPTS_TROUBLE : opts_parse(call->cmd, call->options, &call->common, copy, &call->operands, error);
	if (result == 0 && !call->common.help && !call->common.version && !call->common.no_config)
		result = config_read(&call->config, source_root(call), error) < 0 ? OPTS_TROUBLE : 0;
	free(copy);
	if (result < 0)
		return result;
	end(call);
	if (begin(call, error) < 0)
		return OPTS_TROUBLE;
	target.options = call->options;
	if (config_apply(&call->config, &target, error) < 0)
		return OPTS_TROUBLE;
	return opts_parse(call->cmd, call->options, &call->common, call->argv, &call->operands, error);
}

static void say_line(const struct config_file *file, const struct config_line *line, const struct cmd *cmd)
{
	const char *refusal = config_refusal(file, line, cmd);
	struct error text = {0}; /* escapes what stands in the file */

	error_set(&text, "%s:%u: --%.*s%s%s", file->path, line->number, (int)line->setting.length, line->setting.name,
		  line->setting.value ? "=" : "", line->setting.value ? line->setting.value : "");
	if (refusal)
		cmd_note("%s is ignored: %s", text.text, refusal);
	else if (opts_find(cmd, line->setting.name, line->setting.length))
		cmd_detail("%s", text.text);
}

/* Which files count, and which of their lines do not. */
static void say_config(const struct call *call)
{
	for (size_t i = 0; i < call->config.count; i++) {
		const struct config_file *file = &call->config.files[i];
		struct error path = {0};
		if (file->ignored && error_set(&path, "'%s'", file->path))
			cmd_note("%s is ignored: %s", path.text, file->ignored);
		for (size_t j = 0; j < file->count; j++)
			say_line(file, &file->lines[j], call->cmd);
	}
}

static int run_parsed(struct call *call)
{
	struct error error = {0};

	if (call->common.help) {
		help_command(call->cmd, stdout);
		return STATUS_OK;
	}
	if (call->common.version) {
		print_version();
		return STATUS_OK;
	}
	if (cmd_messages_open(call->common.quiet, call->common.verbose, call->common.log, &error) < 0)
		return cmd_error(&error, trouble(call->cmd));
	say_config(call);
	return call->cmd->run(call->cmd, call->options, call->operands, call->argv);
}

static int run_cmd(const struct cmd *cmd, char **argv)
{
	struct call call = {.cmd = cmd, .argv = argv};
	struct error error = {0};
	size_t count = 0;
	int status, parsed;

	while (argv[count])
		count++;
	parsed = parse(&call, count, &error);
	if (parsed == OPTS_MISUSE)
		status = cmd_usage(cmd, "%s", error.text);
	else if (parsed < 0)
		status = cmd_error(&error, trouble(cmd));
	else
		status = run_parsed(&call);
	end(&call);
	config_release(&call.config);
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
		return help(NULL, NULL);
	if (strcmp(argv[1], "help") == 0)
		return help(argv[2], argc > 2 ? argv[3] : NULL);
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
