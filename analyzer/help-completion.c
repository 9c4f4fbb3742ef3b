/* SPDX-License-Identifier: MIT */
/*
 * Completion for bash from the tables: commands, the options of each, the values of choices, files elsewhere.  One function with two
 * nested case statements, so that the script needs nothing but bash itself.  Names in the tables are plain words: nothing to quote.
 */
#include "help.h"

#include "opts.h"

static void put_names(FILE *out, const struct opt_group *group)
{
	for (const struct opt *opt = group->opts; opt->name; opt++) {
		if (opt->help)
			fprintf(out, " --%s", opt->name);
	}
}

static void put_choices(FILE *out, const struct opt_group *group)
{
	for (const struct opt *opt = group->opts; opt->name; opt++) {
		if (!opt->choices)
			continue;
		fputs("\t\t", out);
		if (opt->letter)
			fprintf(out, "-%c | ", opt->letter);
		fprintf(out, "--%s) words='", opt->name);
		for (size_t i = 0; opt->choices[i]; i++)
			fprintf(out, "%s%s", i ? " " : "", opt->choices[i]);
		fputs("' ;;\n", out);
	}
}

static void put_command(FILE *out, const struct cmd *cmd)
{
	fprintf(out, "\t%s)\n\t\tcase $previous in\n", cmd->name);
	for (size_t i = 0; i < cmd->group_count; i++)
		put_choices(out, &cmd->groups[i]);
	fputs("\t\t*) [[ $current == -* ]] && words='", out);
	for (size_t i = 0; i < cmd->group_count; i++)
		put_names(out, &cmd->groups[i]);
	put_names(out, &opts_common_group);
	fputs("' ;;\n\t\tesac\n\t\t;;\n", out);
}

void help_completion(const struct cmd *const *cmds, FILE *out)
{
	fputs("# bash completion for heapdelta; generated from its tables of options\n"
	      "_heapdelta()\n{\n"
	      "\tlocal current=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD - 1]} words=\n"
	      "\tif ((COMP_CWORD == 1)); then\n\t\twords='--help --version",
	      out);
	for (size_t i = 0; cmds[i]; i++)
		fprintf(out, " %s", cmds[i]->name);
	fputs("'\n\tfi\n\tcase ${COMP_WORDS[1]} in\n", out);
	for (size_t i = 0; cmds[i]; i++)
		put_command(out, cmds[i]);
	fputs("\tesac\n"
	      "\tif [[ -n $words ]]; then\n\t\tmapfile -t COMPREPLY < <(compgen -W \"$words\" -- \"$current\")\n"
	      "\telse\n\t\tmapfile -t COMPREPLY < <(compgen -f -- \"$current\")\n\tfi\n}\n"
	      "complete -o filenames -F _heapdelta heapdelta\n",
	      out);
}
