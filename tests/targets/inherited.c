/* SPDX-License-Identifier: MIT */
/*
 * Prints what a process inherits: open descriptors, blocked and ignored signals, process group and session relative to the parent's, its
 * environment without the library's variables.  Run with and without a tracer, the output must be the same.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

static void print_descriptors(void)
{
	for (int fd = 0; fd < 1024; fd++) {
		struct stat status;
		if (fstat(fd, &status) == 0)
			printf("descriptor %d\n", fd);
	}
}

static void print_signals(void)
{
	struct sigaction action;
	sigset_t mask;

	sigprocmask(SIG_SETMASK, NULL, &mask);
	for (int number = 1; number < NSIG; number++) {
		if (sigismember(&mask, number) == 1)
			printf("blocked %d\n", number);
		if (sigaction(number, NULL, &action) == 0 && action.sa_handler != SIG_DFL)
			printf("not default %d\n", number);
	}
}

int main(void)
{
	print_descriptors();
	print_signals();
	printf("group %d session %d nice %d umask %o\n", (int)getpgrp(), (int)getsid(0), getpriority(PRIO_PROCESS, 0), umask(0));
	for (char **variable = environ; *variable; variable++) {
		if (strncmp(*variable, "HEAPDELTA_", 10) != 0 && strncmp(*variable, "LD_PRELOAD=", 11) != 0 &&
		    strncmp(*variable, "_=", 2) != 0)
			printf("%s\n", *variable);
	}
	return 0;
}
