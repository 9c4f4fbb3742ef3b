/* SPDX-License-Identifier: MIT */
/* When the blocks of a trace came: the codes beside slots and extras (heapdelta/age.h), and what they mean at the moment of the snapshot. */
#ifndef ANALYZER_SNAPSHOT_TRACE_AGES_H
#define ANALYZER_SNAPSHOT_TRACE_AGES_H

#include "ages.h"
#include "trace-file.h"

struct trace_ages {
	struct trace_file *file;
	uint64_t moment_ns;   /* of the snapshot, after the start of the trace */
	uint32_t known;       /* 1 + the code that was asked last; blocks of one leaf came together */
	uint32_t seconds;     /* what it means */
	struct age_list list; /* of blocks of domain 0; `stack` is a node */
};

/* For a file that is open: its process as it is now, as it ended, or, if it was killed, as it was when it last looked at the clock. */
void trace_ages_init(struct trace_ages *ages, struct trace_file *file);
void trace_ages_release(struct trace_ages *ages);

/* The codes of the records from `first` on that the slots or extras beside this area have; 0 where there are none.  0 or −1. */
int trace_ages_read(struct trace_ages *ages, enum hdt_area_id area, uint64_t first, uint16_t *codes, size_t count);

/* How old a block with this code is. */
uint32_t trace_ages_seconds(struct trace_ages *ages, uint16_t code);

#endif
