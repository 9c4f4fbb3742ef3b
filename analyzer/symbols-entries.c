/* SPDX-License-Identifier: MIT */
/*
 * Comes in: modules, and addresses in them.  Goes out: locations.  What was found stays, because the processes of a run and the snapshots of a
 * series have most of their addresses in common; a file is asked once for all new addresses.
 */
#include "symbols-entries.h"

#include <stdlib.h>
#include <string.h>

#include "runtime-names.h"
#include "source-path.h"

/* Each open file costs one or two descriptors. */
#define MOST_OPEN 128

void entries_init(struct entries *entries)
{
	idmap_init(&entries->paths);
	idmap_init(&entries->builds);
}

static void free_entry(struct entry *entry)
{
	debug_close(entry->file);
	idmap_release(&entry->known_map);
	free(entry->known);
	free(entry->locations.list);
	free(entry);
}

void entries_release(struct entries *entries)
{
	for (size_t i = 0; i < entries->count; i++)
		free_entry(entries->list[i]);
	free(entries->list);
	idmap_release(&entries->paths);
	idmap_release(&entries->builds);
	texts_release(&entries->texts);
}

/* ---- Finding ---- */

static uint32_t hash_build(const struct idmap *map, const struct module *module, const char *path)
{
	uint64_t words[6] = {(uintptr_t)path, module->build_id_size};

	memcpy(&words[2], module->build_id, sizeof(module->build_id));
	return idmap_hash(map, words, 6);
}

static bool same_build(const void *records, uint32_t id, const void *key)
{
	const struct module *a = &((struct entry *const *)records)[id]->module, *b = key;

	return a->build_id_size == b->build_id_size && memcmp(a->build_id, b->build_id, sizeof(a->build_id)) == 0;
}

static bool same_path(const void *records, uint32_t id, const void *key)
{
	const struct module *a = &((struct entry *const *)records)[id]->module, *b = key;

	return a->path == b->path && same_build(records, id, key);
}

/* The same build is one file wherever it lies, unless it was not found at this path.  `module->path` is of our intern. */
static struct entry *find(const struct entries *entries, const struct module *module)
{
	uint32_t path = idmap_find(&entries->paths, hash_build(&entries->paths, module, module->path), same_path, entries->list, module);
	uint32_t build = IDMAP_NONE;

	if (module->build_id_size)
		build = idmap_find(&entries->builds, hash_build(&entries->builds, module, NULL), same_build, entries->list, module);
	if (build != IDMAP_NONE && entries->list[build]->reason)
		build = IDMAP_NONE;
	if (path == IDMAP_NONE && build == IDMAP_NONE)
		return NULL;
	return entries->list[path < build ? path : build];
}

/* ---- Opening ---- */

/* Make room for one more open file. */
static void close_oldest(struct entries *entries)
{
	while (entries->open >= MOST_OPEN) {
		struct entry *entry = entries->list[entries->oldest++ % entries->count];
		if (!entry->file)
			continue;
		debug_close(entry->file);
		entry->file = NULL;
		entry->closed = true;
		entries->open--;
	}
}

static int open_entry(struct entries *entries, struct entry *entry)
{
	close_oldest(entries);
	entry->closed = false;
	if (debug_open(&entry->file, &entries->search, &entry->module, &entry->reason))
		return -1;
	entries->open += entry->file != NULL;
	return 0;
}

/* Known under its path, and if it has lines, under its build id. */
static int index_entry(struct entries *entries, const struct entry *entry)
{
	const struct module *module = &entry->module;
	uint32_t id = (uint32_t)entries->count, hash = hash_build(&entries->builds, module, NULL);

	if (idmap_add(&entries->paths, hash_build(&entries->paths, module, module->path), id))
		return -1;
	if (!module->build_id_size || entry->reason || idmap_find(&entries->builds, hash, same_build, entries->list, module) != IDMAP_NONE)
		return 0;
	return idmap_add(&entries->builds, hash, id);
}

static struct entry *add_entry(struct entries *entries, const struct module *module)
{
	struct entry *entry;

