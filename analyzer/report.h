/* SPDX-License-Identifier: MIT */
/*
 * A report: what is shown, as typed cells, before anybody decides how.  view*.c makes one from statistics, a comparison or a snapshot's
 * information; render-*.c print it and never see a snapshot.  Rows are made one at a time on request, so that a report of a million rows
 * needs no more memory than one of ten.  The report owns its texts (report_text); the view's data lives in `context` until
 * report_release.
 */
#ifndef ANALYZER_REPORT_H
#define ANALYZER_REPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "error.h"
#include "strbuf.h"

typedef __int128 report_integer;

enum cell_kind {
	CELL_NONE, /* unknown: null, an empty field, nothing in text */
	CELL_TEXT,
	CELL_NUMBER, /* a plain integer: line, PID */
	CELL_BYTES,
	CELL_BYTES_DELTA, /* in text behind the cell it belongs to: "size=1024 KiB (+512 KiB)" */
	CELL_COUNT,
	CELL_COUNT_DELTA,
	CELL_AVERAGE, /* real */
	CELL_FLAG,
	CELL_BYTES_SERIES, /* integers, one per snapshot of a series */
	CELL_COUNT_SERIES,
	CELL_LIST, /* texts */
};

struct cell {
	enum cell_kind kind;
	report_integer integer;
	report_integer error; /* of a size in text: "size=12.0 MiB ± 3.1 MiB"; 0: exact */
	double real;
	const char *text;
	const report_integer *integers;
	const char *const *texts;
	size_t count; /* of integers or texts */
};

/* Where a column appears. */
enum column_place {
	IN_TEXT = 1 << 0,
	IN_LINES = 1 << 1,
	IN_JSON = 1 << 2,
	IN_CSV = 1 << 3,
	IN_MARKDOWN = 1 << 4,
	IN_DATA = IN_JSON | IN_CSV
};

struct report_column {
	const char *name;  /* in JSON and CSV */
	const char *label; /* for people; NULL: same */
	unsigned places;   /* enum column_place */
};

struct report_frame {
	const char *file;
	uint32_t line;
	const char *function, *module; /* NULL: unknown */
	const char *source;            /* its line, stripped; NULL: unknown or not asked for (REPORT_SOURCES) */
};

struct report_row {
	struct cell *cells; /* one per column */
	struct report_frame *frames;
	size_t frame_count, attributed;
	struct strbuf label, outer;      /* for people; as tracemalloc prints it (outermost kept frame) */
	struct strbuf source, via, mark; /* empty: none.  mark: "new", "gone" */
	int growth;                      /* −1, 0, +1: for colours */
	/* private */
	size_t frame_room;
};

struct report_table {
	const char *name;    /* in JSON */
	const char *title;   /* for people, NULL: none */
	const char *subject; /* heading of the first column in a table for people: "lineno" */
	const struct report_column *columns;
	size_t column_count;
	size_t row_count;
	size_t shown_max;          /* rows of a plain table that text and markdown show; 0: all */
	const struct cell *totals; /* one per column, NULL: none */
	bool with_frames;          /* rows are groups of blocks, with frames; else plain cells */
	bool with_stacks;          /* text prints the frames of a row below it, CSV in a column */
	int (*fill)(const struct report_table *table, size_t index, struct report_row *row, struct error *error);
	void *context;
};

/* One value about the whole: JSON object `object` (NULL: top level), or element `element` ≥ 0 of the list `object`. */
struct report_property {
	const char *object;
	int element; /* −1: not a list */
	const char *name;
	struct cell cell;
};

struct report_texts {
	const char **items;
	size_t count, room;
};

struct report {
	const char *format; /* "heapdelta-stats" */
	struct report_property *properties;
	size_t property_count, property_room;
	struct report_table *tables;
	size_t table_count;
	struct report_texts header, footer, notes; /* lines for people; notes go to stderr, whatever the format */
	const char *next;                          /* the command to type next, NULL: none */
	bool failed;                               /* an allocation failed while it was made */
	void *context;
	void (*release_context)(void *context);
	/* private */
	struct report_texts owned;
};

void report_init(struct report *report, const char *format);
void report_release(struct report *report);

/* Texts owned by the report; "" and report->failed after a failed allocation. */
const char *report_text(struct report *report, const char *format, ...) __attribute__((format(printf, 2, 3)));
const char *report_keep(struct report *report, struct strbuf *text); /* empties `text` */
bool report_adopt(struct report *report, void *memory);              /* free() it at the end; false (and freed): no memory for that */
void report_line(struct report *report, struct report_texts *lines, const char *format, ...) __attribute__((format(printf, 3, 4)));
void report_property(struct report *report, const char *object, const char *name, struct cell cell);
void report_property_at(struct report *report, const char *object, int element, const char *name, struct cell cell);

struct cell cell_none(void);
struct cell cell_text(const char *text); /* NULL: none */
struct cell cell_integer(enum cell_kind kind, report_integer value);
struct cell cell_real(enum cell_kind kind, double value);
struct cell cell_flag(bool value);

/* A row to be filled again and again. */
int report_row_init(struct report_row *row, const struct report_table *table, struct error *error);
int report_row_fill(struct report_row *row, const struct report_table *table, size_t index, struct error *error);
/* Room for `count` frames; 0 or −1. */
int report_row_frames(struct report_row *row, size_t count, struct error *error);
void report_row_release(struct report_row *row);

#endif
