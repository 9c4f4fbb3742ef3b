/* SPDX-License-Identifier: MIT */
/*
 * What libc allocates once for a process, asked for more than once: the locale, exit handlers, a user's entry, the time zone, threads one after
 * the other, the buffer of stdout; and, with an argument, as many blocks of exit
 * handlers and threads that stay: kinds that live once each, but grow.
 */
#include <dlfcn.h>
#include <locale.h>
#include <pthread.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static void nothing(void)
{
}

static void *work(void *unused)
{
	return unused;
}

static void *stay(void *unused)
{
	for (;;)
		pause();
	return unused;
}

static void once(void)
{
	pthread_t thread;
	time_t now = 0;

	for (int i = 0; i < 3; i++) {
		setlocale(LC_ALL, "C.UTF-8");              /* a locale */
		getpwuid(0);                               /* a user's entry */
		localtime(&now);                           /* the time zone */
		pthread_create(&thread, NULL, work, NULL); /* a thread */
		pthread_join(thread, NULL);
		dlopen("libm.so.6", RTLD_NOW); /* a library */
		printf("once\n");              /* a buffer */
	}
}

int main(int argc, char **argv)
{
	int count = argc > 1 ? atoi(argv[1]) : 0;
	pthread_t thread;

	once();
	for (int i = 0; i < 32 * count; i++)
		atexit(nothing); /* exit handlers */
	for (int i = 0; i < count; i++)
		pthread_create(&thread, NULL, stay, NULL); /* threads that stay */
	fflush(stdout);
	_exit(0);
}
