/* SPDX-License-Identifier: MIT */
/*
 * A JSON text that is taken apart piece by piece: the scanner finds where values begin and end, jansson says what they are.  What the
 * scanner cannot judge (a broken escape, a wrong number, brackets of two kinds) jansson refuses when the value is parsed.
 */
#ifndef ANALYZER_JSON_SCAN_H
#define ANALYZER_JSON_SCAN_H

#include <stddef.h>

#include "error.h"
#include "json-arena.h"

#define SCAN_VALUE_MAX (32u << 20) /* bytes of one value's text */

struct json_span {
	size_t at, size; /* size 0: absent */
};

struct json_scan {
	const char *text; /* borrowed, as all that follows */
	size_t size, at;
	const char *name; /* of the file, for messages */
	struct error *error;
	struct json_arena arena; /* of the values being looked at */
};

/* "'x' line 3: what"; −1. */
int scan_syntax(struct json_scan *scan, size_t at, const char *what);

/* The next character that is not blank, not taken; NUL at the end. */
char scan_peek(struct json_scan *scan);
/* Take it if it is this one.  0 or −1. */
int scan_expect(struct json_scan *scan, char character);
/* Take one value of any kind.  0 or −1. */
int scan_value(struct json_scan *scan, struct json_span *span);

/* What a span means, borrowed until scan_forget(); NULL: an error, which is set.  `what` names it in messages.  Integers from 2^63 on come
 * as strings of digits. */
json_t *scan_parse(struct json_scan *scan, struct json_span span, const char *what);
void scan_forget(struct json_scan *scan);

#endif
