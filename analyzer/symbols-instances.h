/* SPDX-License-Identifier: MIT */
/* The functions of a compile unit and the places where functions are inlined into them, by address. */
#ifndef ANALYZER_SYMBOLS_INSTANCES_H
#define ANALYZER_SYMBOLS_INSTANCES_H

#include <elfutils/libdw.h>
#include <stddef.h>
#include <stdint.h>

#include "intervals.h"

/* A function with code of its own, or one place where a function is inlined. */
struct instance {
	Dwarf_Die die;
	uint64_t low;    /* lowest address */
	uint32_t parent; /* what it is inlined into; INTERVAL_NONE: not inlined */
};

struct instances {
	struct instance *list;
	size_t count, room;
	struct intervals ranges; /* value: index in list */
};

/* Addresses in ascending order: nothing is kept of code that has none of them. */
struct wanted {
	const uint64_t *list; /* NULL: keep all */
	size_t count;
};

/* Those of `tree`, the entry of a unit (or of its split unit); whatever was there before is gone.  −1: out of memory. */
int instances_find(struct instances *instances, const Dwarf_Die *tree, struct wanted wanted);
void instances_release(struct instances *instances);

#endif
