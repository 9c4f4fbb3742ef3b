/* SPDX-License-Identifier: MIT */
/*
 * Comes in: the bytes of a snapshot file (heapdelta/hds.h, FORMAT.md).  Goes out: the model.  Not thread-safe.
 * Nothing is trusted: hds-file.c has checked the file as a whole; here every record is checked before it is stored.  No
 * array is larger than a small multiple of the chunk that it comes from.
 */
#include <stdlib.h>
#include <string.h>

#include "addresses.h"
#include "hds-file.h"
#include "snapshot-info.h"
#include "snapshot.h"

struct reader {
	struct hds_file file;
	struct snapshot *snapshot;
	struct address_map addresses;
	struct error *error;
};

#define bad(reader, ...) hds_damaged(&(reader)->file, __VA_ARGS__)

/* 0 means unknown: *text is NULL. */
static int optional_string(struct reader *reader, uint32_t offset, const char *what, const char **text)
{
	*text = NULL;
	if (!offset)
		return 0;
	*text = hds_file_string(&reader->file, offset, what);
	return *text ? 0 : -1;
}

/* ---- Chunks ---- */

/* An array for the records of a chunk, zeroed, never NULL unless out of memory. */
static void *array_for(struct reader *reader, enum hds_chunk_name chunk, size_t element_size)
{
	size_t count = reader->file.chunks[chunk].count;
	void *array = calloc(count ? count : 1, element_size);

	if (!array)
		error_nomem(reader->error);
	return array;
}

static int read_info(struct reader *reader)
{
	struct snapshot_info *info = &reader->snapshot->info;
	const struct hds_info *records = reader->file.chunks[HDS_INFO].at;

	for (size_t i = 0; i < reader->file.chunks[HDS_INFO].count; i++) {
		if (i && records[i].key <= records[i - 1].key)
			return bad(reader, "the keys of INFO do not ascend at record %zu", i);
		const struct info_field *field = info_by_key(records[i].key);
		if (records[i].key == HDS_KEY_EXIT) {
			info->has_exit = true;
			info->exit_status = (uint32_t)records[i].value;
		}
		if (!field)
			continue;
		if (!info_is_text(field)) {
			*info_number(info, field) = records[i].value;
			continue;
		}
		if (records[i].value > UINT32_MAX)
			return bad(reader, "%s: no such string", field->name);
		const char *text = hds_file_string(&reader->file, (uint32_t)records[i].value, field->name);
		if (!text)
			return -1;
		*info_text(info, field) = text;
	}
	return 0;
}

static int read_modules(struct reader *reader)
{
	struct snapshot *snapshot = reader->snapshot;
	const struct hds_module *records = reader->file.chunks[HDS_MODULES].at;
	size_t count = reader->file.chunks[HDS_MODULES].count;

	snapshot->modules = array_for(reader, HDS_MODULES, sizeof(*snapshot->modules));
	if (!snapshot->modules)
		return -1;
	snapshot->modules[0].path = "";
	snapshot->module_count = count ? count : 1;
	for (size_t i = 0; i < count; i++) {
		const struct hds_module *from = &records[i];
		struct module *to = &snapshot->modules[i];
		if (from->build_id_size > sizeof(from->build_id))
			return bad(reader, "module %zu has a build id of %u bytes", i, from->build_id_size);
		*to = (struct module){.start = from->start,
				      .end = from->end,
				      .bias = from->bias,
				      .generation = from->generation,
				      .flags = from->flags,
				      .build_id_size = from->build_id_size};
		memcpy(to->build_id, from->build_id, from->build_id_size);
		to->path = hds_file_string(&reader->file, from->path, "module");
		if (!to->path)
			return -1;
	}
	return 0;
}

