/* SPDX-License-Identifier: MIT */
/*
 * Comes in: a filter that matched no stack, and the snapshots; goes out: a line that names what its user may have meant.  In this order: the
 * same name in a frame that is not the attributed one, the same file in another line, a name whose last component is the same or nearly so,
 * a function or a module of that name.  It may take its time: it runs once, when a report turned out empty.
 */
#include "filter-note.h"

#include <ctype.h>
#include <string.h>

#include "closest.h"
#include "pattern.h"
#include "places.h"

enum { NAME_ROOM = 512 };

struct search {
	const struct filter *filter;
	const struct filter_scope *scope;
	char pattern[NAME_ROOM]; /* in lower case */
	struct closest closest;
	const char *prefix, *suffix; /* of what is suggested */
};

/* ---- Names ---- */

static void fold(char folded[NAME_ROOM], const char *text)
{
	size_t i = 0;

	for (; text[i] && i < NAME_ROOM - 1; i++)
		folded[i] = (char)tolower((unsigned char)text[i]);
	folded[i] = '\0';
}

/* What people misspell: behind the last directory, or the last scope of a C++ name. */
static const char *last_part(const char *name)
{
	const char *slash = strrchr(name, '/'), *colon = strstr(name, "::");

	if (slash)
		return slash[1] ? slash + 1 : name;
	for (const char *next = colon; next; next = strstr(next + 2, "::"))
		colon = next;
	return colon && colon[2] ? colon + 2 : name;
}

/* Is `name`, which is shown as `shown`, what was meant? */
static void consider(struct search *search, const char *name, const char *shown)
{
	char folded[NAME_ROOM];

	if (*name == '[')
		return; /* stands for no name */
	fold(folded, name);
	if (pattern_match(search->pattern, folded) || pattern_match(search->pattern, last_part(folded)))
		closest_offer(&search->closest, 0, shown);
	else if (!strpbrk(search->closest.word, "*?["))
		closest_try_as(&search->closest, last_part(name), shown);
}

/* ---- Candidates ---- */

static void consider_files(struct search *search, size_t which)
{
	const struct snapshot *snapshot = &search->scope->snapshots[which];

	for (size_t i = 0; i < snapshot->location_count; i++) {
		const char *file = snapshot->locations[i].file, *relative;
		if (!file || (i && file == snapshot->locations[i - 1].file))
			continue;
		relative = filter_relative(search->scope->roots[which], file);
		relative = relative ? relative : file;
		consider(search, relative, search->filter->subject == FILTER_BASE ? last_part(relative) : relative);
	}
}

static void consider_functions(struct search *search, size_t which)
{
	const struct snapshot *snapshot = &search->scope->snapshots[which];

	for (size_t i = 0; i < snapshot->location_count; i++) {
		const char *function = snapshot->locations[i].function;
		if (function && !(i && function == snapshot->locations[i - 1].function))
			consider(search, function, function);
	}
}

static void consider_modules(struct search *search, size_t which)
{
	const struct snapshot *snapshot = &search->scope->snapshots[which];

	for (size_t i = 1; i < snapshot->module_count; i++)
		consider(search, snapshot->modules[i].path, last_part(snapshot->modules[i].path));
}

/* Frames that are called by nothing but the start of a thread. */
static void consider_threads(struct search *search, size_t which)
{
	const struct snapshot *snapshot = &search->scope->snapshots[which];
	struct frame frame, caller;

	for (uint32_t node = 1; node < snapshot->node_count; node++) {
		uint32_t parent = snapshot->nodes[node].parent, last = frames_of_node(snapshot, node) - 1;
		if (frame_at(&frame, snapshot, node, last) || (parent && frame_at(&caller, snapshot, parent, 0)))
			return;
		if (frame.function && !places_is_outermost(&frame) && (!parent || places_is_outermost(&caller)))
			consider(search, frame.function, frame.function);
	}
}

/* By the last component of the command's first word. */
static void consider_command(struct search *search, struct intern *intern, const char *command)
{
	const char *end = command + strcspn(command, " "), *start = end, *name;

	while (start > command && start[-1] != '/')
		start--;
	name = intern_add_n(intern, start, (size_t)(end - start));
	if (name)
		consider(search, name, name);
}

static void consider_processes(struct search *search, size_t which)
{
	const struct snapshot *snapshot = &search->scope->snapshots[which];

	for (size_t i = 0; i < snapshot->process_count; i++) {
		const char *space = strchr(snapshot->processes[i], ' ');
		consider_command(search, snapshot->intern, space ? space + 1 : snapshot->processes[i]);
	}
	if (snapshot->process_count == 0 && snapshot->info.command[0])
		consider_command(search, snapshot->intern, snapshot->info.command);
}

