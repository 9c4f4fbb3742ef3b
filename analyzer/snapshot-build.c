/* SPDX-License-Identifier: MIT */
/*
 * Comes in: nodes, locations and modules one by one.  Goes out: their indices in a snapshot, each distinct one stored once.
 * Not thread-safe.  The look-up tables are made at the first use and go with the snapshot, so that adding a thousand snapshots of one
 * run to a sum costs each of them once.
 */
#include <stdlib.h>
#include <string.h>

#include "addresses.h"
#include "idmap.h"
#include "snapshot.h"

struct snapshot_index {
	size_t module_room, node_room, location_room, stack_room;
	struct idmap modules, nodes;
	struct idmap locations; /* of frames without an address */
	struct address_map addresses;
	/* As they were left: whoever else changed the arrays (a look-up of symbols does) made the tables stale. */
	const void *left_nodes, *left_addresses, *left_locations;
	size_t left_node_count, left_address_count, left_location_count;
};

int array_reserve(void *array_pointer, size_t *room, size_t need, size_t element_size)
{
	void **array = array_pointer;

	if (need <= *room)
		return 0;
	size_t more = *room < 8 ? 8 : *room + *room / 2;
	if (more < need)
		more = need;
	void *grown = more <= SIZE_MAX / element_size ? realloc(*array, more * element_size) : NULL;
	if (!grown)
		return -1;
	*array = grown;
	*room = more;
	return 0;
}

void snapshot_index_free(struct snapshot_index *index)
{
	if (!index)
		return;
	idmap_release(&index->modules);
	idmap_release(&index->nodes);
	idmap_release(&index->locations);
	address_map_release(&index->addresses);
	free(index);
}

/* ---- Keys ---- */

static uint32_t hash_module(const struct idmap *map, const struct module *module)
{
	uint64_t words[6] = {(uintptr_t)module->path, module->build_id_size};

	memcpy(&words[2], module->build_id, sizeof(module->build_id));
	return idmap_hash(map, words, 6);
}

static bool same_module(const void *records, uint32_t id, const void *key)
{
	const struct module *a = (const struct module *)records + id, *b = key;

	if (a->path != b->path || a->build_id_size != b->build_id_size || memcmp(a->build_id, b->build_id, sizeof(a->build_id)) != 0)
		return false;
	return a->build_id_size ||
	       (a->start == b->start && a->end == b->end && a->bias == b->bias && a->generation == b->generation && a->flags == b->flags);
}

static uint32_t hash_node(const struct idmap *map, const struct node *node)
{
	return idmap_hash(map, (uint64_t[]){(uint64_t)node->parent << 32 | node->address}, 1);
}

static bool same_node(const void *records, uint32_t id, const void *key)
{
	const struct node *a = (const struct node *)records + id, *b = key;

	return a->parent == b->parent && a->address == b->address;
}

static uint32_t hash_location(const struct idmap *map, const struct location *location)
{
	uint64_t words[] = {(uintptr_t)location->file, (uintptr_t)location->function, location->line};

	return idmap_hash(map, words, 3);
}

static bool same_location(const void *records, uint32_t id, const void *key)
{
	const struct location *a = (const struct location *)records + id, *b = key;

	return a->file == b->file && a->function == b->function && a->linkage == b->linkage && a->line == b->line &&
	       a->function_line == b->function_line && a->flags == b->flags && a->symbol_offset == b->symbol_offset &&
	       a->text_hash == b->text_hash && a->statement_hash == b->statement_hash;
}

/* ---- The tables ---- */

/* Locations of addresses stay with their address; only those that stand alone are shared by content. */
static int index_location(struct snapshot *snapshot, const struct address *address)
{
	struct snapshot_index *index = snapshot->index;

	if (address->module != HDS_MODULE_NONE || !(address->offset & HDS_NO_ADDRESS) || address->location_count != 1)
		return 0;
	const struct location *location = &snapshot->locations[address->first_location];
	uint32_t hash = hash_location(&index->locations, location);
	if (idmap_find(&index->locations, hash, same_location, snapshot->locations, location) != IDMAP_NONE)
		return 0;
	return idmap_add(&index->locations, hash, address->first_location);
}

