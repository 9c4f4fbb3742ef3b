/* SPDX-License-Identifier: MIT */
/*
 * libdw knows no parents, and its search for them goes through all entries of the unit before.  But entries lie in memory in the order of the
 * tree, so each is a range of addresses, with those inside of it in that range.  What lies in an entry is listed when something is looked for
 * there, and stays listed for the next name of the unit.
 */
#include "symbols-scopes.h"

#include <dwarf.h>
#include <stdbool.h>
#include <stdlib.h>

#include "strbuf.h"

#define DEEPEST 256 /* nested entries */

/* An entry with others inside. */
struct scope {
	Dwarf_Die die;
	const void *end;     /* behind what is inside; NULL: where that of the entry around it is */
	size_t first, count; /* what has been listed of it */
	bool listed;
};

static int add_scope(struct scopes *scopes, const Dwarf_Die *die)
{
	if (scopes->count == scopes->room) {
		size_t room = scopes->room ? scopes->room * 2 : 64;
		struct scope *list = reallocarray(scopes->list, room, sizeof(*list));
		if (!list)
			return -1;
		scopes->list = list;
		scopes->room = room;
	}
	scopes->list[scopes->count++] = (struct scope){.die = *die};
	return 0;
}

int scopes_clear(struct scopes *scopes, const Dwarf_Die *tree)
{
	scopes->count = 0;
	return add_scope(scopes, tree);
}

void scopes_release(struct scopes *scopes)
{
	free(scopes->list);
	*scopes = (struct scopes){0};
}

/* ---- Around an entry ---- */

static bool is_scope(int tag)
{
	switch (tag) {
	case DW_TAG_subprogram:
	case DW_TAG_namespace:
	case DW_TAG_module:
	case DW_TAG_class_type:
	case DW_TAG_structure_type:
	case DW_TAG_union_type:
	case DW_TAG_interface_type:
		return true;
	default:
		return false;
	}
}

/* List the entries in a scope that have others inside. */
static int list_inside(struct scopes *scopes, size_t number)
{
	Dwarf_Die parent = scopes->list[number].die, die, next;
	size_t first = scopes->count;
	int result = dwarf_child(&parent, &die);

	for (; result == 0; die = next) {
		bool has_inside = dwarf_haschildren(&die) > 0;
		if (has_inside && add_scope(scopes, &die))
			return -1;
		result = dwarf_siblingof(&die, &next);
		if (result == 0 && (const char *)next.addr <= (const char *)die.addr)
			break;
		if (result == 0 && has_inside)
			scopes->list[scopes->count - 1].end = next.addr;
	}
	scopes->list[number].listed = true;
	scopes->list[number].first = first;
	scopes->list[number].count = scopes->count - first;
	return 0;
}

/* Of what is listed of a scope, the one with this address inside; 0: none. */
static size_t find_inside(const struct scopes *scopes, const struct scope *scope, const void *address)
{
	size_t begin = scope->first, end = scope->first + scope->count;
	const struct scope *found;

	while (begin < end) {
		size_t middle = begin + (end - begin) / 2;
		if ((const char *)scopes->list[middle].die.addr < (const char *)address)
			begin = middle + 1;
		else
			end = middle;
	}
	if (begin == scope->first)
		return 0;
	found = &scopes->list[begin - 1];
	return !found->end || (const char *)address < (const char *)found->end ? begin - 1 : 0;
}

/* Outermost first.  *count becomes how many.  −1: out of memory. */
static int find_around(struct scopes *scopes, const Dwarf_Die *die, Dwarf_Die around[DEEPEST], size_t *count)
{
	size_t at = 0;

	*count = 0;
	for (int depth = 0; depth < DEEPEST && die->cu == scopes->list[0].die.cu; depth++) {
		if (!scopes->list[at].listed && list_inside(scopes, at))
			return -1;
		at = find_inside(scopes, &scopes->list[at], die->addr);
		if (!at)
			break;
		if (is_scope(dwarf_tag(&scopes->list[at].die)))
			around[(*count)++] = scopes->list[at].die;
	}
	/* A function inside a function is named alone; a class inside a function is not. */
	while (*count && dwarf_tag(&around[*count - 1]) == DW_TAG_subprogram)
		(*count)--;
	return 0;
}

/* ---- Names ---- */

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

char *scopes_qualify(struct scopes *scopes, const Dwarf_Die *die, const char *name)
{
	Dwarf_Die declaration = declaration_of(die), around[DEEPEST];
	struct strbuf text;
	size_t count;

	if (find_around(scopes, &declaration, around, &count))
		return NULL;
	strbuf_init(&text);
	for (size_t i = 0; i < count; i++) {
		const char *scope = dwarf_diename(&around[i]);
		if (!scope)
			scope = dwarf_tag(&around[i]) == DW_TAG_namespace ? "(anonymous namespace)" : "{unnamed}";
		strbuf_puts(&text, scope);
		strbuf_puts(&text, "::");
	}
	strbuf_puts(&text, name);
	return strbuf_steal(&text);
}
