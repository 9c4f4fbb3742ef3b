/* SPDX-License-Identifier: MIT */
/*
 * api-fork: a child traces on.  It begins empty, knows its own blocks, writes its own snapshot; what its parent had switched (limit, off) holds
 * in it.  The parent sees nothing of that.
 */
#include <heapdelta/heapdelta.h>

#include <sys/wait.h>

#include "expect.h"

static void *volatile block, *volatile own;

static size_t current(void)
{
	size_t bytes = 99;

	EXPECT(heapdelta_get_traced_memory(&bytes, NULL), 0);
	return bytes;
}

static void be_tracing_child(void)
{
	EXPECT(heapdelta_is_tracing(), 1);
	EXPECT(current(), 0);
	EXPECT(heapdelta_get_object_traceback(block, NULL, 0), HEAPDELTA_UNKNOWN_BLOCK);
	own = malloc(300);
	EXPECT(current(), 300);
	EXPECT(heapdelta_get_object_traceback(own, NULL, 0), 4);
	EXPECT(heapdelta_get_traceback_limit(), 4);
	free(block); /* the parent's: accepted, not counted */
	EXPECT(current(), 300);
	EXPECT(heapdelta_take_snapshot("child"), 0);
}

static void be_stopped_child(void)
{
	EXPECT(heapdelta_is_tracing(), 0);
	EXPECT(heapdelta_track(1, block, 1), HEAPDELTA_NOT_TRACING);
	own = malloc(300);
	EXPECT(heapdelta_start(2), 0);
	EXPECT(current(), 0);
	free(own);
}

__attribute__((noinline)) static void in_child(void (*work)(void))
{
	int status = -1;
	pid_t child = fork();

	if (child == 0) {
		expect_failures = 0;
		work();
		_exit(expect_status());
	}
	waitpid(child, &status, 0);
	EXPECT(status, 0);
}

int main(void)
{
	if (!heapdelta_available())
		return 77;
	heapdelta_stop();
	EXPECT(heapdelta_start(4), 0);
	block = malloc(1000);
	in_child(be_tracing_child);
	EXPECT(current(), 1000);
	EXPECT(heapdelta_get_object_traceback(block, NULL, 0) > 0, 1);
	EXPECT(heapdelta_take_snapshot("parent"), 0);
	heapdelta_stop();
	in_child(be_stopped_child);
	EXPECT(heapdelta_is_tracing(), 0);
	return expect_status();
}
