/* SPDX-License-Identifier: MIT */
/* One run, from the first check to the last word; cmd-run.c gives it its options. */
#ifndef ANALYZER_RUN_H
#define ANALYZER_RUN_H

#include <stdbool.h>

#include "cmd.h"
#include "recording.h"

struct run_options {
	const char *output, *source_root;
	unsigned long long interval, keep;
	bool blocks, symbols, wait;
	struct recording_options recording;
	struct opt_list only, except;
};

/* Run `argv` and print what is to be said.  Returns the exit status of `heapdelta run`. */
int run_command(const struct run_options *options, char **argv);

#endif