static int read_locations(struct reader *reader)
{
	struct snapshot *snapshot = reader->snapshot;
	const struct hds_location *records = reader->file.chunks[HDS_LOCATIONS].at;
	const uint64_t *statements = reader->file.chunks[HDS_STATEMENTS].at;

	snapshot->locations = array_for(reader, HDS_LOCATIONS, sizeof(*snapshot->locations));
	if (!snapshot->locations)
		return -1;
	snapshot->location_count = reader->file.chunks[HDS_LOCATIONS].count;
	if (statements && reader->file.chunks[HDS_STATEMENTS].count != snapshot->location_count)
		return bad(reader, "it has statements for %zu of %zu locations", reader->file.chunks[HDS_STATEMENTS].count,
			   snapshot->location_count);
	for (size_t i = 0; i < snapshot->location_count; i++) {
		const struct hds_location *from = &records[i];
		struct location *to = &snapshot->locations[i];
		*to = (struct location){.line = from->line,
					.function_line = from->function_line,
					.flags = from->flags,
					.symbol_offset = from->symbol_offset,
					.text_hash = from->text_hash,
					.statement_hash = statements ? statements[i] : 0};
		if (optional_string(reader, from->function, "function", &to->function) ||
		    optional_string(reader, from->linkage, "linkage name", &to->linkage) ||
		    optional_string(reader, from->file, "file", &to->file))
			return -1;
	}
	return 0;
}

static int compare_symbols(const struct hds_symbol *a, const struct hds_symbol *b)
{
	if (a->module != b->module)
		return a->module < b->module ? -1 : 1;
	if (a->offset != b->offset)
		return a->offset < b->offset ? -1 : 1;
	return a->flags < b->flags ? -1 : a->flags > b->flags;
}

/* Locations of two symbols are the same or disjoint, so that copying them symbol by symbol never grows them. */
static int claim_locations(struct reader *reader, uint32_t *owner, size_t at)
{
	const struct hds_symbol *records = reader->file.chunks[HDS_SYMBOLS].at, *symbol = &records[at];

	if (symbol->count > HDS_INLINE_MAX || symbol->first > reader->file.chunks[HDS_LOCATIONS].count ||
	    symbol->count > reader->file.chunks[HDS_LOCATIONS].count - symbol->first)
		return bad(reader, "symbol %zu has no such locations", at);
	if (!symbol->count)
		return 0;
	uint32_t first_owner = owner[symbol->first];
	if (first_owner && records[first_owner - 1].first == symbol->first && records[first_owner - 1].count == symbol->count)
		return 0;
	for (uint32_t i = symbol->first; i < symbol->first + symbol->count; i++) {
		if (owner[i])
			return bad(reader, "the locations of symbol %zu overlap others", at);
		owner[i] = (uint32_t)at + 1;
	}
	return 0;
}

static int check_symbols(struct reader *reader)
{
	const struct hds_symbol *records = reader->file.chunks[HDS_SYMBOLS].at;
	uint32_t *owner = array_for(reader, HDS_LOCATIONS, sizeof(*owner));
	int result = owner ? 0 : -1;

	for (size_t i = 0; i < reader->file.chunks[HDS_SYMBOLS].count && !result; i++) {
		if (i && compare_symbols(&records[i - 1], &records[i]) >= 0)
			result = bad(reader, "symbol %zu is out of order", i);
		else
			result = claim_locations(reader, owner, i);
	}
	free(owner);
	return result;
}

/* The symbol of an address; NULL: none. */
static const struct hds_symbol *symbol_of(const struct reader *reader, const struct address *address)
{
	const struct hds_symbol *records = reader->file.chunks[HDS_SYMBOLS].at;
	struct hds_symbol key = {.module = address->module, .offset = address->offset, .flags = address->flags};
	size_t low = 0, high = reader->file.chunks[HDS_SYMBOLS].count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		int order = compare_symbols(&records[middle], &key);
		if (!order)
			return &records[middle];
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return NULL;
}

/* What is looked up once per address. */
static void describe_address(struct reader *reader, struct address *address)
{
	const struct hds_symbol *symbol = symbol_of(reader, address);

	if (symbol && symbol->count) {
		address->first_location = symbol->first;
		address->location_count = symbol->count;
	}
	if (!symbol && address->module != HDS_MODULE_NONE && address->module != HDS_MODULE_SPECIAL)
		reader->snapshot->symbolised = false;
}

