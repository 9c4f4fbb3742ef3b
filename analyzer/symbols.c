/* SPDX-License-Identifier: MIT */
/*
 * The addresses of a snapshot in, their locations out.  They are sorted by module, so that a module is looked for once, and by offset, so
 * that its debug information is walked in one direction.  Open files are kept for the next snapshot, with strings of
 * their own, because snapshots may have different interns.
 */
#include "symbols.h"

#include <stdlib.h>
#include <string.h>

#include "runtime-names.h"
#include "source-path.h"
#include "symbols-dwfl.h"
#include "symbols-text.h"

/* Each open file costs one or two descriptors. */
#define MOST_OPEN 128

struct entry {
	struct module module;    /* path is in `intern` */
	struct debug_file *file; /* NULL: none, or closed to make room */
	const char *reason;      /* NULL: has lines */
	bool closed;
	uint64_t missing_bytes;
};

struct symbols {
	struct debug_search search;
	struct intern *intern;
	struct texts texts;
	struct entry **entries; /* in order of use; an entry stays where it is */
	size_t count, room;
	size_t open;   /* entries with a file */
	size_t oldest; /* where to look for a file to close */
	struct symbols_missing *missing;
};

struct symbols *symbols_new(const struct symbols_options *options, struct error *error)
{
	struct symbols *symbols = calloc(1, sizeof(*symbols));

	if (symbols)
		symbols->intern = intern_new();
	if (!symbols || !symbols->intern) {
		free(symbols);
		error_nomem(error);
		return NULL;
	}
	symbols->search = (struct debug_search){
		.debug_dirs = options->debug_dirs,
		.sysroot = options->sysroot,
		.debuginfod = options->debuginfod,
		.intern = symbols->intern,
	};
	return symbols;
}

void symbols_free(struct symbols *symbols)
{
	if (!symbols)
		return;
	for (size_t i = 0; i < symbols->count; i++) {
		debug_close(symbols->entries[i]->file);
		free(symbols->entries[i]);
	}
	free(symbols->entries);
	free(symbols->missing);
	texts_release(&symbols->texts);
	intern_free(symbols->intern);
	free(symbols);
}

/* ---- Modules ---- */

/* The same build is one file wherever it lies, unless it was not found at this path. */
static bool is_entry_of(const struct entry *entry, const struct module *module)
{
	bool same_path = strcmp(entry->module.path, module->path) == 0;

	if (entry->module.build_id_size != module->build_id_size ||
	    memcmp(entry->module.build_id, module->build_id, module->build_id_size) != 0)
		return false;
	return same_path || (module->build_id_size && !entry->reason);
}

/* Make room for one more open file. */
static void close_oldest(struct symbols *symbols)
{
	while (symbols->open >= MOST_OPEN) {
		struct entry *entry = symbols->entries[symbols->oldest++ % symbols->count];
		if (!entry->file)
			continue;
		debug_close(entry->file);
		entry->file = NULL;
		entry->closed = true;
		symbols->open--;
	}
}

static int open_entry(struct symbols *symbols, struct entry *entry)
{
	close_oldest(symbols);
	entry->closed = false;
	if (debug_open(&entry->file, &symbols->search, &entry->module, &entry->reason))
		return -1;
	symbols->open += entry->file != NULL;
	return 0;
}

static struct entry *add_entry(struct symbols *symbols, const struct module *module)
{
	struct entry *entry;

	if (symbols->count == symbols->room) {
		size_t room = symbols->room ? symbols->room * 2 : 32;
		struct entry **entries = reallocarray(symbols->entries, room, sizeof(struct entry *));
		if (!entries)
			return NULL;
		symbols->entries = entries;
		symbols->room = room;
	}
	entry = calloc(1, sizeof(*entry));
	if (!entry)
		return NULL;
	entry->module = *module;
	entry->module.path = intern_add(symbols->intern, module->path);
	if (!entry->module.path || open_entry(symbols, entry)) {
		free(entry);
		return NULL;
	}
	return symbols->entries[symbols->count++] = entry;
}

