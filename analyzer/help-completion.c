/* SPDX-License-Identifier: MIT */
/*
 * Completion for bash from the tables: commands, the options of each, the values of choices, files and directories where an option takes
 * one, and for operands what the command's line of usage says: snapshots, traced processes (asked of `ps --names`), a command to run.  One function with a case per command, so that
 * the script needs nothing but bash itself.  Names in the tables are plain words: nothing to quote.
 */
#include "help.h"

#include <string.h>

#include "opts.h"

/* Runs `each` on all options of a command, the common ones included. */
static void for_options(const struct cmd *cmd, FILE *out, void (*each)(FILE *out, const struct opt *opt))
{
	for (size_t i = 0; i <= cmd->group_count; i++) {
		const struct opt *opt = i < cmd->group_count ? cmd->groups[i].opts : opts_common_group.opts;
		for (; opt->name; opt++) {
			if (opt->help)
				each(out, opt);
		}
	}
}

static void put_name(FILE *out, const struct opt *opt)
{
	fprintf(out, " --%s", opt->name);
}

/* What takes a value, in all the ways it is typed. */
static void put_taker(FILE *out, const struct opt *opt)
{
	if (!opt->argument)
		return;
	fprintf(out, " --%s", opt->name);
	if (opt->letter)
		fprintf(out, " -%c", opt->letter);
}

/* One option's values: those of a choice, files, directories, or nothing that could be listed. */
static void put_values(FILE *out, const struct opt *opt)
{
	if (!opt->argument)
		return;
	fputs("\t\t", out);
	if (opt->letter)
		fprintf(out, "-%c | ", opt->letter);
	fprintf(out, "--%s) ", opt->name);
	if (opt->choices) {
		fputs("words='", out);
		for (size_t i = 0; opt->choices[i]; i++)
			fprintf(out, "%s%s", i ? " " : "", opt->choices[i]);
		fputs("' kind=words ;;\n", out);
	} else if (strcmp(opt->argument, "DIR") == 0) {
		fputs("kind=directories ;;\n", out);
	} else if (strcmp(opt->argument, "FILE") == 0 || strcmp(opt->name, "output") == 0) {
		fputs("kind=files ;;\n", out);
	} else {
		fputs("kind=none ;;\n", out);
	}
}

static const char *kind_of_operands(const struct cmd *cmd)
{
	if (cmd->operands_end_options)
		return "programs";
	if (strstr(cmd->arguments, "SNAP") || strstr(cmd->arguments, "OLD"))
		return "snapshots";
	if (strstr(cmd->arguments, "COMMAND"))
		return "programs";
	return strstr(cmd->arguments, "PID") ? "processes" : "files";
}

static void put_command(FILE *out, const struct cmd *cmd)
{
	fprintf(out, "\t%s)\n\t\toptions='", cmd->name);
	for_options(cmd, out, put_name);
	fputs("'\n\t\ttakers='", out);
	for_options(cmd, out, put_taker);
	fprintf(out, " '\n\t\toperands=%s\n\t\tcase $previous in\n", kind_of_operands(cmd));
	for_options(cmd, out, put_values);
	fputs("\t\tesac\n\t\t;;\n", out);
}

