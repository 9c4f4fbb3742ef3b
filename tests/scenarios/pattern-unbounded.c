/* SPDX-License-Identifier: MIT */
/*
 * Unbounded growth: a log in memory that is only ever appended to.  Fixed: the log keeps the newest KEPT lines.
 */
#include "pattern.h"

#define KEPT 50

struct line {
	struct line *next;
	char text[56];
};

static struct line *oldest, **end = &oldest;
static long kept;

static void append(struct line *line, long number)
{
	snprintf(line->text, sizeof(line->text), "request %ld answered", number);
	line->next = NULL;
	*end = line;
	end = &line->next;
	kept++;
}

static void drop_oldest(void)
{
	struct line *line = oldest;

	oldest = line->next;
	free(line);
	kept--;
}

static void leaky(void *context, long number)
{
	struct line *line = malloc(sizeof(*line)); /* LEAK: log line */

	(void)context;
	append(line, number);
}

static void fixed(void *context, long number)
{
	struct line *line = malloc(sizeof(*line)); /* FIXED: log line */

	(void)context;
	append(line, number);
	if (kept > KEPT)
		drop_oldest();
}

int main(int argc, char **argv)
{
	return pattern_main(argc, argv, leaky, fixed);
}
