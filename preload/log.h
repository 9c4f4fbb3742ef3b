/* SPDX-License-Identifier: MIT */
/* One line on standard error by write(2): errno-safe, signal-safe, no stdio.  Used for warnings at start and with HEAPDELTA_VERBOSE only. */
#ifndef PRELOAD_LOG_H
#define PRELOAD_LOG_H

#include <stddef.h>

/* "heapdelta: " and the parts up to NULL and a newline, in one write. */
void log_line(const char *first, ...) __attribute__((sentinel));

/* Decimal text of a number, in the caller's buffer. */
enum { LOG_NUMBER_MAX = 24 };
const char *log_number(char buffer[LOG_NUMBER_MAX], unsigned long long number);

#endif
