/* SPDX-License-Identifier: MIT */
/*
 * A symbolised snapshot is not looked up again, so that reading it is quick.  Comes in: one whose modules may have no lines; goes out: whether
 * looking again is worth it.  One access(2) per such module.
 */
#include "symbols-later.h"

#include <stdlib.h>
#include <unistd.h>

#include "strbuf.h"

enum lines { LINES_UNUSED, LINES_NONE, LINES_SOME };

static void look_at(const struct snapshot *snapshot, const struct address *address, uint8_t *lines)
{
	if (address->module == HDS_MODULE_NONE || address->module >= snapshot->module_count || lines[address->module] == LINES_SOME)
		return;
	lines[address->module] = LINES_NONE;
	for (uint32_t i = 0; i < address->location_count; i++) {
		if (snapshot->locations[address->first_location + i].file)
			lines[address->module] = LINES_SOME;
	}
}

static bool has_debug_file(const struct module *module, const char *root)
{
	struct strbuf path;
	bool found;

	if (module->build_id_size < 2)
		return false;
	strbuf_init(&path);
	strbuf_printf(&path, "%s/usr/lib/debug/.build-id/%02x/", root, module->build_id[0]);
	for (uint32_t i = 1; i < module->build_id_size; i++)
		strbuf_printf(&path, "%02x", module->build_id[i]);
	strbuf_puts(&path, ".debug");
	found = !path.failed && access(path.data, R_OK) == 0;
	strbuf_release(&path);
	return found;
}

bool symbols_later(const struct snapshot *snapshot, const char *root)
{
	uint8_t *lines = calloc(snapshot->module_count + 1, sizeof(*lines));
	bool found = false;

	if (!lines)
		return false;
	for (size_t i = 0; i < snapshot->address_count; i++)
		look_at(snapshot, &snapshot->addresses[i], lines);
	for (size_t i = 1; !found && i < snapshot->module_count; i++)
		found = lines[i] == LINES_NONE && has_debug_file(&snapshot->modules[i], root);
	free(lines);
	return found;
}
