/* SPDX-License-Identifier: MIT */
/*
 * libdw finds its way by asking each entry for its next one, which costs hundreds of instructions for every entry of a debug file that has tens
 * of millions.  Here a unit's bytes are read once from its begin to its end, by the steps that the abbreviations of its entries were
 * compiled to.
 *
 * Nothing in the file is trusted: every read is checked against the unit's end, and what is not known (64-bit DWARF, split units, other byte
 * orders, new forms) is left to libdw.
 */
#include "symbols-dies.h"

#include <dwarf.h>
#include <stdlib.h>
#include <string.h>

#include "symbols-abbrev.h"

struct dies {
	struct bytes info, abbrev;
	struct abbrevs abbrevs; /* those used last */
};

/* ---- Units ---- */

/* One walk. */
struct walk {
	const struct die_visitor *visitor;
	const struct abbrevs *abbrevs;
	const uint8_t *unit; /* its header */
	struct bytes bytes;
	unsigned depth;   /* of nesting */
	unsigned ignored; /* levels inside of an entry that does not count */
	uint32_t around[DIES_NESTED_MAX];
	uint32_t scopes[DIES_NESTED_MAX]; /* number of the entry around each level if it is a scope */
};

struct entry {
	void *at;
	const struct abbrev *abbrev;
	uint64_t low, high, length, sibling;
};

static bool take_step(struct walk *walk, const struct step *step, struct entry *entry)
{
	struct bytes *bytes = &walk->bytes;
	const char *text;
	uint64_t size;

	switch ((enum step_kind)step->kind) {
	case STEP_SKIP:
		return bytes_skip(bytes, step->size);
	case STEP_LEB:
		return bytes_skip_leb(bytes);
	case STEP_STRING:
		return bytes_string(bytes, &text);
	case STEP_BLOCK:
		return bytes_number(bytes, step->size, &size) && bytes_skip(bytes, size);
	case STEP_LOW:
		return bytes_number(bytes, step->size, &entry->low);
	case STEP_HIGH:
		return bytes_number(bytes, step->size, &entry->high);
	case STEP_LENGTH:
		return bytes_number(bytes, step->size, &entry->length);
	case STEP_SIBLING:
		return bytes_number(bytes, step->size, &entry->sibling);
	}
	return false;
}

static bool take_steps(struct walk *walk, struct entry *entry)
{
	const struct step *step = walk->abbrevs->steps + entry->abbrev->first;

	for (uint32_t i = 0; i < entry->abbrev->count; i++) {
		if (!take_step(walk, &step[i], entry))
			return false;
	}
	return true;
}

/* Go over what is inside of an entry: to where it says that the next one is, or by counting. */
static void ignore_children(struct walk *walk, const struct entry *entry)
{
	const uint8_t *to = walk->unit + entry->sibling;

	if (entry->sibling && entry->sibling < (size_t)(walk->bytes.end - walk->unit) && to > walk->bytes.at)
		walk->bytes.at = to;
	else
		walk->ignored++;
}

static uint32_t visit_code(const struct walk *walk, const struct entry *entry)
{
	const struct abbrev *abbrev = entry->abbrev;
	bool whole = abbrev->low && abbrev->high && !abbrev->odd;
	struct die_code code = {.at = entry->at,
				.inlined = abbrev->kind == DIE_INLINED,
				.in_pieces = !whole,
				.low = entry->low,
				.high = entry->high ? entry->high : entry->low + entry->length,
				.around = walk->around[walk->depth]};

	if (!whole && !abbrev->ranges && !abbrev->odd)
		return code.around;
	return walk->visitor->code(walk->visitor->data, &code);
}

/* DIES_NOTHING: it is none, or nobody wants to know. */
static uint32_t begin_scope(const struct walk *walk, const struct entry *entry)
{
	unsigned kind = entry->abbrev->kind;

	if (!walk->visitor->begin_scope || (kind != DIE_SCOPE && kind != DIE_FUNCTION))
		return DIES_NOTHING;
	return walk->visitor->begin_scope(walk->visitor->data, entry->at);
}

static void end_scope(const struct walk *walk, uint32_t scope)
{
	if (scope != DIES_NOTHING)
		walk->visitor->end_scope(walk->visitor->data, scope, walk->bytes.at);
}

/* False: the visitor wants no more. */
static bool enter(struct walk *walk, const struct entry *entry)
{
	uint32_t inside = walk->around[walk->depth], scope;
	unsigned kind = entry->abbrev->kind;

	if (kind == DIE_FUNCTION || kind == DIE_INLINED)
		inside = visit_code(walk, entry);
	scope = begin_scope(walk, entry);
	if (inside == DIES_STOP || scope == DIES_STOP)
		return false;
	if (entry->abbrev->children && walk->depth + 1 < DIES_NESTED_MAX) {
		walk->depth++;
		walk->around[walk->depth] = inside;
		walk->scopes[walk->depth] = scope;
		return true;
	}
	end_scope(walk, scope);
	if (entry->abbrev->children)
		ignore_children(walk, entry);
	return true;
}

static void leave(struct walk *walk)
{
	end_scope(walk, walk->scopes[walk->depth--]);
}

/* An entry and its steps.  False: the unit is damaged here, or the entry unknown. */
static bool read_entry(struct walk *walk, uint64_t code, struct entry *entry)
{
	const struct abbrevs *abbrevs = walk->abbrevs;

	entry->abbrev = code < abbrevs->room && abbrevs->list[code].known ? &abbrevs->list[code] : NULL;
	return entry->abbrev && take_steps(walk, entry);
}

