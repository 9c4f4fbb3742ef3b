/* SPDX-License-Identifier: MIT */
/* What a report of groups stands on while it is printed: the statistics, their comparison, the rows chosen.  Shared by view*.c only. */
#ifndef ANALYZER_VIEW_DATA_H
#define ANALYZER_VIEW_DATA_H

#include "diff.h"
#include "load.h"
#include "report.h"
#include "source.h"
#include "stats.h"
#include "view-options.h"

/* The numbers of a row or of all rows. */
struct view_numbers {
	wide size, size_diff, count, count_diff;
	int64_t error;                        /* of size; of a comparison: of size_diff.  0: exact */
	const report_integer *sizes, *counts; /* of a series */
	const char *mark;                     /* "new", "gone", "moved"; NULL: none, or no row */
};

/* Groups that a text does not show one by one. */
struct view_rest {
	size_t groups;
	size_t grew, shrank, same;
	wide size, count, size_diff, count_diff;
	double variance;    /* of size; of a comparison: of size_diff */
	wide grown, shrunk; /* bytes */
};

struct view {
	struct view_options options; /* copy; lists are borrowed */
	const struct snapshot *snapshots;
	size_t count;        /* 1: statistics, 2: comparison, more: series */
	const char **roots;  /* source root per snapshot, NULL: unknown */
	struct keys *keys;   /* of all stats */
	struct stats *stats; /* per snapshot */
	struct match match;  /* count > 1; empty: groups with equal keys are the same */
	struct diff diff;    /* count > 1 */
	struct filters filters;
	struct source *source;
	size_t *shown; /* indices of groups (count 1) or rows of the diff */
	size_t shown_count;
	struct view_rest rest, one_time;
	uint64_t lost;
	uint64_t distance;                          /* of samples, the largest; 0: all is exact */
	report_integer *sizes, *counts;             /* of the row being made */
	report_integer *total_sizes, *total_counts; /* of all */
	struct cell *totals;
	struct strbuf was;    /* where the row being made was in the first snapshot; empty: where it is, or nowhere */
	struct frames frames; /* of the row being made */
};

static inline bool view_is_diff(const struct view *view)
{
	return view->count > 1;
}

static inline size_t view_group_count(const struct view *view)
{
	return view_is_diff(view) ? view->diff.count : view->stats[0].count;
}

/* The group of a row: the newest there is. */
static inline const struct group *view_group(const struct view *view, size_t index)
{
	return view_is_diff(view) ? view->diff.rows[index].any : &view->stats[0].groups[index];
}

/* view-rows.c: the table of groups.  0 or −1. */
int view_table(struct report_table *table, struct view *view, struct error *error);
struct view_numbers view_totals(const struct view *view);
/* Of a group, by its index: its size, or its difference in a comparison. */
double view_variance(const struct view *view, size_t index);
/* The place of a frame as it is shown in text: "src/a.c:10", "libfoo.so.3+0x1c40". */
void view_place(struct strbuf *out, const char *file, uint32_t line);

/* view-hint.c: what helps when lines are missing, in the footer. */
void view_hint(struct report *report, const struct view *view, const struct load *load);

/* view-names.c: what the lines of a group have called, "via xmalloc", or nothing. */
void view_via(struct strbuf *out, const struct view *view, const struct stats *stats, const struct group *group);
/* A frame's file; for people "node(v8::Isolate::New+0x17)" without the function's parameters.  Borrowed. */
const char *view_file(const struct view *view, const struct frame *frame);

/* view-prose.c: heading, header and footer lines, notes; `command` and `operands` as in struct view_request. */
const char *view_title(struct report *report, const struct view *view);
void view_header(struct report *report, const struct view *view);
void view_footer(struct report *report, const struct view *view, const struct load *load);
void view_summary_footer(struct report *report, const struct view *view);
void view_notes(struct report *report, const struct view *view);
void view_snapshot_line(struct strbuf *out, const struct snapshot *snapshot);
const char *view_next(struct report *report, const char *command, char *const *operands, const char *options);

/* view-next.c: why there is no row, as a line of the footer; what to type next, NULL: nothing works (standard input is gone). */
struct view_typed {
	const char *command;
	char *const *operands;
	const struct load *load;
};
void view_empty(struct report *report, const struct view *view);
const char *view_next_after(struct report *report, struct view *view, const struct view_typed *typed);

#endif
