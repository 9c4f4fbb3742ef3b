/* SPDX-License-Identifier: MIT */
/*
 * A server under a test's hands: says that it is ready (ready.h), then does what each byte of standard input says and answers each with a
 * dot.  g: keep 1000 more blocks of 100 bytes; h: 500 of 100 from another line; r: make the last one larger; f: free all that g kept;
 * m: a mark from inside; s: stop recording by the API; c: a child of its own, which keeps 10 blocks and does as told from then on; e: become
 * sleep.  It ends with its input.
 */
#include <heapdelta/heapdelta.h>

#include <sys/wait.h>

#include "ready.h"

enum { MOST = 100000 };
static void *kept[MOST], *others[MOST];
static int count, other_count;

static void grow(void)
{
	for (int n = 0; n < 1000 && count < MOST; n++)
		kept[count++] = malloc(100); /* GROWS */
}

static void grow_elsewhere(void)
{
	for (int n = 0; n < 500 && other_count < MOST; n++)
		others[other_count++] = malloc(100); /* GROWS ELSEWHERE */
}

static void free_all(void)
{
	while (count > 0)
		free(kept[--count]);
}

/* The parent only waits. */
static void become_child(void)
{
	pid_t child = fork();
	int status;

	if (child > 0) {
		waitpid(child, &status, 0);
		_exit(0);
	}
	for (int n = 0; n < 10; n++)
		others[other_count++] = malloc(100);
	say_ready();
}

static void act(char what)
{
	switch (what) {
	case 'g':
		grow();
		break;
	case 'h':
		grow_elsewhere();
		break;
	case 'r':
		kept[count - 1] = realloc(kept[count - 1], 5000);
		break;
	case 'f':
		free_all();
		break;
	case 'm':
		heapdelta_mark("from inside");
		break;
	case 's':
		heapdelta_stop();
		break;
	case 'c':
		become_child();
		break;
	case 'e':
		execlp("sleep", "sleep", "1000", (char *)NULL);
		break;
	}
}

int main(void)
{
	char what;

	say_ready();
	while (read(STDIN_FILENO, &what, 1) == 1) {
		act(what);
		if (write(STDOUT_FILENO, ".\n", 2) != 2)
			return 1;
	}
	return 0;
}
