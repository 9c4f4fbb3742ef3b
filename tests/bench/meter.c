/* SPDX-License-Identifier: MIT */
/*
 * Runs a command and writes what it cost, it and every process that it started: meter RESULT CORE [NAME=VALUE…] COMMAND [ARG…]
 *
 * RESULT gets one line: wall, user and system seconds, the greatest RSS of any of the processes in KiB, the command's wait status, and the
 * moments of start and end on CLOCK_MONOTONIC.  The end is that of the last process: orphans become our children (subreaper), so that a
 * pipeline that a tracer leaves behind is waited for and counted.  CORE is the number of the core to be bound to, or "-".  The variables are
 * put into the command's environment, so that a preload among them does not trace this program.
 */
#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static double seconds(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static double of_timeval(struct timeval time)
{
	return (double)time.tv_sec + (double)time.tv_usec / 1e6;
}

static void bind_to(const char *core)
{
	cpu_set_t set;

	if (strcmp(core, "-") == 0)
		return;
	CPU_ZERO(&set);
	CPU_SET((size_t)strtoul(core, NULL, 10), &set);
	if (sched_setaffinity(0, sizeof(set), &set) != 0)
		perror("meter: sched_setaffinity");
}

static pid_t start(char **command)
{
	pid_t child = fork();

	if (child == 0) {
		while (*command && strchr(*command, '='))
			putenv(*command++);
		if (*command)
			execvp(*command, command);
		fprintf(stderr, "meter: %s: %s\n", *command ? *command : "command", strerror(errno));
		_exit(127);
	}
	return child;
}

/* Waits until nobody is left and returns the status of CHILD. */
static int wait_for_all(pid_t child)
{
	int status, result = 0;
	pid_t ended;

	while ((ended = wait(&status)) > 0 || errno == EINTR)
		if (ended == child)
			result = status;
	return result;
}

int main(int argc, char **argv)
{
	struct rusage usage;
	double begin, end;
	int status;
	FILE *result;

	if (argc < 4 || !(result = fopen(argv[1], "we"))) {
		fprintf(stderr, "usage: meter RESULT CORE [NAME=VALUE...] COMMAND [ARG...]\n");
		return 2;
	}
	bind_to(argv[2]);
	prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
	begin = seconds();
	status = wait_for_all(start(argv + 3));
	end = seconds();
	getrusage(RUSAGE_CHILDREN, &usage);
	fprintf(result, "%.6f %.6f %.6f %ld %d %.6f %.6f\n", end - begin, of_timeval(usage.ru_utime), of_timeval(usage.ru_stime),
		usage.ru_maxrss, status, begin, end);
	return fclose(result) == 0 ? 0 : 2;
}
