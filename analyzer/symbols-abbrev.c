/* SPDX-License-Identifier: MIT */
/*
 * Comes in: a table of abbreviations, each a list of attributes with their forms.  Goes out: the same as steps (skip so many bytes, skip a
 * string, this is the first address), so that an entry is read without a look at forms.  Neighbouring skips are one.
 */
#include "symbols-abbrev.h"

#include <dwarf.h>
#include <stdlib.h>
#include <string.h>

#define MOST_CODES (1u << 20)

enum die_kind die_kind(int tag)
{
	switch (tag) {
	case DW_TAG_subprogram:
		return DIE_FUNCTION;
	case DW_TAG_inlined_subroutine:
		return DIE_INLINED;
	case DW_TAG_lexical_block:
	case DW_TAG_try_block:
	case DW_TAG_catch_block:
		return DIE_BLOCK;
	case DW_TAG_namespace:
	case DW_TAG_module:
	case DW_TAG_class_type:
	case DW_TAG_structure_type:
	case DW_TAG_union_type:
	case DW_TAG_interface_type:
	case DW_TAG_variant_part:
	case DW_TAG_variant:
		return DIE_SCOPE;
	default:
		return DIE_SKIPPED;
	}
}

static int add_step(struct abbrevs *abbrevs, const struct abbrev *abbrev, enum step_kind kind, unsigned size)
{
	struct step *last = abbrevs->step_count > abbrev->first ? &abbrevs->steps[abbrevs->step_count - 1] : NULL;

	if (kind == STEP_SKIP && last && last->kind == STEP_SKIP && last->size + size <= UINT8_MAX) {
		last->size = (uint8_t)(last->size + size);
		return 0;
	}
	if (abbrevs->step_count == abbrevs->step_room) {
		size_t room = abbrevs->step_room ? 2 * abbrevs->step_room : 1024;
		struct step *steps = reallocarray(abbrevs->steps, room, sizeof(*steps));
		if (!steps)
			return -1;
		abbrevs->steps = steps;
		abbrevs->step_room = room;
	}
	abbrevs->steps[abbrevs->step_count++] = (struct step){(uint8_t)kind, (uint8_t)size};
	return 0;
}

/* How to get over a value of this form.  False: unknown. */
static bool step_over(const struct abbrevs *abbrevs, uint64_t form, struct step *step)
{
	static const struct step steps[] = {
		[DW_FORM_block2] = {STEP_BLOCK, 2},    [DW_FORM_block4] = {STEP_BLOCK, 4},   [DW_FORM_data2] = {STEP_SKIP, 2},
		[DW_FORM_data4] = {STEP_SKIP, 4},      [DW_FORM_data8] = {STEP_SKIP, 8},     [DW_FORM_string] = {STEP_STRING, 1},
		[DW_FORM_block] = {STEP_BLOCK, 0},     [DW_FORM_block1] = {STEP_BLOCK, 1},   [DW_FORM_data1] = {STEP_SKIP, 1},
		[DW_FORM_flag] = {STEP_SKIP, 1},       [DW_FORM_sdata] = {STEP_LEB, 1},      [DW_FORM_strp] = {STEP_SKIP, 4},
		[DW_FORM_udata] = {STEP_LEB, 1},       [DW_FORM_ref1] = {STEP_SKIP, 1},      [DW_FORM_ref2] = {STEP_SKIP, 2},
		[DW_FORM_ref4] = {STEP_SKIP, 4},       [DW_FORM_ref8] = {STEP_SKIP, 8},      [DW_FORM_ref_udata] = {STEP_LEB, 1},
		[DW_FORM_sec_offset] = {STEP_SKIP, 4}, [DW_FORM_exprloc] = {STEP_BLOCK, 0},  [DW_FORM_strx] = {STEP_LEB, 1},
		[DW_FORM_addrx] = {STEP_LEB, 1},       [DW_FORM_ref_sup4] = {STEP_SKIP, 4},  [DW_FORM_strp_sup] = {STEP_SKIP, 4},
		[DW_FORM_data16] = {STEP_SKIP, 16},    [DW_FORM_line_strp] = {STEP_SKIP, 4}, [DW_FORM_ref_sig8] = {STEP_SKIP, 8},
		[DW_FORM_loclistx] = {STEP_LEB, 1},    [DW_FORM_rnglistx] = {STEP_LEB, 1},   [DW_FORM_ref_sup8] = {STEP_SKIP, 8},
		[DW_FORM_strx1] = {STEP_SKIP, 1},      [DW_FORM_strx2] = {STEP_SKIP, 2},     [DW_FORM_strx3] = {STEP_SKIP, 3},
		[DW_FORM_strx4] = {STEP_SKIP, 4},      [DW_FORM_addrx1] = {STEP_SKIP, 1},    [DW_FORM_addrx2] = {STEP_SKIP, 2},
		[DW_FORM_addrx3] = {STEP_SKIP, 3},     [DW_FORM_addrx4] = {STEP_SKIP, 4},
	};

	if (form == DW_FORM_addr)
		*step = (struct step){STEP_SKIP, (uint8_t)abbrevs->address_size};
	else if (form == DW_FORM_ref_addr)
		*step = (struct step){STEP_SKIP, abbrevs->version == 2 ? (uint8_t)abbrevs->address_size : 4};
	else if (form == DW_FORM_flag_present || form == DW_FORM_implicit_const)
		*step = (struct step){STEP_SKIP, 0};
	else if (form == DW_FORM_GNU_ref_alt || form == DW_FORM_GNU_strp_alt)
		*step = (struct step){STEP_SKIP, 4};
	else if (form < sizeof(steps) / sizeof(*steps) && (steps[form].kind || steps[form].size))
		*step = steps[form];
	else
		return false;
	return true;
}

