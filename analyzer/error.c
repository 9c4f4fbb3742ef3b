/* SPDX-License-Identifier: MIT */
/*
 * Comes in: a format and its arguments, often with names from hostile files.  Goes out: one printable line in a struct error.
 * No state of its own.  Control characters and what is not UTF-8 are escaped here, once, so that no message can move the cursor of
 * the user's terminal or forge a second line.
 */
#include "error.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* Bytes of the character at `at` that may be shown as they are; 0: escape this byte. */
static size_t printable(const unsigned char *at)
{
	size_t length = *at < 0x80 ? 1 : *at < 0xc2 ? 0 : *at < 0xe0 ? 2 : *at < 0xf0 ? 3 : *at < 0xf5 ? 4 : 0;

	if (*at < 0x20 || *at == 0x7f || (*at == 0xc2 && at[1] < 0xa0))
		return 0;
	for (size_t i = 1; i < length; i++)
		if ((at[i] & 0xc0) != 0x80)
			return 0;
	return length;
}

/* Escape `text` into the error; what does not fit is cut. */
static void store(struct error *error, const char *text)
{
	size_t used = 0;

	for (const unsigned char *at = (const unsigned char *)text; *at;) {
		size_t length = printable(at);
		if (used + (length ? length : 4) >= sizeof(error->text))
			break;
		if (length)
			memcpy(error->text + used, at, length);
		else
			snprintf(error->text + used, 5, "\\x%02x", *at);
		used += length ? length : 4;
		at += length ? length : 1;
	}
	error->text[used] = '\0';
}

int error_set(struct error *error, const char *format, ...)
{
	char text[sizeof(error->text)];
	va_list arguments;

	if (error->text[0])
		return -1;
	va_start(arguments, format);
	vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	store(error, text);
	return -1;
}

int error_nomem(struct error *error)
{
	return error_set(error, "out of memory");
}
