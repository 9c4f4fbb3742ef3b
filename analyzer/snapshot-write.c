/* SPDX-License-Identifier: MIT */
/*
 * Comes in: the model.  Goes out: a snapshot file (heapdelta/hds.h, FORMAT.md), complete or not there at all.
 * The records are laid out in one buffer of exactly known size, because the table of contents with its checksums stands before them; only
 * the strings are collected meanwhile and come last.
 */
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "idmap.h"
#include "snapshot-info.h"
#include "snapshot-output.h"
#include "snapshot.h"
#include "strbuf.h"

#define CHUNKS_MAX 13

struct string_ref {
	const char *text; /* interned: the pointer is the key */
	uint32_t offset;
};

struct writer {
	const struct snapshot *snapshot;
	struct error *error;
	struct strbuf strings;
	struct idmap string_map;
	struct string_ref *refs;
	size_t ref_count, ref_room;
	uint8_t *records; /* all chunks but STRS, padded */
	size_t used, room;
	struct hds_chunk chunks[CHUNKS_MAX];
	uint32_t chunk_count;
	const struct address **symbols; /* those that have a symbol, sorted */
	size_t symbol_count;
};

/* ---- Strings ---- */

static bool same_ref(const void *records, uint32_t id, const void *key)
{
	return ((const struct string_ref *)records)[id].text == key;
}

/* Offset of a string; 0 for NULL.  A failed allocation is noticed at the end (strings.failed). */
static uint32_t string_ref(struct writer *writer, const char *text)
{
	if (!text)
		return 0;
	if (!*text)
		return 1; /* the second NUL: empty, but known */
	uint32_t hash = idmap_hash(&writer->string_map, (uint64_t[]){(uintptr_t)text}, 1);
	uint32_t found = idmap_find(&writer->string_map, hash, same_ref, writer->refs, text);
	if (found != IDMAP_NONE)
		return writer->refs[found].offset;
	uint32_t offset = (uint32_t)writer->strings.length;
	strbuf_add(&writer->strings, text, strlen(text) + 1);
	if (writer->strings.length >= UINT32_MAX ||
	    array_reserve(&writer->refs, &writer->ref_room, writer->ref_count + 1, sizeof(*writer->refs)) ||
	    idmap_add(&writer->string_map, hash, (uint32_t)writer->ref_count)) {
		writer->strings.failed = true;
		return 0;
	}
	writer->refs[writer->ref_count++] = (struct string_ref){.text = text, .offset = offset};
	return offset;
}

/* ---- Chunks ---- */

/* A chunk of `count` zeroed records at the end of the buffer, which has the room. */
static void *begin_chunk(struct writer *writer, uint32_t id, uint32_t record, size_t count)
{
	size_t size = count * record;
	void *at = writer->records + writer->used;

	writer->chunks[writer->chunk_count++] = (struct hds_chunk){.id = id, .record = record, .offset = writer->used, .size = size};
	writer->used += (size + 7) & ~(size_t)7;
	return at;
}

/* Numbers that are 0 and strings that are "" go without saying. */
static bool info_is_set(const struct snapshot_info *info, const struct info_field *field)
{
	struct snapshot_info *any = (struct snapshot_info *)info;

	return info_is_text(field) ? **info_text(any, field) != '\0' : *info_number(any, field) != 0;
}

static size_t count_info(const struct snapshot_info *info)
{
	size_t count = info->has_exit ? 1 : 0;

	for (size_t i = 0; i < info_field_count; i++)
		count += info_is_set(info, &info_fields[i]);
	return count;
}

static void write_info(struct writer *writer)
{
	struct snapshot_info *info = (struct snapshot_info *)&writer->snapshot->info;
	struct hds_info *to = begin_chunk(writer, HDS_CHUNK_INFO, sizeof(*to), count_info(info));
	bool exit_pending = info->has_exit;

	for (size_t i = 0; i < info_field_count; i++) {
		const struct info_field *field = &info_fields[i];
		if (exit_pending && field->key > HDS_KEY_EXIT) {
			*to++ = (struct hds_info){.key = HDS_KEY_EXIT, .value = info->exit_status};
			exit_pending = false;
		}
		if (!info_is_set(info, field))
			continue;
		uint64_t value = info_is_text(field) ? string_ref(writer, *info_text(info, field)) : *info_number(info, field);
		*to++ = (struct hds_info){.key = field->key, .value = value};
	}
}

