/* SPDX-License-Identifier: MIT */
/*
 * Starts a command many times, one after the other: spawn CORE COUNT COMMAND [ARG…].  Binds itself and them to a core ("-": none), so that a
 * supervisor may work on another.  Prints microseconds from the start to the end of one, by the wall clock: the median, which a busy
 * machine disturbs least.
 */
#include <fcntl.h>
#include <sched.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "clock.h"

static void bind_to(const char *core)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET((size_t)strtoul(core, NULL, 10), &set);
	if (strcmp(core, "-") != 0 && sched_setaffinity(0, sizeof(set), &set) != 0)
		perror("spawn: sched_setaffinity");
}

static int compare(const void *a, const void *b)
{
	double difference = *(const double *)a - *(const double *)b;

	return (difference > 0) - (difference < 0);
}

static int run_once(char **command, const posix_spawn_file_actions_t *actions)
{
	int status;
	pid_t child;

	return posix_spawnp(&child, command[0], actions, NULL, command, environ) == 0 && waitpid(child, &status, 0) == child && status == 0;
}

int main(int argc, char **argv)
{
	long count = argc > 3 ? atol(argv[2]) : 0;
	double *times = calloc(count > 0 ? (size_t)count : 1, sizeof(*times));
	posix_spawn_file_actions_t quiet;

	if (count < 1 || !times)
		return 2;
	bind_to(argv[1]);
	posix_spawn_file_actions_init(&quiet);
	posix_spawn_file_actions_addopen(&quiet, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
	for (long i = 0; i < count; i++) {
		double start = now_ns();

		if (!run_once(argv + 3, &quiet))
			return 1;
		times[i] = now_ns() - start;
	}
	qsort(times, (size_t)count, sizeof(*times), compare);
	printf("%.2f\n", times[count / 2] / 1e3);
	free(times);
	return 0;
}
