/* SPDX-License-Identifier: MIT */
/*
 * api-all: one line with the result of every function of heapdelta.h.  Compiled as C and as C++, as PIE, non-PIE and static program, and run
 * with and without the library: the line says what a program sees in each case.
 */
#include <heapdelta/heapdelta.h>

#include <stdio.h>
#include <stdlib.h>

static char line_buffer[4096];
static void *volatile kept;
static char pool[500];

static void print_result(const char *name, long value)
{
	printf("%s=%ld ", name, value);
}

static void print_memory(const char *name)
{
	size_t current = 99, peak = 99;
	int status = heapdelta_get_traced_memory(&current, &peak);

	printf("%s=%d:%lu:%lu ", name, status, (unsigned long)current, (unsigned long)peak);
}

int main(void)
{
	void *frames[4] = {NULL, NULL, NULL, NULL};

	setvbuf(stdout, line_buffer, _IOFBF, sizeof(line_buffer));
	print_result("available", heapdelta_available());
	print_result("tracing", heapdelta_is_tracing());
	print_result("limit", (long)heapdelta_get_traceback_limit());
	heapdelta_clear_traces(); /* what a C++ runtime has allocated before main */
	kept = malloc(1000);
	print_memory("malloc");
	int depth = heapdelta_get_object_traceback(kept, frames, 4);
	print_result("traceback", depth > 1 ? 1 : depth);
	print_result("frame", frames[0] != NULL);
	print_result("unknown", heapdelta_get_object_traceback(pool, NULL, 0));
	print_result("track", heapdelta_track(3, pool, sizeof(pool)));
	print_memory("tracked");
	print_result("untrack", heapdelta_untrack(3, pool));
	free(kept);
	heapdelta_reset_peak();
	print_memory("reset");
	print_result("tracer", heapdelta_get_tracer_memory() >= 4096);
	print_result("snapshot", heapdelta_take_snapshot("api all"));
	heapdelta_stop();
	print_result("stopped", heapdelta_is_tracing());
	print_result("toomany", heapdelta_start(65536));
	print_result("start", heapdelta_start(5));
	print_result("limit", (long)heapdelta_get_traceback_limit());
	printf("\n");
	return 0;
}
