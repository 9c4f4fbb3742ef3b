/* SPDX-License-Identifier: MIT */
/*
 * A global cache keyed by something that never repeats (a session number): no entry is ever found again, none ever goes.
 * Fixed: the session's end takes its entry out.
 */
#include "pattern.h"

struct session {
	struct session *next;
	long number;
	char user[48];
};

static struct session *global_cache;

static struct session *session_open(long number)
{
	struct session *session = malloc(sizeof(*session)); /* LEAK: session */

	session->number = number;
	snprintf(session->user, sizeof(session->user), "user %ld", number);
	session->next = global_cache;
	global_cache = session;
	return session;
}

static void session_close(long number)
{
	struct session **place = &global_cache, *session;

	while ((*place)->number != number)
		place = &(*place)->next;
	session = *place;
	*place = session->next;
	free(session);
}

static void leaky(void *context, long number)
{
	(void)context;
	session_open(number);
}

static void fixed(void *context, long number)
{
	(void)context;
	session_open(number);
	session_close(number);
}

int main(int argc, char **argv)
{
	return pattern_main(argc, argv, leaky, fixed);
}
