/* SPDX-License-Identifier: MIT */
/*
 * api-traced-memory: current and peak follow malloc, free, realloc, clear_traces, reset_peak, stop and start to the byte; blocks from before a
 * start or a clear stay unknown, and freeing them changes nothing.
 */
#include <heapdelta/heapdelta.h>

#include "expect.h"

#define EXPECT_MEMORY(current_size, peak_size) \
	do { \
		size_t current_ = 99, peak_ = 99; \
		EXPECT(heapdelta_get_traced_memory(&current_, &peak_), 0); \
		EXPECT(current_, current_size); \
		EXPECT(peak_, peak_size); \
	} while (0)

enum { SIZE = 1024 * 1024, SMALL = 100 };
static void *volatile block, *volatile other;

static void follow_malloc_and_free(void)
{
	block = malloc(SIZE);
	EXPECT_MEMORY(SIZE, SIZE);
	free(block);
	EXPECT_MEMORY(0, SIZE);
	block = calloc(7, SMALL);
	EXPECT_MEMORY(7 * SMALL, SIZE);
	block = realloc(block, SMALL);
	EXPECT_MEMORY(SMALL, SIZE);
	free(block);
	block = malloc(0);
	EXPECT_MEMORY(0, SIZE);
	free(block);
	EXPECT_MEMORY(0, SIZE);
}

static void reset_peak(void)
{
	block = malloc(SMALL);
	heapdelta_reset_peak();
	EXPECT_MEMORY(SMALL, SMALL);
	other = malloc(SIZE);
	free(other);
	EXPECT_MEMORY(SMALL, SMALL + SIZE);
	heapdelta_reset_peak();
	EXPECT_MEMORY(SMALL, SMALL);
	free(block);
	EXPECT_MEMORY(0, SMALL);
}

static void clear_traces(void)
{
	block = malloc(SIZE);
	other = malloc(SMALL);
	heapdelta_clear_traces();
	EXPECT_MEMORY(0, 0);
	EXPECT(heapdelta_is_tracing(), 1);
	EXPECT(heapdelta_get_object_traceback(block, NULL, 0), HEAPDELTA_UNKNOWN_BLOCK);
	free(block);
	EXPECT_MEMORY(0, 0);
	other = realloc(other, 3 * SMALL); /* adopted, with its whole new size */
	EXPECT_MEMORY(3 * SMALL, 3 * SMALL);
	free(other);
	EXPECT_MEMORY(0, 3 * SMALL);
}

static void stop_and_start(void)
{
	size_t current = 99, peak = 99;

	block = malloc(SIZE);
	heapdelta_stop();
	EXPECT(heapdelta_is_tracing(), 0);
	EXPECT(heapdelta_get_traced_memory(&current, &peak), HEAPDELTA_NOT_TRACING);
	EXPECT(current, 0);
	EXPECT(peak, 0);
	EXPECT(heapdelta_get_object_traceback(block, NULL, 0), HEAPDELTA_NOT_TRACING);
	heapdelta_stop();
	other = malloc(SMALL);
	EXPECT(heapdelta_start(0), 0);
	EXPECT(heapdelta_start(7), 0);
	EXPECT(heapdelta_get_traceback_limit(), HEAPDELTA_TRACEBACK_LIMIT_MAX);
	EXPECT(heapdelta_is_tracing(), 1);
	EXPECT_MEMORY(0, 0);
	free(block);
	free(other);
	EXPECT_MEMORY(0, 0);
	EXPECT(heapdelta_get_traced_memory(NULL, NULL), 0);
}

/* After clear_traces the tracer needs no more memory than before. */
static void tracer_memory(void)
{
	block = malloc(SMALL);
	size_t before = heapdelta_get_tracer_memory();
	EXPECT(before > 0, 1);
	heapdelta_clear_traces();
	EXPECT(heapdelta_get_tracer_memory() <= before, 1);
	free(block);
}

int main(void)
{
	if (!heapdelta_available())
		return 77;
	EXPECT_MEMORY(0, 0);
	follow_malloc_and_free();
	reset_peak();
	clear_traces();
	stop_and_start();
	tracer_memory();
	return expect_status();
}
