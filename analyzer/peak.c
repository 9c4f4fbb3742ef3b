/* SPDX-License-Identifier: MIT */
/*
 * Comes in: the trace file of a running process, looked at now and then.  Goes out: blocks and bytes per stack at the highest moment seen.
 * The exact peak is a counter and may lie between two looks; what the looks add is *whose* memory it was.  A look reads the counters; only
 * 5 % more than ever before is worth a scan, and after a scan of t nothing is scanned for 50 t, so that the observer takes at most 2 % of
 * one core.  Node numbers of a trace never change, so rows of an old look fit the last snapshot.
 */
#include "peak.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "traces.h"

enum { REST = 50, ROWS_MAX = 1 << 20 };
#define LEAST_BYTES ((int64_t)64 * 1024) /* below this the snapshot at the end says enough */

uint64_t peak_clock(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * UINT64_C(1000000000) + (uint64_t)now.tv_nsec;
}

void peak_release(struct peak *peak)
{
	free(peak->rows);
	*peak = (struct peak){0};
}

static int compare_rows(const void *left, const void *right)
{
	const struct peak_row *a = left, *b = right;

	if (a->node != b->node)
		return a->node < b->node ? -1 : 1;
	return (a->domain > b->domain) - (a->domain < b->domain);
}

static void take_rows(struct peak *peak, const struct snapshot *snapshot)
{
	struct peak_row *rows;
	size_t count = 0;

	for (size_t i = 0; i < snapshot->stack_count; i++)
		count += snapshot->stacks[i].live_blocks != 0;
	/* Without memory for it the last look stays: a poorer answer, not a wrong one. */
	if (!count || count > ROWS_MAX || (rows = malloc(count * sizeof(*rows))) == NULL)
		return;
	count = 0;
	for (size_t i = 0; i < snapshot->stack_count; i++) {
		const struct stack *stack = &snapshot->stacks[i];
		if (stack->live_blocks)
			rows[count++] = (struct peak_row){stack->node, stack->domain, stack->live_blocks, stack->live_bytes};
	}
	qsort(rows, count, sizeof(*rows), compare_rows);
	free(peak->rows);
	peak->rows = rows;
	peak->count = count;
	peak->seen_bytes = snapshot->info.live_bytes;
}

static void scan(struct peak *peak, int fd)
{
	struct intern *intern = intern_new();
	struct snapshot snapshot;
	struct error error = {0};

	if (!intern)
		return;
	snapshot_init(&snapshot, intern);
	if (snapshot_read_trace(&snapshot, fd, "", false, &error) == 0 && snapshot.info.live_bytes > peak->seen_bytes)
		take_rows(peak, &snapshot);
	snapshot_release(&snapshot);
	intern_free(intern);
}

void peak_poll(struct peak *peak, int fd)
{
	uint64_t start = peak_clock();
	int64_t live = start < peak->not_before ? -1 : traces_live_bytes(fd);

	if (live < LEAST_BYTES || (uint64_t)live <= peak->seen_bytes + peak->seen_bytes / 20)
		return;
	scan(peak, fd);
	uint64_t end = peak_clock();
	peak->not_before = end + REST * (end - start);
}

/* A stack that was live at the peak and has no record in the snapshot: nothing of it is left, not even totals. */
static int append_stack(struct snapshot *snapshot, const struct peak_row *row, struct error *error)
{
	if (row->node >= snapshot->node_count)
		return 0;
	if (snapshot_reserve_stacks(snapshot, 1) < 0)
		return error_nomem(error);
	snapshot->stacks[snapshot->stack_count++] =
		(struct stack){.node = row->node, .domain = row->domain, .peak_blocks = row->blocks, .peak_bytes = row->bytes};
	return 0;
}

static void take_live(struct snapshot *snapshot)
{
	for (size_t i = 0; i < snapshot->stack_count; i++) {
		snapshot->stacks[i].peak_blocks = snapshot->stacks[i].live_blocks;
		snapshot->stacks[i].peak_bytes = snapshot->stacks[i].live_bytes;
	}
	snapshot->info.peak_seen_bytes = snapshot->info.live_bytes;
}

int peak_merge(const struct peak *peak, struct snapshot *snapshot, struct error *error)
{
	size_t known = snapshot->stack_count, found = 0;
	int result = 0;

	if (!peak->count || snapshot->info.live_bytes >= peak->seen_bytes) {
		take_live(snapshot);
		return 0;
	}
	unsigned char *seen = calloc(peak->count, 1);
	if (!seen)
		return error_nomem(error);
	for (size_t i = 0; i < known; i++) {
		struct stack *stack = &snapshot->stacks[i];
		const struct peak_row key = {.node = stack->node, .domain = stack->domain};
		const struct peak_row *row = bsearch(&key, peak->rows, peak->count, sizeof(key), compare_rows);
		if (!row || seen[row - peak->rows])
			continue;
		stack->peak_blocks = row->blocks;
		stack->peak_bytes = row->bytes;
		seen[row - peak->rows] = 1;
		found++;
	}
	for (size_t i = 0; i < peak->count && found < peak->count && result == 0; i++) {
		if (!seen[i])
			result = append_stack(snapshot, &peak->rows[i], error);
	}
	free(seen);
	snapshot->info.peak_seen_bytes = peak->seen_bytes;
	return result;
}
