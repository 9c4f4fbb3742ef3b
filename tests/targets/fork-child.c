/* SPDX-License-Identifier: MIT */
/*
 * fork-child [fork|_Fork|clone|vfork|thread]: the parent keeps 3 blocks of 1000 bytes, the child frees one of those, keeps 2 of 500 and frees a
 * third of its own.  The child's record must hold its own blocks alone, the parent's all three (with vfork: what the child did is the
 * parent's doing).  The child leaves by _exit.
 */
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static void *parents[3];
static void *children[3];

static void be_child(void)
{
	free(parents[0]);
	for (int n = 0; n < 3; n++)
		children[n] = malloc(500);
	free(children[0]);
	_exit(0);
}

static pid_t start_child(const char *how)
{
	if (strcmp(how, "_Fork") == 0)
		return _Fork();
	if (strcmp(how, "clone") == 0)
		return (pid_t)syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0);
	if (strcmp(how, "vfork") == 0) {
		pid_t child = vfork();
		if (child == 0)
			_exit(0);
		return child;
	}
	return fork();
}

static void *spin(void *argument)
{
	for (;;)
		free(malloc(64));
	return argument;
}

int main(int argc, char **argv)
{
	const char *how = argc > 1 ? argv[1] : "fork";
	for (int n = 0; n < 3; n++)
		parents[n] = malloc(1000);
	pthread_t thread;
	if (strcmp(how, "thread") == 0)
		pthread_create(&thread, NULL, spin, NULL);
	pid_t child = start_child(how);
	if (child == 0)
		be_child();
	int status = 1;
	waitpid(child, &status, 0);
	_exit(WIFEXITED(status) ? WEXITSTATUS(status) : 1);
}
