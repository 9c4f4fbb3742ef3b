/* SPDX-License-Identifier: MIT */
/* What the header and the threads' cells of a trace file say, without a scan of the tables: cheap enough to ask of every process. */
#ifndef ANALYZER_TRACE_COUNTERS_H
#define ANALYZER_TRACE_COUNTERS_H

#include <stdbool.h>
#include <stdint.h>

#include "error.h"

struct trace_counters {
	bool alive;
	uint64_t live_blocks, live_bytes; /* in a sampled trace: estimates */
	uint64_t lost_events;
	uint64_t memory;       /* bytes that the file, and its second one, take where they lie */
	uint64_t up_ns;        /* to now, or to the end; 0: when it ended is not known */
	uint32_t tracing;      /* enum hdt_tracing */
	uint32_t flags, state; /* enum hdt_flags, enum hdt_state */
	uint64_t owner;        /* uid */
};

/* `root`: prefix of the files that the process sees, "" for ours; `name` is for messages.  0 or −1. */
int trace_counters_read(int fd, const char *root, const char *name, struct trace_counters *counters, struct error *error);

#endif