static void write_modules(struct writer *writer)
{
	const struct snapshot *snapshot = writer->snapshot;
	struct hds_module *to = begin_chunk(writer, HDS_CHUNK_MODULES, sizeof(*to), snapshot->module_count);

	for (size_t i = 0; i < snapshot->module_count; i++) {
		const struct module *from = &snapshot->modules[i];
		to[i] = (struct hds_module){.start = from->start,
					    .end = from->end,
					    .bias = from->bias,
					    .path = *from->path ? string_ref(writer, from->path) : 0,
					    .generation = from->generation,
					    .flags = from->flags,
					    .build_id_size = from->build_id_size};
		memcpy(to[i].build_id, from->build_id, from->build_id_size);
	}
}

/* An empty snapshot has a root, too. */
static size_t frame_count(const struct snapshot *snapshot)
{
	return snapshot->node_count ? snapshot->node_count : 1;
}

static void write_frames(struct writer *writer)
{
	const struct snapshot *snapshot = writer->snapshot;
	struct hds_frame *to = begin_chunk(writer, HDS_CHUNK_FRAMES, sizeof(*to), frame_count(snapshot));

	for (size_t i = 0; i < snapshot->node_count; i++) {
		const struct address *at = snapshot_address_of(snapshot, (uint32_t)i);
		to[i] = (struct hds_frame){
			.parent = snapshot->nodes[i].parent, .module = at->module, .offset = at->offset, .flags = at->flags};
	}
}

