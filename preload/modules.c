/* SPDX-License-Identifier: MIT */
/*
 * In: addresses of code.  Out: numbers of module records in the trace file, one per load of an object.
 *
 * An object is known by its range and its link_map; once the generation or the link_map has changed, its path and build id must be the
 * same, or it is another library at a reused address and gets a record of its own.  Known objects are in private memory, in chains
 * by start address, newest first, lock-free and append-only.  Two threads that discover an object at once make two records; the loser's
 * is never referred to.  Private memory survives a fork, so a child only has to write the records again, under the same numbers.
 */
#include "modules.h"

#include <errno.h>
#include <stdatomic.h>
#include <stddef.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <unistd.h>

#include "elf-view.h"
#include "trace.h"

struct object {
	struct object *next; /* older */
	uintptr_t start, end, bias;
	_Atomic(const struct link_map *) map; /* with `verified`: the loader's record when path and build id were last compared */
	_Atomic(uint32_t) verified;           /* and the generation then */
	uint32_t id, flags, generation, build_id_size;
	uint8_t build_id[HDT_BUILD_ID_MAX];
	size_t path_length;
	char path[];
};

/* Where an object was found, what it is called and how it is built: who it is. */
struct identity {
	struct elf_view view;
	const char *path;
	size_t build_id_size;
	uint8_t build_id[HDT_BUILD_ID_MAX];
};

enum { BUCKETS = 256, ARENA_BYTES = 64 * 1024, PERMANENT_MAX = 4096 };
static _Atomic(struct object *) buckets[BUCKETS];

_Atomic(uint64_t) modules_closing;
_Atomic(uint32_t) modules_seen[MODULES_CURRENT];
static _Atomic(uint64_t) permanent[PERMANENT_MAX / 64];
static const struct link_map *const *at_start;
static size_t at_start_count;
struct modules_range modules_tracer;

/* ---- Generation -------------------------------------------------------------------------------------------------------------- */

#define ONE_CHANGE (UINT64_C(1) << 32)

void modules_dlclose_begin(void)
{
	atomic_fetch_add(&modules_closing, ONE_CHANGE + 1);
}

void modules_dlclose_end(void)
{
	/* A fork child made inside dlclose starts from zero. */
	uint64_t seen = atomic_load(&modules_closing);
	while (!atomic_compare_exchange_weak(&modules_closing, &seen, seen + ONE_CHANGE - ((uint32_t)seen != 0)))
		;
}

/* ---- Private memory ---------------------------------------------------------------------------------------------------------- */

struct arena {
	_Atomic(size_t) used;
	_Alignas(16) char bytes[];
};
static _Atomic(struct arena *) arena;

static void *arena_alloc(size_t size)
{
	enum { ROOM = ARENA_BYTES - sizeof(struct arena) };
	size = (size + 15) & ~(size_t)15;
	for (;;) {
		struct arena *current = atomic_load_explicit(&arena, memory_order_acquire);
		if (current) {
			size_t offset = atomic_fetch_add(&current->used, size);
			if (offset + size <= ROOM)
				return current->bytes + offset;
		}
		struct arena *fresh = size <= ROOM ? trace_map_private(ARENA_BYTES, false) : NULL;
		if (!fresh)
			return NULL;
		if (!atomic_compare_exchange_strong(&arena, &current, fresh))
			munmap(fresh, ARENA_BYTES);
	}
}

/* ---- Who an object is -------------------------------------------------------------------------------------------------------- */

static const char *path_of(const struct elf_view *view)
{
	if (!elf_view_is_main(view))
		return view->map->l_name;
	const char *exe = trace_at(HDT_AREA_STRINGS, trace.header->exe);
	if (exe[0])
		return exe;
	const char *name = (const char *)getauxval(AT_EXECFN);
	return name ? name : "";
}

static void identify(struct identity *identity)
{
	identity->path = path_of(&identity->view);
	identity->build_id_size = elf_view_build_id(&identity->view, identity->build_id, sizeof(identity->build_id));
}

static bool loaded_at_start(const struct link_map *map)
{
	for (size_t i = 0; i < at_start_count; i++)
		if (at_start[i] == map)
			return true;
	return false;
}

