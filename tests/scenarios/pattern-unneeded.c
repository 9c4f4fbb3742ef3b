/* SPDX-License-Identifier: MIT */
/*
 * Storing what is not needed: of each request only a number is looked at later, but the whole body is kept.
 * Fixed: the number is taken out and the body is freed.
 */
#include "pattern.h"

#define BODY 4000 /* bytes */

struct request {
	struct request *next;
	char *body;
	long length;
};

static struct request *requests;

static char *receive(long number)
{
	char *body = malloc(BODY); /* LEAK: body */

	snprintf(body, BODY, "body of request %ld", number);
	return body;
}

static struct request *remember(char *body)
{
	struct request *request = malloc(sizeof(*request)); /* BOTH: request */

	request->length = (long)strlen(body);
	request->body = body;
	request->next = requests;
	requests = request;
	return request;
}

static void leaky(void *context, long number)
{
	(void)context;
	remember(receive(number));
}

static void fixed(void *context, long number)
{
	struct request *request = remember(receive(number));

	(void)context;
	free(request->body);
	request->body = NULL;
}

int main(int argc, char **argv)
{
	return pattern_main(argc, argv, leaky, fixed);
}
