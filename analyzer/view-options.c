/* SPDX-License-Identifier: MIT */
/*
 * The table of view options.  Comes in: what the parser found; goes out: checked options, and the same options as text for hints.
 */
#include "view-options.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "map-path.h"

const char *const view_key_names[] = {"lineno", "filename", "function", "module", "traceback", "thread", "process", NULL};
static const char *const metric_names[] = {"live", "total", "temporary", "peak", NULL};
static const char *const sort_names[] = {"diff", "growth", "size", "count", "count-growth", NULL};
static const char *const attribute_names[] = {"mine", "library", "raw", NULL};
static const char *const match_names[] = {"auto", "exact", NULL};

#define AT(member) offsetof(struct view_options, member)

const struct opt view_opts[] = {
	{"key", 'k', OPT_CHOICE | OPT_TREE, AT(key), "KEY", "what to group by (default lineno)", view_key_names},
	{"cumulative", 0, OPT_FLAG | OPT_TREE, AT(cumulative), NULL,
	 "credit every frame of a stack, not only the innermost; recursion counts each time", NULL},
	{"limit", 'n', OPT_NUMBER | OPT_TREE, AT(limit), "N", "show N groups, 0 for all (default 10 for text and markdown, else all)",
	 NULL},
	{"nframe", 0, OPT_NUMBER | OPT_TREE, AT(nframe), "N", "keep the N innermost frames of each stack, 0 for all (default)", NULL},
	{"metric", 0, OPT_CHOICE | OPT_TREE, AT(metric), "WHAT",
	 "blocks that live now (default), all ever allocated, those freed before the thread's next "
	 "allocation, or those that lived at the peak",
	 metric_names},
	{"sort", 's', OPT_CHOICE | OPT_TREE, AT(sort), "ORDER",
	 "what comes first; diff is the size of the difference whatever its sign (default of diff), growth what grew most; one snapshot "
	 "has grown from nothing",
	 sort_names},
	{"match", 0, OPT_CHOICE | OPT_TREE, AT(match), "HOW",
	 "code of different builds: auto matches it by function and text (default for text, json and markdown), exact by file and line; "
	 "lines and interchange JSON are always exact",
	 match_names},
	{"full-names", 0, OPT_FLAG | OPT_TREE, AT(full_names), NULL, "do not shorten names in text", NULL},
	{"traceback-limit", 0, OPT_INTEGER | OPT_TREE, AT(traceback_limit), "N",
	 "with --format traceback: only the N most recent frames, or all but the |N| most recent "
	 "if N is negative",
	 NULL},
	{"most-recent-first", 0, OPT_FLAG | OPT_TREE, AT(most_recent_first), NULL, "with --format traceback: innermost frame first", NULL},
	{0},
};

const struct opt view_select_opts[] = {
	{"filter", 0, OPT_LIST | OPT_TREE, AT(filter), "SPEC",
	 "only blocks that match; SPEC is PATTERN[:LINE][@all-frames][@domain=N], a shell pattern for the whole name of the file, or "
	 "behind one of the prefixes base: (its last component), func:, module:, thread:, process: of that; may be repeated",
	 NULL},
	{"exclude", 0, OPT_LIST | OPT_TREE, AT(exclude), "SPEC", "no blocks that match; may be repeated", NULL},
	{"older-than", 0, OPT_TIME, AT(older), "TIME",
	 "only blocks that are as old as that (90s, 30m, 2h, 1d; a plain number is seconds); ages are known to 1/32 of themselves", NULL},
	{"newer-than", 0, OPT_TIME, AT(newer), "TIME", "only blocks that are not as old as that; together: in between", NULL},
	{"attribute", 0, OPT_CHOICE | OPT_TREE, AT(attribute), "WHOSE",
	 "which frame a block belongs to: the innermost of your sources (default), the innermost outside "
	 "of runtimes and wrappers, or the raw caller",
	 attribute_names},
	{"skip", 0, OPT_LIST | OPT_TREE, AT(skip), "PATTERN",
	 "files or functions that are never the owner, such as 'third_party/*' or my_alloc; 'none' is the same as "
	 "--attribute raw; may be repeated",
	 NULL},
	{"source-root", 0, OPT_STRING, AT(source_root), "DIR",
	 "where your sources are (default: the git work tree that the program ran in)", NULL},
	{"map-path", 0, OPT_LIST | OPT_TREE, AT(map_path), "FROM=TO",
	 "the file or directory FROM is TO now; absolute or relative to the source root of each snapshot; may be repeated", NULL},
	{0},
};

