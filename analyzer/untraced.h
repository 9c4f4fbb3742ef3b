/* SPDX-License-Identifier: MIT */
/* Processes of a run that were not traced, and why: what the library noted before each exec (preload/untraced.c). */
#ifndef ANALYZER_UNTRACED_H
#define ANALYZER_UNTRACED_H

#include <stdbool.h>
#include <stddef.h>

#include "error.h"
#include "strbuf.h"

struct untraced;

struct untraced *untraced_new(void); /* NULL: out of memory */
void untraced_free(struct untraced *untraced);

/* Read the notes; a file that is missing has none. */
void untraced_read(struct untraced *untraced, const char *path);
void untraced_add(struct untraced *untraced, const char *name, const char *cause);

size_t untraced_count(const struct untraced *untraced);
/* The n-th kind, "hello: static", cleaned, and how many processes are of it; false: there are no more. */
bool untraced_kind(const struct untraced *untraced, size_t n, struct error *text, size_t *count);
/* "sudo: setuid; hello: static x3", the first few kinds. */
void untraced_describe(const struct untraced *untraced, struct strbuf *out);

#endif
