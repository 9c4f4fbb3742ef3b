/* SPDX-License-Identifier: MIT */
/*
 * Which traces count.  Patterns are CPython's fnmatch.fnmatchcase on code points: `*` also matches '/', `?` one character, sets without
 * classes, `!` negates, nothing escapes.  libc's fnmatch knows `^` and `[:alpha:]` and is therefore not used.  One restart point for the
 * last `*` makes the match linear in practice and quadratic at worst, never exponential.
 */
#include "filter.h"

#include <stdlib.h>
#include <string.h>

/* The code point at `text` and its length; a byte that is not UTF-8 stands for itself, out of the way of all characters. */
static size_t decode(const char *text, uint32_t *code)
{
	const unsigned char *byte = (const unsigned char *)text;
	size_t length = byte[0] < 0x80 ? 1 : byte[0] < 0xc2 ? 0 : byte[0] < 0xe0 ? 2 : byte[0] < 0xf0 ? 3 : byte[0] < 0xf5 ? 4 : 0;

	*code = length <= 1 ? byte[0] : byte[0] & (0x7fu >> length);
	for (size_t i = 1; i < length; i++) {
		if ((byte[i] & 0xc0) != 0x80)
			length = 0;
		else
			*code = *code << 6 | (byte[i] & 0x3f);
	}
	if (length == 0) {
		*code = 0xdc00u + byte[0];
		return 1;
	}
	return length;
}

/* The ']' of the set that begins at `set` (behind its '['), or NULL: the '[' is literal. */
static const char *set_end(const char *set)
{
	if (*set == '!')
		set++;
	if (*set == ']')
		set++;
	return strchr(set, ']');
}

/* A member of a set: one character, or a range a-b.  A '-' at either end is a character, and so is one right behind a range. */
static const char *next_member(const char *set, const char *end, uint32_t *low, uint32_t *high)
{
	set += decode(set, low);
	*high = *low;
	if (*set == '-' && set + 1 < end)
		set += 1 + decode(set + 1, high);
	return set;
}

/*
 * CPython cuts reversed ranges out of the text of a set before it looks for '!', so what stands behind them may negate the set; a range that
 * begins with that '!' loses it and leaves '-' and its other end.
 */
static bool set_has(const char *set, const char *end, uint32_t code)
{
	bool negated = *set == '!', found = false, first = !negated;

	if (negated)
		set++;
	while (set < end) {
		uint32_t low, high;
		set = next_member(set, end, &low, &high);
		if (first && low == '!' && low <= high) {
			negated = true;
			found = high != low && (code == '-' || code == high);
		} else {
			found |= low <= code && code <= high;
		}
		first = first && low > high;
	}
	return found != negated;
}

/* One character of the name against one element of the pattern; *rest is the pattern behind it. */
static bool element_matches(const char *pattern, uint32_t code, const char **rest)
{
	const char *end;
	uint32_t wanted;

	if (*pattern == '?') {
		*rest = pattern + 1;
		return true;
	}
	if (*pattern == '[' && (end = set_end(pattern + 1)) != NULL) {
		*rest = end + 1;
		return set_has(pattern + 1, end, code);
	}
	*rest = pattern + decode(pattern, &wanted);
	return wanted == code;
}

bool pattern_match(const char *pattern, const char *name)
{
	const char *star = NULL, *resume = NULL; /* behind the last '*', and the name's character to try next there */

	while (*name || *pattern == '*') {
		const char *rest = NULL;
		uint32_t code;
		size_t length;
		if (*pattern == '*') {
			star = ++pattern;
			resume = name;
			continue;
		}
		length = decode(name, &code);
		if (*pattern && element_matches(pattern, code, &rest)) {
			pattern = rest;
			name += length;
			continue;
		}
		if (!star)
			return false;
		pattern = star;
		resume += decode(resume, &code);
		name = resume;
	}
	return *pattern == '\0';
}

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

static const char *const prefixes[] = {"file:", "base:", "func:", "module:", "thread:", "process:"};

static int refuse_prefix(const char *spec, struct error *error)
{
	for (size_t i = 0; i < sizeof(prefixes) / sizeof(*prefixes); i++) {
		if (strncmp(spec, prefixes[i], strlen(prefixes[i])) == 0)
			return error_set(error, "bad filter '%s': the prefix '%s' is not supported, only file names", spec, prefixes[i]);
	}
	return 0;
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
	size_t length = strlen(spec);
	int found;

	*filter = (struct filter){.inclusive = inclusive, .spec = spec, .line = -1, .domain = -1};
	if (refuse_prefix(spec, error) < 0)
		return -1;
	while ((found = parse_suffix(filter, spec, &length, error)) > 0)
		continue;
	if (found < 0)
		return -1;
	if (length == 0 && filter->domain >= 0 && !filter->all_frames)
		return 0; /* a DomainFilter */
	if (length == 0)
		return error_set(error, "bad filter '%s': no pattern", spec);
	parse_line(filter, spec, &length);
	filter->pattern = intern_add_n(intern, spec, length);
	return filter->pattern ? 0 : error_nomem(error);
}

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

/* A name stands for itself and, below the source root, for what is shown of it. */
static bool name_matches(const struct filter *filter, const char *root, const char *file)
{
	const char *relative;

	if (pattern_match(filter->pattern, file))
		return true;
	relative = filter_relative(root, file);
	return relative && pattern_match(filter->pattern, relative);
}

static bool frame_matches(const struct filter *filter, const char *root, const struct frame *frame)
{
	if (!filter->pattern)
		return true; /* a pure domain filter */
	return (filter->line < 0 || filter->line == (int64_t)frame->line) && name_matches(filter, root, frame->file);
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

bool filters_decide(const struct filters *filters, const uint64_t *attributed, const uint64_t *any, uint32_t domain)
{
	bool any_inclusive = false, included = false, excluded = false;

	for (size_t i = 0; i < filters->count; i++) {
		const struct filter *filter = &filters->list[i];
		uint64_t bits = (filter->all_frames ? any : attributed)[i / 64];
		bool match = (bits >> i % 64 & 1) && (filter->domain < 0 || filter->domain == (int64_t)domain);
		filters->matches[i] += match;
		any_inclusive |= filter->inclusive;
		included |= filter->inclusive && match;
		excluded |= !filter->inclusive && match;
	}
	return (!any_inclusive || included) && !excluded;
}
