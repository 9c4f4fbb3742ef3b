/* SPDX-License-Identifier: MIT */
/*
 * What every fuzzer does with a snapshot that a reader accepted: what a reader lets through must be fit for use, so it is summed with
 * itself, written out as interchange JSON, and compared with that sum as if that were of other builds.
 */
#ifndef FUZZ_READ_H
#define FUZZ_READ_H

#include <stdio.h>
#include <stdlib.h>

#include "diff.h"
#include "intern.h"
#include "snapshot.h"

static inline void compare_by(struct snapshot *const snapshots[2], enum stats_key key)
{
	struct stats_options options = {.key = key, .keys = keys_new()};
	struct stats stats[2] = {0};
	struct match match = {0};
	struct diff_options how = {SORT_DIFF, &match};
	struct diff diff = {0};
	struct error error = {0};

	if (options.keys && stats_make(&stats[0], snapshots[0], &options, &error) == 0 &&
	    stats_make(&stats[1], snapshots[1], &options, &error) == 0 && match_make(&match, stats, 2, &error) == 0)
		diff_make(&diff, stats, 2, &how, &error);
	diff_release(&diff);
	match_release(&match);
	stats_release(&stats[0]);
	stats_release(&stats[1]);
	keys_free(options.keys);
}

/* The builds of every other module of `sum` become others. */
static inline void compare(struct snapshot *snapshot, struct snapshot *sum)
{
	struct snapshot *const snapshots[2] = {snapshot, sum};

	for (size_t i = 1; i < sum->module_count; i += 2)
		sum->modules[i].build_id[0] ^= 1;
	compare_by(snapshots, KEY_LINENO);
	compare_by(snapshots, KEY_TRACEBACK);
	compare_by(snapshots, KEY_FUNCTION);
}

static inline void use(struct snapshot *snapshot)
{
	struct snapshot sum;
	struct error error = {0};
	FILE *out = fopen("/dev/null", "w");

	snapshot_init(&sum, snapshot->intern);
	if (!out)
		abort();
	if (snapshot_add(&sum, snapshot, "1 one", &error) == 0 && snapshot_add(&sum, snapshot, "2 two", &error) == 0)
		snapshot_write_json(&sum, out, 0, &error);
	if (sum.node_count)
		compare(snapshot, &sum);
	fclose(out);
	snapshot_release(&sum);
}

#endif
