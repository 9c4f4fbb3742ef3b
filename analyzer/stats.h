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
#include "snapshot.h"

enum stats_key { KEY_LINENO, KEY_FILENAME, KEY_FUNCTION, KEY_MODULE, KEY_TRACEBACK, KEY_THREAD, KEY_PROCESS };
enum stats_metric { METRIC_LIVE, METRIC_TOTAL, METRIC_TEMPORARY, METRIC_PEAK };

struct stats_options {
	enum stats_key key;
	enum stats_metric metric;
	bool cumulative;         /* credit every kept frame; only for lineno, filename, function and module */
	bool by_count;           /* sort by count before size */
	uint32_t nframe;         /* innermost frames kept, from the attributed one outwards; 0: all */
	struct filters *filters; /* NULL: none; their matches are counted */
	struct attribution attribution;
};

typedef __int128 wide;

struct group {
	/*
	 * The key: frames innermost first; one for lineno, filename (line 0), function, module, thread, process; all for traceback.  Files
	 * below the source root are relative to it.
	 */
	const struct frame *frames;
	size_t frame_count;
	size_t attributed; /* index in frames */
	wide size, count;
	double variance;             /* of size; 0: exact */
	wide allocated;              /* sampled data: bytes in total of all its stacks, also of those where nothing lives */
	const struct stack *example; /* the stack with most bytes in the group */
	const char *via;             /* function passed over by attribution, NULL: none or several */
	bool one_time;               /* only libc and runtime one-time blocks */
	/* private */
	uint64_t hash;
	bool via_differs, by_function;
};

struct stats {
	struct group *groups; /* sorted: size, count, traceback, descending */
	size_t count;
	wide total_size, total_count; /* of the stacks that passed the filters, each once */
	double total_variance;        /* of total_size */
	size_t considered;            /* stacks with anything to show */
	size_t filtered_out;          /* stacks */
	wide *no_line;                /* per module of the snapshot: bytes whose attributed frame has no line; one-time blocks left out */
	/* private */
	struct frame *frame_pool;
};

/* The snapshot outlives the stats.  0 or −1; on failure *stats is empty. */
int stats_make(struct stats *stats, const struct snapshot *snapshot, const struct stats_options *options, struct error *error);
void stats_release(struct stats *stats);

/* tracemalloc's order of tracebacks: frame by frame from the OLDEST, (file by bytes, line), a strict prefix is smaller. */
int frames_compare(const struct frame *a, size_t a_count, const struct frame *b, size_t b_count);

/* The same group in two statistics of one intern? */
bool group_same(const struct group *a, const struct group *b);
/* frames_compare of the keys, functions and modules as a last resort. */
int group_compare_key(const struct group *a, const struct group *b);

#endif
