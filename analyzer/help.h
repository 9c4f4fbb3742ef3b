/* SPDX-License-Identifier: MIT */
/*
 * Everything that is said about the commands, from their tables: --help, the manual page, shell completion.
 *
 * `heapdelta help --man` prints the page heapdelta(1), `heapdelta help --man COMMAND` heapdelta-COMMAND(1), and `heapdelta help --bash-completion` the completion script for bash; both are meant
 * for the build and are not listed in the help.
 */
#ifndef ANALYZER_HELP_H
#define ANALYZER_HELP_H

#include <stdio.h>

#include "cmd.h"

/* `cmds` is NULL-terminated.  Nothing can fail but the stream: the caller checks it. */
void help_overview(const struct cmd *const *cmds, FILE *out);
void help_command(const struct cmd *cmd, FILE *out);
void help_options(const struct cmd *const *cmds, FILE *out); /* "command<tab>option<tab>letter", for tests */
void help_man(const struct cmd *const *cmds, FILE *out);
void help_man_command(const struct cmd *cmd, FILE *out);
void help_completion(const struct cmd *const *cmds, FILE *out);

#endif
