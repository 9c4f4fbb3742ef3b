/* SPDX-License-Identifier: MIT */
/*
 * filter-subjects LIBRARY [child]: holds blocks that differ by function, line, module (LIBRARY's), thread and process, and prints for each
 * kind the filter that selects it: "SPEC<tab>bytes<tab>blocks".  The parent runs itself once more as a child of another name.
 */
#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

enum { MAIN_BLOCKS = 5, MAIN_SIZE = 300, THREAD_BLOCKS = 7, THREAD_SIZE = 1000, CHILD_BLOCKS = 2, CHILD_SIZE = 111 };

static void *volatile held[32];
static int next;

static void say(const char *spec, int size, int count)
{
	dprintf(STDOUT_FILENO, "%s\t%d\t%d\n", spec, size * count, count);
}

static void keep_in_main(void)
{
	for (int i = 0; i < MAIN_BLOCKS; i++)
		held[next++] = malloc(MAIN_SIZE);
	say("func:keep_in_main", MAIN_SIZE, MAIN_BLOCKS);
	say("func:keep_in_m*", MAIN_SIZE, MAIN_BLOCKS);
}

static int keep_in_line(void)
{
	held[next++] = malloc(17);
	return __LINE__ - 1;
}

static int keep_below_library(void)
{
	held[next++] = malloc(23);
	return 0;
}

static void call_library(const char *name)
{
	void *library = dlopen(name, RTLD_NOW);
	int (*call_through)(int (*callback)(void)) = library ? (int (*)(int (*)(void)))dlsym(library, "call_through") : NULL;

	if (!call_through)
		exit(1);
	call_through(keep_below_library);
	say("module:reuse-one.so@all-frames", 23, 1);
}

static void *collector(void *argument)
{
	for (int i = 0; i < THREAD_BLOCKS; i++)
		held[next++] = malloc(THREAD_SIZE);
	return argument;
}

static void be_child(void)
{
	for (int i = 0; i < CHILD_BLOCKS; i++)
		held[next++] = malloc(CHILD_SIZE);
	dprintf(STDOUT_FILENO, "process:%d\t%d\t%d\n", (int)getpid(), CHILD_SIZE * CHILD_BLOCKS, CHILD_BLOCKS);
	exit(0);
}

static void run_child(char **argv)
{
	pid_t child = fork();

	if (child == 0) {
		execl("/proc/self/exe", "the-child", argv[1], "child", (char *)NULL);
		_exit(1);
	}
	waitpid(child, NULL, 0);
	say("process:the-child", CHILD_SIZE, CHILD_BLOCKS);
	say("process:the-child * child", CHILD_SIZE, CHILD_BLOCKS);
	say("func:be_child@all-frames", CHILD_SIZE, CHILD_BLOCKS);
}

int main(int argc, char **argv)
{
	char spec[100];
	pthread_t thread;

	if (argc > 2)
		be_child();
	keep_in_main();
	snprintf(spec, sizeof(spec), "base:filter-subjects.c:%d", keep_in_line());
	say(spec, 17, 1);
	call_library(argv[1]);
	pthread_create(&thread, NULL, collector, NULL);
	pthread_join(thread, NULL);
	say("thread:collector", THREAD_SIZE, THREAD_BLOCKS);
	say("func:collector", THREAD_SIZE, THREAD_BLOCKS);
	run_child(argv);
	return 0;
}
