/* SPDX-License-Identifier: MIT */
/*
 * Counts the signals that it gets, from when it says that it is ready (ready.h) until it gets SIGTERM, waits a moment for a second copy of
 * anything, prints "INT 1 TERM 1 …" and exits with 7.  With the argument `group` it first sends SIGUSR1 to its own process group.
 */
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "ready.h"

static const struct {
	int number;
	const char *name;
} signals[] = {{SIGINT, "INT"},   {SIGQUIT, "QUIT"}, {SIGTERM, "TERM"}, {SIGHUP, "HUP"},
	       {SIGUSR1, "USR1"}, {SIGUSR2, "USR2"}, {SIGCONT, "CONT"}};
enum { COUNT = sizeof(signals) / sizeof(signals[0]) };
static volatile sig_atomic_t counts[COUNT];
static volatile sig_atomic_t ended;

static void count(int number)
{
	for (int i = 0; i < COUNT; i++)
		counts[i] += signals[i].number == number;
	if (number == SIGTERM)
		ended = 1;
}

int main(int argc, char **argv)
{
	const struct timespec moment = {.tv_nsec = 20 * 1000 * 1000};

	for (int i = 0; i < COUNT; i++)
		signal(signals[i].number, count);
	if (argc > 1 && strcmp(argv[1], "group") == 0)
		kill(0, SIGUSR1);
	say_ready();
	while (!ended)
		nanosleep(&moment, NULL);
	for (int i = 0; i < 20; i++)
		nanosleep(&moment, NULL);
	for (int i = 0; i < COUNT; i++) {
		if (counts[i])
			printf("%s %d\n", signals[i].name, (int)counts[i]);
	}
	return 7;
}