static uint32_t flags_of(const struct elf_view *view)
{
	uint32_t flags = loaded_at_start(view->map) ? HDT_MODULE_PERMANENT : 0;
	if (elf_view_is_main(view))
		flags |= HDT_MODULE_MAIN;
	if (view->start == getauxval(AT_SYSINFO_EHDR))
		flags |= HDT_MODULE_VDSO;
	if (view->start == modules_tracer.start)
		flags |= HDT_MODULE_TRACER;
	if (view->start == getauxval(AT_BASE))
		flags |= HDT_MODULE_LOADER;
	return flags;
}

static bool is_settled(const struct object *object, const struct link_map *map, uint32_t generation)
{
	if (atomic_load_explicit(&object->map, memory_order_relaxed) != map)
		return false;
	bool is_current = !(generation & 1) && atomic_load_explicit(&object->verified, memory_order_relaxed) == generation;
	return is_current || (object->flags & HDT_MODULE_PERMANENT);
}

static bool is_same(struct object *object, struct identity *identity, uint32_t generation)
{
	const struct elf_view *view = &identity->view;
	if (object->start != view->start || object->end != view->end)
		return false;
	if (is_settled(object, view->map, generation))
		return true;
	if (!identity->path)
		identify(identity);
	if (object->build_id_size != identity->build_id_size || memcmp(object->build_id, identity->build_id, identity->build_id_size) != 0)
		return false;
	/* A relative name was completed when the object was recorded. */
	size_t length = strlen(identity->path);
	if (length > object->path_length || strcmp(object->path + object->path_length - length, identity->path) != 0)
		return false;
	atomic_store_explicit(&object->map, view->map, memory_order_relaxed);
	atomic_store_explicit(&object->verified, generation, memory_order_relaxed);
	return true;
}

/* ---- Records ----------------------------------------------------------------------------------------------------------------- */

static void write_record(const struct object *object, uint64_t offset)
{
	struct hdt_module *record = trace_at(HDT_AREA_MODULES, offset);
	record->end = object->end;
	record->bias = object->bias;
	record->path = trace_string(object->path, object->path_length);
	record->generation = object->generation;
	record->flags = object->flags;
	record->build_id_size = object->build_id_size;
	memcpy(record->build_id, object->build_id, object->build_id_size);
	atomic_store_explicit(&record->start, object->start, memory_order_release);
}

/* Room for `count` records: the number of the first, MODULES_NONE when the place is full. */
static uint32_t alloc_records(uint64_t count)
{
	for (;;) {
		uint64_t offset = trace_alloc(HDT_AREA_MODULES, count * sizeof(struct hdt_module), 8);
		if (offset == TRACE_NONE)
			return MODULES_NONE;
		if (offset > 0)
			return (uint32_t)(offset / sizeof(struct hdt_module));
	}
}

/* The path as a reader can use it: a name relative to the working directory is completed while that is most likely still the same. */
static size_t complete_path(const char *path, char *whole, size_t room)
{
	size_t length = strlen(path), directory = 0;
	int saved = errno;
	if (path[0] != '/' && strchr(path, '/') && getcwd(whole, room)) {
		directory = strlen(whole);
		whole[directory++] = '/';
	}
	errno = saved;
	if (length > room - directory - 1)
		length = room - directory - 1;
	mempcpy(whole + directory, path, length);
	return directory + length;
}

static struct object *new_object(const struct identity *identity, uint32_t generation)
{
	enum { PATH_ROOM = 2 * 4096 };
	char *path = trace_map_private(PATH_ROOM, false); /* too large for a program's stack */
	if (!path)
		return NULL;
	size_t length = complete_path(identity->path, path, PATH_ROOM);
	struct object *object = arena_alloc(sizeof(*object) + length + 1);
	if (object) {
		const struct elf_view *view = &identity->view;
		*object = (struct object){.start = view->start, .end = view->end, .bias = view->bias};
		object->flags = flags_of(view);
		object->generation = generation;
		object->build_id_size = (uint32_t)identity->build_id_size;
		memcpy(object->build_id, identity->build_id, identity->build_id_size);
		memcpy(object->path, path, length);
		object->path_length = length;
		atomic_init(&object->map, view->map);
		atomic_init(&object->verified, generation);
	}
	munmap(path, PATH_ROOM);
	return object;
}

