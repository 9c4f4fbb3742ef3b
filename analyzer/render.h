/* SPDX-License-Identifier: MIT */
/*
 * From report to characters.  A new output is one file render-NAME.c with one function and one line in the table of render.c.
 */
#ifndef ANALYZER_RENDER_H
#define ANALYZER_RENDER_H

#include <stdio.h>

#include "report.h"

enum render_format { RENDER_TEXT, RENDER_LINES, RENDER_JSON, RENDER_CSV, RENDER_MARKDOWN, RENDER_TRACEBACK, RENDER_COUNT };

struct render_options {
	enum render_format format;
	bool color;
	size_t width; /* of the terminal, in columns: names and source lines of text are shortened to it; 0: none, nothing is */
	bool ascii;   /* dots, arrows and ± of text are written in ASCII, because the locale has no other characters */
	/* RENDER_TRACEBACK: arguments of tracemalloc's Traceback.format(). */
	long long traceback_limit; /* LLONG_MAX: none */
	bool most_recent_first;
};

/* Names of the formats, in the order of the enum; NULL-terminated: choices of --format. */
extern const char *const render_names[];

/* A format that is read by people: limited and explained. */
bool render_is_prose(enum render_format format);

/* 0 or −1: an allocation failed.  Whether everything was written is the stream's business. */
int render(const struct report *report, const struct render_options *options, FILE *out, struct error *error);

/* Colours: `choice` 0 auto (a terminal, no NO_COLOR, TERM is not dumb), 1 always, 2 never. */
extern const char *const render_color_names[];
bool render_wants_color(int choice, FILE *out);
/* Of the terminal behind a stream: 0: it is none, or will not say. */
size_t render_terminal_width(FILE *out);
/* Does the locale of the environment lack UTF-8? */
bool render_wants_ascii(void);

/* ---- For render-*.c ---- */

typedef int render_function(const struct report *report, const struct render_options *options, FILE *out, struct error *error);
render_function render_text, render_lines, render_json, render_csv, render_markdown, render_traceback;

enum { CELL_TEXT_MAX = 128 };

/* A 128-bit integer in decimal; `sign`: "+" before values that are not negative. */
char *render_integer(char buffer[CELL_TEXT_MAX], report_integer value, bool sign);
/* A cell as people read it: "1024 KiB", "+12", "12.0 MiB ± 3.1 MiB"; the text of CELL_TEXT as it is. */
const char *render_cell(char buffer[CELL_TEXT_MAX], const struct cell *cell);
/* "size=1024 KiB (+512 KiB), count=12 (+6), average=85.3 KiB": the cells of the columns that appear in `place`; without errors in `lines`. */
void render_cells(struct strbuf *out, const struct report_table *table, const struct cell *cells, unsigned place);
/* The values of a series for people: "1024 KiB → 2048 KiB → 3 MiB", of a long one those at its ends. */
void render_series(struct strbuf *out, const struct cell *cell);
/* Text for a terminal: control characters and broken UTF-8 become visible escapes. */
void render_escape(struct strbuf *out, const char *text);
/* Bytes of the well-formed UTF-8 character at `text`; 0: it is not one. */
size_t render_utf8_length(const char *text);
/* At most `width` columns of `text`, its middle replaced by "…" if it has more: the end of a path says more than its middle. */
void render_shorten(struct strbuf *out, const char *text, size_t width);
/* Rows of a table that people are shown. */
size_t render_rows(const struct report_table *table);
/* Columns a terminal needs, one per code point. */
size_t render_width(const char *text);

#endif
