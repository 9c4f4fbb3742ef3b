/* SPDX-License-Identifier: MIT */
/*
 * Per-thread cells (thread-cells.h): counters that one thread writes with plain stores and everyone reads.
 *
 * Functions that take a cell are for its thread only (also nested).  The totals cache is for depth == 1; nested events add to the
 * stack's totals directly.
 */
#ifndef PRELOAD_THREADS_H
#define PRELOAD_THREADS_H

#include <stdbool.h>
#include <stdint.h>

#include "heapdelta/sampling.h"
#include "heapdelta/trace.h"
#include "thread-cells.h"

/* Account events.  `nested`: the thread is inside another event. */
void threads_count_alloc(struct hdt_thread *cell, uint64_t bytes, uint32_t stack, bool nested);
void threads_count_free(struct hdt_thread *cell, uint64_t bytes);
void threads_count_temporary(struct hdt_thread *cell, uint32_t stack, bool nested);

/* The same of sampled blocks, with what they stand for; also nested.  All counts of a sampled trace are in parts of blocks. */
void threads_count_sampled_alloc(struct hdt_thread *cell, struct sampling_weight weight, uint32_t stack);
void threads_count_sampled_free(struct hdt_thread *cell, struct sampling_weight weight);
void threads_count_sampled_temporary(struct hdt_thread *cell, struct sampling_weight weight, uint32_t stack);

struct thread_sums {
	uint64_t alloc_blocks, alloc_bytes, free_blocks, free_bytes, temporary_blocks;
	int64_t live_bytes, peak_bytes; /* cleared blocks taken into account */
};
/* Sum of all cells, as an outside reader computes it. */
struct thread_sums threads_sum(void);

/* peak = live (reset_peak, clear_traces). */
void threads_reset_peak(void);

#endif
