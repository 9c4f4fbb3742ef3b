/* SPDX-License-Identifier: MIT */
/*
 * leave-child HOW UNTIL: a parent that keeps 100 bytes and a child that keeps 10 blocks of 300 bytes (line KEPT) and ends UNTIL: a number of
 * seconds (0: at once), or the path of a file that comes to be.  HOW: wait (the parent waits), orphan (it does not), daemon (session of its
 * own, as daemons do).  The parent does not end before the child has its blocks.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static void *parents;
static void *children[10];

static int ends[2];

static void wait_until(const char *what)
{
	if (what[0] != '/')
		usleep((useconds_t)(atof(what) * 1000000));
	while (what[0] == '/' && access(what, F_OK) != 0)
		usleep(10 * 1000);
}

static void be_child(const char *how, const char *until)
{
	if (strcmp(how, "daemon") == 0) {
		setsid();
		if (fork() != 0)
			_exit(0);
	}
	for (int i = 0; i < 10; i++)
		children[i] = malloc(300); /* KEPT */
	close(ends[0]);
	close(ends[1]);
	wait_until(until);
	exit(children[9] == NULL);
}

int main(int argc, char **argv)
{
	if (argc < 3)
		return 2;
	parents = malloc(100);
	if (pipe(ends) != 0)
		return 2;
	pid_t child = fork();
	if (child == 0)
		be_child(argv[1], argv[2]);
	close(ends[1]);
	if (read(ends[0], &(char){0}, 1) != 0) /* nobody has the other end any more */
		return 2;
	if (strcmp(argv[1], "wait") == 0)
		waitpid(child, NULL, 0);
	if (strcmp(argv[1], "daemon") == 0)
		waitpid(child, NULL, 0);
	/* An orphan is to be seen by the supervisor before we are gone. */
	usleep(300 * 1000);
	return parents == NULL;
}
