/* SPDX-License-Identifier: MIT */
/*
 * Our words: errors, warnings, notes and the name to repeat in hints.  Everything goes to stderr, or to the file of --log, as one write per
 * line so that lines of several processes do not mix.  The settings are process-wide because there is one terminal; main sets them once
 * before the command runs.  Text that came from files may hold control characters: error.c and strbuf escape it before it gets here.
 */
#include "cmd.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

static struct {
	FILE *log; /* NULL: stderr */
	bool quiet;
	int verbose;
	char program[512];
} settings;

FILE *cmd_messages(void)
{
	return settings.log ? settings.log : stderr;
}

bool cmd_quiet(void)
{
	return settings.quiet;
}

int cmd_verbose(void)
{
	return settings.verbose;
}

int cmd_messages_open(bool quiet, int verbose, const char *log, struct error *error)
{
	settings.quiet = quiet;
	settings.verbose = verbose;
	if (!log)
		return 0;
	settings.log = fopen(log, "ae");
	if (!settings.log)
		return error_set(error, "cannot open '%s': %s", log, strerror(errno));
	return 0;
}

void cmd_messages_close(void)
{
	if (settings.log)
		fclose(settings.log);
	settings.log = NULL;
}

static void say(const char *kind, const char *text)
{
	FILE *out = cmd_messages();

	/* What is already on its way to stdout comes first when both are the same terminal. */
	fflush(stdout);
	fprintf(out, "heapdelta: %s%s\n", kind, text);
	fflush(out);
}

__attribute__((format(printf, 2, 0))) __attribute__((format(printf, 2, 0))) static void say_format(const char *kind, const char *format,
												   va_list arguments)
{
	char text[1024];

	vsnprintf(text, sizeof(text), format, arguments);
	say(kind, text);
}

int cmd_error(const struct error *error, int status)
{
	say("", error->text[0] ? error->text : "unknown error");
	return status;
}

int cmd_usage(const struct cmd *cmd, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	say_format("", format, arguments);
	va_end(arguments);
	if (cmd)
		fprintf(cmd_messages(), "Try '%s %s --help'\n", cmd_program(), cmd->name);
	else
		fprintf(cmd_messages(), "Try '%s --help'\n", cmd_program());
	return cmd && cmd->usage_status ? cmd->usage_status : STATUS_TROUBLE;
}

void cmd_note(const char *format, ...)
{
	va_list arguments;

	if (settings.quiet)
		return;
	va_start(arguments, format);
	say_format("note: ", format, arguments);
	va_end(arguments);
}

void cmd_warning(const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	say_format("warning: ", format, arguments);
	va_end(arguments);
}

void cmd_detail(const char *format, ...)
{
	va_list arguments;

	if (settings.verbose < 1)
		return;
	va_start(arguments, format);
	say_format("", format, arguments);
	va_end(arguments);
}

void cmd_program_set(const char *argv0)
{
	struct strbuf quoted;

	strbuf_init(&quoted);
	cmd_quote(&quoted, argv0 && *argv0 ? argv0 : "heapdelta");
	if (!quoted.failed && quoted.length < sizeof(settings.program))
		memcpy(settings.program, quoted.data, quoted.length + 1);
	strbuf_release(&quoted);
}

const char *cmd_program(void)
{
	return settings.program[0] ? settings.program : "heapdelta";
}

static bool is_plain(const char *text)
{
	static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-+=./:,@%";

	/* A leading '=' is expanded by zsh. */
	return *text && *text != '=' && strspn(text, plain) == strlen(text);
}

void cmd_quote(struct strbuf *out, const char *text)
{
	if (is_plain(text)) {
		strbuf_puts(out, text);
		return;
	}
	strbuf_putc(out, '\'');
	for (; *text; text++) {
		if (*text == '\'')
			strbuf_puts(out, "'\\''");
		else
			strbuf_putc(out, *text);
	}
	strbuf_putc(out, '\'');
}
