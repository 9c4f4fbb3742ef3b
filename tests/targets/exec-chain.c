/* SPDX-License-Identifier: MIT */
/*
 * exec-chain HOW…: each step leaves 10 bytes and execs the rest of the chain; the last leaves 20 bytes and exits.
 * HOW: v, V, L, P (environ: execv, execvp, execl, execlp), k (a fork child that execs as e, and is waited for), e (execve with an environment of one variable), l (execle), p (execvpe), f (fexecve), at (execveat), s (posix_spawn, waits).
 */
#include <fcntl.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static void *volatile kept;
extern int execveat(int, const char *, char *const[], char *const[], int);

static int spawn(char **argv, char **environment)
{
	pid_t child;
	int status;
	if (posix_spawn(&child, "/proc/self/exe", NULL, NULL, argv, environment) != 0 || waitpid(child, &status, 0) != child)
		return 1;
	return WEXITSTATUS(status);
}

/* The child allocates nothing before it execs. */
static int spawn_by_fork(char **argv, char **environment)
{
	int status;
	pid_t child = fork();
	if (child == 0) {
		execve("/proc/self/exe", argv, environment);
		_exit(127);
	}
	return waitpid(child, &status, 0) == child ? WEXITSTATUS(status) : 1;
}

int main(int argc, char **argv)
{
	if (argc == 1) {
		kept = malloc(20);
		return 0;
	}
	kept = malloc(10);
	char *environment[] = {"ONLY=this", NULL};
	char *exe = "/proc/self/exe";
	const char *how = argv[1];
	argv[1] = argv[0];
	argv++;
	if (strcmp(how, "v") == 0)
		execv(exe, argv);
	else if (strcmp(how, "V") == 0)
		execvp(exe, argv);
	else if (strcmp(how, "L") == 0)
		execl(exe, argv[0], argv[1], argv[2], argv[3], (char *)NULL);
	else if (strcmp(how, "P") == 0)
		execlp(exe, argv[0], argv[1], argv[2], argv[3], (char *)NULL);
	else if (strcmp(how, "k") == 0)
		return spawn_by_fork(argv, environment);
	else if (strcmp(how, "e") == 0)
		execve(exe, argv, environment);
	else if (strcmp(how, "l") == 0 && argv[1] == NULL)
		execle(exe, argv[0], (char *)NULL, environment);
	else if (strcmp(how, "l") == 0)
		execle(exe, argv[0], argv[1], (char *)NULL, environment);
	else if (strcmp(how, "p") == 0)
		execvpe(exe, argv, environment);
	else if (strcmp(how, "f") == 0)
		fexecve(open(exe, O_RDONLY | O_CLOEXEC), argv, environment);
	else if (strcmp(how, "at") == 0)
		execveat(AT_FDCWD, exe, argv, environment, 0);
	else if (strcmp(how, "s") == 0)
		return spawn(argv, environment);
	return 127;
}
