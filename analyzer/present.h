/* SPDX-License-Identifier: MIT */
/* The last step of every command that shows something: notes to stderr, the report in its format to -o or standard output. */
#ifndef ANALYZER_PRESENT_H
#define ANALYZER_PRESENT_H

#include "load.h"
#include "report.h"
#include "view-options.h"

/* Exit status; says what went wrong. */
int present(const struct report *report, const struct view_options *options);

/* With -v: what was read, and which modules have no lines for which reason. */
void present_details(const struct load *load, const struct snapshot *snapshots, size_t count);

/* Misuse or trouble while the options of a view are looked at: 0, or the status to end with. */
int present_check(const struct cmd *cmd, struct view_options *options);

#endif
