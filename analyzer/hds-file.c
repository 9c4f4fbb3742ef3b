/* SPDX-License-Identifier: MIT */
/*
 * Comes in: the bytes of a snapshot file.  Goes out: chunks whose bounds, checksums and record sizes are right, and their text.  Not
 * thread-safe.  The table of contents is checked as a whole before anybody looks at a chunk.
 */
#include "hds-file.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

static const struct {
	uint32_t id;
	uint32_t record;
	bool required;
} known_chunks[HDS_KNOWN_CHUNKS] = {
	[HDS_STRINGS] = {HDS_CHUNK_STRINGS, 1, true},
	[HDS_INFO] = {HDS_CHUNK_INFO, sizeof(struct hds_info), true},
	[HDS_MODULES] = {HDS_CHUNK_MODULES, sizeof(struct hds_module), false},
	[HDS_FRAMES] = {HDS_CHUNK_FRAMES, sizeof(struct hds_frame), true},
	[HDS_STACKS] = {HDS_CHUNK_STACKS, sizeof(struct hds_stack), false},
	[HDS_THREADS] = {HDS_CHUNK_THREADS, sizeof(struct hds_thread), false},
	[HDS_BLOCKS] = {HDS_CHUNK_BLOCKS, sizeof(struct hds_block), false},
	[HDS_AGES] = {HDS_CHUNK_AGES, sizeof(struct hds_age), false},
	[HDS_SYMBOLS] = {HDS_CHUNK_SYMBOLS, sizeof(struct hds_symbol), false},
	[HDS_LOCATIONS] = {HDS_CHUNK_LOCATIONS, sizeof(struct hds_location), false},
	[HDS_STATEMENTS] = {HDS_CHUNK_STATEMENTS, sizeof(uint64_t), false},
	[HDS_PROCESSES] = {HDS_CHUNK_PROCESSES, sizeof(uint32_t), false},
	[HDS_STACK_PROCESS] = {HDS_CHUNK_STACK_PROCESS, sizeof(uint32_t), false},
};

struct hds_string {
	uint32_t offset;
	const char *text; /* interned */
};

/* ---- Header and table of contents ---- */

static int check_header(struct hds_file *file, const struct hds_header *header)
{
	const char *name = file->name;
	struct hds_header copy = *header;

	if (header->magic != HDS_MAGIC)
		return error_set(file->error, "'%s' is not a heapdelta snapshot", name);
	if (header->major != HDS_MAJOR)
		return error_set(file->error, "'%s' has format version %u.%u; this heapdelta reads up to %d.%d", name, header->major,
				 header->minor, HDS_MAJOR, HDS_MINOR);
	copy.header_crc = 0;
	if (crc32(0, (const Bytef *)&copy, sizeof(copy)) != header->header_crc)
		return hds_damaged(file, "the header's %s does not match", "checksum");
	if (header->file_size > file->size)
		return error_set(file->error, "'%s' is truncated: it has %zu of %llu bytes", name, file->size,
				 (unsigned long long)header->file_size);
	if (header->file_size < file->size)
		return hds_damaged(file, "%llu bytes follow its end", (unsigned long long)(file->size - header->file_size));
	if (header->chunk_count > (file->size - sizeof(*header)) / sizeof(struct hds_chunk))
		return hds_damaged(file, "a table of contents of %u chunks does not fit into it", header->chunk_count);
	return 0;
}

/* Name of a chunk for messages. */
static const char *chunk_text(char text[8], uint32_t id)
{
	memcpy(text, &id, 4);
	text[4] = '\0';
	return text;
}