/* Record 0 of the modules is unused, node 0 is the root. */
static int add_firsts(struct snapshot *snapshot)
{
	struct snapshot_index *index = snapshot->index;

	if (!snapshot->module_count) {
		if (array_reserve(&snapshot->modules, &index->module_room, 1, sizeof(*snapshot->modules)))
			return -1;
		snapshot->modules[snapshot->module_count++] = (struct module){.path = ""};
	}
	if (!snapshot->node_count) {
		if (array_reserve(&snapshot->nodes, &index->node_room, 1, sizeof(*snapshot->nodes)))
			return -1;
		snapshot->nodes[snapshot->node_count++] = (struct node){0};
	}
	return 0;
}

static int fill_index(struct snapshot *snapshot)
{
	struct snapshot_index *index = snapshot->index;

	index->module_room = snapshot->module_count;
	index->node_room = snapshot->node_count;
	index->location_room = snapshot->location_count;
	index->stack_room = snapshot->stack_count;
	idmap_init(&index->modules);
	idmap_init(&index->nodes);
	idmap_init(&index->locations);
	if (address_map_init(&index->addresses, snapshot) || add_firsts(snapshot))
		return -1;
	for (uint32_t i = 1; i < snapshot->module_count; i++)
		if (idmap_add(&index->modules, hash_module(&index->modules, &snapshot->modules[i]), i))
			return -1;
	for (uint32_t i = 1; i < snapshot->node_count; i++)
		if (idmap_add(&index->nodes, hash_node(&index->nodes, &snapshot->nodes[i]), i))
			return -1;
	for (uint32_t i = 0; i < snapshot->address_count; i++)
		if (index_location(snapshot, &snapshot->addresses[i]))
			return -1;
	return 0;
}

static void leave(struct snapshot *snapshot)
{
	struct snapshot_index *index = snapshot->index;

	index->left_nodes = snapshot->nodes;
	index->left_node_count = snapshot->node_count;
	index->left_addresses = snapshot->addresses;
	index->left_address_count = snapshot->address_count;
	index->left_locations = snapshot->locations;
	index->left_location_count = snapshot->location_count;
}

static bool is_stale(const struct snapshot *snapshot)
{
	const struct snapshot_index *index = snapshot->index;

	return index->left_nodes != snapshot->nodes || index->left_node_count != snapshot->node_count ||
	       index->left_addresses != snapshot->addresses || index->left_address_count != snapshot->address_count ||
	       index->left_locations != snapshot->locations || index->left_location_count != snapshot->location_count;
}

/* 0 when the snapshot has its look-up tables. */
static int ensure_index(struct snapshot *snapshot)
{
	if (snapshot->index && !is_stale(snapshot))
		return 0;
	snapshot_index_free(snapshot->index);
	snapshot->index = calloc(1, sizeof(*snapshot->index));
	if (!snapshot->index)
		return -1;
	if (!fill_index(snapshot)) {
		leave(snapshot);
		return 0;
	}
	snapshot_index_free(snapshot->index);
	snapshot->index = NULL;
	return -1;
}

/* ---- Finding or adding ---- */

uint32_t snapshot_module(struct snapshot *snapshot, const struct module *module)
{
	if (ensure_index(snapshot))
		return SNAPSHOT_NONE;
	struct snapshot_index *index = snapshot->index;
	uint32_t hash = hash_module(&index->modules, module);
	uint32_t found = idmap_find(&index->modules, hash, same_module, snapshot->modules, module);
	if (found != IDMAP_NONE)
		return found;
	if (snapshot->module_count >= HDS_MODULE_SPECIAL ||
	    array_reserve(&snapshot->modules, &index->module_room, snapshot->module_count + 1, sizeof(*module)) ||
	    idmap_add(&index->modules, hash, (uint32_t)snapshot->module_count))
		return SNAPSHOT_NONE;
	snapshot->modules[snapshot->module_count] = *module;
	return (uint32_t)snapshot->module_count++;
}

