/* SPDX-License-Identifier: MIT */
/*
 * snapshot.statistics(): groups of live blocks by key, tracemalloc's semantics and order.  Sums are 128 bits wide: exact for any input.
 */
#ifndef ANALYZER_STATS_H
#define ANALYZER_STATS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "attribution.h"
#include "error.h"
#include "filter.h"
#include "keys.h"
#include "places.h"
#include "snapshot.h"
#include "stats-sums.h"
#include "vias.h"

enum stats_metric { METRIC_LIVE, METRIC_TOTAL, METRIC_TEMPORARY, METRIC_PEAK };

struct stats_options {
	enum stats_key key;
	enum stats_metric metric;
	bool cumulative;         /* credit every kept frame; only for lineno, filename, function and module */
	bool by_count;           /* sort by count before size */
	bool unsorted;           /* leave the groups in any order: they are only compared */
	uint32_t nframe;         /* innermost frames kept, from the attributed one outwards; 0: all */
	struct filters *filters; /* NULL: none; their matches are counted */
	struct attribution attribution;
	struct keys *keys; /* shared by statistics that are compared; outlives them */
};

struct group {
	wide size, count;
	wide allocated;       /* sampled data: bytes in total of all its stacks, also of those where nothing lives */
	double variance;      /* of size; 0: exact */
	uint32_t key;         /* list in options->keys: equal groups of two statistics have equal ones */
	uint32_t frame_count; /* of the key: 1, for traceback all */
	uint32_t attributed;  /* index in its frames */
	bool one_time;        /* only libc and runtime one-time blocks */
	/* private */
	bool counted;
	uint32_t first_via, via_count;
	uint32_t first, depth;  /* the stack that began it; how deep in it the frame is */
	struct frame_ref frame; /* what it is shown as, if not by name */
	const char *name;
};

struct stats {
	struct group *groups; /* sorted: size, count, traceback, descending; unless unsorted */
	size_t count;
	struct via *vias; /* of KEY_LINENO */
	size_t via_count;
	wide total_size, total_count; /* of the stacks that passed the filters, each once */
	double total_variance;        /* of total_size */
	size_t considered;            /* stacks with anything to show */
	size_t filtered_out;          /* stacks */
	wide *no_line;                /* per module of the snapshot: bytes whose attributed frame has no line; one-time blocks left out */
	size_t frames_seen;           /* frames looked at while it was made, for tests of their number */
	/* private */
	struct keys *keys;
	struct places places;
};

/* The snapshot outlives the stats.  0 or −1; on failure *stats is empty. */
int stats_make(struct stats *stats, const struct snapshot *snapshot, const struct stats_options *options, struct error *error);
void stats_release(struct stats *stats);

/* The functions that attribution passed over for a group, largest first: how many, and the first one. */
size_t stats_vias(const struct stats *stats, const struct group *group, const struct via **first);

/*
 * The key of a group as frames, innermost first: one for lineno, filename (line 0), function, module, thread, process; all for traceback.
 * Files below the source root are relative to it.  −1: out of memory.
 */
int stats_frames(struct stats *stats, const struct group *group, struct frames *frames);

#endif
