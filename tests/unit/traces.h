/* SPDX-License-Identifier: MIT */
/*
 * What the tests of the views share: snapshots from lists of traces in interchange JSON, and tracemalloc's vectors.  jansson refuses
 * integers beyond 2^63, which the vectors and our output hold, so those are read as strings of digits.
 */
#ifndef TESTS_UNIT_TRACES_H
#define TESTS_UNIT_TRACES_H

#include <check.h>
#include <ctype.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "snapshot.h"
#include "strbuf.h"

#define VECTORS "tests/data/vectors/tracemalloc.json"
enum { LONG_DIGITS = 19 };

/* JSON with integers of any length; decref it. */
static inline json_t *wide_loads(const char *text)
{
	struct strbuf safe;
	json_error_t error;
	json_t *value;
	bool inside = false;

	strbuf_init(&safe);
	while (*text) {
		size_t length = inside || !isdigit((unsigned char)*text) ? 0 : strspn(text, "0123456789");
		if (length >= LONG_DIGITS) {
			if (safe.length && safe.data[safe.length - 1] == '-') {
				safe.data[safe.length - 1] = '"';
				strbuf_printf(&safe, "-%.*s\"", (int)length, text);
			} else {
				strbuf_printf(&safe, "\"%.*s\"", (int)length, text);
			}
		} else {
			length = length ? length : inside && *text == '\\' ? 2 : 1;
			inside ^= length == 1 && *text == '"';
			strbuf_add(&safe, text, length);
		}
		text += length;
	}
	value = json_loads(safe.data, 0, &error);
	ck_assert_msg(value != NULL, "%s at line %d: %s", error.text, error.line, safe.data);
	strbuf_release(&safe);
	return value;
}

static inline char *read_all(FILE *file)
{
	struct strbuf text;
	char part[4096];
	size_t got;

	strbuf_init(&text);
	while ((got = fread(part, 1, sizeof(part), file)) > 0)
		strbuf_add(&text, part, got);
	ck_assert(!text.failed);
	return text.length ? strbuf_steal(&text) : strdup("");
}

static inline json_t *vectors_load(void)
{
	FILE *file = fopen(VECTORS, "r");
	char *text;
	json_t *vectors;

	ck_assert_msg(file != NULL, "no %s: run the tests in the top directory", VECTORS);
	text = read_all(file);
	fclose(file);
	vectors = wide_loads(text);
	free(text);
	return vectors;
}

/* `traces` is the inside of the list: {"size":1,"frames":[["a.c",1]]},… */
static inline void traces_read(struct snapshot *snapshot, struct intern *intern, const char *name, const char *traces)
{
	struct error error = {0};
	char *text;
	int length = asprintf(&text, "{\"format\":\"heapdelta-snapshot\",\"version\":1,\"traceback_limit\":9,\"traces\":[%s]}", traces);

	ck_assert_int_gt(length, 0);
	snapshot_init(snapshot, intern);
	snapshot->name = intern_add(intern, name);
	ck_assert_msg(snapshot_read_json(snapshot, text, (size_t)length, &error) == 0, "%s", error.text);
	free(text);
}

#endif
