/* SPDX-License-Identifier: MIT */
/*
 * heapdelta(1) from the tables of commands and options, in man(7) markup.  Text is escaped: a backslash, a leading dot or quote and hyphens
 * must not reach troff as they are, and characters beyond ASCII become \[uXXXX] so that the page does not depend on its encoding.
 */
#include "help.h"

#include <stdint.h>
#include <string.h>

#include "opts.h"

/* One code point of well-formed UTF-8; returns its bytes. */
static size_t decode(const char *text, uint32_t *code)
{
	unsigned char first = (unsigned char)text[0];
	size_t length = first < 0x80 ? 1 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;

	*code = length == 1 ? first : first & (0x7fu >> length);
	for (size_t i = 1; i < length; i++)
		*code = *code << 6 | ((unsigned char)text[i] & 0x3f);
	return length;
}

static void put_text(FILE *out, const char *text, size_t length)
{
	for (size_t i = 0; i < length;) {
		uint32_t code;
		if ((i == 0 || text[i - 1] == '\n') && (text[i] == '.' || text[i] == '\''))
			fputs("\\&", out);
		i += decode(text + i, &code);
		if (code == '\\')
			fputs("\\e", out);
		else if (code == '-')
			fputs("\\-", out);
		else if (code >= 0x80)
			fprintf(out, "\\[u%04X]", (unsigned)code);
		else
			fputc((int)code, out);
	}
}

static void put(FILE *out, const char *text)
{
	put_text(out, text, strlen(text));
}

static void put_option(FILE *out, const struct opt *opt)
{
	fputs(".TP\n", out);
	if (opt->letter)
		fprintf(out, "\\fB\\-%c\\fR, ", opt->letter);
	fputs("\\fB\\-\\-", out);
	put(out, opt->name);
	fputs("\\fR", out);
	if (opt->argument) {
		fputs(" \\fI", out);
		put(out, opt->argument);
		fputs("\\fR", out);
	}
	fputc('\n', out);
	put(out, opt->help);
	for (size_t i = 0; opt->choices && opt->choices[i]; i++) {
		fputs(i ? ", " : ": ", out);
		put(out, opt->choices[i]);
	}
	fputc('\n', out);
}

static void put_group(FILE *out, const struct opt_group *group)
{
	if (group->title) {
		fputs(".PP\n", out);
		put(out, group->title);
		fputs(":\n", out);
	}
	for (const struct opt *opt = group->opts; opt->name; opt++) {
		if (opt->help)
			put_option(out, opt);
	}
}

/* Paragraphs: a newline in the text starts one. */
static void put_paragraphs(FILE *out, const char *text)
{
	while (*text) {
		size_t length = strcspn(text, "\n");
		if (length) {
			fputs(".PP\n", out);
			put_text(out, text, length);
			fputc('\n', out);
		}
		text += length + (text[length] == '\n');
	}
}

static void put_examples(FILE *out, const char *examples)
{
	while (*examples) {
		size_t line = strcspn(examples, "\n"), command = strcspn(examples, "\t\n");
		fputs(".TP\n\\fB", out);
		put_text(out, examples, command);
		fputs("\\fR\n", out);
		if (command < line)
			put_text(out, examples + command + 1, line - command - 1);
		fputc('\n', out);
		examples += line + (examples[line] == '\n');
	}
}

static void put_command(FILE *out, const struct cmd *cmd)
{
	fputs(".SS heapdelta ", out);
	put(out, cmd->name);
	fputs(" [options] ", out);
	put(out, cmd->arguments);
	fputc('\n', out);
	put(out, cmd->summary);
	fputc('\n', out);
	if (cmd->details)
		put_paragraphs(out, cmd->details);
	for (size_t i = 0; i < cmd->group_count; i++)
		put_group(out, &cmd->groups[i]);
}

static void put_section(FILE *out, const char *title, const char *text)
{
	fprintf(out, ".SH %s\n", title);
	put_paragraphs(out, text);
}

void help_man(const struct cmd *const *cmds, FILE *out)
{
	fputs(".TH HEAPDELTA 1 \"\" \"heapdelta " HEAPDELTA_VERSION "\" \"User Commands\"\n.SH NAME\n"
	      "heapdelta \\- trace heap blocks and compare snapshots by source line\n"
	      ".SH SYNOPSIS\n.B heapdelta\n\\fICOMMAND\\fR [\\fIoptions\\fR] [\\fIargument\\fR ...]\n",
	      out);
	put_section(
		out, "DESCRIPTION",
		"A preloaded library records the full call stack of every live heap block of a program; the command turns what it recorded "
		"into snapshots and compares them by source line with the semantics of Python's tracemalloc. The program needs no "
		"recompilation; neither root nor ptrace is used.\n"
		"A snapshot argument is a snapshot file, a trace file, the directory of a run, interchange JSON, or - for standard input. "
		"Without one the newest run in the current directory is taken, by diff the two newest.");
	fputs(".SH COMMANDS\n", out);
	for (size_t i = 0; cmds[i]; i++)
		put_command(out, cmds[i]);
	fputs(".SH COMMON OPTIONS\n", out);
	for (const struct opt *opt = opts_common_group.opts; opt->name; opt++)
		put_option(out, opt);
	put_section(out, "EXIT STATUS",
		    "run: the command's own status (128+N when it was killed by signal N); 127 not found, 126 not executable, 125 trouble "
		    "before "
		    "the start.\nOther commands: 0 success, 2 usage or trouble, 3 nothing traced.");
	put_section(
		out, "ENVIRONMENT",
		"NO_COLOR, TERM=dumb: no colours. TMPDIR: where files go if the current directory cannot be written. DEBUGINFOD_URLS: the "
		"servers that --debuginfod asks.");
	fputs(".SH EXAMPLES\n", out);
	for (size_t i = 0; cmds[i]; i++) {
		if (cmds[i]->examples)
			put_examples(out, cmds[i]->examples);
	}
	fputs(".SH SEE ALSO\n.BR malloc (3),\n.BR ld.so (8)\n", out);
}
