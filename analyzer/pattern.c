/* SPDX-License-Identifier: MIT */
/*
 * Shell patterns for names.  They are CPython's fnmatch.fnmatchcase on code points: `*` also matches '/', `?` one character, sets without
 * classes, `!` negates, nothing escapes.  libc's fnmatch knows `^` and `[:alpha:]` and is therefore not used.  One restart point for the
 * last `*` makes the match linear in practice and quadratic at worst, never exponential.
 */
#include "pattern.h"

#include <stdint.h>
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

bool pattern_match_part(const char *pattern, const char *name, size_t length)
{
	const char *end = name + length;
	const char *star = NULL, *resume = NULL; /* behind the last '*', and the name's character to try next there */

	while (name < end || *pattern == '*') {
		const char *rest = NULL;
		uint32_t code;
		size_t bytes;
		if (*pattern == '*') {
			star = ++pattern;
			resume = name;
			continue;
		}
		bytes = decode(name, &code);
		if (*pattern && element_matches(pattern, code, &rest)) {
			pattern = rest;
			name += bytes;
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

bool pattern_match(const char *pattern, const char *name)
{
	return pattern_match_part(pattern, name, strlen(name));
}
