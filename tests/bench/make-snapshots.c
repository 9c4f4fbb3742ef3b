/* SPDX-License-Identifier: MIT */
/*
 * make-snapshots DIRECTORY [STACKS [DEPTH]]: writes old.hds and new.hds, two symbolised snapshots of STACKS (100 000) stacks of DEPTH (30)
 * frames each (1 % fewer, because some come twice), for measuring readers and comparisons.  Always the same bytes: no clock, no randomness of the system, and no code of the
 * analyzer, so that a mistake there cannot hide in both.
 *
 * The stacks are those of an imagined program: each shares its outer frames with the one before (a third of the depth at least), a function
 * calls one of six others, a quarter of the addresses has a function inlined.  The new snapshot has lost a tenth of the stacks and gained
 * as many; one in four of the rest has other numbers, and its records stand in another order, as those of another process would.
 */
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../include/heapdelta/hds.h"

enum { MODULES = 8, PER_MODULE = 2500, ADDRESSES = MODULES * PER_MODULE, CALLEES = 6, FILES = 1000, PER_FILE = ADDRESSES / FILES };

static void *allocate(size_t count, size_t size)
{
	void *memory = calloc(count ? count : 1, size);

	if (!memory) {
		perror("make-snapshots");
		exit(2);
	}
	return memory;
}

static uint64_t mix(uint64_t value)
{
	value = (value ^ value >> 31) * UINT64_C(0x9e3779b97f4a7c15);
	value = (value ^ value >> 29) * UINT64_C(0xbf58476d1ce4e5b9);
	return value ^ value >> 32;
}

/* ---- The stacks: addresses 0 … ADDRESSES − 1, outermost first ---- */

struct program {
	uint32_t *paths;
	size_t count, depth;
};

static uint32_t callee_of(uint32_t caller, uint64_t which)
{
	return (uint32_t)(mix((uint64_t)caller * CALLEES + which % CALLEES + 1) % ADDRESSES);
}

static void make_program(struct program *program)
{
	uint32_t *previous = NULL;

	program->paths = allocate(program->count * program->depth, sizeof(*program->paths));
	for (size_t i = 0; i < program->count; i++) {
		uint32_t *path = program->paths + i * program->depth;
		size_t shared = program->depth / 3 + mix(2 * i + 1) % (program->depth - program->depth / 3);
		for (size_t at = 0; at < program->depth; at++) {
			if (at && previous && at < shared)
				path[at] = previous[at];
			else
				path[at] = at ? callee_of(path[at - 1], mix(i * program->depth + at)) : 0;
		}
		previous = path;
	}
}

/* ---- One snapshot ---- */

struct image {
	struct hds_frame *frames;
	size_t frame_count;
	struct hds_stack *stacks;
	size_t stack_count;
	uint32_t *stack_of_frame; /* + 1; 0: none */
	uint32_t *slots;          /* frame by (parent, address) */
	size_t slot_mask;
	char *strings;
	size_t string_bytes, string_room;
};

static uint32_t frame_at(struct image *image, uint32_t parent, uint32_t address)
{
	struct hds_frame frame = {
		.parent = parent, .module = 1 + address / PER_MODULE, .offset = 0x1000 + UINT64_C(37) * (address % PER_MODULE)};
	size_t at = mix((uint64_t)parent << 20 ^ address) & image->slot_mask;

	for (; image->slots[at]; at = (at + 1) & image->slot_mask) {
		const struct hds_frame *found = &image->frames[image->slots[at]];
		if (found->parent == parent && found->module == frame.module && found->offset == frame.offset)
			return image->slots[at];
	}
	image->frames[image->frame_count] = frame;
	return image->slots[at] = (uint32_t)image->frame_count++;
}

/* The same path may come again: then its numbers grow. */
static void add_stack(struct image *image, const uint32_t *path, size_t depth, uint64_t blocks, uint64_t size)
{
	uint32_t frame = 0;

	for (size_t i = 0; i < depth; i++)
		frame = frame_at(image, frame, path[i]);
	uint32_t *number = &image->stack_of_frame[frame];
	if (!*number) {
		*number = (uint32_t)++image->stack_count;
		image->stacks[*number - 1] = (struct hds_stack){.frame = frame};
	}
	struct hds_stack *stack = &image->stacks[*number - 1];
	stack->live_blocks += blocks;
	stack->live_bytes += blocks * size;
	stack->total_blocks += 3 * blocks;
	stack->total_bytes += 3 * blocks * size;
	stack->temporary_blocks += blocks;
}

