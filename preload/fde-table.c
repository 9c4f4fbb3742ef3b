/* SPDX-License-Identifier: MIT */
/*
 * In: an object and an address.  Out: an entry of its table.  The table is used only in the form that every linker writes, and only if it
 * lies in a readable segment as a whole.
 */
#include "fde-table.h"

enum { ENCODING_PCREL_S4 = 0x1b, ENCODING_U4 = 0x03, ENCODING_DATAREL_S4 = 0x3b };

struct table {
	uintptr_t header;
	const struct fde_entry *entries;
	size_t count;
};

static bool find_table(const struct elf_view *view, struct table *table)
{
	uintptr_t start, end, header = view->eh_frame_hdr;
	enum { FIXED = 4 + 4 + 4 };
	if (header == 0 || header % 4 != 0 || !elf_view_segment(view, header, &start, &end) || end - header < FIXED)
		return false;
	const uint8_t *bytes = (const uint8_t *)header;
	if (bytes[0] != 1 || bytes[1] != ENCODING_PCREL_S4 || bytes[2] != ENCODING_U4 || bytes[3] != ENCODING_DATAREL_S4)
		return false;
	table->header = header;
	table->entries = (const struct fde_entry *)(header + FIXED);
	table->count = *(const uint32_t *)(header + 8);
	return table->count > 0 && table->count <= (end - header - FIXED) / sizeof(struct fde_entry);
}

const struct fde_entry *fde_table_find(const struct elf_view *view, uintptr_t pc)
{
	struct table table;
	if (!find_table(view, &table))
		return NULL;
	size_t low = 0, high = table.count;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (table.header + (uintptr_t)(intptr_t)table.entries[middle].function <= pc)
			low = middle + 1;
		else
			high = middle;
	}
	return low > 0 ? &table.entries[low - 1] : NULL;
}