	if (array_reserve(&entries->list, &entries->room, entries->count + 1, sizeof(struct entry *)))
		return NULL;
	entry = calloc(1, sizeof(*entry));
	if (!entry)
		return NULL;
	entry->module = *module;
	idmap_init(&entry->known_map);
	entries->list[entries->count] = entry;
	if (open_entry(entries, entry) || index_entry(entries, entry)) {
		entries->open -= entry->file != NULL;
		free_entry(entry);
		return NULL;
	}
	entries->count++;
	return entry;
}

/* `module` with a path of our intern, from the root: the loader may have been given a relative one.  −1: out of memory. */
static int make_own(struct entries *entries, const struct snapshot *snapshot, struct module *module)
{
	char *path = NULL;

	if (module->path[0] != '/' && strchr(module->path, '/')) {
		path = source_path(snapshot->info.cwd, module->path);
		if (!path)
			return -1;
	}
	module->path = intern_add(entries->intern, path ? path : module->path);
	free(path);
	return module->path ? 0 : -1;
}

struct entry *entries_find(struct entries *entries, const struct snapshot *snapshot, uint32_t number)
{
	struct module module = snapshot->modules[number];
	struct entry *found;

	if (make_own(entries, snapshot, &module))
		return NULL;
	found = find(entries, &module);
	return found ? found : add_entry(entries, &module);
}

/* ---- Looking up ---- */

static uint32_t hash_address(const struct idmap *map, uint64_t address)
{
	return idmap_hash(map, &address, 1);
}

static bool same_address(const void *records, uint32_t id, const void *key)
{
	return ((const struct lookup *)records)[id].address == *(const uint64_t *)key;
}

/* NULL: not asked for yet. */
static const struct lookup *find_known(const struct entry *entry, uint64_t address)
{
	uint32_t id = idmap_find(&entry->known_map, hash_address(&entry->known_map, address), same_address, entry->known, &address);

	return id == IDMAP_NONE ? NULL : &entry->known[id];
}

/* What the file does not say of its locations. */
static void finish_locations(struct entries *entries, struct entry *entry, size_t first)
{
	for (size_t i = first; i < entry->locations.count; i++) {
		struct location *location = &entry->locations.list[i];
		if (!location->file)
			continue;
		if (is_system_file(location->file))
			location->flags |= HDS_LOCATION_SYSTEM;
		struct text_hashes hashes = texts_hash(&entries->texts, location->file, location->line, debug_built(entry->file));
		location->text_hash = hashes.line;
		location->statement_hash = hashes.statement;
	}
}

/* Ask for what is not known: the end of entry->known, from `from` on, is asked for but not in the map. */
static int ask(struct entries *entries, struct entry *entry, size_t from)
{
	size_t first = entry->locations.count;

	if (entry->known_count == from || (entry->closed && open_entry(entries, entry)))
		return entry->known_count == from ? 0 : -1;
	/* A file that was closed and is gone knows nothing any more. */
	if (entry->file && debug_lookup(entry->file, entry->known + from, entry->known_count - from, &entry->locations))
		return -1;
	if (entry->file)
		finish_locations(entries, entry, first);
	for (size_t i = from; i < entry->known_count; i++) {
		if (idmap_add(&entry->known_map, hash_address(&entry->known_map, entry->known[i].address), (uint32_t)i))
			return -1;
	}
	return 0;
}

int entries_lookup(struct entries *entries, struct entry *entry, struct lookup *list, size_t count)
{
	size_t from = entry->known_count;

	for (size_t i = 0; i < count; i++) {
		if ((i && list[i].address == list[i - 1].address) || find_known(entry, list[i].address))
			continue;
		if (array_reserve(&entry->known, &entry->known_room, entry->known_count + 1, sizeof(*entry->known)))
			return -1;
		entry->known[entry->known_count++] = (struct lookup){.address = list[i].address};
	}
	if (ask(entries, entry, from))
		return -1;
	for (size_t i = 0; i < count; i++)
		list[i] = *find_known(entry, list[i].address);
	return 0;
}