static int check_chunk(struct hds_file *file, const struct hds_chunk *chunk)
{
	char name[8];

	chunk_text(name, chunk->id);
	if (chunk->offset % 8 || chunk->offset > file->size || chunk->size > file->size - chunk->offset)
		return hds_damaged(file, "chunk %s lies outside of it", name);
	if (!chunk->record || chunk->size % chunk->record)
		return hds_damaged(file, "chunk %s does not end with a record", name);
	const uint8_t *at = file->data + chunk->offset;
	if (crc32_z(0, at, chunk->size) != chunk->crc)
		return hds_damaged(file, "the checksum of chunk %s does not match", name);
	for (int i = 0; i < HDS_KNOWN_CHUNKS; i++) {
		if (known_chunks[i].id != chunk->id)
			continue;
		if (chunk->record != known_chunks[i].record)
			return hds_damaged(file, "chunk %s has records of %u bytes, not %u", name, chunk->record, known_chunks[i].record);
		if (file->chunks[i].at)
			return hds_damaged(file, "chunk %s appears twice", name);
		if (chunk->size / chunk->record >= UINT32_MAX)
			return hds_damaged(file, "chunk %s has too many records", name);
		file->chunks[i].at = at;
		file->chunks[i].count = chunk->size / chunk->record;
	}
	return 0;
}

static int check_contents(struct hds_file *file)
{
	struct hds_header header;
	char name[8];

	if (file->size < sizeof(header))
		return error_set(file->error, "'%s' is truncated: %zu bytes are less than a header", file->name, file->size);
	memcpy(&header, file->data, sizeof(header));
	if (check_header(file, &header))
		return -1;
	const struct hds_chunk *toc = (const struct hds_chunk *)(file->data + sizeof(header));
	if (crc32_z(0, (const Bytef *)toc, header.chunk_count * sizeof(*toc)) != header.toc_crc)
		return hds_damaged(file, "the checksum of its %s does not match", "table of contents");
	for (uint32_t i = 0; i < header.chunk_count; i++)
		if (check_chunk(file, &toc[i]))
			return -1;
	for (int i = 0; i < HDS_KNOWN_CHUNKS; i++)
		if (known_chunks[i].required && !file->chunks[i].at)
			return hds_damaged(file, "it has no chunk %s", chunk_text(name, known_chunks[i].id));
	return 0;
}

/* ---- Strings ---- */

static bool same_string(const void *records, uint32_t id, const void *key)
{
	return ((const struct hds_string *)records)[id].offset == *(const uint32_t *)key;
}

static int reserve_string(struct hds_file *file)
{
	if (file->string_count < file->string_room)
		return 0;
	size_t room = file->string_room ? file->string_room * 2 : 64;
	struct hds_string *strings = reallocarray(file->strings, room, sizeof(*strings));
	if (!strings)
		return -1;
	file->strings = strings;
	file->string_room = room;
	return 0;
}

/* The text at an offset that has just been seen to begin a string; NULL: out of memory. */
static const char *remember(struct hds_file *file, uint32_t hash, uint32_t offset)
{
	const char *text = intern_add(file->intern, (const char *)file->chunks[HDS_STRINGS].at + offset);

	if (!text || reserve_string(file) || idmap_add(&file->string_map, hash, (uint32_t)file->string_count)) {
		error_nomem(file->error);
		return NULL;
	}
	file->strings[file->string_count++] = (struct hds_string){.offset = offset, .text = text};
	return text;
}

const char *hds_file_string(struct hds_file *file, uint32_t offset, const char *what)
{
	const char *all = file->chunks[HDS_STRINGS].at;

	if (!offset)
		return "";
	/* Only whole strings: otherwise n overlapping ones would take n²/2 bytes. */
	if (offset >= file->chunks[HDS_STRINGS].count || all[offset - 1] != '\0') {
		hds_damaged(file, "%s: no string begins at %u", what, offset);
		return NULL;
	}
	uint32_t hash = idmap_hash(&file->string_map, (uint64_t[]){offset}, 1);
	uint32_t found = idmap_find(&file->string_map, hash, same_string, file->strings, &offset);
	return found == IDMAP_NONE ? remember(file, hash, offset) : file->strings[found].text;
}

static int check_strings(struct hds_file *file)
{
	const char *all = file->chunks[HDS_STRINGS].at;
	size_t count = file->chunks[HDS_STRINGS].count;

	if (!count || all[0] || all[count - 1])
		return hds_damaged(file, "chunk %s does not begin and end with NUL", "STRS");
	return 0;
}

int hds_file_check(struct hds_file *file)
{
	idmap_init(&file->string_map);
	return check_contents(file) || check_strings(file) ? -1 : 0;
}

void hds_file_release(struct hds_file *file)
{
	idmap_release(&file->string_map);
	free(file->strings);
}