/* One frame; its depth is known once that of its parent is. */
static int read_frame(struct reader *reader, size_t at, uint32_t *depths)
{
	struct snapshot *snapshot = reader->snapshot;
	const struct hds_frame *from = (const struct hds_frame *)reader->file.chunks[HDS_FRAMES].at + at;
	const struct address key = {.module = from->module, .offset = from->offset, .flags = from->flags};
	bool added;

	if (at ? from->parent >= at : from->parent != 0)
		return bad(reader, "frame %zu has parent %u", at, from->parent);
	if (from->module != HDS_MODULE_SPECIAL && from->module >= snapshot->module_count)
		return bad(reader, "frame %zu is in module %u of %zu", at, from->module, snapshot->module_count);
	depths[at] = at ? depths[from->parent] + 1 : 0;
	if (depths[at] > HDS_DEPTH_MAX)
		return bad(reader, "frame %zu is deeper than %d frames", at, HDS_DEPTH_MAX);
	uint32_t address = address_map_add(&reader->addresses, snapshot, &key, &added);
	if (address == SNAPSHOT_NONE)
		return error_nomem(reader->error);
	if (added)
		describe_address(reader, &snapshot->addresses[address]);
	snapshot->nodes[at] = (struct node){.parent = from->parent, .address = address};
	return 0;
}

static int read_all_frames(struct reader *reader)
{
	uint32_t *depths = array_for(reader, HDS_FRAMES, sizeof(*depths));
	int result = depths ? 0 : -1;

	for (size_t i = 0; i < reader->file.chunks[HDS_FRAMES].count && !result; i++)
		result = read_frame(reader, i, depths);
	free(depths);
	return result;
}

static int read_frames(struct reader *reader)
{
	struct snapshot *snapshot = reader->snapshot;

	snapshot->nodes = array_for(reader, HDS_FRAMES, sizeof(*snapshot->nodes));
	if (!snapshot->nodes)
		return -1;
	snapshot->node_count = reader->file.chunks[HDS_FRAMES].count ? reader->file.chunks[HDS_FRAMES].count : 1;
	snapshot->symbolised = reader->file.chunks[HDS_SYMBOLS].at != NULL;
	int result = address_map_init(&reader->addresses, snapshot) ? error_nomem(reader->error) : read_all_frames(reader);
	address_map_release(&reader->addresses);
	return result;
}

static int read_stacks(struct reader *reader)
{
	struct snapshot *snapshot = reader->snapshot;
	const struct hds_stack *records = reader->file.chunks[HDS_STACKS].at;

	snapshot->stacks = array_for(reader, HDS_STACKS, sizeof(*snapshot->stacks));
	if (!snapshot->stacks)
		return -1;
	snapshot->stack_count = reader->file.chunks[HDS_STACKS].count;
	for (size_t i = 0; i < snapshot->stack_count; i++) {
		const struct hds_stack *from = &records[i];
		if (from->frame >= snapshot->node_count)
			return bad(reader, "stack %zu ends at frame %u of %zu", i, from->frame, snapshot->node_count);
		snapshot->stacks[i] = (struct stack){.node = from->frame,
						     .domain = from->domain,
						     .live_blocks = from->live_blocks,
						     .live_bytes = from->live_bytes,
						     .total_blocks = from->total_blocks,
						     .total_bytes = from->total_bytes,
						     .temporary_blocks = from->temporary_blocks,
						     .peak_blocks = from->peak_blocks,
						     .peak_bytes = from->peak_bytes,
						     .total_nframe = from->total_nframe,
						     .variance = from->variance};
	}
	return 0;
}

static int read_threads(struct reader *reader)
{
	struct snapshot *snapshot = reader->snapshot;
	const struct hds_thread *records = reader->file.chunks[HDS_THREADS].at;

	snapshot->threads = array_for(reader, HDS_THREADS, sizeof(*snapshot->threads));
	if (!snapshot->threads)
		return -1;
	snapshot->thread_count = reader->file.chunks[HDS_THREADS].count;
	for (size_t i = 0; i < snapshot->thread_count; i++)
		snapshot->threads[i] = (struct thread){.tid = records[i].tid,
						       .number = records[i].number,
						       .alloc_blocks = records[i].alloc_blocks,
						       .alloc_bytes = records[i].alloc_bytes,
						       .free_blocks = records[i].free_blocks,
						       .free_bytes = records[i].free_bytes,
						       .temporary_blocks = records[i].temporary_blocks};
	return 0;
}