/* The functions around the tables. */
static const char prologue[] = "# bash completion for heapdelta; generated from its tables of options\n"
			       "\n"
			       "# PIDs and names of traced processes.\n"
			       "_heapdelta_processes()\n"
			       "{\n"
			       "\tlocal name\n"
			       "\twhile IFS= read -r name; do\n"
			       "\t\t[[ $name == \"$1\"* ]] && COMPREPLY+=(\"$name\")\n"
			       "\tdone < <(\"${COMP_WORDS[0]}\" ps --names 2>/dev/null | sort -u)\n"
			       "}\n"
			       "\n"
			       "# Files that may be snapshots, directories and processes; if there is none, any file.\n"
			       "_heapdelta_snapshots()\n"
			       "{\n"
			       "\tlocal name\n"
			       "\twhile IFS= read -r name; do\n"
			       "\t\tcase $name in\n"
			       "\t\t*.hds | *.hdt | *.json) COMPREPLY+=(\"$name\") ;;\n"
			       "\t\t*) [[ -d $name ]] && COMPREPLY+=(\"$name\") ;;\n"
			       "\t\tesac\n"
			       "\tdone < <(compgen -f -- \"$1\")\n"
			       "\t_heapdelta_processes \"$1\"\n"
			       "\t[[ ${#COMPREPLY[@]} -gt 0 ]] || _heapdelta_list \"$1\" -f\n"
			       "}\n"
			       "\n"
			       "# The words that compgen makes of its options.\n"
			       "_heapdelta_list()\n"
			       "{\n"
			       "\tlocal name current=$1\n"
			       "\tshift\n"
			       "\twhile IFS= read -r name; do\n"
			       "\t\tCOMPREPLY+=(\"$name\")\n"
			       "\tdone < <(compgen \"$@\" -- \"$current\")\n"
			       "}\n"
			       "\n"
			       "# Is there an operand between the command and the word at hand?\n"
			       "_heapdelta_has_operand()\n"
			       "{\n"
			       "\tlocal at\n"
			       "\tfor ((at = 2; at < COMP_CWORD; at++)); do\n"
			       "\t\tcase ${COMP_WORDS[at]} in\n"
			       "\t\t--) return 0 ;;\n"
			       "\t\t-*) [[ $1 == *\" ${COMP_WORDS[at]} \"* ]] && ((at++)) && [[ ${COMP_WORDS[at]} == = ]] && ((at++)) ;;\n"
			       "\t\t*) return 0 ;;\n"
			       "\t\tesac\n"
			       "\tdone\n"
			       "\treturn 1\n"
			       "}\n"
			       "\n"
			       "_heapdelta()\n"
			       "{\n"
			       "\tlocal current=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD - 1]} words='' options='' "
			       "takers='' operands=files kind=''\n"
			       "\tCOMPREPLY=()\n"
			       "\t# --option=value is three words to bash.\n"
			       "\t[[ $current == = ]] && current=''\n"
			       "\t[[ $previous == = && $COMP_CWORD -gt 2 ]] && previous=${COMP_WORDS[COMP_CWORD - 2]}\n"
			       "\tif ((COMP_CWORD == 1)); then\n"
			       "\t\t_heapdelta_list \"$current\" -W '--help --version help";

static const char epilogue[] =
	"\tesac\n"
	"\tif [[ -z $kind ]]; then\n"
	"\t\tkind=$operands\n"
	"\t\tif [[ $operands == programs ]] && _heapdelta_has_operand \"$takers\"; then\n"
	"\t\t\tkind=files\n"
	"\t\telif [[ $current == -* ]]; then\n"
	"\t\t\twords=$options kind=words\n"
	"\t\tfi\n"
	"\tfi\n"
	"\tcase $kind in\n"
	"\twords) _heapdelta_list \"$current\" -W \"$words\" ;;\n"
	"\tsnapshots) _heapdelta_snapshots \"$current\" ;;\n"
	"\tprocesses) _heapdelta_processes \"$current\" ;;\n"
	"\tdirectories) _heapdelta_list \"$current\" -d ;;\n"
	"\tprograms) if [[ $current == */* ]]; then _heapdelta_list \"$current\" -f; else _heapdelta_list \"$current\" -c; fi ;;\n"
	"\tfiles) _heapdelta_list \"$current\" -f ;;\n"
	"\tesac\n"
	"}\n"
	"complete -o filenames -F _heapdelta heapdelta\n";

void help_completion(const struct cmd *const *cmds, FILE *out)
{
	fputs(prologue, out);
	for (size_t i = 0; cmds[i]; i++)
		fprintf(out, " %s", cmds[i]->name);
	fputs("'\n\t\treturn\n\tfi\n\tcase ${COMP_WORDS[1]} in\n\thelp)\n\t\tkind=words words='", out);
	for (size_t i = 0; cmds[i]; i++)
		fprintf(out, "%s%s", i ? " " : "", cmds[i]->name);
	fputs("'\n\t\t;;\n", out);
	for (size_t i = 0; cmds[i]; i++)
		put_command(out, cmds[i]);
	fputs(epilogue, out);
}
