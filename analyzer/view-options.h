/* SPDX-License-Identifier: MIT */
/* The options that stats and diff share: what is grouped, which, in what order, how it is printed. */
#ifndef ANALYZER_VIEW_OPTIONS_H
#define ANALYZER_VIEW_OPTIONS_H

#include "ages.h"
#include "cmd.h"
#include "diff.h"
#include "render.h"
#include "stats.h"

struct view_options {
	int key;        /* enum stats_key */
	int metric;     /* enum stats_metric */
	int sort;       /* enum diff_sort; −1: not given */
	int usual_sort; /* without it */
	int attribute;  /* enum attribute */
	int format;     /* enum render_format */
	int color;
	int match; /* enum view_match; −1: not given */
	bool cumulative, full_names, most_recent_first;
	unsigned long long older, newer; /* nanoseconds; AGES_UNSET: any age */
	unsigned long long limit;        /* VIEW_LIMIT_UNSET: by format; 0: all */
	unsigned long long nframe;
	long long traceback_limit;
	struct opt_list filter, exclude, skip, map_path;
	const char *source_root; /* absolute after view_options_resolve */
	const char *output;
	char *owned_root;
};

/* How groups of different builds are matched. */
enum view_match { VIEW_MATCH_AUTO, VIEW_MATCH_EXACT };

#define VIEW_LIMIT_UNSET (~0ull)

extern const struct opt view_opts[];
extern const struct opt view_select_opts[]; /* which blocks count, and whose line they belong to */
extern const struct opt view_format_opts[]; /* only --format, -o and --color, for other commands with reports */
extern const char *const view_key_names[];

void view_options_defaults(struct view_options *options);
/* What no table can check; the limit becomes that of the format.  0 or −1 (misuse). */
int view_options_check(struct view_options *options, struct error *error);
/* Make the source root absolute, without links, because that is what the recorder and git say.  0 or −1 (trouble). */
int view_options_resolve(struct view_options *options, struct error *error);
/* --map-path, --older-than and --newer-than, for a snapshot that was just read.  0 or −1. */
int view_options_apply(const struct view_options *options, struct snapshot *snapshot, struct error *error);
void view_options_release(struct view_options *options);

/* How the options say what a snapshot without them would not: " --filter 'src/a b.c' --metric total", for the command to type next. */
void view_options_hint(const struct view_options *options, struct strbuf *out);

#endif