static void note_permanent(const struct object *object)
{
	if ((object->flags & HDT_MODULE_PERMANENT) && object->id < PERMANENT_MAX)
		atomic_fetch_or(&permanent[object->id / 64], UINT64_C(1) << (object->id % 64));
}

static struct object *find_in(struct object *first, const struct object *end, struct identity *identity, uint32_t generation)
{
	for (struct object *object = first; object != end; object = object->next)
		if (is_same(object, identity, generation))
			return object;
	return NULL;
}

/* Make the record first, then push the object: whoever sees the object can refer to its record. */
static struct object *add(_Atomic(struct object *) *bucket, struct object *head, struct identity *identity, uint32_t generation)
{
	if (!identity->path)
		identify(identity);
	struct object *object = new_object(identity, generation);
	uint32_t id = object ? alloc_records(1) : MODULES_NONE;
	if (id == MODULES_NONE)
		return NULL;
	object->id = id;
	write_record(object, id * sizeof(struct hdt_module));
	note_permanent(object);
	object->next = head;
	while (!atomic_compare_exchange_weak_explicit(bucket, &object->next, object, memory_order_release, memory_order_acquire)) {
		struct object *other = find_in(object->next, head, identity, generation);
		if (other)
			return other;
	}
	return object;
}

uint32_t modules_find(uintptr_t pc)
{
	struct identity identity = {.path = NULL};
	uint32_t generation = modules_generation();
	if (!elf_view_find(pc, &identity.view))
		return MODULES_NONE;
	_Atomic(struct object *) *bucket = &buckets[(identity.view.start >> 12) % BUCKETS];
	struct object *head = atomic_load_explicit(bucket, memory_order_acquire);
	struct object *object = find_in(head, NULL, &identity, generation);
	if (!object)
		object = add(bucket, head, &identity, generation);
	if (!object)
		return MODULES_NONE;
	if (object->id < MODULES_CURRENT && !(generation & 1))
		atomic_store_explicit(&modules_seen[object->id], generation + 1, memory_order_relaxed);
	return object->id;
}

bool modules_is_permanent(uint32_t module)
{
	return module < PERMANENT_MAX && (atomic_load_explicit(&permanent[module / 64], memory_order_relaxed) >> (module % 64) & 1);
}

/* ---- Start of a process ------------------------------------------------------------------------------------------------------ */

/* The objects that are loaded now, from the loader's own list: nobody else runs yet. */
static void note_loaded(const struct link_map *map)
{
	while (map->l_prev)
		map = map->l_prev;
	size_t count = 0;
	for (const struct link_map *each = map; each; each = each->l_next)
		count++;
	const struct link_map **list = trace_map_private(count * sizeof(*list), false);
	if (!list)
		return;
	for (size_t i = 0; i < count; i++, map = map->l_next)
		list[i] = map;
	at_start = list;
	at_start_count = count;
}

static void find_tracer(const struct elf_view *self)
{
	if (elf_view_is_main(self))
		return;
	modules_tracer = (struct modules_range){self->start, self->end};
}

/* In a fork child: all objects again, at the numbers they have. */
static void record_again(void)
{
	uint32_t last = 0;
	for (size_t i = 0; i < BUCKETS; i++)
		for (const struct object *object = atomic_load(&buckets[i]); object; object = object->next)
			last = object->id > last ? object->id : last;
	if (last == 0 || alloc_records(last) != 1)
		return;
	for (size_t i = 0; i < BUCKETS; i++)
		for (const struct object *object = atomic_load(&buckets[i]); object; object = object->next)
			write_record(object, object->id * sizeof(struct hdt_module));
}

void modules_reset(void)
{
	struct elf_view self;
	if (at_start) {
		atomic_fetch_and(&modules_closing, ~UINT64_C(0xffffffff)); /* threads of the parent that were in dlclose are not here */
		record_again();
	} else if (elf_view_find((uintptr_t)modules_reset, &self)) {
		find_tracer(&self);
		note_loaded(self.map);
	}
}
