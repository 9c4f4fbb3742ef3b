/* SPDX-License-Identifier: MIT */
/*
 * Messages of the shim.  They go out as one write(2), so that lines of several processes do not mix, and a failed write is ignored: the
 * program must not notice us.
 */
#include "log.h"

#include <errno.h>
#include <stdarg.h>
#include <string.h>
#include <unistd.h>

static size_t append(char *line, size_t length, size_t room, const char *text)
{
	size_t add = strlen(text);
	if (add > room - length)
		add = room - length;
	return (size_t)((char *)mempcpy(line + length, text, add) - line);
}

void log_line(const char *first, ...)
{
	int saved = errno;
	char line[768];
	size_t room = sizeof(line) - 1;
	size_t length = append(line, 0, room, "heapdelta: ");
	va_list parts;
	va_start(parts, first);
	for (const char *part = first; part; part = va_arg(parts, const char *))
		length = append(line, length, room, part);
	va_end(parts);
	line[length++] = '\n';
	if (write(STDERR_FILENO, line, length) < 0) {
		/* nobody to tell */
	}
	errno = saved;
}

const char *log_number(char buffer[LOG_NUMBER_MAX], unsigned long long number)
{
	char *digit = buffer + LOG_NUMBER_MAX - 1;
	*digit = '\0';
	do
		*--digit = (char)('0' + number % 10);
	while ((number /= 10) != 0);
	return digit;
}