/* The attributes that say where the code is, in the forms that compilers use. */
static enum step_kind step_of_code(struct abbrev *abbrev, uint64_t name, uint64_t form)
{
	bool address = form == DW_FORM_addr;
	bool length =
		form == DW_FORM_data1 || form == DW_FORM_data2 || form == DW_FORM_data4 || form == DW_FORM_data8 || form == DW_FORM_udata;

	abbrev->low |= name == DW_AT_low_pc;
	abbrev->high |= name == DW_AT_high_pc;
	abbrev->ranges |= name == DW_AT_ranges;
	if (name == DW_AT_low_pc && address)
		return STEP_LOW;
	if (name == DW_AT_high_pc && address)
		return STEP_HIGH;
	if (name == DW_AT_high_pc && length)
		return STEP_LENGTH;
	abbrev->odd |= name == DW_AT_low_pc || name == DW_AT_high_pc;
	return STEP_SKIP;
}

static bool is_reference(uint64_t form)
{
	return form == DW_FORM_ref1 || form == DW_FORM_ref2 || form == DW_FORM_ref4 || form == DW_FORM_ref8 || form == DW_FORM_ref_udata;
}

static int compile_attribute(struct abbrevs *abbrevs, struct abbrev *abbrev, uint64_t name, uint64_t form)
{
	enum step_kind special = STEP_SKIP;
	struct step step;

	if (!step_over(abbrevs, form, &step)) {
		abbrev->known = false;
		return 0;
	}
	if (abbrev->kind == DIE_FUNCTION || abbrev->kind == DIE_INLINED)
		special = step_of_code(abbrev, name, form);
	else if (abbrev->kind == DIE_SKIPPED && abbrev->children && name == DW_AT_sibling && is_reference(form))
		special = STEP_SIBLING;
	if (special != STEP_SKIP) {
		step.size = step.kind == STEP_LEB ? 0 : step.size;
		step.kind = (uint8_t)special;
	}
	return step.kind == STEP_SKIP && step.size == 0 ? 0 : add_step(abbrevs, abbrev, step.kind, step.size);
}

/* One abbreviation whose code has been read; false: the table is damaged.  *memory is set when there is none. */
static bool compile_abbrev(struct abbrevs *abbrevs, struct bytes *bytes, struct abbrev *abbrev, bool *memory)
{
	uint64_t tag, name, form, children;

	if (!bytes_leb(bytes, &tag) || !bytes_number(bytes, 1, &children))
		return false;
	*abbrev = (struct abbrev){.first = (uint32_t)abbrevs->step_count, .kind = DIE_SKIPPED, .known = true, .children = children};
	if (tag <= DW_TAG_hi_user)
		abbrev->kind = (uint8_t)die_kind((int)tag);
	for (;;) {
		if (!bytes_leb(bytes, &name) || !bytes_leb(bytes, &form))
			return false;
		if (form == DW_FORM_implicit_const && !bytes_skip_leb(bytes))
			return false;
		if (!name && !form)
			break;
		if (compile_attribute(abbrevs, abbrev, name, form)) {
			*memory = true;
			return false;
		}
	}
	abbrev->count = (uint32_t)abbrevs->step_count - abbrev->first;
	return true;
}

static struct abbrev *abbrev_room(struct abbrevs *abbrevs, uint64_t code)
{
	size_t room = abbrevs->room ? abbrevs->room : 256;
	struct abbrev *list;

	if (code < abbrevs->room)
		return &abbrevs->list[code];
	while (room <= code)
		room *= 2;
	list = code < MOST_CODES ? reallocarray(abbrevs->list, room, sizeof(*list)) : NULL;
	if (!list)
		return NULL;
	memset(list + abbrevs->room, 0, (room - abbrevs->room) * sizeof(*list));
	abbrevs->list = list;
	abbrevs->room = room;
	return &list[code];
}

enum abbrevs_result abbrevs_read(struct abbrevs *abbrevs, struct bytes bytes)
{
	bool no_memory = false;
	struct abbrev *abbrev;
	uint64_t code;

	if (abbrevs->room)
		memset(abbrevs->list, 0, abbrevs->room * sizeof(*abbrevs->list));
	abbrevs->step_count = 0;
	while (bytes_leb(&bytes, &code) && code) {
		if (code >= MOST_CODES)
			return ABBREVS_UNKNOWN;
		abbrev = abbrev_room(abbrevs, code);
		if (!abbrev)
			return ABBREVS_NO_MEMORY;
		if (!compile_abbrev(abbrevs, &bytes, abbrev, &no_memory))
			return no_memory ? ABBREVS_NO_MEMORY : ABBREVS_UNKNOWN;
	}
	return ABBREVS_DONE;
}

void abbrevs_release(struct abbrevs *abbrevs)
{
	free(abbrevs->list);
	free(abbrevs->steps);
}