static enum dies_result walk_entries(struct walk *walk)
{
	uint64_t code;

	while (walk->bytes.at < walk->bytes.end) {
		struct entry entry = {.at = (void *)walk->bytes.at};
		if (!bytes_leb(&walk->bytes, &code))
			return DIES_UNKNOWN;
		if (!code && walk->ignored) {
			walk->ignored--;
			continue;
		}
		/* The end of the unit's own children. */
		if (!code && !walk->depth)
			return DIES_DONE;
		if (!code) {
			leave(walk);
			continue;
		}
		if (!read_entry(walk, code, &entry))
			return DIES_UNKNOWN;
		if (!walk->ignored && entry.abbrev->kind != DIE_SKIPPED) {
			if (!enter(walk, &entry))
				return DIES_STOPPED;
		} else if (entry.abbrev->children) {
			ignore_children(walk, &entry);
		}
	}
	while (walk->depth)
		leave(walk);
	return DIES_DONE;
}

/* The header of a unit whose first entry is at `offset`: where it ends, its abbreviations.  False: not a kind that is known here. */
static bool read_header(const struct dies *dies, uint64_t start, uint64_t offset, struct bytes *unit, struct abbrevs *abbrevs)
{
	struct bytes bytes = {dies->info.at + start, dies->info.end};
	uint64_t length, version, type = DW_UT_compile, address_size, abbrev;

	if (!bytes_number(&bytes, 4, &length) || length >= 0xfffffff0u || length > bytes_left(&bytes))
		return false;
	bytes.end = bytes.at + length;
	if (!bytes_number(&bytes, 2, &version) || version < 2 || version > 5)
		return false;
	if (version == 5 &&
	    (!bytes_number(&bytes, 1, &type) || !bytes_number(&bytes, 1, &address_size) || !bytes_number(&bytes, 4, &abbrev)))
		return false;
	if (version < 5 && (!bytes_number(&bytes, 4, &abbrev) || !bytes_number(&bytes, 1, &address_size)))
		return false;
	if ((type != DW_UT_compile && type != DW_UT_partial) || (address_size != 4 && address_size != 8) ||
	    bytes.at != dies->info.at + offset)
		return false;
	*unit = bytes;
	abbrevs->offset = abbrev;
	abbrevs->address_size = (unsigned)address_size;
	abbrevs->version = (unsigned)version;
	return abbrev < bytes_left(&dies->abbrev);
}

/* Have the abbreviations that a unit's header names. */
static enum dies_result use_abbrevs(struct dies *dies, const struct abbrevs *wanted)
{
	static const enum dies_result results[] = {
		[ABBREVS_DONE] = DIES_DONE, [ABBREVS_UNKNOWN] = DIES_UNKNOWN, [ABBREVS_NO_MEMORY] = DIES_NO_MEMORY};
	struct abbrevs *abbrevs = &dies->abbrevs;
	enum abbrevs_result result;

	if (abbrevs->offset == wanted->offset && abbrevs->address_size == wanted->address_size && abbrevs->version == wanted->version)
		return DIES_DONE;
	abbrevs->offset = UINT64_MAX;
	abbrevs->address_size = wanted->address_size;
	abbrevs->version = wanted->version;
	result = abbrevs_read(abbrevs, (struct bytes){dies->abbrev.at + wanted->offset, dies->abbrev.end});
	if (result == ABBREVS_DONE)
		abbrevs->offset = wanted->offset;
	return results[result];
}

enum dies_result dies_walk(struct dies *dies, const Dwarf_Die *unit, const struct die_visitor *visitor)
{
	Dwarf_Die die = *unit;
	uint64_t offset = dwarf_dieoffset(&die), inside = dwarf_cuoffset(&die), code;
	struct walk walk = {.visitor = visitor, .abbrevs = &dies->abbrevs, .around = {DIES_NOTHING}};
	struct abbrevs wanted = {0};
	struct entry entry = {0};
	enum dies_result result;

	/* A split unit's entries are in another file. */
	if (!dies->info.at || offset >= bytes_left(&dies->info) || dies->info.at + offset != die.addr || inside > offset ||
	    !read_header(dies, offset - inside, offset, &walk.bytes, &wanted))
		return DIES_UNKNOWN;
	result = use_abbrevs(dies, &wanted);
	if (result != DIES_DONE)
		return result;
	walk.unit = dies->info.at + offset - inside;
	if (!bytes_leb(&walk.bytes, &code) || !read_entry(&walk, code, &entry))
		return DIES_UNKNOWN;
	return entry.abbrev->children ? walk_entries(&walk) : DIES_DONE;
}

/* ---- The file ---- */

struct dies *dies_new(Dwarf *dwarf)
{
	struct dies *dies = calloc(1, sizeof(*dies));
	Elf *elf = dwarf_getelf(dwarf);

	if (!dies)
		return NULL;
	dies->abbrevs.offset = UINT64_MAX;
	if (elf) {
		dies->info = bytes_section(elf, ".debug_info");
		dies->abbrev = bytes_section(elf, ".debug_abbrev");
	}
	return dies;
}

void dies_free(struct dies *dies)
{
	if (!dies)
		return;
	abbrevs_release(&dies->abbrevs);
	free(dies);
}
