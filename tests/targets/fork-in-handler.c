/* SPDX-License-Identifier: MIT */
/*
 * fork-in-handler [MICROSECONDS until the first]: a timer's handler forks, again and again, most likely inside the tracer's bookkeeping.  The child returns from the handler into whatever was
 * interrupted, goes on allocating, frees its own and leaves by _exit.  Run on signal-safe-malloc: glibc's malloc may not be interrupted.
 */
#include <signal.h>
#include <stdlib.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

enum { FORKS = 200 };
static volatile sig_atomic_t forks, failures, is_child;

/* One shot after a while that is never the same, so that every place is met. */
static void arm(long microseconds)
{
	struct itimerval timer = {.it_value = {.tv_usec = microseconds}};
	setitimer(ITIMER_REAL, &timer, NULL);
}

static void handle(int number)
{
	(void)number;
	if (is_child || forks >= FORKS)
		return;
	pid_t child = fork();
	if (child == 0) {
		is_child = 1;
		return;
	}
	int status = -1;
	waitpid(child, &status, 0);
	if (status != 0)
		failures = status;
	forks++;
	arm(20 + forks * 53 % 500);
}

static void leave_child(void)
{
	void *blocks[50];
	for (int n = 0; n < 50; n++)
		blocks[n] = malloc((size_t)n * 10);
	for (int n = 0; n < 50; n++)
		free(blocks[n]);
	_exit(0);
}

int main(int argc, char **argv)
{
	struct sigaction action = {.sa_handler = handle};
	sigaction(SIGALRM, &action, NULL);
	arm(argc > 1 ? strtol(argv[1], NULL, 0) : 300);
	static void *blocks[256];
	for (long round = 0; forks < FORKS; round++) {
		size_t place = (size_t)round % 256;
		free(blocks[place]);
		blocks[place] = malloc((size_t)(round * 37 % 3000));
		if (is_child)
			leave_child();
	}
	for (int n = 0; n < 256; n++)
		free(blocks[n]);
	return failures ? (failures > 255 ? failures >> 8 : failures + 128) : 0;
}