static void write_stacks(struct writer *writer)
{
	const struct snapshot *snapshot = writer->snapshot;
	struct hds_stack *to = begin_chunk(writer, HDS_CHUNK_STACKS, sizeof(*to), snapshot->stack_count);

	for (size_t i = 0; i < snapshot->stack_count; i++) {
		const struct stack *from = &snapshot->stacks[i];
		to[i] = (struct hds_stack){.frame = from->node,
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
}

static void write_threads(struct writer *writer)
{
	const struct snapshot *snapshot = writer->snapshot;
	struct hds_thread *to = begin_chunk(writer, HDS_CHUNK_THREADS, sizeof(*to), snapshot->thread_count);

	for (size_t i = 0; i < snapshot->thread_count; i++) {
		const struct thread *from = &snapshot->threads[i];
		to[i] = (struct hds_thread){.tid = from->tid,
					    .number = from->number,
					    .alloc_blocks = from->alloc_blocks,
					    .alloc_bytes = from->alloc_bytes,
					    .free_blocks = from->free_blocks,
					    .free_bytes = from->free_bytes,
					    .temporary_blocks = from->temporary_blocks};
	}
}

static void write_blocks(struct writer *writer)
{
	const struct snapshot *snapshot = writer->snapshot;

	if (!snapshot->block_count)
		return;
	struct hds_block *to = begin_chunk(writer, HDS_CHUNK_BLOCKS, sizeof(*to), snapshot->block_count);
	for (size_t i = 0; i < snapshot->block_count; i++)
		to[i] = (struct hds_block){
			.address = snapshot->blocks[i].address, .size = snapshot->blocks[i].size, .stack = snapshot->blocks[i].stack};
}

static void write_symbols(struct writer *writer)
{
	struct hds_symbol *to = begin_chunk(writer, HDS_CHUNK_SYMBOLS, sizeof(*to), writer->symbol_count);

	for (size_t i = 0; i < writer->symbol_count; i++) {
		const struct address *from = writer->symbols[i];
		to[i] = (struct hds_symbol){.module = from->module,
					    .flags = from->flags,
					    .offset = from->offset,
					    .first = from->first_location,
					    .count = from->location_count < HDS_INLINE_MAX ? from->location_count : HDS_INLINE_MAX};
	}
}

static void write_locations(struct writer *writer)
{
	const struct snapshot *snapshot = writer->snapshot;
	struct hds_location *to = begin_chunk(writer, HDS_CHUNK_LOCATIONS, sizeof(*to), snapshot->location_count);

	for (size_t i = 0; i < snapshot->location_count; i++) {
		const struct location *from = &snapshot->locations[i];
		to[i] = (struct hds_location){.function = string_ref(writer, from->function),
					      .linkage = string_ref(writer, from->linkage),
					      .file = string_ref(writer, from->file),
					      .line = from->line,
					      .function_line = from->function_line,
					      .flags = from->flags,
					      .symbol_offset = from->symbol_offset,
					      .text_hash = from->text_hash};
	}
}

/* Snapshots without sources have none. */
static bool has_statements(const struct snapshot *snapshot)
{
	for (size_t i = 0; i < snapshot->location_count; i++) {
		if (snapshot->locations[i].statement_hash)
			return true;
	}
	return false;
}

static void write_statements(struct writer *writer)
{
	const struct snapshot *snapshot = writer->snapshot;
	uint64_t *to;

	if (!has_statements(snapshot))
		return;
	to = begin_chunk(writer, HDS_CHUNK_STATEMENTS, sizeof(*to), snapshot->location_count);
	for (size_t i = 0; i < snapshot->location_count; i++)
		to[i] = snapshot->locations[i].statement_hash;
}

static void write_ages(struct writer *writer)
{
	const struct snapshot *snapshot = writer->snapshot;

	if (!snapshot->has_ages)
		return;
	struct hds_age *to = begin_chunk(writer, HDS_CHUNK_AGES, sizeof(*to), snapshot->age_count);
	for (size_t i = 0; i < snapshot->age_count; i++) {
		const struct age *from = &snapshot->ages[i];
		to[i] = (struct hds_age){.stack = from->stack,
					 .age = from->seconds,
					 .blocks = from->blocks,
					 .bytes = from->bytes,
					 .variance = from->variance};
	}
}

static void write_processes(struct writer *writer)
{
	const struct snapshot *snapshot = writer->snapshot;

	if (!snapshot->stack_process)
		return;
	uint32_t *names = begin_chunk(writer, HDS_CHUNK_PROCESSES, sizeof(*names), snapshot->process_count);
	for (size_t i = 0; i < snapshot->process_count; i++)
		names[i] = string_ref(writer, snapshot->processes[i]);
	uint32_t *of_stack = begin_chunk(writer, HDS_CHUNK_STACK_PROCESS, sizeof(*of_stack), snapshot->stack_count);
	memcpy(of_stack, snapshot->stack_process, snapshot->stack_count * sizeof(*of_stack));
}

/* ---- Symbols: one per address ---- */

static int compare_addresses(const void *a, const void *b)
{
	const struct address *one = *(const struct address *const *)a, *other = *(const struct address *const *)b;

	if (one->module != other->module)
		return one->module < other->module ? -1 : 1;
	if (one->offset != other->offset)
		return one->offset < other->offset ? -1 : 1;
	return one->flags < other->flags ? -1 : one->flags > other->flags;
}

static bool needs_symbol(const struct snapshot *snapshot, const struct address *address)
{
	if (address->location_count)
		return true;
	return snapshot->symbolised && address->module != HDS_MODULE_NONE && address->module != HDS_MODULE_SPECIAL;
}

static int collect_symbols(struct writer *writer)
{
	const struct snapshot *snapshot = writer->snapshot;

	writer->symbols = malloc((snapshot->address_count + 1) * sizeof(const struct address *));
	if (!writer->symbols)
		return error_nomem(writer->error);
	for (size_t i = 0; i < snapshot->address_count; i++)
		if (needs_symbol(snapshot, &snapshot->addresses[i]))
			writer->symbols[writer->symbol_count++] = &snapshot->addresses[i];
	qsort(writer->symbols, writer->symbol_count, sizeof(const struct address *), compare_addresses);
	return 0;
}

/* ---- The file ---- */

static size_t records_size(const struct writer *writer)
{
	const struct snapshot *snapshot = writer->snapshot;
	size_t size = count_info(&snapshot->info) * sizeof(struct hds_info);

	size += snapshot->module_count * sizeof(struct hds_module) + frame_count(snapshot) * sizeof(struct hds_frame);
	size += snapshot->stack_count * sizeof(struct hds_stack) + snapshot->thread_count * sizeof(struct hds_thread);
	size += snapshot->age_count * sizeof(struct hds_age);
	size += snapshot->block_count * sizeof(struct hds_block) + writer->symbol_count * sizeof(struct hds_symbol);
	size += snapshot->location_count * (sizeof(struct hds_location) + sizeof(uint64_t));
	if (snapshot->stack_process)
		size += (snapshot->process_count + snapshot->stack_count + 2) * sizeof(uint32_t);
	return size;
}

static int lay_out(struct writer *writer)
{
	if (collect_symbols(writer))
		return -1;
	writer->room = records_size(writer);
	writer->records = calloc(1, writer->room);
	if (!writer->records)
		return error_nomem(writer->error);
	strbuf_add(&writer->strings, "\0", 2);
	write_info(writer);
	write_modules(writer);
	write_frames(writer);
	write_stacks(writer);
	write_threads(writer);
	write_blocks(writer);
	write_ages(writer);
	if (writer->snapshot->symbolised || writer->symbol_count) {
		write_symbols(writer);
		write_locations(writer);
		write_statements(writer);
	}
	write_processes(writer);
	return writer->strings.failed ? error_nomem(writer->error) : 0;
}

/* Offsets and checksums, once everything has its place. */
static void finish_contents(struct writer *writer, struct hds_header *header)
{
	size_t start = sizeof(*header) + (writer->chunk_count + 1) * sizeof(struct hds_chunk);

	for (uint32_t i = 0; i < writer->chunk_count; i++) {
		struct hds_chunk *chunk = &writer->chunks[i];
		chunk->crc = (uint32_t)crc32_z(0, writer->records + chunk->offset, chunk->size);
		chunk->offset += start;
	}
	writer->chunks[writer->chunk_count++] =
		(struct hds_chunk){.id = HDS_CHUNK_STRINGS,
				   .record = 1,
				   .offset = start + writer->used,
				   .size = writer->strings.length,
				   .crc = (uint32_t)crc32_z(0, (const Bytef *)writer->strings.data, writer->strings.length)};
	*header = (struct hds_header){.magic = HDS_MAGIC,
				      .major = HDS_MAJOR,
				      .minor = HDS_MINOR,
				      .chunk_count = writer->chunk_count,
				      .file_size = start + writer->used + writer->strings.length};
	header->toc_crc = (uint32_t)crc32_z(0, (const Bytef *)writer->chunks, writer->chunk_count * sizeof(struct hds_chunk));
	header->header_crc = (uint32_t)crc32_z(0, (const Bytef *)header, sizeof(*header));
}

int snapshot_write(const struct snapshot *snapshot, const char *path, bool exclusive, struct error *error)
{
	struct writer writer = {.snapshot = snapshot, .error = error};
	struct hds_header header;
	int result = -1;

	strbuf_init(&writer.strings);
	idmap_init(&writer.string_map);
	if (lay_out(&writer))
		goto out;
	finish_contents(&writer, &header);
	struct iovec parts[] = {{&header, sizeof(header)},
				{writer.chunks, writer.chunk_count * sizeof(struct hds_chunk)},
				{writer.records, writer.used},
				{writer.strings.data, writer.strings.length}};
	result = put_file(path, exclusive, parts, 4, error);
out:
	strbuf_release(&writer.strings);
	idmap_release(&writer.string_map);
	free(writer.refs);
	free(writer.records);
	free(writer.symbols);
	return result;
}
