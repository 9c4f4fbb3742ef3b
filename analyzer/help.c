/* SPDX-License-Identifier: MIT */
/*
 * --help for people: the overview of the commands and the page of one, within 80 columns, from the tables of options.  Width is counted in
 * code points, since the texts hold dots and dashes beyond ASCII.  help-man.c and help-completion.c print the same tables for man and bash.
 */
#include "help.h"

#include <string.h>

#include "opts.h"

enum { WIDTH = 79, TEXT_COLUMN = 26 };

static size_t columns_of(const char *text, size_t length)
{
	size_t columns = 0;

	for (size_t i = 0; i < length; i++)
		columns += ((unsigned char)text[i] & 0xc0) != 0x80;
	return columns;
}

/* Words of `text` from `column` on, wrapped to `indent`; an explicit newline is kept.  Ends with a newline. */
static void wrap(FILE *out, const char *text, size_t column, size_t indent)
{
	bool first = true;

	while (*text) {
		size_t length = strcspn(text, " \n"), width = columns_of(text, length);
		if (!first && column + 1 + width > WIDTH) {
			fprintf(out, "\n%*s", (int)indent, "");
			column = indent;
		} else if (!first) {
			fputc(' ', out);
			column++;
		}
		fwrite(text, 1, length, out);
		column += width;
		first = false;
		text += length;
		if (*text == '\n') {
			fprintf(out, "\n%*s", text[1] ? (int)indent : 0, "");
			column = indent;
			first = true;
		}
		text += *text != '\0';
	}
	fputc('\n', out);
}

static void print_option(FILE *out, const struct opt *opt)
{
	char name[128], text[768], letter[] = "-x, ";
	size_t width, used;

	letter[1] = opt->letter;
	snprintf(name, sizeof(name), "  %s--%s%s%s", opt->letter ? letter : "    ", opt->name, opt->argument ? " " : "",
		 opt->argument ? opt->argument : "");
	used = (size_t)snprintf(text, sizeof(text), "%s", opt->help);
	for (size_t i = 0; opt->choices && opt->choices[i] && used < sizeof(text); i++)
		used += (size_t)snprintf(text + used, sizeof(text) - used, "%s%s", i ? ", " : ": ", opt->choices[i]);
	width = columns_of(name, strlen(name));
	fputs(name, out);
	if (width + 2 > TEXT_COLUMN)
		fprintf(out, "\n%*s", TEXT_COLUMN, "");
	else
		fprintf(out, "%*s", (int)(TEXT_COLUMN - width), "");
	wrap(out, text, TEXT_COLUMN, TEXT_COLUMN);
}

static void print_group(FILE *out, const struct opt_group *group)
{
	fprintf(out, "\n%s:\n", group->title ? group->title : "Options");
	for (const struct opt *opt = group->opts; opt->name; opt++) {
		if (opt->help)
			print_option(out, opt);
	}
}

/* Lines "command\texplanation". */
static void print_examples(FILE *out, const char *examples)
{
	fputs("\nExamples:\n", out);
	while (*examples) {
		size_t line = strcspn(examples, "\n"), command = strcspn(examples, "\t\n");
		fprintf(out, "  %.*s\n", (int)command, examples);
		if (command < line)
			fprintf(out, "      %.*s\n", (int)(line - command - 1), examples + command + 1);
		examples += line + (examples[line] == '\n');
	}
}

void help_command(const struct cmd *cmd, FILE *out)
{
	fprintf(out, "Usage: heapdelta %s [options]%s%s\n\n", cmd->name, *cmd->arguments ? " " : "", cmd->arguments);
	wrap(out, cmd->summary, 0, 0);
	if (cmd->details) {
		fputc('\n', out);
		wrap(out, cmd->details, 0, 0);
	}
	for (size_t i = 0; i < cmd->group_count; i++)
		print_group(out, &cmd->groups[i]);
	print_group(out, &opts_common_group);
	if (cmd->examples)
		print_examples(out, cmd->examples);
}

void help_options(const struct cmd *const *cmds, FILE *out)
{
	for (; *cmds; cmds++) {
		for (size_t i = 0; i <= (*cmds)->group_count; i++) {
			const struct opt *opt = i < (*cmds)->group_count ? (*cmds)->groups[i].opts : opts_common_group.opts;
			for (; opt->name; opt++)
				fprintf(out, "%s\t%s\t%.1s\n", (*cmds)->name, opt->name, opt->letter ? &opt->letter : "");
		}
	}
}

void help_overview(const struct cmd *const *cmds, FILE *out)
{
	fputs("Usage: heapdelta COMMAND [options] …\n\n", out);
	wrap(out,
	     "Records the stack of every live heap block of a program and compares moments by source line, as Python's tracemalloc "
	     "does. No recompilation, no root.",
	     0, 0);
	fputs("\nCommands:\n", out);
	for (; *cmds; cmds++) {
		fprintf(out, "  %-12s", (*cmds)->name);
		wrap(out, (*cmds)->summary, 14, 14);
	}
	fputs("\nFirst steps:\n"
	      "  heapdelta run ./app       trace a program; prints what is live at its exit\n"
	      "  heapdelta stats           top lines of the newest snapshot here\n"
	      "  heapdelta diff            what changed between the two newest\n"
	      "\n'heapdelta COMMAND --help' tells all about a command, 'heapdelta --version'\n"
	      "the version.\n",
	      out);
}
