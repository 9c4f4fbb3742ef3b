/* SPDX-License-Identifier: MIT */
/*
 * Expectations of a target about itself, without stdio's buffer, which would be a block more: each one that does not hold is a line on
 * stderr, and expect_status() is the target's exit status.
 */
#ifndef TARGETS_EXPECT_H
#define TARGETS_EXPECT_H

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static int expect_failures;

static inline void expect_line(int line, const char *what, long long got, long long expected)
{
	char text[512];
	int length = snprintf(text, sizeof(text), "line %d: %s is %lld, expected %lld\n", line, what, got, expected);

	expect_failures++;
	if (write(STDERR_FILENO, text, (size_t)length) != length)
		abort();
}

#define EXPECT(value, expected) \
	do { \
		long long got_ = (long long)(value), expected_ = (long long)(expected); \
		if (got_ != expected_) \
			expect_line(__LINE__, #value, got_, expected_); \
	} while (0)

static inline int expect_status(void)
{
	return expect_failures != 0;
}

#endif
