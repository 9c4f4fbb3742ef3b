/* SPDX-License-Identifier: MIT */
/* Makes trace files record by record, from heapdelta/trace.h alone: a writer that shares no code with the recorder. */
#ifndef UNIT_TRACE_MAKER_H
#define UNIT_TRACE_MAKER_H

#include <check.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "heapdelta/trace.h"

#define MAKER_AREA (UINT64_C(1) << 20)
#define MAKER_SLOTS (UINT64_C(16) << 20)

struct maker {
	int fd;
	uint8_t *base;
	struct hdt_header *header;
};

static const uint64_t maker_records[HDT_AREA_COUNT] = {
	[HDT_AREA_THREADS] = sizeof(struct hdt_thread),
	[HDT_AREA_MODULES] = sizeof(struct hdt_module),
	[HDT_AREA_STRINGS] = 1,
	[HDT_AREA_NODES] = sizeof(struct hdt_node),
	[HDT_AREA_INDEX] = 4,
	[HDT_AREA_TOTALS] = sizeof(struct hdt_totals),
	[HDT_AREA_REGIONS] = 8,
	[HDT_AREA_PAGES] = sizeof(struct hdt_page_node),
	[HDT_AREA_SLOTS] = 8,
	[HDT_AREA_EXTRAS] = sizeof(struct hdt_extra),
	[HDT_AREA_BUCKETS] = 4,
	[HDT_AREA_AGES] = 2,
	[HDT_AREA_EXTRA_AGES] = 2,
};

/* Bytes at the end of an area; their offset in it. */
static inline uint64_t maker_room(struct maker *maker, enum hdt_area_id area, uint64_t size)
{
	struct hdt_area *to = &maker->header->areas[area];
	uint64_t offset = to->used;

	ck_assert_uint_le(offset + size, to->opened);
	to->used = offset + size;
	return offset;
}

static inline void *maker_at(struct maker *maker, enum hdt_area_id area, uint64_t offset)
{
	return maker->base + maker->header->areas[area].offset + offset;
}

/* A new record; its index. */
static inline uint32_t maker_record(struct maker *maker, enum hdt_area_id area, void *record_pointer)
{
	uint64_t size = maker_records[area], offset = maker_room(maker, area, size);

	*(void **)record_pointer = maker_at(maker, area, offset);
	return (uint32_t)(offset / size);
}

static inline uint32_t maker_string(struct maker *maker, const char *bytes, size_t size)
{
	uint64_t offset = maker_room(maker, HDT_AREA_STRINGS, size);

	memcpy(maker_at(maker, HDT_AREA_STRINGS, offset), bytes, size);
	return (uint32_t)offset;
}

#define maker_text(maker, text) maker_string(maker, text, sizeof(text))

static inline uint32_t maker_module(struct maker *maker, uint32_t path, uint64_t bias)
{
	struct hdt_module *module;
	uint32_t id = maker_record(maker, HDT_AREA_MODULES, &module);

	module->end = bias + 0x10000;
	module->bias = bias;
	module->path = path;
	module->build_id_size = 20;
	memset(module->build_id, 0xab, 20);
	module->start = bias;
	return id;
}

static inline uint32_t maker_node(struct maker *maker, uint32_t parent, uint64_t address, uint32_t module)
{
	struct hdt_node *node;
	uint32_t id = maker_record(maker, HDT_AREA_NODES, &node);

	node->parent = parent;
	node->module = module;
	node->address = address;
	return id;
}

static inline struct hdt_totals *maker_totals(struct maker *maker, uint32_t node, uint64_t blocks, uint64_t bytes)
{
	struct hdt_totals *totals;
	uint32_t id = maker_record(maker, HDT_AREA_TOTALS, &totals);

	totals->blocks = blocks;
	totals->bytes = bytes;
	totals->node = node;
	((struct hdt_node *)maker_at(maker, HDT_AREA_NODES, 0))[node].totals = id;
	return totals;
}

static inline struct hdt_thread *maker_thread(struct maker *maker, uint32_t tid)
{
	struct hdt_thread *cell;
	uint32_t id = maker_record(maker, HDT_AREA_THREADS, &cell);

	cell->number = id;
	cell->tid = tid;
	cell->owner = 1;
	return cell;
}

