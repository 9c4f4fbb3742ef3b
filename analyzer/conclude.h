/* SPDX-License-Identifier: MIT */
/* The end of a run: its directory, its symbols, its summary. */
#ifndef ANALYZER_CONCLUDE_H
#define ANALYZER_CONCLUDE_H

#include <stdbool.h>
#include <stdint.h>

#include "collect.h"
#include "error.h"

struct conclusion {
	char *const *command; /* argv */
	int wait_status;
	uint64_t duration_ns;
	bool symbols;
	const char *note; /* about the program's runtime, said with the summary; "" none */
};

/* After collect_close(): finish files and directory, print the summary unless -q.  What went wrong is printed, too. */
void conclude(struct collect *collect, const struct conclusion *conclusion);

#endif
