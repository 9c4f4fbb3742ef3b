/* SPDX-License-Identifier: MIT */
/*
 * leave-child HOW SECONDS: a parent that keeps 100 bytes and a child that keeps 10 blocks of 300 bytes (line KEPT) and ends after the time
 * given (0: at once).  HOW: wait (the parent waits), orphan (it does not), daemon (session of its own, as daemons do).
 */
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static void *parents;
static void *children[10];

static void be_child(const char *how, const char *seconds)
{
	if (strcmp(how, "daemon") == 0) {
		setsid();
		if (fork() != 0)
			_exit(0);
	}
	for (int i = 0; i < 10; i++)
		children[i] = malloc(300); /* KEPT */
	usleep((useconds_t)(atof(seconds) * 1000000));
	exit(children[9] == NULL);
}

int main(int argc, char **argv)
{
	if (argc < 3)
		return 2;
	parents = malloc(100);
	pid_t child = fork();
	if (child == 0)
		be_child(argv[1], argv[2]);
	if (strcmp(argv[1], "wait") == 0)
		waitpid(child, NULL, 0);
	if (strcmp(argv[1], "daemon") == 0)
		waitpid(child, NULL, 0);
	/* An orphan is to be seen by the supervisor before we are gone. */
	usleep(300 * 1000);
	return parents == NULL;
}