static inline uint64_t maker_slot(uint64_t address, uint64_t size, uint32_t stack)
{
	return (address >> 3 & 511) << HDT_SLOT_OFFSET_SHIFT | size << HDT_SLOT_SIZE_SHIFT | (uint64_t)stack << HDT_SLOT_STACK_SHIFT |
	       HDT_SLOT_LIVE;
}

/* The directory word of an address; its page node is made if there is none. */
static inline _Atomic(uint64_t) *maker_word(struct maker *maker, uint64_t address)
{
	uint64_t *regions = maker_at(maker, HDT_AREA_REGIONS, 0), *region;
	size_t count = maker->header->areas[HDT_AREA_PAGES].used / sizeof(struct hdt_page_node), at = 1;
	struct hdt_page_node *node = maker_at(maker, HDT_AREA_PAGES, 0), *added;

	while (at < count && regions[at] != address >> HDT_REGION_SHIFT)
		at++;
	if (at == count) {
		maker_record(maker, HDT_AREA_REGIONS, &region);
		*region = address >> HDT_REGION_SHIFT;
		maker_record(maker, HDT_AREA_PAGES, &added);
	}
	return &node[at].words[address >> HDT_PAGE_SHIFT & (HDT_PAGES_PER_NODE - 1)];
}

/* Give a page a leaf with these slots; bits: log2 of its slots. */
static inline void maker_leaf(struct maker *maker, uint64_t page, unsigned bits, const uint64_t *slots, size_t count)
{
	uint64_t offset = maker_room(maker, HDT_AREA_SLOTS, 8u << bits);

	memcpy(maker_at(maker, HDT_AREA_SLOTS, offset), slots, count * sizeof(*slots));
	atomic_store(maker_word(maker, page), HDT_DIR_WORD(offset / 8, bits, 2));
}

static inline struct hdt_extra *maker_extra(struct maker *maker, uint64_t address, uint64_t size, enum hdt_extra_state state)
{
	struct hdt_extra *extra;

	maker_record(maker, HDT_AREA_EXTRAS, &extra);
	extra->address = address;
	extra->size = size;
	extra->state = state;
	return extra;
}

static inline void maker_areas(struct maker *maker)
{
	struct hdt_header *header = maker->header;
	uint64_t at = 8192;

	for (unsigned i = 0; i < HDT_AREA_COUNT; i++) {
		uint64_t size = i == HDT_AREA_SLOTS ? MAKER_SLOTS : MAKER_AREA;
		header->areas[i] = (struct hdt_area){
			.offset = at, .reserved = size, .opened = size, .spill = HDT_NO_SPILL, .record_size = maker_records[i]};
		at += size;
	}
	header->area_count = HDT_AREA_COUNT;
	header->file_size = at;
}

/* The records 0 that stand for nothing. */
static inline void maker_firsts(struct maker *maker)
{
	static const enum hdt_area_id areas[] = {HDT_AREA_MODULES, HDT_AREA_STRINGS, HDT_AREA_NODES, HDT_AREA_TOTALS,
						 HDT_AREA_REGIONS, HDT_AREA_PAGES,   HDT_AREA_SLOTS, HDT_AREA_EXTRAS};

	for (size_t i = 0; i < sizeof(areas) / sizeof(areas[0]); i++)
		maker_room(maker, areas[i], maker_records[areas[i]]);
}

static inline void maker_init(struct maker *maker)
{
	uint64_t size = 8192 + (HDT_AREA_COUNT - 1) * MAKER_AREA + MAKER_SLOTS;

	maker->fd = memfd_create("trace", MFD_CLOEXEC);
	ck_assert_int_ge(maker->fd, 0);
	ck_assert_int_eq(ftruncate(maker->fd, (off_t)size), 0);
	maker->base = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, maker->fd, 0);
	ck_assert_ptr_ne(maker->base, MAP_FAILED);
	maker->header = (struct hdt_header *)maker->base;
	*maker->header = (struct hdt_header){.magic = HDT_MAGIC,
					     .major = HDT_MAJOR,
					     .header_size = sizeof(struct hdt_header),
					     .page_size = 4096,
					     .state = HDT_STATE_RUNNING,
					     .pid = 4711,
					     .start_realtime_ns = 1000000000,
					     .start_monotonic_ns = 500};
	maker_areas(maker);
	maker_firsts(maker);
}

static inline void maker_release(struct maker *maker)
{
	munmap(maker->base, maker->header->file_size);
	close(maker->fd);
}

#endif
