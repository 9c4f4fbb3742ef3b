/* SPDX-License-Identifier: MIT */
/*
 * Comes in: options as typed.  Goes out: variables for preload/config.c, which parses them again in the traced process.
 * They are checked here with the same bounds, so that a mistake is misuse before the start and not a warning inside the program.
 */
#include "recording.h"

#include <stdio.h>
#include <string.h>

#include "heapdelta/sampling.h"
#include "heapdelta/trace.h"
#include "size-text.h"

enum { NFRAME_MAX = 65535 };

const struct opt recording_opts[] = {
	{"nframe", 0, OPT_NUMBER | OPT_TREE, offsetof(struct recording_options, nframe), "N", "record at most N frames of a stack (0: all)",
	 NULL},
	{"sample", 0, OPT_STRING | OPT_TREE, offsetof(struct recording_options, sample), "SIZE",
	 "record a sample, on average one block per SIZE bytes allocated: 512K costs nearly nothing; sizes and counts are estimates then, "
	 "with ± where it is known (0 or off: every block, the default)",
	 NULL},
	{"trace-limit", 0, OPT_STRING | OPT_TREE, offsetof(struct recording_options, trace_limit), "SIZE",
	 "memory that the tables of one process may take; when they are full, new blocks are counted as lost (default: no limit)", NULL},
	{"no-follow", 0, OPT_OFF | OPT_TREE, offsetof(struct recording_options, follow), NULL, "do not trace the command's children", NULL},
	{0},
};

void recording_options_defaults(struct recording_options *options)
{
	options->follow = true;
}

/* One byte marked in one is every block. */
static bool is_sample(const char *text)
{
	unsigned long long bytes = 0;

	if (strcmp(text, "off") != 0 && size_parse(text, &bytes) < 0)
		return false;
	return bytes <= 1 || (bytes >= SAMPLING_MIN && bytes <= SAMPLING_MAX);
}

static bool is_limit(const char *text)
{
	unsigned long long bytes = 0;

	if (strcmp(text, "off") != 0 && size_parse(text, &bytes) < 0)
		return false;
	return bytes == 0 || (bytes >= HDT_LIMIT_MIN && bytes <= HDT_LIMIT_MAX);
}

int recording_options_check(const struct recording_options *options, struct error *error)
{
	if (options->nframe > NFRAME_MAX)
		return error_set(error, "option '--nframe' is at most %d", NFRAME_MAX);
	if (options->sample && !is_sample(options->sample))
		return error_set(error, "option '--sample' needs a size from 512 to 1G such as 512K (powers of 1024), or 'off', not '%s'",
				 options->sample);
	if (options->trace_limit && !is_limit(options->trace_limit))
		return error_set(error,
				 "option '--trace-limit' needs a size from 1M to 1T such as 64M (powers of 1024), or 'off', not '%s'",
				 options->trace_limit);
	return 0;
}

/* Sizes are spelt in bytes: what one side can parse, the other need not. */
static void set_size(struct environment *environment, const char *name, const char *text)
{
	unsigned long long bytes = 0;
	char number[32];

	if (!text)
		return;
	if (strcmp(text, "off") != 0)
		size_parse(text, &bytes);
	snprintf(number, sizeof(number), "%llu", bytes);
	environment_set(environment, name, number);
}

void recording_environment(const struct recording_options *options, struct environment *environment)
{
	char number[32];

	if (options->nframe) {
		snprintf(number, sizeof(number), "%llu", options->nframe);
		environment_set(environment, "HEAPDELTA_NFRAME", number);
	}
	set_size(environment, "HEAPDELTA_SAMPLE", options->sample);
	set_size(environment, "HEAPDELTA_TRACE_LIMIT", options->trace_limit);
	if (!options->follow)
		environment_set(environment, "HEAPDELTA_FOLLOW", "0");
}
