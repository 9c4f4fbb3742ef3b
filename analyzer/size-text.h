/* SPDX-License-Identifier: MIT */
/* tracemalloc's size text ("10239 B", "10.0 KiB", "+1024 KiB"), byte for byte. */
#ifndef ANALYZER_SIZE_TEXT_H
#define ANALYZER_SIZE_TEXT_H

#include <stdbool.h>

enum { SIZE_TEXT_MAX = 64 };

/* `sign`: "+" before values that are not negative.  Returns buffer. */
char *size_text(char buffer[SIZE_TEXT_MAX], double size, bool sign);

/* Parse "64K", "1.5MiB", "4096": bytes.  K, M, G, T (also in lower case) and KiB, MiB, … are powers of 1024; "kB" is refused.  0 or −1. */
int size_parse(const char *text, unsigned long long *bytes);

/* Parse "10s", "2m", "1.5h", "1d", "30" (seconds): nanoseconds.  0 or −1. */
int time_parse(const char *text, unsigned long long *nanoseconds);

#endif
