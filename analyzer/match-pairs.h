/* SPDX-License-Identifier: MIT */
/*
 * Pairs of items of two sides that are the same piece of code, by rules from strong evidence to weak.  An item is whatever has a place in the
 * source: a line, a function, a module, a stack.
 */
#ifndef ANALYZER_MATCH_PAIRS_H
#define ANALYZER_MATCH_PAIRS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MATCH_NONE UINT32_MAX

/* Texts are interned by one intern: equal text, equal pointer.  NULL and 0: not known. */
struct match_item {
	const char *file;     /* as shown: relative to the source root; for code without lines its module */
	const char *base;     /* the last component of it */
	const char *path;     /* file as recorded */
	const char *name;     /* function */
	const char *function; /* function without parameters and template arguments */
	const char *build;    /* build id of its module */
	uint64_t text;        /* hash of the line's text */
	uint64_t statement;   /* hash of the text of the statement that it is a part of */
	uint32_t line;
	uint32_t from;     /* distance from the function's first line; without lines, of the code from the function's start */
	uint32_t key;      /* equal keys look the same to people */
	uint32_t snapshot; /* which it is from */
	uint32_t partner;  /* index on the other side; MATCH_NONE */
	uint32_t sibling;  /* index on its own side, of one with a partner that it is a part of; MATCH_NONE */
};

enum match_feature {
	MATCH_KEY = 1 << 0,
	MATCH_FILE = 1 << 1,
	MATCH_BASE = 1 << 2,
	MATCH_PATH = 1 << 3,
	MATCH_NAME = 1 << 4,
	MATCH_FUNCTION = 1 << 5,
	MATCH_TEXT = 1 << 6,
	MATCH_LINE = 1 << 7,
	MATCH_FROM = 1 << 8,
	MATCH_STATEMENT = 1 << 9,
	MATCH_FEATURES = 10,
};

/* How the items of both sides that agree in a pass's features are paired. */
enum match_order {
	MATCH_IN_ORDER,     /* by line; of the side that has more, the ones nearest to where the others were */
	MATCH_EQUALLY_MANY, /* by line, if both sides have as many */
	MATCH_ALONE,        /* if each side has one */
};

/* When a pair that agrees is none. */
enum match_limit {
	MATCH_ANY,
	MATCH_UNKNOWN_TEXT, /* when both texts are known: they were looked at before */
	MATCH_RENAMED,      /* when each function is on the other side too: neither became the other */
	MATCH_SAME_BUILD,   /* unless both are code of builds that both sides have; the passes above: if one of them is */
	MATCH_ANY_BUILD,    /* when what is known of function and text differs */
};

struct match_pass {
	unsigned features; /* an item that lacks one of them takes no part */
	enum match_order order;
	enum match_limit limit;
};

/* What has to be known of the snapshots behind the items. */
struct match_context {
	bool (*has_build)(void *data, uint32_t snapshot, const char *build);
	bool (*has_function)(void *data, uint32_t snapshot, const char *name);
	void *data;
};

struct match_side {
	struct match_item *items;
	size_t count;
};

/* One pass over the items without a partner; sets `partner` on both sides.  0 or −1: out of memory. */
int match_pairs(const struct match_side sides[2], const struct match_pass *pass, const struct match_context *context);

/*
 * Items without a partner that agree with one that has one, and whose text is another: of a statement on one line in one build and on several
 * in the other.  Sets `sibling`.  0 or −1: out of memory.
 */
int match_siblings(const struct match_side sides[2], unsigned features, const struct match_context *context);

/* A pass of { MATCH_KEY, MATCH_IN_ORDER, `limit` } without sorting; keys are below `key_count`, and on the second side different. */
int match_equal_keys(const struct match_side sides[2], size_t key_count, enum match_limit limit, const struct match_context *context);

#endif
