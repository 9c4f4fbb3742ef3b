/* SPDX-License-Identifier: MIT */
/* The abbreviations of entries, as steps over their bytes. */
#ifndef ANALYZER_SYMBOLS_ABBREV_H
#define ANALYZER_SYMBOLS_ABBREV_H

#include "symbols-bytes.h"

/* What an entry with this tag is to a walk for code. */
enum die_kind {
	DIE_SKIPPED,
	DIE_BLOCK /* may contain functions */,
	DIE_SCOPE /* has a name, besides */,
	DIE_FUNCTION /* is one, besides */,
	DIE_INLINED
};
enum die_kind die_kind(int tag);

enum step_kind {
	STEP_SKIP,    /* `size` bytes */
	STEP_LEB,     /* a number of variable length */
	STEP_STRING,  /* up to a NUL */
	STEP_BLOCK,   /* `size` bytes say how many follow; 0: a LEB says it */
	STEP_LOW,     /* an address */
	STEP_HIGH,    /* an address */
	STEP_LENGTH,  /* `size` bytes: from low to high; 0: a LEB */
	STEP_SIBLING, /* `size` bytes: where the next entry on this level is, from the begin of the unit; 0: a LEB */
};

struct step {
	uint8_t kind, size;
};

struct abbrev {
	uint32_t first, count; /* steps */
	uint8_t kind;          /* enum die_kind */
	bool known, children;
	bool low, high, ranges; /* it says these */
	bool odd;               /* the first two in a form for libdw */
};

/* Those of one table; units often share it. */
struct abbrevs {
	uint64_t offset;                /* in .debug_abbrev; UINT64_MAX: none yet */
	unsigned address_size, version; /* of the unit: some forms depend on them */
	struct abbrev *list;            /* by code */
	size_t room;
	struct step *steps;
	size_t step_count, step_room;
};

/* Read those at the begin of `bytes`, for the address size and version that are set.  ABBREVS_UNKNOWN: damaged, or of an unknown form. */
enum abbrevs_result { ABBREVS_DONE, ABBREVS_UNKNOWN, ABBREVS_NO_MEMORY };
enum abbrevs_result abbrevs_read(struct abbrevs *abbrevs, struct bytes bytes);
void abbrevs_release(struct abbrevs *abbrevs);

#endif
