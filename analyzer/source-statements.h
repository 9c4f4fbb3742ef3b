/* SPDX-License-Identifier: MIT */
/* What a statement of a C-like language says, however it is broken into lines, indented or commented. */
#ifndef ANALYZER_SOURCE_STATEMENTS_H
#define ANALYZER_SOURCE_STATEMENTS_H

#include <stddef.h>
#include <stdint.h>

/*
 * hashes[i] becomes that of line i + 1, for `count` lines of `text`; FORMAT.md says of what it is (STMT); 0: nothing but comments and braces.
 * 0, or −1: out of memory.
 */
int source_statements(const char *text, size_t size, uint64_t *hashes, size_t count);

#endif
