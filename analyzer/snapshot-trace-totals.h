/* SPDX-License-Identifier: MIT */
/* A trace file's cells: threads, and what their caches and the tables say about stacks in total. */
#ifndef ANALYZER_SNAPSHOT_TRACE_TOTALS_H
#define ANALYZER_SNAPSHOT_TRACE_TOTALS_H

#include <stdint.h>

#include "snapshot-trace-blocks.h"

/* Fills snapshot->threads, the totals in snapshot->info, total_* of every node; *above is how much higher than
 * now one cell was since its last fold, at most. */
int trace_read_totals(struct trace_numbers *numbers, struct snapshot *snapshot, int64_t *above);

#endif
