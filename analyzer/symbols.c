/* SPDX-License-Identifier: MIT */
/*
 * The addresses of a snapshot in, their locations out.  They are sorted by module, so that a module is looked for once, and by offset, so
 * that its debug information is asked once for all of them.  What is found is kept for the next snapshot, with strings of its own, because
 * snapshots may have different interns.
 */
#include "symbols.h"

#include <stdlib.h>
#include <string.h>

#include "runtime-names.h"
#include "symbols-entries.h"

struct symbols {
	struct entries entries;
	struct symbols_missing *missing;
};

struct symbols *symbols_new(const struct symbols_options *options, struct error *error)
{
	struct symbols *symbols = calloc(1, sizeof(*symbols));
	struct intern *intern = symbols ? intern_new() : NULL;

	if (!intern) {
		free(symbols);
		error_nomem(error);
		return NULL;
	}
	symbols->entries.intern = intern;
	symbols->entries.search = (struct debug_search){
		.debug_dirs = options->debug_dirs,
		.sysroot = options->sysroot,
		.debuginfod = options->debuginfod,
		.intern = intern,
	};
	entries_init(&symbols->entries);
	return symbols;
}

void symbols_free(struct symbols *symbols)
{
	if (!symbols)
		return;
	entries_release(&symbols->entries);
	free(symbols->missing);
	intern_free(symbols->entries.intern);
	free(symbols);
}

/* ---- Addresses ---- */

