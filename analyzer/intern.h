/* SPDX-License-Identifier: MIT */
/*
 * Interned strings: equal text, equal pointer, for all snapshots of one command.  Strings live until intern_free.  Not thread-safe.
 */
#ifndef ANALYZER_INTERN_H
#define ANALYZER_INTERN_H

#include <stddef.h>

struct intern;

struct intern *intern_new(void); /* NULL: out of memory */
void intern_free(struct intern *intern);
/* Borrowed; NULL: out of memory. */
const char *intern_add(struct intern *intern, const char *text);
const char *intern_add_n(struct intern *intern, const char *text, size_t length);

#endif