/* `module` with a path from the root: the loader may have been given a relative one.  free() *path.  −1: out of memory. */
static int make_absolute(const struct snapshot *snapshot, struct module *module, char **path)
{
	*path = NULL;
	if (module->path[0] == '/' || !strchr(module->path, '/'))
		return 0;
	*path = source_path(snapshot->info.cwd, module->path);
	if (!*path)
		return -1;
	module->path = *path;
	return 0;
}

/* NULL: out of memory. */
static struct entry *find_entry(struct symbols *symbols, const struct snapshot *snapshot, uint32_t number)
{
	struct module module = snapshot->modules[number];
	struct entry *found = NULL;
	char *path;

	if (make_absolute(snapshot, &module, &path))
		return NULL;
	for (size_t i = 0; i < symbols->count && !found; i++) {
		if (is_entry_of(symbols->entries[i], &module))
			found = symbols->entries[i];
	}
	if (!found)
		found = add_entry(symbols, &module);
	free(path);
	return found;
}

/* ---- Addresses ---- */

struct work {
	struct symbols *symbols;
	struct snapshot *snapshot;
	uint32_t *addresses; /* to resolve, sorted */
	size_t count;
	struct entry **entries; /* per module of the snapshot; NULL: not asked */
	struct locations locations;
};

static bool lacks_line(const struct snapshot *snapshot, const struct address *address)
{
	return !address->location_count || (snapshot->locations[address->first_location].flags & HDS_LOCATION_NO_LINE);
}

static bool needs_look_up(const struct snapshot *snapshot, const struct address *address)
{
	return address->module != HDS_MODULE_NONE && address->module < snapshot->module_count && !(address->offset & HDS_NO_ADDRESS) &&
	       lacks_line(snapshot, address);
}

static int by_offset(const void *left, const void *right, void *addresses)
{
	const struct address *a = (const struct address *)addresses + *(const uint32_t *)left;
	const struct address *b = (const struct address *)addresses + *(const uint32_t *)right;

	if (a->module != b->module)
		return a->module < b->module ? -1 : 1;
	if (a->offset != b->offset)
		return a->offset < b->offset ? -1 : 1;
	return a->flags < b->flags ? -1 : a->flags > b->flags;
}

static int collect_addresses(struct work *work)
{
	const struct snapshot *snapshot = work->snapshot;

	work->addresses = calloc(snapshot->address_count + 1, sizeof(*work->addresses));
	work->entries = calloc(snapshot->module_count + 1, sizeof(struct entry *));
	if (!work->addresses || !work->entries)
		return -1;
	for (size_t i = 0; i < snapshot->address_count; i++) {
		if (needs_look_up(snapshot, &snapshot->addresses[i]))
			work->addresses[work->count++] = (uint32_t)i;
	}
	qsort_r(work->addresses, work->count, sizeof(*work->addresses), by_offset, snapshot->addresses);
	return 0;
}

/* A string of ours as one of the snapshot's.  *failed is set when there is no memory. */
static const char *take_over(struct work *work, const char *text, bool *failed)
{
	const char *taken = text ? intern_add(work->snapshot->intern, text) : NULL;

	*failed |= text && !taken;
	return taken;
}

static int finish_locations(struct work *work, const struct entry *entry, size_t first)
{
	bool failed = false;

	for (size_t i = first; i < work->locations.count; i++) {
		struct location *location = &work->locations.list[i];
		if (location->file && is_system_file(location->file))
			location->flags |= HDS_LOCATION_SYSTEM;
		if (location->file)
			location->text_hash = texts_hash(&work->symbols->texts, location->file, location->line, debug_built(entry->file));
		location->function = take_over(work, location->function, &failed);
		location->linkage = take_over(work, location->linkage, &failed);
		location->file = take_over(work, location->file, &failed);
	}
	return failed ? -1 : 0;
}

