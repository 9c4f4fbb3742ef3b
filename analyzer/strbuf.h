/* SPDX-License-Identifier: MIT */
/* Growable text, always NUL-terminated.  After a failed allocation the buffer keeps what it has and `failed` stays set. */
#ifndef ANALYZER_STRBUF_H
#define ANALYZER_STRBUF_H

#include <stdbool.h>
#include <stddef.h>

struct strbuf {
	char *data; /* never NULL after strbuf_init */
	size_t length, room;
	bool failed;
};

void strbuf_init(struct strbuf *buffer);
void strbuf_release(struct strbuf *buffer);
void strbuf_clear(struct strbuf *buffer);
void strbuf_add(struct strbuf *buffer, const char *data, size_t length);
void strbuf_puts(struct strbuf *buffer, const char *text);
void strbuf_putc(struct strbuf *buffer, char character);
void strbuf_printf(struct strbuf *buffer, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* A word as a POSIX shell would have to be given it: quoted if it needs to be. */
void strbuf_shell(struct strbuf *buffer, const char *word);
/* Ownership of the text (free() it); the buffer is empty again.  NULL when an allocation failed. */
char *strbuf_steal(struct strbuf *buffer);

#endif
