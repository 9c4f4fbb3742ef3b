/* SPDX-License-Identifier: MIT */
/*
 * api-traceback: get_object_traceback names the calls that allocated a block, innermost first; the limit of start() cuts outer frames.
 * The functions lie in a section of their own, in order, so that a return address tells its function.
 */
#include <heapdelta/heapdelta.h>

#include "expect.h"

#define PLACED __attribute__((noinline, section("traced_text")))
enum { ROOM = 64 };

PLACED static void *inner(size_t size)
{
	void *block = malloc(size);
	__asm__ volatile("" : "+r"(block));
	return block;
}

PLACED static void *middle(size_t size)
{
	void *block = inner(size);
	__asm__ volatile("" : "+r"(block));
	return block;
}

PLACED static void *outer(size_t size)
{
	void *block = middle(size);
	__asm__ volatile("" : "+r"(block));
	return block;
}

PLACED static void *regrow(void *block, size_t size)
{
	block = realloc(block, size);
	__asm__ volatile("" : "+r"(block));
	return block;
}

static int is_in(const void *address, const void *function, const void *next)
{
	return (uintptr_t)address > (uintptr_t)function && (uintptr_t)address <= (uintptr_t)next;
}

static void whole_stack(void)
{
	void *frames[ROOM] = {0};
	char *block = outer(100);
	int depth = heapdelta_get_object_traceback(block, frames, ROOM);

	EXPECT(depth >= 4 && depth < ROOM, 1);
	EXPECT(is_in(frames[0], (void *)inner, (void *)middle), 1);
	EXPECT(is_in(frames[1], (void *)middle, (void *)outer), 1);
	EXPECT(is_in(frames[2], (void *)outer, (void *)regrow), 1);
	EXPECT(frames[depth - 1] != NULL && frames[depth] == NULL, 1);
	EXPECT(heapdelta_get_object_traceback(block + 1, frames, ROOM), HEAPDELTA_UNKNOWN_BLOCK);
	EXPECT(heapdelta_get_object_traceback(NULL, frames, ROOM), HEAPDELTA_UNKNOWN_BLOCK);
	const void *volatile freed = block;
	free(block);
	EXPECT(heapdelta_get_object_traceback(freed, frames, ROOM), HEAPDELTA_UNKNOWN_BLOCK);
}

static void little_room(void)
{
	void *frames[3] = {0};
	void *block = outer(100);
	int depth = heapdelta_get_object_traceback(block, NULL, 0);

	EXPECT(depth >= 4, 1);
	EXPECT(heapdelta_get_object_traceback(block, frames, 2), depth);
	EXPECT(frames[1] != NULL && frames[2] == NULL, 1);
	free(block);
}

/* The block belongs to the line that resized it, also when it did not move. */
static void after_realloc(void)
{
	void *frames[ROOM] = {0};
	void *block = outer(100);

	block = regrow(block, 101);
	EXPECT(heapdelta_get_object_traceback(block, frames, ROOM) >= 2, 1);
	EXPECT(is_in(frames[0], (void *)regrow, (char *)(void *)regrow + 256), 1);
	free(block);
}

static void limit(unsigned nframe)
{
	void *frames[ROOM] = {0};

	heapdelta_stop();
	EXPECT(heapdelta_start(nframe), 0);
	EXPECT(heapdelta_get_traceback_limit(), nframe);
	void *block = outer(100);
	EXPECT(heapdelta_get_object_traceback(block, frames, ROOM), nframe);
	EXPECT(is_in(frames[0], (void *)inner, (void *)middle), 1);
	free(block);
}

int main(void)
{
	if (!heapdelta_available())
		return 77;
	whole_stack();
	little_room();
	after_realloc();
	limit(1);
	limit(3);
	limit(2);
	EXPECT(heapdelta_start(65536), -EINVAL);
	EXPECT(heapdelta_get_traceback_limit(), 2);
	return expect_status();
}
