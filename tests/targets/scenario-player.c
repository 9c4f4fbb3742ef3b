/* SPDX-License-Identifier: MIT */
/*
 * scenario-player: carries out the steps of a recorder scenario, one per line of standard input, and says after each what the API says.
 *
 *	malloc ID SIZE SITE | calloc ID COUNT SIZE SITE | realloc ID|- ID SIZE SITE | free ID
 *	track DOMAIN ADDRESS SIZE SITE | untrack DOMAIN ADDRESS | start NFRAME | stop | clear_traces | reset_peak
 *
 * After step N it takes a snapshot with the label N.  Each allocating SITE (m.c:11) is a function of its own.  Static buffers throughout: the
 * process has no blocks but those of the scenario.
 */
#include <heapdelta/heapdelta.h>

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct call {
	unsigned domain;
	void *ptr;
	size_t count, size;
};
#include "scenario-sites.h"

enum { INPUT_MAX = 65536, WORDS_MAX = 6, IDS = 26 };
static char input[INPUT_MAX], output_buffer[INPUT_MAX];
static void *blocks[IDS]; /* by the first letter of the id */

static void *call_site(const char *name, struct call call)
{
	for (int n = 0; n < SITE_COUNT; n++)
		if (strcmp(sites[n].name, name) == 0)
			return sites[n].function(&call);
	fprintf(stderr, "no site %s\n", name);
	exit(2);
}

/* The site whose function a return address lies in: the nearest one below. */
static const char *site_of(uintptr_t address)
{
	const struct site *best = NULL;
	for (int n = 0; n < SITE_COUNT; n++) {
		uintptr_t start = (uintptr_t)sites[n].function;
		if (start < address && address - start < 256 && (!best || start > (uintptr_t)best->function))
			best = &sites[n];
	}
	return best ? best->name : "?";
}

static void **block_of(const char *id)
{
	return &blocks[(id[0] - 'a') % IDS];
}

static void *pointer(const char *word)
{
	return (void *)(uintptr_t)strtoull(word, NULL, 10);
}

static void say_null(const void *result)
{
	printf(" null=%s", result ? "false" : "true");
}

static void take(const char *id, void *result)
{
	say_null(result);
	if (result)
		*block_of(id) = result;
}

static void resize(char **words)
{
	struct call call = {.size = strtoull(words[3], NULL, 10)};
	if (words[1][0] != '-')
		call.ptr = *block_of(words[1]);
	void *result = call_site(words[4], call);
	if (call.ptr && (result || call.size == 0))
		*block_of(words[1]) = NULL;
	take(words[2], result);
}

static void carry_out(char **words)
{
	const char *op = words[0];
	if (strcmp(op, "malloc") == 0) {
		take(words[1], call_site(words[3], (struct call){.size = strtoull(words[2], NULL, 10)}));
	} else if (strcmp(op, "calloc") == 0) {
		struct call call = {.count = strtoull(words[2], NULL, 10), .size = strtoull(words[3], NULL, 10)};
		take(words[1], call_site(words[4], call));
	} else if (strcmp(op, "realloc") == 0) {
		resize(words);
	} else if (strcmp(op, "free") == 0) {
		free(*block_of(words[1]));
		*block_of(words[1]) = NULL;
	} else if (strcmp(op, "track") == 0) {
		struct call call = {.domain = (unsigned)atoi(words[1]), .ptr = pointer(words[2]), .size = strtoull(words[3], NULL, 10)};
		printf(" ret=%d", (int)(intptr_t)call_site(words[4], call));
	} else if (strcmp(op, "untrack") == 0) {
		printf(" ret=%d", heapdelta_untrack((unsigned)atoi(words[1]), pointer(words[2])));
	} else if (strcmp(op, "start") == 0) {
		heapdelta_start((unsigned)atoi(words[1]));
	} else if (strcmp(op, "stop") == 0) {
		heapdelta_stop();
	} else if (strcmp(op, "clear_traces") == 0) {
		heapdelta_clear_traces();
	} else if (strcmp(op, "reset_peak") == 0) {
		heapdelta_reset_peak();
	} else {
		fprintf(stderr, "no operation %s\n", op);
		exit(2);
	}
}

static void say_state(void)
{
	size_t current, peak;
	heapdelta_get_traced_memory(&current, &peak);
	printf(" tracing=%s limit=%u cur=%zu peak=%zu live=", heapdelta_is_tracing() ? "true" : "false", heapdelta_get_traceback_limit(),
	       current >> 20, peak >> 20);
	for (int n = 0; n < IDS && heapdelta_is_tracing(); n++) {
		void *frame = NULL;
		if (!blocks[n])
			continue;
		bool traced = heapdelta_get_object_traceback(blocks[n], &frame, 1) > 0;
		printf("%c:%s:%s,", 'a' + n, traced ? "true" : "false", traced ? site_of((uintptr_t)frame) : "");
	}
}

static void say_snapshot(int step)
{
	char label[16];
	snprintf(label, sizeof(label), "%d", step);
	int error = heapdelta_take_snapshot(label);
	printf(" snapshot=%s\n", error == 0 ? "written" : error == -ENODATA ? "none" : strerror(-error));
}

static void play(char *line, int step)
{
	char *words[WORDS_MAX] = {NULL}, *rest = NULL;
	int count = 0;
	for (char *word = strtok_r(line, " ", &rest); word && count < WORDS_MAX; word = strtok_r(NULL, " ", &rest))
		words[count++] = word;
	printf("%d %s", step, words[0]);
	carry_out(words);
	say_state();
	say_snapshot(step);
}

int main(void)
{
	size_t length = 0;
	ssize_t got;
	char *rest = NULL;
	int step = 0;

	setvbuf(stdout, output_buffer, _IOFBF, sizeof(output_buffer));
	while (length < sizeof(input) - 1 && (got = read(STDIN_FILENO, input + length, sizeof(input) - 1 - length)) > 0)
		length += (size_t)got;
	for (char *line = strtok_r(input, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest))
		play(line, step++);
	return 0;
}
