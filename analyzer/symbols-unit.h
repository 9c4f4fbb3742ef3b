/* SPDX-License-Identifier: MIT */
/* Addresses of one compile unit at a time: functions, files, lines, inlined frames. */
#ifndef ANALYZER_SYMBOLS_UNIT_H
#define ANALYZER_SYMBOLS_UNIT_H

#include <elfutils/libdw.h>

#include "locations.h"
#include "pointer-map.h"
#include "symbols-instances.h"
#include "symbols-scopes.h"

struct unit {
	Dwarf_Die die;  /* has the ranges and the line table */
	Dwarf_Die tree; /* has the functions: the same, or the split unit's */
};

/* What units are read with, one after the other. */
struct unit_reader {
	struct intern *intern;
	struct pointer_map functions; /* linkage name in the file → demangled, interned */
	struct pointer_map files;     /* file name in libdw's table → absolute, interned */
	/* Of the unit at hand: */
	struct instances instances;
	struct scopes scopes; /* if it is C++ */
	bool is_cplusplus;
	uint64_t *wanted; /* addresses */
};

/* `intern` outlives it. */
void unit_reader_init(struct unit_reader *reader, struct intern *intern);
void unit_reader_release(struct unit_reader *reader);
/* Room for as many addresses of one unit; 0 or −1. */
int unit_reader_reserve(struct unit_reader *reader, size_t count);

/* Answer look-ups of ascending addresses, as far as the unit can.  −1: out of memory. */
int unit_describe(struct unit_reader *reader, struct unit *unit, struct lookup *const *lookups, size_t count, struct locations *locations);

#endif