static int read_blocks(struct reader *reader)
{
	struct snapshot *snapshot = reader->snapshot;
	const struct hds_block *records = reader->file.chunks[HDS_BLOCKS].at;

	snapshot->blocks = array_for(reader, HDS_BLOCKS, sizeof(*snapshot->blocks));
	if (!snapshot->blocks)
		return -1;
	snapshot->block_count = reader->file.chunks[HDS_BLOCKS].count;
	for (size_t i = 0; i < snapshot->block_count; i++) {
		if (records[i].stack >= snapshot->stack_count)
			return bad(reader, "block %zu has stack %u of %zu", i, records[i].stack, snapshot->stack_count);
		snapshot->blocks[i] = (struct block){.address = records[i].address, .size = records[i].size, .stack = records[i].stack};
	}
	return 0;
}

static int read_ages(struct reader *reader)
{
	struct snapshot *snapshot = reader->snapshot;
	const struct hds_age *records = reader->file.chunks[HDS_AGES].at;

	snapshot->has_ages = records != NULL;
	snapshot->ages = array_for(reader, HDS_AGES, sizeof(*snapshot->ages));
	if (!snapshot->ages)
		return -1;
	snapshot->age_count = reader->file.chunks[HDS_AGES].count;
	for (size_t i = 0; i < snapshot->age_count; i++) {
		const struct hds_age *from = &records[i];
		if (from->stack >= snapshot->stack_count)
			return bad(reader, "age %zu has stack %u of %zu", i, from->stack, snapshot->stack_count);
		if (i && (from->stack < from[-1].stack || (from->stack == from[-1].stack && from->age <= from[-1].age)))
			return bad(reader, "age %zu is out of order", i);
		snapshot->ages[i] = (struct age){.stack = from->stack,
						 .seconds = from->age,
						 .blocks = from->blocks,
						 .bytes = from->bytes,
						 .variance = from->variance};
	}
	return 0;
}

static int read_stack_process(struct reader *reader)
{
	struct snapshot *snapshot = reader->snapshot;
	const uint32_t *records = reader->file.chunks[HDS_STACK_PROCESS].at;

	if (reader->file.chunks[HDS_STACK_PROCESS].count != snapshot->stack_count)
		return bad(reader, "%zu stacks have %zu processes", snapshot->stack_count, reader->file.chunks[HDS_STACK_PROCESS].count);
	snapshot->stack_process = array_for(reader, HDS_STACK_PROCESS, sizeof(*snapshot->stack_process));
	if (!snapshot->stack_process)
		return -1;
	for (size_t i = 0; i < snapshot->stack_count; i++) {
		if (records[i] >= snapshot->process_count)
			return bad(reader, "stack %zu is of process %u of %zu", i, records[i], snapshot->process_count);
		snapshot->stack_process[i] = records[i];
	}
	return 0;
}

static int read_processes(struct reader *reader)
{
	struct snapshot *snapshot = reader->snapshot;
	const uint32_t *records = reader->file.chunks[HDS_PROCESSES].at;

	if (!reader->file.chunks[HDS_PROCESSES].at || !reader->file.chunks[HDS_STACK_PROCESS].at)
		return 0;
	snapshot->processes = array_for(reader, HDS_PROCESSES, sizeof(*snapshot->processes));
	if (!snapshot->processes)
		return -1;
	snapshot->process_count = reader->file.chunks[HDS_PROCESSES].count;
	for (size_t i = 0; i < snapshot->process_count; i++) {
		snapshot->processes[i] = hds_file_string(&reader->file, records[i], "process");
		if (!snapshot->processes[i])
			return -1;
	}
	return read_stack_process(reader);
}

static int read_chunks(struct reader *reader)
{
	if (hds_file_check(&reader->file) || read_info(reader) || read_modules(reader))
		return -1;
	if (read_locations(reader) || check_symbols(reader) || read_frames(reader))
		return -1;
	return read_stacks(reader) || read_threads(reader) || read_blocks(reader) || read_ages(reader) || read_processes(reader) ? -1 : 0;
}

int snapshot_read_hds(struct snapshot *snapshot, const void *data, size_t size, struct error *error)
{
	struct reader reader = {
		.file = {.data = data, .size = size, .name = snapshot->name, .intern = snapshot->intern, .error = error},
		.snapshot = snapshot,
		.error = error,
	};

	int result = read_chunks(&reader);
	hds_file_release(&reader.file);
	if (result) {
		snapshot_release(snapshot);
		return -1;
	}
	snapshot->kind = SNAPSHOT_HDS;
	snapshot->traceback_limit = snapshot->info.nframe > UINT32_MAX ? UINT32_MAX : (uint32_t)snapshot->info.nframe;
	return 0;
}