static int resolve_address(struct work *work, struct address *address)
{
	struct entry **entry = &work->entries[address->module];
	size_t first = work->locations.count, found;

	if (!*entry && !(*entry = find_entry(work->symbols, work->snapshot, address->module)))
		return -1;
	if ((*entry)->closed && open_entry(work->symbols, *entry))
		return -1;
	if (!(*entry)->file)
		return 0;
	if (debug_lookup((*entry)->file, address->offset, address->flags & HDS_FRAME_EXACT, &work->locations) ||
	    finish_locations(work, *entry, first)) {
		work->locations.count = first;
		return -1;
	}
	found = work->locations.count - first;
	if (!found || (address->location_count && (work->locations.list[first].flags & HDS_LOCATION_NO_LINE))) {
		work->locations.count = first;
		return 0;
	}
	address->first_location = (uint32_t)first;
	address->location_count = (uint32_t)found;
	address->label = NULL;
	return 0;
}

static int resolve_all(struct work *work)
{
	for (size_t i = 0; i < work->count; i++) {
		if (resolve_address(work, &work->snapshot->addresses[work->addresses[i]]))
			return -1;
	}
	return 0;
}

/* ---- What has no lines ---- */

/* The bytes of a stack need the line of the first frame that is not the C or C++ runtime's. */
static void charge_missing(struct work *work)
{
	const struct snapshot *snapshot = work->snapshot;

	for (size_t i = 0; i < snapshot->stack_count; i++) {
		uint32_t number = snapshot->stacks[i].node;
		const struct address *address = NULL;
		for (; number; number = snapshot->nodes[number].parent) {
			address = snapshot_address_of(snapshot, number);
			if (address->module == HDS_MODULE_NONE || address->module >= snapshot->module_count)
				continue;
			if (!is_runtime_module(snapshot->modules[address->module].path))
				break;
		}
		if (number && work->entries[address->module] && lacks_line(snapshot, address))
			work->entries[address->module]->missing_bytes += snapshot->stacks[i].live_bytes;
	}
}

int symbols_resolve(struct symbols *symbols, struct snapshot *snapshot, struct error *error)
{
	struct work work = {.symbols = symbols, .snapshot = snapshot};
	int status = -1;

	/* The look-up tables of building would not know the new locations. */
	snapshot_index_free(snapshot->index);
	snapshot->index = NULL;
	work.locations = (struct locations){snapshot->locations, snapshot->location_count, snapshot->location_count};
	if (collect_addresses(&work) == 0)
		status = resolve_all(&work);
	snapshot->locations = work.locations.list;
	snapshot->location_count = work.locations.count;
	if (status == 0) {
		charge_missing(&work);
		snapshot->symbolised = true;
	} else {
		error_nomem(error);
	}
	free(work.addresses);
	free(work.entries);
	return status;
}

static int by_bytes(const void *left, const void *right)
{
	const struct symbols_missing *a = left, *b = right;

	if (a->bytes != b->bytes)
		return a->bytes > b->bytes ? -1 : 1;
	return strcmp(a->module->path, b->module->path);
}

size_t symbols_missing(const struct symbols *symbols, const struct symbols_missing **list)
{
	struct symbols *owner = (struct symbols *)symbols;
	struct symbols_missing *missing = calloc(symbols->count + 1, sizeof(*missing));
	size_t count = 0;

	free(owner->missing);
	*list = owner->missing = missing;
	for (size_t i = 0; missing && i < symbols->count; i++) {
		const struct entry *entry = symbols->entries[i];
		const char *reason = entry->reason ? entry->reason : "no line for this code";
		if (entry->reason || entry->missing_bytes)
			missing[count++] = (struct symbols_missing){&entry->module, reason, entry->missing_bytes};
	}
	if (missing)
		qsort(missing, count, sizeof(*missing), by_bytes);
	return count;
}
