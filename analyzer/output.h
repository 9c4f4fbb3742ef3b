/* SPDX-License-Identifier: MIT */
/* Where a result is written: standard output, or a file that appears complete or not at all. */
#ifndef ANALYZER_OUTPUT_H
#define ANALYZER_OUTPUT_H

#include <stdbool.h>
#include <stdio.h>

#include "error.h"

struct output {
	FILE *stream;
	const char *path; /* borrowed; NULL: standard output */
	char *temporary;  /* NULL: written to directly */
};

/* `path` NULL or "-": standard output.  A device or a pipe is written to directly, anything else through a temporary file beside it. */
int output_open(struct output *output, const char *path, struct error *error);

/* Finish: flush and put the file in its place, or, if `keep` is false, leave nothing behind.  Standard output is flushed, not closed. */
int output_close(struct output *output, bool keep, struct error *error);

#endif
