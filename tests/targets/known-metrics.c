/* SPDX-License-Identifier: MIT */
/*
 * known-metrics: functions that keep, throw away at once, and turn over blocks, in a parent and in a forked child that does half as much;
 * each says what of it a recording must show: "PID FUNCTION METRIC bytes blocks", without bytes for temporary blocks, which are only counted.
 */
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

static void *volatile held[100];
static int next;

static void say(const char *function, const char *metric, int size, int count)
{
	dprintf(STDOUT_FILENO, "%d %s %s %d %d\n", (int)getpid(), function, metric, size * count, count);
}

static void keep(int count)
{
	for (int i = 0; i < count; i++)
		held[next++] = malloc(100);
	say("keep", "live", 100, count);
	say("keep", "total", 100, count);
	say("keep", "temporary", 0, 0);
}

static void throw_away(int count)
{
	for (int i = 0; i < count; i++) {
		void *volatile block = malloc(40);
		free(block);
	}
	say("throw_away", "live", 40, 0);
	say("throw_away", "total", 40, count);
	say("throw_away", "temporary", 0, count);
}

/* The newest is always kept until there is a newer one. */
static void turn_over(int count)
{
	void *volatile newest = malloc(30);

	for (int i = 1; i < count; i++) {
		void *volatile newer = malloc(30);
		free(newest);
		newest = newer;
	}
	held[next++] = newest;
	say("turn_over", "live", 30, 1);
	say("turn_over", "total", 30, count);
	say("turn_over", "temporary", 0, 0);
}

static void do_all(int times)
{
	keep(5 * times);
	throw_away(20 * times);
	turn_over(3 * times);
}

int main(void)
{
	do_all(2);
	if (fork() == 0) {
		do_all(1);
		exit(0);
	}
	wait(NULL);
	return 0;
}
