/* SPDX-License-Identifier: MIT */
/*
 * A quick walk through the entries of a compile unit for those that have code: functions, and places where functions are inlined.  It reads
 * nothing else of them; libdw is asked for that.
 */
#ifndef ANALYZER_SYMBOLS_DIES_H
#define ANALYZER_SYMBOLS_DIES_H

#include <elfutils/libdw.h>
#include <stdbool.h>
#include <stdint.h>

struct dies;

/* `dwarf` outlives it.  NULL: out of memory. */
struct dies *dies_new(Dwarf *dwarf);
void dies_free(struct dies *dies);

#define DIES_NESTED_MAX 256 /* entries inside of entries; deeper ones are left out */
#define DIES_NOTHING UINT32_MAX
#define DIES_STOP (UINT32_MAX - 1)

struct die_code {
	void *at; /* Dwarf_Die.addr */
	bool inlined;
	bool in_pieces;     /* or in a form that is left to libdw: ask it for the ranges */
	uint64_t low, high; /* else */
	uint32_t around;    /* what code() has returned for the nearest entry around it; DIES_NOTHING: none */
};

/* What is told of a unit, in the order of its entries. */
struct die_visitor {
	/* An entry with code.  Returns the caller's number for it, or DIES_STOP to end the walk. */
	uint32_t (*code)(void *data, const struct die_code *code);
	/* A namespace, class or function begins, and later ends behind all that is inside of it; both may be NULL.  begin_scope returns the
	 * caller's number for it, or DIES_STOP. */
	uint32_t (*begin_scope)(void *data, void *at);
	void (*end_scope)(void *data, uint32_t number, const void *end);
	void *data;
};

/* DIES_UNKNOWN: there is a form that this walk does not know.  Some entries may have been visited. */
enum dies_result { DIES_DONE, DIES_STOPPED, DIES_UNKNOWN, DIES_NO_MEMORY };
enum dies_result dies_walk(struct dies *dies, const Dwarf_Die *unit, const struct die_visitor *visitor);

#endif
