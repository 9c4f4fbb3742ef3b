/* SPDX-License-Identifier: MIT */
/*
 * What grouping needs to know of a frame, worked out once per place in the code and not once per stack: how it is shown, what key it has,
 * what attribution and filters think of it.
 */
#ifndef ANALYZER_PLACES_H
#define ANALYZER_PLACES_H

#include "attribution.h"
#include "filter.h"
#include "frames.h"
#include "keys.h"
#include "pointer-map.h"

enum stats_key { KEY_LINENO, KEY_FILENAME, KEY_FUNCTION, KEY_MODULE, KEY_TRACEBACK, KEY_THREAD, KEY_PROCESS };

/* A frame by its node and its number in it: 0 is the innermost. */
struct frame_ref {
	uint32_t node, index;
};

struct place {
	uint32_t address; /* of the snapshot, whose frame it was worked out for */
	uint32_t key;     /* for KEY_TRACEBACK the number of the frame, else a list of it alone; KEY_PROCESS: none */
	uint8_t kinds;    /* attribution_kinds() */
	bool outermost;   /* where threads begin: libc's frames and those that stand for none */
	bool known;
};

struct places {
	const struct snapshot *snapshot;
	struct attribution attribution;
	const struct filters *filters; /* NULL: none */
	struct keys *keys;
	enum stats_key key;
	/* private */
	struct place *list; /* per location, then per address that has none; the last one is for frames that have no place */
	uint64_t *bits;     /* filters_words() per place; NULL: no filters */
	size_t words, room;
	struct pointer_map names; /* file → as it is shown */
	const char *unknown;      /* module that is not known; NULL: not needed yet */
};

/* The first five members are set, the rest is 0.  0 or −1: out of memory; release it in both cases. */
int places_init(struct places *places);
void places_release(struct places *places);

/* Valid until the next call.  NULL: out of memory. */
const struct place *places_at(struct places *places, struct frame_ref ref);
/* Its filters_match(). */
const uint64_t *places_bits(const struct places *places, const struct place *place);

/* Of what stands around threads: libc's frames and those that stand for none.  Below them is main or the start routine. */
bool places_is_outermost(const struct frame *frame);

/* The frame becomes what its group shows of it.  −1: out of memory. */
int places_show(struct places *places, struct frame *frame);

#endif
