/* SPDX-License-Identifier: MIT */
/*
 * What went wrong, as one line for the user.  The first error wins: a later one on the way out does not hide the cause.
 * Modules of the analyzer fill a struct error and return −1; only cmd-*.c and main.c print.
 */
#ifndef ANALYZER_ERROR_H
#define ANALYZER_ERROR_H

#include <stdbool.h>

struct error {
	char text[512]; /* no capital, no full stop, subject in single quotes, no program name; empty: no error */
};

/* Keep the first message.  Control characters and broken UTF-8 are shown escaped.  Always returns −1, so that `return error_set(…)` reads well. */
int error_set(struct error *error, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* "out of memory" */
int error_nomem(struct error *error);

#endif
