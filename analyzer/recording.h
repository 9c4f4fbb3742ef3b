/* SPDX-License-Identifier: MIT */
/* How much the library records in a process: the options of run and env that become HEAPDELTA_* variables. */
#ifndef ANALYZER_RECORDING_H
#define ANALYZER_RECORDING_H

#include <stdbool.h>

#include "cmd.h"
#include "error.h"
#include "library.h"

struct recording_options {
	const char *sample, *trace_limit; /* as typed; NULL: not given */
	unsigned long long nframe;
	bool follow;
};

extern const struct opt recording_opts[];
void recording_options_defaults(struct recording_options *options);

/* 0, or −1: what the user typed makes no sense. */
int recording_options_check(const struct recording_options *options, struct error *error);

void recording_environment(const struct recording_options *options, struct environment *environment);

#endif