uint32_t snapshot_address(struct snapshot *snapshot, const struct address *address)
{
	bool added;

	if (ensure_index(snapshot))
		return SNAPSHOT_NONE;
	uint32_t id = address_map_add(&snapshot->index->addresses, snapshot, address, &added);
	if (id == SNAPSHOT_NONE)
		return SNAPSHOT_NONE;
	struct address *own = &snapshot->addresses[id];
	if (!own->location_count && address->location_count) {
		own->first_location = address->first_location;
		own->location_count = address->location_count;
		if (index_location(snapshot, own))
			return SNAPSHOT_NONE;
	}
	leave(snapshot);
	return id;
}

uint32_t snapshot_child(struct snapshot *snapshot, uint32_t parent, uint32_t address)
{
	const struct node node = {.parent = parent, .address = address};

	if (ensure_index(snapshot))
		return SNAPSHOT_NONE;
	struct snapshot_index *index = snapshot->index;
	uint32_t hash = hash_node(&index->nodes, &node), found = idmap_find(&index->nodes, hash, same_node, snapshot->nodes, &node);
	if (found != IDMAP_NONE)
		return found;
	uint32_t id = (uint32_t)snapshot->node_count;
	if (snapshot->node_count >= SNAPSHOT_NONE || array_reserve(&snapshot->nodes, &index->node_room, (size_t)id + 1, sizeof(node)) ||
	    idmap_add(&index->nodes, hash, id))
		return SNAPSHOT_NONE;
	snapshot->nodes[id] = node;
	snapshot->node_count++;
	leave(snapshot);
	return id;
}

uint32_t snapshot_node(struct snapshot *snapshot, uint32_t parent, const struct address *address)
{
	uint32_t id = snapshot_address(snapshot, address);

	return id == SNAPSHOT_NONE ? SNAPSHOT_NONE : snapshot_child(snapshot, parent, id);
}

int snapshot_reserve_stacks(struct snapshot *snapshot, size_t more)
{
	if (ensure_index(snapshot))
		return -1;
	return array_reserve(&snapshot->stacks, &snapshot->index->stack_room, snapshot->stack_count + more, sizeof(*snapshot->stacks));
}

uint32_t snapshot_append_locations(struct snapshot *snapshot, const struct location *locations, size_t count)
{
	size_t first = snapshot->location_count;

	if (ensure_index(snapshot) || first + count >= SNAPSHOT_NONE ||
	    array_reserve(&snapshot->locations, &snapshot->index->location_room, first + count, sizeof(*locations)))
		return SNAPSHOT_NONE;
	memcpy(snapshot->locations + first, locations, count * sizeof(*locations));
	snapshot->location_count += count;
	leave(snapshot);
	return (uint32_t)first;
}

uint32_t snapshot_location(struct snapshot *snapshot, const struct location *location)
{
	if (ensure_index(snapshot))
		return SNAPSHOT_NONE;
	struct idmap *map = &snapshot->index->locations;
	uint32_t hash = hash_location(map, location);
	uint32_t found = idmap_find(map, hash, same_location, snapshot->locations, location);
	if (found != IDMAP_NONE)
		return found;
	uint32_t id = snapshot_append_locations(snapshot, location, 1);
	return id == SNAPSHOT_NONE || idmap_add(map, hash, id) ? SNAPSHOT_NONE : id;
}

uint32_t snapshot_located_address(struct snapshot *snapshot, const struct location *location)
{
	uint32_t at = snapshot_location(snapshot, location);

	if (at == SNAPSHOT_NONE)
		return SNAPSHOT_NONE;
	return snapshot_address(snapshot, &(struct address){.offset = HDS_NO_ADDRESS | at, .first_location = at, .location_count = 1});
}

uint32_t snapshot_located_node(struct snapshot *snapshot, uint32_t parent, const struct location *location)
{
	uint32_t address = snapshot_located_address(snapshot, location);

	return address == SNAPSHOT_NONE ? SNAPSHOT_NONE : snapshot_child(snapshot, parent, address);
}
