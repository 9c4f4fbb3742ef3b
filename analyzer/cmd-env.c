/* SPDX-License-Identifier: MIT */
/*
 * heapdelta env: the environment that traces a program which something else starts: a shell, systemd, docker.  Only standard output is
 * written, in the form that this something reads; nothing is started or changed.
 */
#include <gnu/libc-version.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cmd.h"
#include "library.h"
#include "naming.h"
#include "recording.h"

#define SERVICE_OUTPUT "/var/tmp/heapdelta.%e.%p.hds"
#define CONTAINER_OUTPUT "/out/heapdelta.%e.%p.hds"
#define CONTAINER_LIBRARY "/heapdelta/libheapdelta.so"

struct options {
	const char *output;
	bool path, systemd, docker, start;
	struct recording_options recording;
};

static void defaults(void *data)
{
	struct options *options = data;

	options->start = true;
	recording_options_defaults(&options->recording);
}

/* The variables alone: nothing of ours is in them but what `options` say. */
static int fill(const struct options *options, const char *library, const char *output, struct environment *environment,
		struct error *error)
{
	environment_preload(environment, library);
	if (output)
		environment_set(environment, "HEAPDELTA_OUTPUT", output);
	recording_environment(&options->recording, environment);
	if (!options->start)
		environment_set(environment, "HEAPDELTA_START", "0");
	return environment->failed ? error_nomem(error) : 0;
}

/* ---- The forms ----------------------------------------------------------------------------------------------------------------- */

/* What `env $(heapdelta env) PROGRAM` makes of a line: it is split at blanks and matched with file names, and quotes would stay in. */
static int check_word(const char *text, struct error *error)
{
	if (strpbrk(text, " \t\n*?["))
		return error_set(error, "a shell would take '%s' apart; use names without blanks, '*', '?' and '['", text);
	return 0;
}

static int check_words(const struct environment *environment, struct error *error)
{
	for (size_t i = 0; i < environment->count; i++) {
		if (check_word(environment->list[i], error) < 0)
			return -1;
	}
	return 0;
}

static int print_lines(const struct options *options, const char *library, struct environment *environment, struct error *error)
{
	/* The user's own preloads stay, behind ours. */
	environment_set(environment, "LD_PRELOAD", getenv("LD_PRELOAD"));
	if (fill(options, library, options->output, environment, error) < 0 || check_words(environment, error) < 0)
		return -1;
	for (size_t i = 0; i < environment->count; i++)
		puts(environment->list[i]);
	return 0;
}

/* Inside double quotes of a unit file: backslashes escape, and "%" begins a specifier. */
static void print_unit_text(const char *text)
{
	for (; *text; text++) {
		if (strchr("\"\\", *text))
			putchar('\\');
		if (*text == '%')
			putchar('%');
		putchar(*text);
	}
}

static int print_systemd(const struct options *options, const char *library, struct environment *environment, struct error *error)
{
	const char *output = options->output ? options->output : SERVICE_OUTPUT;

	if (output[0] != '/')
		return error_set(error, "a service needs an absolute name for its snapshots, not '%s'", output);
	if (strchr(output, '\n'))
		return error_set(error, "a unit file has no place for a line break in '%s'", output);
	if (fill(options, library, output, environment, error) < 0)
		return -1;
	puts("# As /etc/systemd/system/NAME.service.d/heapdelta.conf, then: systemctl daemon-reload; systemctl restart NAME");
	puts("[Service]");
	for (size_t i = 0; i < environment->count; i++) {
		fputs("Environment=\"", stdout);
		print_unit_text(environment->list[i]);
		puts("\"");
	}
	puts("# 'heapdelta ps' lists its processes; at exit each leaves a snapshot under the name above. With PrivateTmp=yes it is below\n"
	     "# /var/tmp/systemd-private-…; the service's user must be able to read the library (not with ProtectHome=yes from a home).");
	return 0;
}

