/* SPDX-License-Identifier: MIT */
/*
 * heapdelta(1) and a page per command, heapdelta-diff(1), from the tables of commands and options, in man(7) markup.  Text is escaped: a backslash, a leading dot or quote and hyphens
 * must not reach troff as they are, and characters beyond ASCII become \[uXXXX] so that the page does not depend on its encoding.
 */
#include "help.h"

#include <ctype.h>
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

static void put_section(FILE *out, const char *title, const char *text)
{
	fprintf(out, ".SH %s\n", title);
	put_paragraphs(out, text);
}

static void put_title(FILE *out, const char *name)
{
	fputs(".TH HEAPDELTA", out);
	for (size_t i = 0; i < strlen(name); i++)
		fputc(i ? toupper((unsigned char)name[i]) : '-', out);
	fputs(" 1 \"\" \"heapdelta " HEAPDELTA_VERSION "\" \"User Commands\"\n.SH NAME\nheapdelta", out);
	put(out, name);
	fputs(" \\- ", out);
}

/* ---- A command's page ---- */

static void put_exit_status(FILE *out, const struct cmd *cmd)
{
	if (cmd->usage_status == STATUS_CANNOT_START)
		put_section(
			out, "EXIT STATUS",
			"The command's own, 128+N when it was killed by signal N; 127 if it was not found, 126 if it cannot be executed, "
			"125 for any other trouble before its start.");
	else
		put_section(out, "EXIT STATUS", "0, or 2 after misuse or trouble, or 3 if nothing was traced.");
}

void help_man_command(const struct cmd *cmd, FILE *out)
{
	char name[32];

	snprintf(name, sizeof(name), "-%s", cmd->name);
	put_title(out, name);
	put(out, cmd->summary);
	fputs("\n.SH SYNOPSIS\n.B heapdelta ", out);
	put(out, cmd->name);
	fputs("\n[\\fIoptions\\fR] ", out);
	put(out, cmd->arguments);
	fputs("\n.SH DESCRIPTION\n", out);
	put_paragraphs(out, cmd->details ? cmd->details : cmd->summary);
	fputs(".SH OPTIONS\n", out);
	for (size_t i = 0; i < cmd->group_count; i++)
		put_group(out, &cmd->groups[i]);
	put_group(out, &opts_common_group);
	put_exit_status(out, cmd);
	if (cmd->examples) {
		fputs(".SH EXAMPLES\n", out);
		put_examples(out, cmd->examples);
	}
	fputs(".SH SEE ALSO\n.BR heapdelta (1)\n", out);
}

/* ---- The page of all ---- */

static void put_commands(const struct cmd *const *cmds, FILE *out)
{
	fputs(".SH COMMANDS\n", out);
	for (; *cmds; cmds++) {
		fputs(".TP\n\\fBheapdelta\\-", out);
		put(out, (*cmds)->name);
		fputs("\\fR(1)\n", out);
		put(out, (*cmds)->summary);
		fputc('\n', out);
	}
}

static const char description[] =
	"A preloaded library records the full call stack of every live heap block of a program; the command turns what it recorded "
	"into snapshots and compares them by source line with the semantics of Python's tracemalloc. The program needs no "
	"recompilation; neither root nor ptrace is used.\n"
	"A snapshot argument is a snapshot file, a trace file, the directory of a run, interchange JSON, or - for standard input. "
	"Without one the newest run in the current directory is taken, by diff the two newest.\n"
	"Long options are never abbreviated. Sizes may end in K, M, G (or KiB, MiB, GiB), powers of 1024; times in s, m, h. Messages "
	"go to "
	"standard error, results to standard output.";

static const char filters[] =
	"--filter SPEC and --exclude SPEC choose the blocks that count: those that one of the filters matches, if there are any, and no "
	"exclusion does. SPEC is [file:|base:|func:|module:|thread:|process:]PATTERN[:LINE][@all-frames][@domain=N].\n"
	"A PATTERN is matched with the whole name of the file of the line that a block belongs to, below the source root or absolute; "
	"base: "
	"with its last component; func: with the function, with or without return type and parameters; module: with the library or "
	"program, its path or its last component; thread: with the function in which the thread began; process: with the PID, the "
	"program's name or the whole command.\n"
	"In it * stands for any characters, also /, ? for one, [abc] and [a-z] for one of a set, [!abc] for one outside of it; nothing "
	"escapes, but "
	"a[:]42 is a file whose name ends in :42. LINE is digits only, for file:, base: and func:. @all-frames looks at every frame of a "
	"stack, @domain=N at blocks of that domain only.\n"
	"A filter that matches nothing is no error: the result is empty, the status 0, and a note on standard error names what is close.";

static const char scripting[] = "--format json, csv and lines print all rows, and -q leaves errors only; a closed pipe ends heapdelta "
				"silently. JSON has sizes as integers, "
				"frames innermost first, and in new.lost_events (info: totals.lost_events) what the recording has missed: "
				"0 means that the numbers are "
				"complete.";

static const char configuration[] =
	".heapdeltarc at the top of the source tree (the git work tree around the current directory, or --source-root) and "
	"$XDG_CONFIG_HOME/heapdelta (default ~/.config/heapdelta) hold one long option per line; the rest of the line is its value, "
	"without quotes; # "
	"begins a comment line.\n"
	"The own file applies first, then that of the tree, then the command line; the last one wins, and repeatable options add up. What "
	"only "
	"other commands understand is passed over. A file counts if it belongs to you or root and nobody else can write to it. Because a "
	"source "
	"tree may have come from anywhere, its file may only say how to look at things: --output, --log, --debuginfod, --debug-dir and "
	"whatever else "
	"writes, removes, asks another machine or reads other files is ignored there, with a note. -v shows what applies, --no-config "
	"reads "
	"none of them.";

void help_man(const struct cmd *const *cmds, FILE *out)
{
	put_title(out, "");
	fputs("trace heap blocks and compare snapshots by source line\n"
	      ".SH SYNOPSIS\n.B heapdelta\n\\fICOMMAND\\fR [\\fIoptions\\fR] [\\fIargument\\fR ...]\n",
	      out);
	put_section(out, "DESCRIPTION", description);
	put_commands(cmds, out);
	fputs(".SH OPTIONS\nEvery command understands these:\n", out);
	for (const struct opt *opt = opts_common_group.opts; opt->name; opt++)
		put_option(out, opt);
	put_section(out, "FILTERS", filters);
	put_section(out, "SCRIPTING", scripting);
	put_section(out, "CONFIGURATION", configuration);
	put_section(out, "EXIT STATUS",
		    "run: the command's own status (128+N when it was killed by signal N); 127 not found, 126 not executable, 125 trouble "
		    "before "
		    "the start.\nOther commands: 0 success, 2 usage or trouble, 3 nothing traced.");
	put_section(
		out, "ENVIRONMENT",
		"NO_COLOR, TERM=dumb: no colours. TMPDIR: where files go if the current directory cannot be written. DEBUGINFOD_URLS: the "
		"servers that --debuginfod asks. XDG_CONFIG_HOME: see CONFIGURATION.");
	fputs(".SH SEE ALSO\n", out);
	for (size_t i = 0; cmds[i]; i++) {
		fputs(".BR heapdelta\\-", out);
		put(out, cmds[i]->name);
		fputs(" (1),\n", out);
	}
	fputs(".BR malloc (3),\n.BR ld.so (8)\n", out);
}
