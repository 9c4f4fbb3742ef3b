/* SPDX-License-Identifier: MIT */
/*
 * What the unwinder's tests share: tables to record into, and two walks that nobody here wrote.  The first, unw_step() without caches, is
 * exact and takes microseconds a frame; the second, unw_backtrace(), is fast enough to compare every stack of a long run.
 */
#ifndef TESTS_UNWIND_ORACLE_H
#define TESTS_UNWIND_ORACLE_H

#include <check.h>
#include <libunwind.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "modules.h"
#include "stacks.h"
#include "trace.h"
#include "unwind-rules.h"
#include "unwind.h"

enum { ORACLE_FRAMES = 512 };

static inline void remove_trace(void)
{
	unlink(trace.path);
}

/* Fixture: tables of their own for each test. */
static inline void start_tables(void)
{
	const char *directory = getenv("TMPDIR");
	const char *const directories[] = {directory ? directory : "/tmp", NULL};
	struct trace_options options = {.directories = directories, .exe = "/proc/self/exe", .cwd = "/"};
	ck_assert_int_eq(trace_create(&options), 0);
	modules_reset();
	ck_assert(rules_start());
	unw_set_caching_policy(unw_local_addr_space, UNW_CACHE_NONE);
}

/* Return addresses of the caller's stack, the caller's own first, up to the first frame without an FDE. */
__attribute__((noinline)) static size_t oracle_exact(uintptr_t *addresses, size_t room)
{
	unw_context_t context;
	unw_cursor_t cursor;
	unw_proc_info_t info;
	size_t count = 0;
	unw_word_t ip;
	unw_getcontext(&context);
	unw_init_local(&cursor, &context);
	while (unw_step(&cursor) > 0 && count < room) {
		unw_get_reg(&cursor, UNW_REG_IP, &ip);
		addresses[count++] = ip;
		if (unw_get_proc_info(&cursor, &info) != 0)
			break;
	}
	return count;
}

static inline size_t oracle_fast(uintptr_t *addresses, size_t room)
{
	int count = unw_backtrace((void **)addresses, (int)room);
	return count > 0 ? (size_t)count : 0;
}

static inline const struct hdt_node *node_of(uint32_t stack)
{
	return (const struct hdt_node *)trace_at(HDT_AREA_NODES, 0) + stack;
}

/* The outermost pseudo-frame of a stack; 0: it is complete. */
static inline uint64_t special_of(uint32_t stack)
{
	while (node_of(stack)->parent != STACK_ROOT)
		stack = node_of(stack)->parent;
	return node_of(stack)->module == HDT_MODULE_SPECIAL ? node_of(stack)->address : 0;
}

/*
 * Of a stack taken by unwind_stack() in a function, the frames of that function's callers.  Where the walk cannot begin with them, it
 * begins in unwind_stack(); the code under test is linked into the test, so nothing is left out.
 */
#if defined(__x86_64__)
enum { OWN_FRAMES = 0 };
#else
enum { OWN_FRAMES = 2 };
#endif
static inline size_t outer_frames(uint32_t stack, uintptr_t *addresses, size_t room)
{
	size_t count = unwind_addresses(stack, addresses, room);
	if (count <= OWN_FRAMES || count > room)
		abort(); /* also called in signal handlers, where an assertion of Check would allocate */
	for (size_t i = OWN_FRAMES; i < count; i++)
		addresses[i - OWN_FRAMES] = addresses[i];
	return count - OWN_FRAMES;
}

static uintptr_t ours[70000], theirs[ORACLE_FRAMES];

/* The caller's stack, its outermost pseudo-frame, and whether it is what the exact oracle sees.  Its frames are left in `ours`. */
struct taken {
	uint32_t stack;
	size_t count;
	uint64_t special;
	bool is_equal;
};
__attribute__((noinline, unused)) static struct taken take(void)
{
	struct taken taken = {.stack = unwind_stack(UNWIND_FRAME)};
	taken.count = outer_frames(taken.stack, ours, sizeof(ours) / sizeof(ours[0]));
	taken.special = special_of(taken.stack);
	size_t expected = oracle_exact(theirs, ORACLE_FRAMES);
	taken.is_equal = expected == taken.count + 1 && memcmp(ours, theirs + 1, taken.count * sizeof(ours[0])) == 0;
	return taken;
}

static inline void add_case(Suite *suite, const char *name, SFun start, const TTest *const *tests)
{
	TCase *cases = tcase_create(name);
	tcase_add_checked_fixture(cases, start, remove_trace);
	tcase_set_timeout(cases, 60);
	while (*tests)
		tcase_add_test(cases, *tests++);
	suite_add_tcase(suite, cases);
}

static inline int run_suite(Suite *suite)
{
	SRunner *runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	int failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}

#endif