/* Options for `docker run $(heapdelta env --docker) IMAGE`: words without quotes, so their text must do without. */
static int print_docker(const struct options *options, const char *library, struct environment *environment, struct error *error)
{
	const char *output = options->output ? options->output : CONTAINER_OUTPUT;
	char here[PATH_MAX];

	if (!getcwd(here, sizeof(here)))
		return error_set(error, "cannot find the current directory");
	if (!options->output && strchr(here, ':'))
		return error_set(error, "docker cannot mount '%s'; go to a directory without ':', or give -o a name in the container",
				 here);
	if ((!options->output && check_word(here, error) < 0) || fill(options, CONTAINER_LIBRARY, output, environment, error) < 0 ||
	    check_words(environment, error) < 0)
		return -1;
	printf("-v %s:%s:ro\n", library, CONTAINER_LIBRARY);
	if (!options->output)
		printf("-v %s:/out\n", here);
	puts("--shm-size=1g");
	for (size_t i = 0; i < environment->count; i++)
		printf("-e %s\n", environment->list[i]);
	cmd_note("the image needs glibc %s or newer (not musl) and libunwind8, without which stacks end at the caller of malloc",
		 gnu_get_libc_version());
	return 0;
}

static int run(const struct cmd *cmd, void *data, int argc, char **argv)
{
	const struct options *options = data;
	struct environment environment = {0};
	struct error error = {0};
	char library[PATH_MAX];
	int result;

	(void)argv;
	if (argc > 0)
		return cmd_usage(cmd, "env starts nothing and takes no operands: env $(%s env) COMMAND", cmd_program());
	if (options->path + options->systemd + options->docker > 1)
		return cmd_usage(cmd, "--path, --systemd and --docker exclude each other");
	if (recording_options_check(&options->recording, &error) < 0)
		return cmd_usage(cmd, "%s", error.text);
	if (options->output && (!*options->output || naming_check_pattern(options->output, &error) < 0))
		return cmd_usage(cmd, "%s", *options->output ? error.text : "'-o' needs a file name");
	result = library_find(library, sizeof(library), &error);
	if (result == 0 && options->path)
		puts(library);
	else if (result == 0 && options->systemd)
		result = print_systemd(options, library, &environment, &error);
	else if (result == 0 && options->docker)
		result = print_docker(options, library, &environment, &error);
	else if (result == 0)
		result = print_lines(options, library, &environment, &error);
	environment_release(&environment);
	return result < 0 ? cmd_error(&error, STATUS_TROUBLE) : STATUS_OK;
}

static const struct opt form_opts[] = {
	{"path", 0, OPT_FLAG, offsetof(struct options, path), NULL, "print the library's path alone", NULL},
	{"systemd", 0, OPT_FLAG, offsetof(struct options, systemd), NULL, "print a drop-in for a service", NULL},
	{"docker", 0, OPT_FLAG, offsetof(struct options, docker), NULL, "print options for 'docker run'", NULL},
	{0},
};

static const struct opt own_opts[] = {
	{"output", 'o', OPT_STRING, offsetof(struct options, output), "PATTERN",
	 "name of the snapshot that each process leaves at exit, seen from where it runs: %e executable, %p pid, %h host, %t time, "
	 "%q{VAR}, %%",
	 NULL},
	{"no-start", 0, OPT_OFF, offsetof(struct options, start), NULL, "record nothing until 'heapdelta start PID' or heapdelta_start()",
	 NULL},
	{0},
};

static const struct opt_group groups[] = {
	{"Form", form_opts, 0},
	{"Snapshots", own_opts, 0},
	{"Recording", recording_opts, offsetof(struct options, recording)},
};

const struct cmd cmd_env = {
	.name = "env",
	.arguments = "",
	.summary = "print the environment that traces a program something else starts",
	.details = "Whatever starts the program (a shell, systemd, docker, a CI job) must put libheapdelta.so into LD_PRELOAD; the options "
		   "below "
		   "become HEAPDELTA_* variables beside it. The program and its children record themselves then; 'heapdelta ps' finds "
		   "them, every "
		   "command takes their PID, and each leaves a snapshot at exit. A process that already runs without the library cannot be "
		   "traced: restart it with 'heapdelta run' or with this environment.",
	.examples = "env $(heapdelta env) ./server\tthis command\n"
		    "export $(heapdelta env -o /var/tmp/%e.%p.hds)\teverything that this shell starts from now on\n"
		    "LD_PRELOAD=$(heapdelta env --path) ./server\tthe library alone\n"
		    "heapdelta env --systemd > /etc/systemd/system/server.service.d/hd.conf\ta service, from its next restart on\n"
		    "docker run $(heapdelta env --docker) IMAGE\tan image that does not contain heapdelta",
	.groups = groups,
	.group_count = sizeof(groups) / sizeof(*groups),
	.options_size = sizeof(struct options),
	.defaults = defaults,
	.run = run,
};
