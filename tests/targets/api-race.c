/* SPDX-License-Identifier: MIT */
/*
 * api-race [ROUNDS]: threads allocate, free, track and untrack, a timer's signal handler asks for figures and takes snapshots, and main switches
 * recording on and off, clears and takes snapshots: nothing crashes or hangs, and a stop and a start leave exactly nothing.
 */
#include <heapdelta/heapdelta.h>

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/time.h>

#include "expect.h"

enum { THREADS = 3, BLOCKS = 64 };
static atomic_int done;

static void *work(void *argument)
{
	char *blocks[BLOCKS] = {0};
	unsigned random = (unsigned)(uintptr_t)argument;

	while (!atomic_load(&done)) {
		random = random * 1103515245u + 12345u;
		char **slot = &blocks[(random >> 16) % BLOCKS];
		heapdelta_untrack(5, *slot);
		*slot = realloc(*slot, 1 + (random >> 8) % 3000);
		heapdelta_track(5, *slot, random % 100);
	}
	for (int n = 0; n < BLOCKS; n++)
		free(blocks[n]);
	return NULL;
}

static void on_timer(int signal)
{
	static atomic_int ticks;
	size_t current, peak;

	(void)signal;
	heapdelta_get_traced_memory(&current, &peak);
	heapdelta_get_object_traceback(&done, NULL, 0);
	heapdelta_track(6, &done, 1);
	heapdelta_untrack(6, &done);
	if (atomic_fetch_add(&ticks, 1) % 16 == 0)
		heapdelta_take_snapshot("handler");
}

static void switch_often(int rounds)
{
	size_t current, peak;

	for (int n = 0; n < rounds; n++) {
		if (heapdelta_start((unsigned)n % 5) != 0)
			abort();
		free(malloc(1000));
		int error = n % 8 == 0 ? heapdelta_take_snapshot("main") : 0;
		EXPECT(error, 0);
		if (n % 3 == 0)
			heapdelta_clear_traces();
		heapdelta_get_traced_memory(&current, &peak);
		EXPECT(peak >= current, 1);
		heapdelta_reset_peak();
		heapdelta_stop();
	}
}

int main(int argc, char **argv)
{
	pthread_t threads[THREADS];
	const struct itimerval often = {{0, 2000}, {0, 2000}}, never = {{0, 0}, {0, 0}};
	size_t current = 99, peak = 99;

	if (!heapdelta_available())
		return 77;
	signal(SIGALRM, on_timer);
	for (int n = 0; n < THREADS; n++)
		pthread_create(&threads[n], NULL, work, (void *)(uintptr_t)(n + 1));
	setitimer(ITIMER_REAL, &often, NULL);
	switch_often(argc > 1 ? atoi(argv[1]) : 200);
	setitimer(ITIMER_REAL, &never, NULL);
	atomic_store(&done, 1);
	for (int n = 0; n < THREADS; n++)
		pthread_join(threads[n], NULL);
	EXPECT(heapdelta_start(0), 0);
	EXPECT(heapdelta_get_traced_memory(&current, &peak), 0);
	EXPECT(current, 0);
	EXPECT(peak, 0);
	return expect_status();
}