static void for_all(struct search *search, void (*consider_some)(struct search *search, size_t which))
{
	for (size_t i = 0; i < search->scope->count; i++)
		consider_some(search, i);
}

/* ---- The right name in the wrong place ---- */

/* Has a frame the name and, unless `any_line`, the line? */
static bool frame_has(const struct search *search, size_t which, const struct location *location, bool any_line)
{
	struct frame frame = {.file = location->file ? location->file : "", .function = location->function, .line = location->line};
	struct filter filter = *search->filter;
	struct filters one = {.list = &filter, .count = 1, .source_root = search->scope->roots[which]};
	uint64_t bits;

	if (any_line)
		filter.line = -1;
	filters_match(&one, &frame, &bits);
	return bits;
}

/* Somewhere, whoever the blocks are attributed to. */
static bool is_outer(const struct search *search)
{
	for (size_t i = 0; i < search->scope->count; i++) {
		const struct snapshot *snapshot = &search->scope->snapshots[i];
		for (size_t j = 0; j < snapshot->location_count; j++) {
			if (frame_has(search, i, &snapshot->locations[j], false))
				return true;
		}
	}
	return false;
}

/* The nearest line of the same name; 0: none. */
static uint32_t nearest_line(const struct search *search)
{
	int64_t best = INT64_MAX;
	uint32_t line = 0;

	for (size_t i = 0; i < search->scope->count; i++) {
		const struct snapshot *snapshot = &search->scope->snapshots[i];
		for (size_t j = 0; j < snapshot->location_count; j++) {
			const struct location *location = &snapshot->locations[j];
			int64_t off = (int64_t)location->line - search->filter->line;
			off = off < 0 ? -off : off;
			if (location->line && off < best && frame_has(search, i, location, true)) {
				best = off;
				line = location->line;
			}
		}
	}
	return line;
}

/* ---- The line ---- */

static void put_names(struct strbuf *out, const struct search *search)
{
	for (size_t i = 0; i < search->closest.count; i++)
		strbuf_printf(out, "%s%s%s%s", i ? ", " : "; close: ", search->prefix, search->closest.list[i], search->suffix);
}

static bool put_place(struct strbuf *out, const struct search *search)
{
	const struct filter *filter = search->filter;
	bool has_frames = filter->subject <= FILTER_FUNCTION;
	uint32_t line;

	if (!has_frames || filter->all_frames)
		return false;
	if (is_outer(search)) {
		strbuf_printf(out, "; close: %s@all-frames", filter->spec);
		return true;
	}
	line = filter->line >= 0 ? nearest_line(search) : 0;
	if (line)
		strbuf_printf(out, "; close: %s%s:%u", search->prefix, filter->pattern, line);
	return line != 0;
}

/* A function or a module of exactly that name is closer than a file of nearly that name. */
static void look_elsewhere(struct search *search, const char *prefix, void (*consider_some)(struct search *search, size_t which))
{
	struct search exact = *search;

	if (search->closest.count && search->closest.distance == 0)
		return;
	exact.prefix = prefix;
	exact.closest.count = 0;
	exact.closest.best = NULL;
	exact.closest.distance = 0;
	for_all(&exact, consider_some);
	if (exact.closest.count)
		*search = exact;
}

static void put_close(struct strbuf *out, struct search *search)
{
	static void (*const candidates[FILTER_SUBJECTS])(struct search *, size_t) = {
		[FILTER_FILE] = consider_files,     [FILTER_BASE] = consider_files,     [FILTER_FUNCTION] = consider_functions,
		[FILTER_MODULE] = consider_modules, [FILTER_THREAD] = consider_threads, [FILTER_PROCESS] = consider_processes,
	};
	static const char *const prefixes[FILTER_SUBJECTS] = {"", "base:", "func:", "module:", "thread:", "process:"};
	const struct filter *filter = search->filter;

	search->prefix = prefixes[filter->subject];
	search->suffix = filter->all_frames ? "@all-frames" : "";
	if (put_place(out, search))
		return;
	for_all(search, candidates[filter->subject]);
	if (filter->subject == FILTER_FILE) {
		look_elsewhere(search, "func:", consider_functions);
		look_elsewhere(search, "module:", consider_modules);
	}
	put_names(out, search);
}

void filter_note(struct strbuf *out, const struct filter *filter, const struct filter_scope *scope)
{
	struct search search = {.filter = filter, .scope = scope};

	strbuf_printf(out, "filter '%s' matched none of %zu stacks", filter->spec, scope->stacks);
	if (!filter->pattern || filter->domain >= 0)
		return; /* domains are numbers: nothing is close to one */
	fold(search.pattern, filter->pattern);
	closest_init(&search.closest, last_part(filter->pattern));
	put_close(out, &search);
}
