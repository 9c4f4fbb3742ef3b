/* SPDX-License-Identifier: MIT */
/*
 * Comes in: pieces of text.  Goes out: one NUL-terminated string.  Not thread-safe.
 * Errors are sticky instead of returned, so that a writer of many pieces checks once at the end; room doubles, so that appending is
 * linear.  An empty buffer points at one shared NUL byte, which is never written, so that init cannot fail.
 */
#include "strbuf.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static char empty[1];

void strbuf_init(struct strbuf *buffer)
{
	*buffer = (struct strbuf){.data = empty};
}

void strbuf_release(struct strbuf *buffer)
{
	if (buffer->data != empty)
		free(buffer->data);
	strbuf_init(buffer);
}

void strbuf_clear(struct strbuf *buffer)
{
	buffer->length = 0;
	if (buffer->room)
		buffer->data[0] = '\0';
}

/* Room for `more` bytes and the NUL.  False: allocation failed, and `failed` is set. */
static bool reserve(struct strbuf *buffer, size_t more)
{
	if (buffer->room && more < buffer->room - buffer->length)
		return true;

	size_t room = buffer->room ? buffer->room : 64;
	while (room - buffer->length <= more && room <= SIZE_MAX / 4)
		room *= 2;
	char *data = room - buffer->length > more ? realloc(buffer->data == empty ? NULL : buffer->data, room) : NULL;
	if (!data) {
		buffer->failed = true;
		return false;
	}
	buffer->data = data;
	buffer->room = room;
	return true;
}

void strbuf_add(struct strbuf *buffer, const char *data, size_t length)
{
	if (!reserve(buffer, length))
		return;
	if (length)
		memcpy(buffer->data + buffer->length, data, length);
	buffer->length += length;
	buffer->data[buffer->length] = '\0';
}

void strbuf_puts(struct strbuf *buffer, const char *text)
{
	strbuf_add(buffer, text, strlen(text));
}

void strbuf_putc(struct strbuf *buffer, char character)
{
	strbuf_add(buffer, &character, 1);
}

void strbuf_printf(struct strbuf *buffer, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	int length = vsnprintf(NULL, 0, format, arguments);
	va_end(arguments);
	if (length < 0) {
		buffer->failed = true;
		return;
	}
	if (!reserve(buffer, (size_t)length))
		return;
	va_start(arguments, format);
	vsnprintf(buffer->data + buffer->length, (size_t)length + 1, format, arguments);
	va_end(arguments);
	buffer->length += (size_t)length;
}

void strbuf_shell(struct strbuf *buffer, const char *word)
{
	static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_@%+=:,./-";

	if (*word && !word[strspn(word, plain)]) {
		strbuf_puts(buffer, word);
		return;
	}
	strbuf_putc(buffer, '\'');
	for (; *word; word++) {
		if (*word == '\'')
			strbuf_puts(buffer, "'\\''");
		else
			strbuf_putc(buffer, *word);
	}
	strbuf_putc(buffer, '\'');
}

char *strbuf_steal(struct strbuf *buffer)
{
	char *text = NULL;

	if (!buffer->failed && reserve(buffer, 0)) {
		buffer->data[buffer->length] = '\0';
		text = buffer->data;
		buffer->data = empty;
	}
	strbuf_release(buffer);
	return text;
}
