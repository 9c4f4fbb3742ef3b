/* SPDX-License-Identifier: MIT */
/*
 * A wait.  SIGINT is taken from a descriptor, so that one that comes a moment before the wait is not lost and none ends us; its disposition
 * stays what it was, and it is blocked only from pause_begin() to pause_finish().  The caller's question is asked in slices: what it asks about (a lock that goes with a
 * mapping) has no descriptor to wait for.
 */
#include "pause.h"

#include <poll.h>
#include <sys/signalfd.h>
#include <time.h>
#include <unistd.h>

enum { SLICE_NS = 100000000 };

static uint64_t now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return (uint64_t)time.tv_sec * 1000000000 + (uint64_t)time.tv_nsec;
}

/* True: a signal came. */
static bool sleep_slice(int signals, uint64_t nanoseconds)
{
	struct timespec slice = {.tv_nsec = (long)(nanoseconds < SLICE_NS ? nanoseconds : SLICE_NS)};
	struct pollfd poll = {.fd = signals, .events = POLLIN};
	struct signalfd_siginfo taken;

	return ppoll(&poll, 1, &slice, NULL) > 0 && read(signals, &taken, sizeof(taken)) == (ssize_t)sizeof(taken);
}

enum pause_end pause_for(const struct pause *pause, uint64_t nanoseconds, bool (*ended)(void *data), void *data)
{
	uint64_t start = now();

	for (;;) {
		uint64_t passed = now() - start;
		if (ended && ended(data))
			return PAUSE_STOPPED;
		if (passed >= nanoseconds)
			return PAUSE_OVER;
		if (sleep_slice(pause->signals, nanoseconds - passed))
			return PAUSE_INTERRUPTED;
	}
}

void pause_begin(struct pause *pause)
{
	sigset_t interrupt;

	sigemptyset(&interrupt);
	sigaddset(&interrupt, SIGINT);
	sigprocmask(SIG_BLOCK, &interrupt, &pause->mask);
	pause->signals = signalfd(-1, &interrupt, SFD_CLOEXEC | SFD_NONBLOCK);
}

void pause_finish(struct pause *pause)
{
	if (pause->signals >= 0)
		close(pause->signals);
	sigprocmask(SIG_SETMASK, &pause->mask, NULL);
}
