/* SPDX-License-Identifier: MIT */
/*
 * The only place that turns statistics, comparisons and a snapshot's information into reports.
 */
#ifndef ANALYZER_VIEW_H
#define ANALYZER_VIEW_H

#include "load.h"
#include "report.h"
#include "view-options.h"

/* Everything is borrowed until the report is released. */
struct view_request {
	const char *command; /* "stats": for the command to type next; NULL: none is suggested */
	const struct view_options *options;
	const struct load *load;          /* for what was asked for and what is missing; NULL: unknown */
	const struct snapshot *snapshots; /* oldest first, one intern */
	size_t count;
	char *const *operands; /* as the user typed them, NULL-terminated; NULL: none */
};

/* statistics() of snapshots[0]. */
int view_stats(struct report *report, const struct view_request *request, struct error *error);

/* compare_to() of the last with the first; more than two are a series. */
int view_diff(struct report *report, const struct view_request *request, struct error *error);

/* What snapshots[0] is of, its totals and losses, modules, threads and processes. */
int view_info(struct report *report, const struct view_request *request, struct error *error);

/*
 * The middle of run's summary: "[ Top 3 live at exit by lineno ]", the rows, the line that counts the rest.  `source_root` NULL: the
 * snapshot's.  Print it with render() and RENDER_TEXT.
 */
int view_summary(struct report *report, const struct snapshot *snapshot, const char *source_root, size_t limit, struct error *error);

#endif
