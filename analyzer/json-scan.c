/* SPDX-License-Identifier: MIT */
/*
 * Comes in: JSON text.  Goes out: where its values are, and one value at a time as jansson's.  Not thread-safe.
 * A tree of a whole file would take up to forty times its size; this way a file needs hardly more memory than itself.
 */
#include "json-scan.h"

#include <stdbool.h>
#include <string.h>

#include "strbuf.h"

static size_t line_of(const struct json_scan *scan, size_t at)
{
	size_t line = 1;

	for (size_t i = 0; i < at && i < scan->size; i++)
		line += scan->text[i] == '\n';
	return line;
}

int scan_syntax(struct json_scan *scan, size_t at, const char *what)
{
	return error_set(scan->error, "'%s' line %zu: %s", scan->name, line_of(scan, at), what);
}

char scan_peek(struct json_scan *scan)
{
	while (scan->at < scan->size && scan->text[scan->at] && strchr(" \t\r\n", scan->text[scan->at]))
		scan->at++;
	return scan->at < scan->size ? scan->text[scan->at] : '\0';
}

int scan_expect(struct json_scan *scan, char character)
{
	char what[] = "expected '?'";

	if (scan_peek(scan) == character) {
		scan->at++;
		return 0;
	}
	what[10] = character;
	return scan_syntax(scan, scan->at, scan->at < scan->size ? what : "the text ends too early");
}

static int skip_string(struct json_scan *scan)
{
	size_t start = scan->at++;

	for (; scan->at < scan->size; scan->at++) {
		if (scan->text[scan->at] == '\\')
			scan->at++;
		else if (scan->text[scan->at] == '"') {
			scan->at++;
			return 0;
		}
	}
	scan->at = scan->size;
	return scan_syntax(scan, start, "a string has no end");
}

/* From an opening bracket to the one that closes it; whether they are of one kind is jansson's business. */
static int skip_nested(struct json_scan *scan)
{
	size_t start = scan->at, depth = 0;

	while (scan->at < scan->size) {
		char character = scan->text[scan->at];
		if (character == '"') {
			if (skip_string(scan))
				return -1;
			continue;
		}
		scan->at++;
		if (character == '[' || character == '{')
			depth++;
		if ((character == ']' || character == '}') && !--depth)
			return 0;
	}
	return scan_syntax(scan, start, "a bracket is not closed");
}

int scan_value(struct json_scan *scan, struct json_span *span)
{
	char first = scan_peek(scan);
	int result = 0;

	span->at = scan->at;
	if (first == '"')
		result = skip_string(scan);
	else if (first == '[' || first == '{')
		result = skip_nested(scan);
	else
		while (scan->at < scan->size && scan->text[scan->at] && !strchr(",]} \t\r\n", scan->text[scan->at]))
			scan->at++;
	span->size = scan->at - span->at;
	if (!result && !span->size)
		return scan_syntax(scan, scan->at, scan->at < scan->size ? "expected a value" : "the text ends too early");
	return result;
}

/* jansson's integers end at 2^63 − 1, counters end at 2^64 − 1: put quotes around long numbers; to_number() takes them as text. */
static enum json_parsed parse_quoted(struct json_scan *scan, struct json_span span, json_t **value, json_error_t *problem)
{
	static const char digits[] = "0123456789";
	const char *text = scan->text + span.at;
	struct strbuf quoted;
	bool in_string = false;

	strbuf_init(&quoted);
	for (size_t at = 0; at < span.size;) {
		size_t length = 1;
		while (!in_string && strchr(digits, text[at]) && at + length < span.size && strchr(digits, text[at + length]))
			length++;
		bool escape = in_string && text[at] == '\\' && at + 1 < span.size;
		in_string ^= text[at] == '"';
		strbuf_puts(&quoted, length >= 19 ? "\"" : "");
		strbuf_add(&quoted, text + at, length + escape);
		strbuf_puts(&quoted, length >= 19 ? "\"" : "");
		at += length + escape;
	}
	enum json_parsed result = JSON_NO_MEMORY;
	if (!quoted.failed)
		result = json_arena_parse(&scan->arena, quoted.data, quoted.length, value, problem);
	strbuf_release(&quoted);
	return result;
}

json_t *scan_parse(struct json_scan *scan, struct json_span span, const char *what)
{
	json_error_t problem;
	json_t *value = NULL;

	if (span.size > SCAN_VALUE_MAX) {
		error_set(scan->error, "'%s': %s is longer than %u MiB", scan->name, what, SCAN_VALUE_MAX >> 20);
		return NULL;
	}
	enum json_parsed result = json_arena_parse(&scan->arena, scan->text + span.at, span.size, &value, &problem);
	if (result == JSON_INVALID && json_error_code(&problem) == json_error_numeric_overflow)
		result = parse_quoted(scan, span, &value, &problem);
	if (result == JSON_PARSED)
		return value;
	if (result == JSON_NO_MEMORY) {
		error_nomem(scan->error);
		return NULL;
	}
	size_t line = line_of(scan, span.at) + (problem.line > 0 ? (size_t)problem.line - 1 : 0);
	error_set(scan->error, "'%s' line %zu: %s", scan->name, line, problem.text);
	return NULL;
}

void scan_forget(struct json_scan *scan)
{
	json_arena_clear(&scan->arena);
}
