/* SPDX-License-Identifier: MIT */
/* exit-kinds KIND: keeps one block of 123 bytes and ends by return, exit, _exit, _Exit, quick_exit, abort, segv, kill or thread (exit by another thread). */
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void *volatile kept;

static void *leave(void *argument)
{
	(void)argument;
	exit(3);
}

int main(int argc, char **argv)
{
	const char *kind = argc > 1 ? argv[1] : "return";
	kept = malloc(123); /* KEPT */
	if (strcmp(kind, "exit") == 0)
		exit(3);
	if (strcmp(kind, "_exit") == 0)
		_exit(3);
	if (strcmp(kind, "_Exit") == 0)
		_Exit(3);
	if (strcmp(kind, "quick_exit") == 0)
		quick_exit(3);
	if (strcmp(kind, "abort") == 0)
		abort();
	if (strcmp(kind, "segv") == 0)
		raise(SIGSEGV);
	if (strcmp(kind, "kill") == 0)
		kill(getpid(), SIGKILL);
	if (strcmp(kind, "thread") == 0) {
		pthread_t thread;
		pthread_create(&thread, NULL, leave, NULL);
		pthread_join(thread, NULL);
	}
	return 3;
}
