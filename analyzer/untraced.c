/* SPDX-License-Identifier: MIT */
/*
 * Comes in: lines "PID NAME CAUSE" in the order in which they were written; "PID - void" takes the last one of that process back, because its
 * exec failed.  Goes out: how many processes were not traced, and the kinds of them.
 * Any process of the run can write to the file, so it is read as hostile: bounded, and its text is cleaned when it is shown.
 */
#include "untraced.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { NOTES_MAX = 65536, KINDS_MAX = 64, KINDS_SHOWN = 4, LINE_MAX_READ = 256 };

struct kind {
	char text[160]; /* "NAME: CAUSE" */
	size_t count;
};

struct untraced {
	struct kind kinds[KINDS_MAX]; /* the last one stands for all that found no place */
	size_t kind_count, count;
	struct {
		long pid;
		size_t kind;
	} notes[NOTES_MAX]; /* kind SIZE_MAX: taken back */
	size_t note_count;
};

struct untraced *untraced_new(void)
{
	return calloc(1, sizeof(struct untraced));
}

void untraced_free(struct untraced *untraced)
{
	free(untraced);
}

static size_t find_kind(struct untraced *untraced, const char *name, const char *cause)
{
	struct kind kind = {.count = 0};

	snprintf(kind.text, sizeof(kind.text), "%.64s: %.64s", name, cause);
	for (size_t i = 0; i < untraced->kind_count; i++) {
		if (!strcmp(untraced->kinds[i].text, kind.text))
			return i;
	}
	if (untraced->kind_count == KINDS_MAX)
		return KINDS_MAX - 1;
	untraced->kinds[untraced->kind_count] = kind;
	return untraced->kind_count++;
}

static void add(struct untraced *untraced, long pid, const char *name, const char *cause)
{
	size_t kind = find_kind(untraced, name, cause);

	untraced->kinds[kind].count++;
	untraced->count++;
	if (untraced->note_count < NOTES_MAX) {
		untraced->notes[untraced->note_count].pid = pid;
		untraced->notes[untraced->note_count++].kind = kind;
	}
}

void untraced_add(struct untraced *untraced, const char *name, const char *cause)
{
	add(untraced, -1, name, cause);
}

static void take_back(struct untraced *untraced, long pid)
{
	for (size_t i = untraced->note_count; i-- > 0;) {
		size_t kind = untraced->notes[i].kind;
		if (untraced->notes[i].pid != pid || kind == SIZE_MAX)
			continue;
		untraced->notes[i].kind = SIZE_MAX;
		untraced->kinds[kind].count--;
		untraced->count--;
		return;
	}
}

void untraced_read(struct untraced *untraced, const char *path)
{
	char line[LINE_MAX_READ], name[80], cause[80];
	FILE *file = fopen(path, "re");
	size_t lines = 0;
	long pid;

	while (file && lines++ < 4 * (size_t)NOTES_MAX && fgets(line, sizeof(line), file)) {
		if (sscanf(line, "%ld %79s %79[^\n]", &pid, name, cause) != 3)
			continue;
		if (!strcmp(name, "-") && !strcmp(cause, "void"))
			take_back(untraced, pid);
		else
			add(untraced, pid, name, cause);
	}
	if (file)
		fclose(file);
}

size_t untraced_count(const struct untraced *untraced)
{
	return untraced->count;
}

bool untraced_kind(const struct untraced *untraced, size_t n, struct error *text, size_t *count)
{
	for (size_t i = 0; i < untraced->kind_count; i++) {
		const struct kind *kind = &untraced->kinds[i];
		if (!kind->count || n--)
			continue;
		*text = (struct error){0};
		error_set(text, "%s", kind->text);
		*count = kind->count;
		return true;
	}
	return false;
}

void untraced_describe(const struct untraced *untraced, struct strbuf *out)
{
	struct error text;
	size_t count;

	for (size_t n = 0; untraced_kind(untraced, n, &text, &count); n++) {
		strbuf_puts(out, n ? "; " : "");
		if (n == KINDS_SHOWN) {
			strbuf_puts(out, "…");
			return;
		}
		strbuf_puts(out, text.text);
		if (count > 1)
			strbuf_printf(out, " x%zu", count);
	}
}
