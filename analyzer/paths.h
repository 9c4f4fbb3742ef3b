/* SPDX-License-Identifier: MIT */
/*
 * What is known of every stack that ends at a node, from the outermost frame inwards: each node of the trie is looked at once, however many
 * stacks go through it and however deep they are.
 */
#ifndef ANALYZER_PATHS_H
#define ANALYZER_PATHS_H

#include "places.h"

struct path {
	uint32_t depth;  /* frames from the outermost to the node's innermost; 1 for node 0, which has one that stands for none */
	uint32_t chosen; /* node of the attributed frame; 0: the innermost frame is meant */
	uint32_t below;  /* node of the frame that the attributed one called; `chosen`: none, or one of the same node */
	uint16_t index;  /* of the attributed frame in its node */
	struct attribution_state state;
};

struct paths {
	struct places *places;
	struct path *list; /* per node */
	struct frame_ref *
		threads; /* per node, for KEY_THREAD and filters by thread: outermost frame that is no start code; else the outermost one */
	uint64_t *bits;  /* per node, if a filter looks at all frames: of all frames together */
	size_t frames_seen; /* for tests of the number of steps */
	/* private */
	uint32_t *keys;    /* per node, for KEY_TRACEBACK; KEYS_NONE: not asked for yet */
	uint32_t *pending; /* nodes on the way to one that has a key */
	size_t pending_room;
};

/* 0 or −1: out of memory; release it in both cases. */
int paths_init(struct paths *paths, struct places *places);
void paths_release(struct paths *paths);

/* The attributed frame of a stack, and how many frames are inside of it. */
struct frame_ref paths_chosen(const struct paths *paths, uint32_t node);
size_t paths_attributed(const struct paths *paths, uint32_t node);
/* The frame that it called; false: it is the innermost. */
bool paths_callee(const struct paths *paths, uint32_t node, struct frame_ref *callee);

/* Where the thread of a stack begins, as `threads` says; of `kept` innermost frames, if there are any.  0 or −1: out of memory. */
int paths_thread(struct paths *paths, uint32_t node, const struct frame_ref *kept, size_t kept_count, struct frame_ref *thread);

/* The key of the whole stack.  KEYS_NONE: out of memory. */
uint32_t paths_key(struct paths *paths, uint32_t node);

#endif