/* Stacks `first` to `last`, every `stride`th (which is prime to their number), so that the order is another one. */
static void make_image(struct image *image, const struct program *program, size_t first, size_t last, size_t stride)
{
	size_t count = last - first, room = count * program->depth + 1, slots = 1;

	while (slots < 2 * room)
		slots *= 2;
	image->frames = allocate(room, sizeof(*image->frames));
	image->stacks = allocate(count, sizeof(*image->stacks));
	image->stack_of_frame = allocate(room, sizeof(uint32_t));
	image->slots = allocate(slots, sizeof(uint32_t));
	image->slot_mask = slots - 1;
	image->frame_count = 1;
	for (size_t i = 0; i < count; i++) {
		size_t number = first + i * stride % count;
		uint64_t blocks = 1 + mix(number + 1) % 50, size = 16 + mix(number + 7) % 4096;
		if (stride != 1 && number % 4 == 0)
			blocks += 1 + number % 13;
		add_stack(image, program->paths + number * program->depth, program->depth, blocks, size);
	}
}

/* ---- Text and symbols: the same in both ---- */

static uint32_t add_string(struct image *image, const char *text)
{
	size_t size = strlen(text) + 1, at = image->string_bytes;

	if (at + size > image->string_room) {
		image->string_room = 2 * (at + size) + 4096;
		image->strings = realloc(image->strings, image->string_room);
		if (!image->strings)
			exit(2);
	}
	memcpy(image->strings + at, text, size);
	image->string_bytes += size;
	return (uint32_t)at;
}

static void make_modules(struct image *image, struct hds_module modules[MODULES + 1])
{
	char path[64];

	memset(modules, 0, (MODULES + 1) * sizeof(*modules));
	for (uint32_t i = 1; i <= MODULES; i++) {
		snprintf(path, sizeof(path), i == 1 ? "/home/user/project/build/server" : "/usr/lib/libcomponent%u.so.%u", i, i);
		modules[i] = (struct hds_module){.start = UINT64_C(0x10000000) * i,
						 .end = UINT64_C(0x10000000) * i + 0x1000000,
						 .bias = UINT64_C(0x10000000) * i,
						 .path = add_string(image, path),
						 .build_id_size = 20,
						 .build_id = {(uint8_t)i, 0xab}};
	}
}

struct symbols {
	struct hds_symbol symbols[ADDRESSES];
	struct hds_location locations[2 * ADDRESSES];
	uint32_t files[FILES];
	size_t location_count;
};

/* A third of the files is the project's, the rest are libraries'. */
static void make_files(struct image *image, struct symbols *symbols)
{
	char path[96];

	for (unsigned i = 0; i < FILES; i++) {
		snprintf(path, sizeof(path),
			 i % 3 == 0 ? "/home/user/project/src/component-%02u/unit-%04u.cpp" : "/usr/src/library-%02u/core/unit-%04u.c",
			 i / 20, i);
		symbols->files[i] = add_string(image, path);
	}
}

static void add_location(struct image *image, struct symbols *symbols, uint32_t address, bool inlined)
{
	char name[96];

	snprintf(name, sizeof(name), inlined ? "component_%02u::helper<%u>::apply(int)" : "component_%02u::function_%05u(char const*)",
		 address / PER_FILE / 20, address);
	symbols->locations[symbols->location_count++] = (struct hds_location){
		.function = add_string(image, name),
		.file = symbols->files[(address / PER_FILE + inlined) % FILES],
		.line = 10 + address % PER_FILE * 25,
		.function_line = 5 + address % PER_FILE * 25,
		.flags = inlined ? HDS_LOCATION_INLINED : 0,
		.symbol_offset = inlined ? 0 : 20,
		.text_hash = mix(address + 1) | 1,
	};
}

static struct symbols *make_symbols(struct image *image)
{
	struct symbols *symbols = allocate(1, sizeof(*symbols));

	make_files(image, symbols);
	for (uint32_t address = 0; address < ADDRESSES; address++) {
		bool inlined = address % 4 == 1;
		symbols->symbols[address] = (struct hds_symbol){.module = 1 + address / PER_MODULE,
								.offset = 0x1000 + UINT64_C(37) * (address % PER_MODULE),
								.first = (uint32_t)symbols->location_count,
								.count = inlined ? 2 : 1};
		if (inlined)
			add_location(image, symbols, address, true);
		add_location(image, symbols, address, false);
	}
	return symbols;
}

static size_t make_info(struct image *image, struct hds_info info[16])
{
	uint64_t sums[4] = {0};
	size_t count = 0;

	for (size_t i = 0; i < image->stack_count; i++) {
		sums[0] += image->stacks[i].live_blocks;
		sums[1] += image->stacks[i].live_bytes;
		sums[2] += image->stacks[i].total_blocks;
		sums[3] += image->stacks[i].total_bytes;
	}
	for (uint32_t key = HDS_KEY_LIVE_BLOCKS; key <= HDS_KEY_TOTAL_BYTES; key++)
		info[count++] = (struct hds_info){.key = key, .value = sums[key - HDS_KEY_LIVE_BLOCKS]};
	info[count++] = (struct hds_info){.key = HDS_KEY_PID, .value = 4711};
	info[count++] = (struct hds_info){.key = HDS_KEY_COMMAND, .value = add_string(image, "./server -c dev.conf")};
	info[count++] = (struct hds_info){.key = HDS_KEY_SOURCE_ROOT, .value = add_string(image, "/home/user/project")};
	return count;
}

