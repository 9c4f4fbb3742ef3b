/* SPDX-License-Identifier: MIT */
/*
 * The call sites of the recorder scenarios, one function each; `#line` gives each the file and line that the scenarios name, so that both
 * the recorded address and the debug information tell it.  Included by scenario-player.c alone.
 */
#define SITE(function, expression) \
	__attribute__((noinline, section("scenario_sites"))) static void *function(const struct call *call) \
	{ \
		void *result = (expression); \
		__asm__ volatile("" : "+r"(result)); \
		return result; \
	}

/* clang-format off */
#line 1 "m.c"
SITE(malloc_1, malloc(call->size))
#line 2 "m.c"
SITE(malloc_2, malloc(call->size))
#line 3 "m.c"
SITE(malloc_3, malloc(call->size))
#line 11 "m.c"
SITE(malloc_11, malloc(call->size))
#line 21 "c.c"
SITE(calloc_21, calloc(call->count, call->size))
#line 31 "r.c"
SITE(realloc_31, realloc(call->ptr, call->size))
#line 5 "t.c"
SITE(track_5, (void *)(intptr_t)heapdelta_track(call->domain, call->ptr, call->size))
#line 6 "t.c"
SITE(track_6, (void *)(intptr_t)heapdelta_track(call->domain, call->ptr, call->size))
#line 7 "t.c"
SITE(track_7, (void *)(intptr_t)heapdelta_track(call->domain, call->ptr, call->size))
#line 9 "t.c"
SITE(track_9, (void *)(intptr_t)heapdelta_track(call->domain, call->ptr, call->size))
#line 100 "scenario-sites.h"
/* clang-format on */

static const struct site {
	const char *name;
	void *(*function)(const struct call *call);
} sites[] = {
	{"m.c:1", malloc_1},    {"m.c:2", malloc_2}, {"m.c:3", malloc_3}, {"m.c:11", malloc_11}, {"c.c:21", calloc_21},
	{"r.c:31", realloc_31}, {"t.c:5", track_5},  {"t.c:6", track_6},  {"t.c:7", track_7},    {"t.c:9", track_9},
};
enum { SITE_COUNT = sizeof(sites) / sizeof(sites[0]) };
