/* SPDX-License-Identifier: MIT */
/*
 * Which traces count.  Comes in: SPECs as typed, then frames and names of processes, each looked at once; goes out: one bit per filter, and
 * for a stack, from the bits of what belongs to it, whether it counts.  Names are matched as a whole, as tracemalloc does; where reports show
 * a part of a name (below the source root, without parameters, without directories), that part will do as well.
 */
#include "filter.h"

#include <stdlib.h>
#include <string.h>

#include "pattern.h"
#include "runtime-names.h"

/* ---- One SPEC ---- */

/* Digits only, below `limit`.  −1: not that. */
static int64_t parse_decimal(const char *text, size_t length, int64_t limit)
{
	int64_t value = 0;

	if (length == 0)
		return -1;
	for (size_t i = 0; i < length; i++) {
		if (text[i] < '0' || text[i] > '9')
			return -1;
		value = value * 10 + (text[i] - '0');
		if (value > limit)
			return -1;
	}
	return value;
}

/* Cut one "@all-frames" or "@domain=N" off the end of the first *length bytes: 1, none: 0, bad: −1. */
static int parse_suffix(struct filter *filter, const char *spec, size_t *length, struct error *error)
{
	const char *at = memrchr(spec, '@', *length);
	size_t used = at ? *length - (size_t)(at - spec) : 0;

	if (!at)
		return 0;
	if (used == 11 && memcmp(at, "@all-frames", 11) == 0) {
		filter->all_frames = true;
	} else if (used > 8 && memcmp(at, "@domain=", 8) == 0) {
		filter->domain = parse_decimal(at + 8, used - 8, UINT32_MAX);
		if (filter->domain < 0)
			return error_set(error, "bad filter '%s': '%.*s' is not a domain number", spec, (int)(used - 8), at + 8);
	} else {
		return 0;
	}
	*length -= used;
	return 1;
}

static const char *const prefixes[FILTER_SUBJECTS] = {"file:", "base:", "func:", "module:", "thread:", "process:"};

/* Behind the prefix, if there is one. */
static const char *parse_subject(struct filter *filter, const char *spec)
{
	for (unsigned i = 0; i < FILTER_SUBJECTS; i++) {
		size_t length = strlen(prefixes[i]);
		if (strncmp(spec, prefixes[i], length) == 0) {
			filter->subject = (enum filter_subject)i;
			return spec + length;
		}
	}
	return spec;
}

static bool has_lines(enum filter_subject subject)
{
	return subject <= FILTER_FUNCTION;
}

/* ":LINE" at the end of the first *length bytes. */
static void parse_line(struct filter *filter, const char *spec, size_t *length)
{
	const char *colon = memrchr(spec, ':', *length);
	size_t digits = colon ? *length - (size_t)(colon - spec) - 1 : 0;
	int64_t line = colon ? parse_decimal(colon + 1, digits, UINT32_MAX) : -1;

	if (line < 0)
		return;
	filter->line = line;
	*length -= digits + 1;
}

int filter_parse(struct filter *filter, bool inclusive, const char *spec, struct intern *intern, struct error *error)
{
	const char *text;
	size_t length;
	int found;

	*filter = (struct filter){.inclusive = inclusive, .spec = spec, .line = -1, .domain = -1};
	text = parse_subject(filter, spec);
	length = strlen(text);
	while ((found = parse_suffix(filter, text, &length, error)) > 0)
		continue;
	if (found < 0)
		return -1;
	if (length == 0 && text == spec && filter->domain >= 0 && !filter->all_frames)
		return 0; /* a DomainFilter */
	if (length == 0)
		return error_set(error, "bad filter '%s': no pattern", spec);
	if (filter->all_frames && filter->subject >= FILTER_THREAD)
		return error_set(error, "bad filter '%s': @all-frames is for names of frames", spec);
	if (has_lines(filter->subject))
		parse_line(filter, text, &length);
	filter->pattern = intern_add_n(intern, text, length);
	return filter->pattern ? 0 : error_nomem(error);
}

/* ---- Lists ---- */

static size_t list_length(const char *const *list)
{
	size_t count = 0;

	while (list && list[count])
		count++;
	return count;
}

int filters_init(struct filters *filters, const char *const *included, const char *const *excluded, struct intern *intern,
		 struct error *error)
{
	size_t inclusive = list_length(included), count = inclusive + list_length(excluded);

	*filters = (struct filters){0};
	filters->list = calloc(count + 1, sizeof(*filters->list));
	filters->matches = calloc(count + 1, sizeof(*filters->matches));
	if (!filters->list || !filters->matches) {
		filters_release(filters);
		return error_nomem(error);
	}
	for (size_t i = 0; i < count; i++) {
		const char *spec = i < inclusive ? included[i] : excluded[i - inclusive];
		if (filter_parse(&filters->list[i], i < inclusive, spec, intern, error) < 0) {
			filters_release(filters);
			return -1;
		}
		filters->all_frames |= filters->list[i].all_frames;
		filters->threads |= filters->list[i].subject == FILTER_THREAD;
		filters->processes |= filters->list[i].subject == FILTER_PROCESS;
		filters->count++;
	}
	return 0;
}

