/* SPDX-License-Identifier: MIT */
/*
 * Command lines by table: fills a command's option struct from its groups of options (cmd.h).  Long options are never abbreviated;
 * `--name=value`, `--name value`, `-xvalue`, `-x value` and bundled flags `-qv` are understood; `--` ends the options.
 */
#ifndef ANALYZER_OPTS_H
#define ANALYZER_OPTS_H

#include "cmd.h"

/* What every command understands. */
struct opts_common {
	bool help, version, quiet, no_config;
	int verbose;
	const char *log;
};

extern const struct opt_group opts_common_group;

/*
 * Parse a NULL-terminated list of arguments.  Operands are moved to the front of `argv` in their order, NULL-terminated; *operands is
 * their number.  -h and --version end the parsing at once.  Strings are borrowed from argv; lists are owned: opts_release().
 */
enum { OPTS_MISUSE = -1, OPTS_TROUBLE = -2 /* out of memory */ };
int opts_parse(const struct cmd *cmd, void *options, struct opts_common *common, char **argv, int *operands, struct error *error);

/* An option by its long name; NULL: the command has none. */
const struct opt *opts_find(const struct cmd *cmd, const char *name, size_t length);

/* The same as one argument "--name=value", from somewhere else.  Strings are borrowed from it. */
struct opts_setting {
	const char *name; /* `length` bytes, without dashes */
	size_t length;
	const char *value; /* NULL: none */
};
int opts_set(const struct cmd *cmd, void *options, struct opts_common *common, const struct opts_setting *setting, struct error *error);

void opts_release(const struct cmd *cmd, void *options);

#endif
