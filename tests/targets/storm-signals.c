/* SPDX-License-Identifier: MIT */
/*
 * A timer's handler allocates and frees while the program does, so it interrupts the tracer's own bookkeeping at every place; everything is
 * freed.  storm-signals [SIGNALS].  Run on signal-safe-malloc: glibc's malloc may not be interrupted by itself.
 */
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>

static volatile sig_atomic_t handled;
static void *volatile from_handler[64];

static void handle(int number)
{
	(void)number;
	int place = handled % 64;
	free(from_handler[place]);
	from_handler[place] = malloc((size_t)handled % 300);
	void *block = malloc(50);
	free(realloc(block, 3000));
	handled++;
}

int main(int argc, char **argv)
{
	long signals = argc > 1 ? strtol(argv[1], NULL, 0) : 2000;
	struct sigaction action = {.sa_handler = handle};
	sigaction(SIGALRM, &action, NULL);
	struct itimerval timer = {.it_interval = {.tv_usec = 100}, .it_value = {.tv_usec = 100}};
	setitimer(ITIMER_REAL, &timer, NULL);
	static void *blocks[512];
	for (long round = 0; handled < signals; round++) {
		size_t place = (size_t)round % 512;
		free(blocks[place]);
		blocks[place] = malloc((size_t)(round * 37 % 4000));
	}
	memset(&timer, 0, sizeof(timer));
	setitimer(ITIMER_REAL, &timer, NULL);
	for (int n = 0; n < 512; n++)
		free(blocks[n]);
	for (int n = 0; n < 64; n++)
		free(from_handler[n]);
	return 0;
}