/* ---- The file ---- */

static uint32_t crc_of(const void *bytes, size_t size)
{
	static uint32_t table[256];
	const uint8_t *at = bytes;
	uint32_t crc = UINT32_MAX;

	for (uint32_t i = 0; i < 256 && !table[255]; i++) {
		table[i] = i;
		for (int bit = 0; bit < 8; bit++)
			table[i] = table[i] >> 1 ^ (table[i] & 1 ? 0xedb88320u : 0);
	}
	for (; size; size--)
		crc = crc >> 8 ^ table[(crc ^ *at++) & 0xff];
	return ~crc;
}

struct part {
	uint32_t id, record;
	const void *records;
	size_t count;
};

static void write_file(const char *path, const struct part *parts, uint32_t count)
{
	struct hds_chunk chunks[8] = {0};
	struct hds_header header = {.magic = HDS_MAGIC, .major = HDS_MAJOR, .minor = HDS_MINOR, .chunk_count = count};
	uint64_t at = sizeof(header) + count * sizeof(*chunks);
	FILE *file = fopen(path, "wb");

	for (uint32_t i = 0; i < count; i++) {
		size_t size = parts[i].count * parts[i].record;
		chunks[i] = (struct hds_chunk){
			.id = parts[i].id, .record = parts[i].record, .offset = at, .size = size, .crc = crc_of(parts[i].records, size)};
		at += (size + 7) & ~UINT64_C(7);
	}
	header.file_size = chunks[count - 1].offset + chunks[count - 1].size;
	header.toc_crc = crc_of(chunks, count * sizeof(*chunks));
	header.header_crc = crc_of(&header, sizeof(header));
	bool good = file && fwrite(&header, sizeof(header), 1, file) == 1 && fwrite(chunks, sizeof(*chunks), count, file) == count;
	for (uint32_t i = 0; good && i < count; i++)
		good = fseek(file, (long)chunks[i].offset, SEEK_SET) == 0 &&
		       fwrite(parts[i].records, parts[i].record, parts[i].count, file) == parts[i].count;
	if (!good || fclose(file) != 0) {
		perror(path);
		exit(2);
	}
}

static void make_snapshot(const struct program *program, const char *path, size_t first, size_t last, size_t stride)
{
	struct image image = {0};
	struct hds_module modules[MODULES + 1];
	struct hds_info info[16];

	add_string(&image, "");
	make_image(&image, program, first, last, stride);
	make_modules(&image, modules);
	struct symbols *symbols = make_symbols(&image);
	size_t facts = make_info(&image, info);
	const struct part parts[] = {
		{HDS_CHUNK_INFO, sizeof(*info), info, facts},
		{HDS_CHUNK_MODULES, sizeof(*modules), modules, MODULES + 1},
		{HDS_CHUNK_FRAMES, sizeof(*image.frames), image.frames, image.frame_count},
		{HDS_CHUNK_STACKS, sizeof(*image.stacks), image.stacks, image.stack_count},
		{HDS_CHUNK_SYMBOLS, sizeof(*symbols->symbols), symbols->symbols, ADDRESSES},
		{HDS_CHUNK_LOCATIONS, sizeof(*symbols->locations), symbols->locations, symbols->location_count},
		{HDS_CHUNK_STRINGS, 1, image.strings, image.string_bytes},
	};
	write_file(path, parts, sizeof(parts) / sizeof(*parts));
	printf("%s: %zu stacks, %zu frames\n", path, image.stack_count, image.frame_count);
	free(symbols);
	free(image.frames);
	free(image.stacks);
	free(image.stack_of_frame);
	free(image.slots);
	free(image.strings);
}

int main(int argc, char **argv)
{
	struct program program = {.depth = argc > 3 ? strtoul(argv[3], NULL, 10) : 30};
	size_t stacks = argc > 2 ? strtoul(argv[2], NULL, 10) : 100000;
	char path[4096];

	if (argc < 2 || stacks < 10 || program.depth < 3) {
		fprintf(stderr, "usage: make-snapshots DIRECTORY [STACKS [DEPTH]]\n");
		return 2;
	}
	program.count = stacks + stacks / 10;
	make_program(&program);
	snprintf(path, sizeof(path), "%s/old.hds", argv[1]);
	make_snapshot(&program, path, 0, stacks, 1);
	snprintf(path, sizeof(path), "%s/new.hds", argv[1]);
	make_snapshot(&program, path, program.count - stacks, program.count, 7919);
	free(program.paths);
	return 0;
}
