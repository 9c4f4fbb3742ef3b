/* SPDX-License-Identifier: MIT */
/* Reads numbers from the pipe `requests`, serves so many requests, and writes a line to `served`; ends at the pipe's end. */
#include <stdio.h>
#include <stdlib.h>

#include "cache.h"

static void handle_request(struct cache *cache, long number)
{
	char key[80];
	char *answer = malloc(256);

	snprintf(key, sizeof(key), "session-%063ld", number);
	cache_put(cache, key);
	free(answer);
}

int main(void)
{
	struct cache *cache = cache_new();
	FILE *requests = fopen("requests", "r"), *served = fopen("served", "w");
	long all = 0, count;

	while (requests && served && fscanf(requests, "%ld", &count) == 1) {
		for (long i = 0; i < count; i++)
			handle_request(cache, all++);
		fprintf(served, "%ld\n", all);
		fflush(served);
	}
	return 0;
}
