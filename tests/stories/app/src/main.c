/* SPDX-License-Identifier: MIT */
#include <stdlib.h>

#include "app.h"

char *table;

int main(int argc, char **argv)
{
	int jobs = argc > 1 ? atoi(argv[1]) : 100;

	table = malloc(4096);
	for (int job = 0; job < jobs; job++) {
		char *work = malloc(1000);

		work[0] = (char)job;
		remember(job);
		free(work);
	}
	return table[0] > 1;
}