struct work {
	struct entries *entries;
	struct snapshot *snapshot;
	uint32_t *addresses; /* to resolve, sorted */
	size_t count;
	struct lookup *lookups;     /* the same as look-ups, of one module */
	struct entry **entry_of;    /* per module of the snapshot; NULL: not asked */
	struct locations locations; /* the snapshot's */
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
	work->lookups = calloc(snapshot->address_count + 1, sizeof(*work->lookups));
	work->entry_of = calloc(snapshot->module_count + 1, sizeof(struct entry *));
	if (!work->addresses || !work->lookups || !work->entry_of)
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

/* Give an address the locations that were found.  A return address is one further than what was looked up. */
static int copy_locations(struct work *work, struct address *address, const struct location *from, uint32_t count)
{
	size_t first = work->locations.count;
	bool failed = false;

	for (uint32_t i = 0; i < count && !failed; i++) {
		struct location *to = locations_add(&work->locations);
		if (!to)
			return -1;
		*to = from[i];
		to->function = take_over(work, from[i].function, &failed);
		to->linkage = take_over(work, from[i].linkage, &failed);
		to->file = take_over(work, from[i].file, &failed);
	}
	if (failed) {
		work->locations.count = first;
		return -1;
	}
	work->locations.list[work->locations.count - 1].symbol_offset += !(address->flags & HDS_FRAME_EXACT);
	address->first_location = (uint32_t)first;
	address->location_count = count;
	address->label = NULL;
	return 0;
}

/* All addresses of one module. */
static int resolve_module(struct work *work, const uint32_t *numbers, size_t count)
{
	struct address *addresses = work->snapshot->addresses;
	uint32_t module = addresses[numbers[0]].module;
	struct entry *entry = work->entry_of[module] = entries_find(work->entries, work->snapshot, module);

	if (!entry)
		return -1;
	for (size_t i = 0; i < count; i++) {
		const struct address *address = &addresses[numbers[i]];
		bool before = !(address->flags & HDS_FRAME_EXACT) && address->offset;
		work->lookups[i].address = address->offset - before;
	}
	if (entries_lookup(work->entries, entry, work->lookups, count))
		return -1;
	for (size_t i = 0; i < count; i++) {
		struct address *address = &addresses[numbers[i]];
		const struct location *found = entry->locations.list + work->lookups[i].first;
		/* A symbol alone is not better than what was there. */
		if (!work->lookups[i].count || (address->location_count && (found->flags & HDS_LOCATION_NO_LINE)))
			continue;
		if (copy_locations(work, address, found, work->lookups[i].count))
			return -1;
	}
	return 0;
}

static int resolve_all(struct work *work)
{
	const struct address *addresses = work->snapshot->addresses;
	size_t next;

	for (size_t i = 0; i < work->count; i = next) {
		for (next = i + 1; next < work->count; next++) {
			if (addresses[work->addresses[next]].module != addresses[work->addresses[i]].module)
				break;
		}
		if (resolve_module(work, work->addresses + i, next - i))
			return -1;
	}
	return 0;
}

/* ---- What has no lines ---- */

/* Does the module belong to the C or C++ runtime, or is there none?  Asked once per module. */
static bool *runtime_modules(const struct snapshot *snapshot)
{
	bool *runtime = calloc(snapshot->module_count + 1, sizeof(*runtime));

	for (size_t i = 0; runtime && i < snapshot->module_count; i++)
		runtime[i] = i == HDS_MODULE_NONE || is_runtime_module(snapshot->modules[i].path);
	return runtime;
}

/* Per node: the innermost frame of its stack that is not the runtime's; 0: none. */
static uint32_t *own_frames(const struct snapshot *snapshot)
{
	uint32_t *own = calloc(snapshot->node_count + 1, sizeof(*own));
	bool *runtime = runtime_modules(snapshot);

	for (uint32_t i = 1; own && runtime && i < snapshot->node_count; i++) {
		uint32_t module = snapshot_address_of(snapshot, i)->module;
		own[i] = module < snapshot->module_count && !runtime[module] ? i : own[snapshot->nodes[i].parent];
	}
	if (!runtime) {
		free(own);
		own = NULL;
	}
	free(runtime);
	return own;
}

/* The bytes of a stack need the line of that frame. */
static int charge_missing(const struct work *work)
{
	const struct snapshot *snapshot = work->snapshot;
	uint32_t *own = own_frames(snapshot);

	for (size_t i = 0; own && i < snapshot->stack_count; i++) {
		uint32_t node = own[snapshot->stacks[i].node];
		const struct address *address = node ? snapshot_address_of(snapshot, node) : NULL;
		if (address && work->entry_of[address->module] && lacks_line(snapshot, address))
			work->entry_of[address->module]->missing_bytes += snapshot->stacks[i].live_bytes;
	}
	free(own);
	return own ? 0 : -1;
}

int symbols_resolve(struct symbols *symbols, struct snapshot *snapshot, struct error *error)
{
	struct work work = {.entries = &symbols->entries, .snapshot = snapshot};
	int status = -1;

	/* The look-up tables of building would not know the new locations. */
	snapshot_index_free(snapshot->index);
	snapshot->index = NULL;
	work.locations = (struct locations){snapshot->locations, snapshot->location_count, snapshot->location_count};
	if (collect_addresses(&work) == 0)
		status = resolve_all(&work);
	snapshot->locations = work.locations.list;
	snapshot->location_count = work.locations.count;
	if (status == 0)
		status = charge_missing(&work);
	if (status == 0)
		snapshot->symbolised = true;
	else
		error_nomem(error);
	free(work.addresses);
	free(work.lookups);
	free(work.entry_of);
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
	struct symbols_missing *missing = calloc(symbols->entries.count + 1, sizeof(*missing));
	size_t count = 0;

	free(owner->missing);
	*list = owner->missing = missing;
	for (size_t i = 0; missing && i < symbols->entries.count; i++) {
		const struct entry *entry = symbols->entries.list[i];
		const char *reason = entry->reason ? entry->reason : "no line for this code";
		if (entry->reason || entry->missing_bytes)
			missing[count++] = (struct symbols_missing){&entry->module, reason, entry->missing_bytes};
	}
	if (missing)
		qsort(missing, count, sizeof(*missing), by_bytes);
	return count;
}