const struct opt view_format_opts[] = {
	{"format", 0, OPT_CHOICE | OPT_TREE, AT(format), "FORMAT", "how to print (default text)", render_names},
	{"output", 'o', OPT_STRING, AT(output), "FILE", "write to FILE; it appears complete or not at all", NULL},
	{"color", 0, OPT_CHOICE | OPT_TREE, AT(color), "WHEN", "colours in text (default auto: on a terminal, unless NO_COLOR is set)",
	 render_color_names},
	{0},
};

void view_options_defaults(struct view_options *options)
{
	options->sort = -1;
	options->match = -1;
	options->limit = VIEW_LIMIT_UNSET;
	options->traceback_limit = LLONG_MAX;
	options->older = options->newer = AGES_UNSET;
}

static int check_cumulative(const struct view_options *options, struct error *error)
{
	switch ((enum stats_key)options->key) {
	case KEY_TRACEBACK:
	case KEY_THREAD:
	case KEY_PROCESS:
		return error_set(error, "cumulative mode cannot be used with key '%s'", view_key_names[options->key]);
	default:
		return 0;
	}
}

int view_options_check(struct view_options *options, struct error *error)
{
	for (size_t i = 0; i < options->skip.count; i++) {
		if (strcmp(options->skip.items[i], "none") == 0)
			options->attribute = ATTRIBUTE_RAW;
	}
	for (size_t i = 0; i < options->map_path.count; i++) {
		if (map_path_check(options->map_path.items[i], error) < 0)
			return -1;
	}
	if (options->nframe > UINT32_MAX)
		return error_set(error, "option '--nframe' needs a number below 4294967296");
	if (options->cumulative && check_cumulative(options, error) < 0)
		return -1;
	if (options->metric != METRIC_LIVE && (options->older != AGES_UNSET || options->newer != AGES_UNSET))
		return error_set(error, "only blocks that live have an age, not those of metric '%s'", metric_names[options->metric]);
	if (options->limit == VIEW_LIMIT_UNSET)
		options->limit = render_is_prose((enum render_format)options->format) ? 10 : 0;
	return 0;
}

int view_options_resolve(struct view_options *options, struct error *error)
{
	if (!options->source_root)
		return 0;
	options->owned_root = realpath(options->source_root, NULL);
	if (!options->owned_root)
		return error_set(error, "cannot use source root '%s': %s", options->source_root, strerror(errno));
	options->source_root = options->owned_root;
	return 0;
}

int view_options_apply(const struct view_options *options, struct snapshot *snapshot, struct error *error)
{
	const char *root = options->source_root ? options->source_root : snapshot->info.source_root;

	if (ages_select(snapshot, options->older, options->newer, error) < 0)
		return -1;
	return map_path_apply(snapshot, root[0] ? root : NULL, options->map_path.items, error);
}

void view_options_release(struct view_options *options)
{
	free(options->owned_root);
}

static void hint_list(struct strbuf *out, const char *option, const struct opt_list *list)
{
	for (size_t i = 0; i < list->count; i++) {
		strbuf_printf(out, " --%s ", option);
		cmd_quote(out, list->items[i]);
	}
}

static void hint_age(struct strbuf *out, const char *option, unsigned long long nanoseconds)
{
	if (nanoseconds == AGES_UNSET)
		return;
	const unsigned long long second = 1000000000;
	unsigned long long seconds = nanoseconds / second;
	strbuf_printf(out, " --%s ", option);
	if (nanoseconds % second)
		strbuf_printf(out, "%llu.%09llus", seconds, nanoseconds % second);
	else if (seconds && seconds % 86400 == 0)
		strbuf_printf(out, "%llud", seconds / 86400);
	else if (seconds && seconds % 3600 == 0)
		strbuf_printf(out, "%lluh", seconds / 3600);
	else if (seconds && seconds % 60 == 0)
		strbuf_printf(out, "%llum", seconds / 60);
	else
		strbuf_printf(out, "%llus", seconds);
}

void view_options_hint(const struct view_options *options, struct strbuf *out)
{
	if (options->metric != METRIC_LIVE)
		strbuf_printf(out, " --metric %s", metric_names[options->metric]);
	if (options->sort >= 0)
		strbuf_printf(out, " -s %s", sort_names[options->sort]);
	if (options->nframe)
		strbuf_printf(out, " --nframe %llu", options->nframe);
	if (options->attribute != ATTRIBUTE_MINE)
		strbuf_printf(out, " --attribute %s", attribute_names[options->attribute]);
	hint_list(out, "filter", &options->filter);
	hint_list(out, "exclude", &options->exclude);
	hint_age(out, "older-than", options->older);
	hint_age(out, "newer-than", options->newer);
	hint_list(out, "skip", &options->skip);
	if (options->match >= 0)
		strbuf_printf(out, " --match %s", match_names[options->match]);
	hint_list(out, "map-path", &options->map_path);
	if (options->source_root) {
		strbuf_puts(out, " --source-root ");
		cmd_quote(out, options->source_root);
	}
}