void filters_release(struct filters *filters)
{
	free(filters->list);
	free(filters->matches);
	*filters = (struct filters){0};
}

const char *filter_relative(const char *root, const char *file)
{
	size_t length = root ? strlen(root) : 0;

	if (length == 0 || strncmp(file, root, length) != 0 || file[length] != '/' || file[length + 1] == '\0')
		return NULL;
	return file + length + 1;
}

/* ---- Matching ---- */

static const char *base_of(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash && slash[1] ? slash + 1 : path;
}

/* A name stands for itself and, below the source root, for what is shown of it. */
static bool file_matches(const char *pattern, const char *root, const char *file)
{
	const char *relative;

	if (pattern_match(pattern, file))
		return true;
	relative = filter_relative(root, file);
	return relative && pattern_match(pattern, relative);
}

/* With or without what a C++ name has around it. */
static bool function_matches(const char *pattern, const char *function)
{
	const char *name;
	size_t length;

	if (!function)
		return false;
	if (pattern_match(pattern, function))
		return true;
	name = qualified_name(function, &length);
	return pattern_match_part(pattern, name, length);
}

/* A pattern may be about the whole path or about its last component. */
static bool module_matches(const char *pattern, const char *module)
{
	return module && (pattern_match(pattern, module) || pattern_match(pattern, base_of(module)));
}

static bool frame_matches(const struct filter *filter, const char *root, const struct frame *frame)
{
	if (!filter->pattern)
		return true; /* a pure domain filter */
	if (filter->line >= 0 && filter->line != (int64_t)frame->line)
		return false;
	switch (filter->subject) {
	case FILTER_FILE:
		return file_matches(filter->pattern, root, frame->file);
	case FILTER_BASE:
		return pattern_match(filter->pattern, base_of(frame->file));
	case FILTER_FUNCTION:
		return function_matches(filter->pattern, frame->function);
	case FILTER_MODULE:
		return module_matches(filter->pattern, frame->module);
	case FILTER_THREAD:
		return frame->function ? function_matches(filter->pattern, frame->function)
				       : file_matches(filter->pattern, root, frame->file);
	default:
		return false;
	}
}

static bool process_matches(const char *pattern, const char *name)
{
	size_t digits = strspn(name, "0123456789");
	const char *command = digits && name[digits] == ' ' ? name + digits + 1 : name;
	size_t word = strcspn(command, " "), start = word;

	while (start > 0 && command[start - 1] != '/')
		start--;
	return pattern_match(pattern, name) || pattern_match(pattern, command) ||
	       pattern_match_part(pattern, command + start, word - start) || (command > name && pattern_match_part(pattern, name, digits));
}

size_t filters_words(const struct filters *filters)
{
	return filters->count / 64 + 1;
}

void filters_match(const struct filters *filters, const struct frame *frame, uint64_t *bits)
{
	memset(bits, 0, filters_words(filters) * sizeof(*bits));
	for (size_t i = 0; i < filters->count; i++) {
		if (frame_matches(&filters->list[i], filters->source_root, frame))
			bits[i / 64] |= UINT64_C(1) << i % 64;
	}
}

void filters_match_process(const struct filters *filters, const char *name, uint64_t *bits)
{
	memset(bits, 0, filters_words(filters) * sizeof(*bits));
	for (size_t i = 0; i < filters->count; i++) {
		if (filters->list[i].subject == FILTER_PROCESS && process_matches(filters->list[i].pattern, name))
			bits[i / 64] |= UINT64_C(1) << i % 64;
	}
}

static const uint64_t *bits_for(const struct filter *filter, const struct filter_facts *facts)
{
	if (filter->subject == FILTER_THREAD)
		return facts->thread;
	if (filter->subject == FILTER_PROCESS)
		return facts->process;
	return filter->all_frames ? facts->any : facts->attributed;
}

bool filters_decide(const struct filters *filters, const struct filter_facts *facts)
{
	bool any_inclusive = false, included = false, excluded = false;

	for (size_t i = 0; i < filters->count; i++) {
		const struct filter *filter = &filters->list[i];
		uint64_t bits = bits_for(filter, facts)[i / 64];
		bool match = (bits >> i % 64 & 1) && (filter->domain < 0 || filter->domain == (int64_t)facts->domain);
		filters->matches[i] += match;
		any_inclusive |= filter->inclusive;
		included |= filter->inclusive && match;
		excluded |= !filter->inclusive && match;
	}
	return (!any_inclusive || included) && !excluded;
}
