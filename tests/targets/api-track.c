/* SPDX-License-Identifier: MIT */
/*
 * api-track: blocks of other domains.  Tracking again overwrites, untracking is idempotent, both say -2 while recording is off, and an untrack
 * that comes after a stop and a new start does no harm.
 */
#include <heapdelta/heapdelta.h>

#include "expect.h"

enum { DOMAIN = 8, POOL = 1 << 20 };

static size_t current(void)
{
	size_t bytes = 99;

	EXPECT(heapdelta_get_traced_memory(&bytes, NULL), 0);
	return bytes;
}

static void overwrite(char *pool)
{
	EXPECT(heapdelta_track(DOMAIN, pool, 100), 0);
	EXPECT(current(), 100);
	EXPECT(heapdelta_track(DOMAIN, pool, 250), 0);
	EXPECT(current(), 250);
	EXPECT(heapdelta_track(DOMAIN + 1, pool, 11), 0);
	EXPECT(heapdelta_track(DOMAIN, pool + 1, 3), 0); /* an odd address */
	EXPECT(current(), 264);
	EXPECT(heapdelta_untrack(DOMAIN, pool), 0);
	EXPECT(heapdelta_untrack(DOMAIN, pool), 0);
	EXPECT(heapdelta_untrack(99, pool), 0);
	EXPECT(current(), 14);
	EXPECT(heapdelta_untrack(DOMAIN + 1, pool), 0);
	EXPECT(heapdelta_untrack(DOMAIN, pool + 1), 0);
	EXPECT(current(), 0);
}

static void odd_values(void)
{
	EXPECT(heapdelta_track(DOMAIN, NULL, 5), 0);
	EXPECT(heapdelta_track(DOMAIN, (void *)UINTPTR_MAX, (size_t)1 << 40), 0);
	EXPECT(heapdelta_track(UINT32_MAX, (void *)4096, 0), 0);
	EXPECT(current(), 5 + ((size_t)1 << 40));
	EXPECT(heapdelta_untrack(DOMAIN, NULL), 0);
	EXPECT(heapdelta_untrack(DOMAIN, (void *)UINTPTR_MAX), 0);
	EXPECT(heapdelta_untrack(UINT32_MAX, (void *)4096), 0);
	EXPECT(current(), 0);
}

/* A domain's keys do not touch malloc's blocks. */
static void apart_from_malloc(void)
{
	char *block = malloc(1000);
	const void *volatile key = block;

	EXPECT(heapdelta_track(DOMAIN, key, 10), 0);
	EXPECT(current(), 1010);
	EXPECT(heapdelta_get_object_traceback(block, NULL, 0) > 0, 1);
	free(block);
	EXPECT(current(), 10);
	EXPECT(heapdelta_untrack(DOMAIN, key), 0);
	EXPECT(current(), 0);
}

static void off(char *pool)
{
	EXPECT(heapdelta_track(DOMAIN, pool, 100), 0);
	heapdelta_stop();
	EXPECT(heapdelta_track(DOMAIN, pool, 100), HEAPDELTA_NOT_TRACING);
	EXPECT(heapdelta_untrack(DOMAIN, pool), HEAPDELTA_NOT_TRACING);
	EXPECT(heapdelta_start(0), 0);
	EXPECT(heapdelta_untrack(DOMAIN, pool), 0);
	EXPECT(current(), 0);
}

/* Many at once: the table grows, and every block comes out again with the size it went in with. */
static void many(char *pool)
{
	size_t sum = 0;

	for (size_t n = 0; n < POOL / 16; n++) {
		EXPECT(heapdelta_track(DOMAIN + n % 3, pool + 16 * n, n), 0);
		sum += n;
	}
	EXPECT(current(), sum);
	for (size_t n = 0; n < POOL / 16; n += 2) {
		EXPECT(heapdelta_untrack(DOMAIN + n % 3, pool + 16 * n), 0);
		sum -= n;
	}
	EXPECT(current(), sum);
	heapdelta_clear_traces();
	EXPECT(current(), 0);
}

int main(void)
{
	static char pool[POOL];

	if (!heapdelta_available())
		return 77;
	overwrite(pool);
	odd_values();
	apart_from_malloc();
	off(pool);
	many(pool);
	return expect_status();
}
