/* SPDX-License-Identifier: MIT */
/*
 * Who held the memory when there was most of it: an observer's view of one running process, for hds_stack.peak_*.
 */
#ifndef ANALYZER_PEAK_H
#define ANALYZER_PEAK_H

#include <stddef.h>
#include <stdint.h>

#include "error.h"
#include "snapshot.h"

struct peak_row {
	uint32_t node, domain;
	uint64_t blocks, bytes;
};

struct peak {
	uint64_t seen_bytes;   /* live when the rows were taken; 0: never */
	uint64_t not_before;   /* CLOCK_MONOTONIC ns: the next scan is allowed */
	struct peak_row *rows; /* by (node, domain) */
	size_t count;
};

/* Look at a trace file; scan it when there is clearly more live than ever seen and the last scans were cheap enough. */
void peak_poll(struct peak *peak, int fd);

/* Put what was seen into a snapshot of the same process; its own live blocks are taken when they are more.  0 or −1. */
int peak_merge(const struct peak *peak, struct snapshot *snapshot, struct error *error);

void peak_release(struct peak *peak);

uint64_t peak_clock(void); /* CLOCK_MONOTONIC, ns */

#endif
