/* SPDX-License-Identifier: MIT */
/*
 * libdw knows no parents; finding them walks a unit from its root.  But entries lie in memory in the order of the tree, so a scope is a
 * range of addresses and the scopes around an entry are the ranges around its address.
 */
#include "symbols-scopes.h"

#include <dwarf.h>
#include <stdlib.h>

#include "strbuf.h"

#define DEEPEST 32

uint32_t scopes_begin(struct scopes *scopes, const void *at)
{
	struct interval range = {.low = (uintptr_t)at, .high = UINT64_MAX};

	return intervals_add(&scopes->ranges, &range) ? UINT32_MAX : (uint32_t)scopes->ranges.count - 1;
}

void scopes_end(struct scopes *scopes, uint32_t number, const void *end)
{
	scopes->ranges.list[number].high = (uintptr_t)end;
}

void scopes_finish(struct scopes *scopes)
{
	intervals_finish(&scopes->ranges);
}

void scopes_clear(struct scopes *scopes, const Dwarf_Die *tree)
{
	scopes->tree = *tree;
	scopes->ranges.count = 0;
}

void scopes_release(struct scopes *scopes)
{
	intervals_release(&scopes->ranges);
	*scopes = (struct scopes){0};
}

static void add_scopes(const struct scopes *scopes, const Dwarf_Die *die, struct strbuf *name)
{
	uint64_t address = (uintptr_t)die->addr;
	Dwarf_Die around[DEEPEST];
	size_t count = 0;

	for (uint32_t i = intervals_find(&scopes->ranges, address); i != INTERVAL_NONE && count < DEEPEST;
	     i = intervals_outer(&scopes->ranges, i, address)) {
		Dwarf_Die scope = {.addr = (void *)(uintptr_t)scopes->ranges.list[i].low, .cu = scopes->tree.cu};
		/* A function inside a function is named alone; a class inside a function is not. */
		if (scope.addr != die->addr && (count || dwarf_tag(&scope) != DW_TAG_subprogram))
			around[count++] = scope;
	}
	while (count-- > 0) {
		const char *text = dwarf_diename(&around[count]);
		if (!text)
			text = dwarf_tag(&around[count]) == DW_TAG_namespace ? "(anonymous namespace)" : "{unnamed}";
		strbuf_puts(name, text);
		strbuf_puts(name, "::");
	}
}

/* The entry that declares the function, in its namespace or class. */
static Dwarf_Die declaration_of(const Dwarf_Die *die)
{
	Dwarf_Die declaration = *die, next;
	Dwarf_Attribute attribute;

	for (int links = 0; links < 8; links++) {
		if (!dwarf_attr(&declaration, DW_AT_abstract_origin, &attribute) &&
		    !dwarf_attr(&declaration, DW_AT_specification, &attribute))
			break;
		if (!dwarf_formref_die(&attribute, &next))
			break;
		declaration = next;
	}
	return declaration;
}

char *scopes_qualify(const struct scopes *scopes, const Dwarf_Die *die, const char *name)
{
	Dwarf_Die declaration = declaration_of(die);
	struct strbuf text;

	strbuf_init(&text);
	add_scopes(scopes, &declaration, &text);
	strbuf_puts(&text, name);
	return strbuf_steal(&text);
}
