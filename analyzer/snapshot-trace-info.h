/* SPDX-License-Identifier: MIT */
/* A trace file's header as struct snapshot_info. */
#ifndef ANALYZER_SNAPSHOT_TRACE_INFO_H
#define ANALYZER_SNAPSHOT_TRACE_INFO_H

#include "snapshot-trace-blocks.h"

struct trace_info {
	struct trace_file *file;
	struct snapshot *snapshot; /* its live and total numbers are there already */
	const char *strings;       /* the area STRINGS */
	size_t string_bytes;
	const uint64_t *lost; /* found missing by the reader itself */
	int64_t above;        /* how much higher than now a thread was since its last fold */
};

/* The string at an offset; NULL: there is none, or it is longer than any path. */
const char *trace_string(const struct trace_info *info, uint64_t offset);

/* Everything of snapshot->info that is not there yet. */
int trace_read_info(const struct trace_info *info);

#endif
