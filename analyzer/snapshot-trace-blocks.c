/* SPDX-License-Identifier: MIT */
/*
 * Comes in: the block tables of a trace file whose process may go on allocating.  Goes out: live blocks and bytes per stack, and if
 * asked for the blocks themselves.
 * A block that stays live sits in one slot of one leaf, and a leaf that its directory word named before and after it was copied was the
 * page's leaf all the time in between.  So: copy all words, copy the slots piece by piece, copy the words again; a page whose word names
 * another leaf by then is read again on its own.  Pieces bound our memory, whatever the size of the heap.
 */
#include "snapshot-trace-blocks.h"

#include <stdlib.h>
#include <string.h>

#include "heapdelta/sampling.h"

#define PIECE_BYTES (16u << 20)
#define LEAF_BYTES_MAX (sizeof(uint64_t) << HDT_LEAF_BITS_MAX)
#define RETRIES 64 /* a page's leaf can only grow, and that HDT_LEAF_BITS_MAX times */

struct large_size {
	uint64_t address, size;
	bool in_realloc; /* of the block that is inside a realloc at this address */
};

struct large_block {
	uint64_t address;
	uint32_t stack;
	uint16_t code;
	bool in_realloc;
};

/* A leaf as it was copied. */
struct leaf {
	const uint64_t *slots;
	const uint16_t *codes;
	size_t count;
};

struct scan {
	struct trace_numbers *numbers;
	struct trace_file *file;
	struct large_size *sizes; /* of blocks whose size does not fit into their slot, by address */
	size_t size_count, size_room;
	struct large_block *larges; /* found in slots, waiting for their sizes */
	size_t large_count, large_room;
	uint64_t *regions, *words, *words_again;
	size_t page_count; /* words */
	uint64_t slot_bytes;
	uint64_t leaf_bytes; /* of all leaves counted so far: leaves are disjoint, so never more than slot_bytes */
	uint64_t *piece;
	uint16_t *codes; /* of the slots in it */
};

/* ---- Numbers ---- */

int trace_numbers_grow(struct trace_numbers *numbers)
{
	uint64_t bytes;

	if (trace_file_used(numbers->file, HDT_AREA_NODES, &bytes))
		return -1;
	size_t count = bytes / sizeof(struct hdt_node);
	if (count > HDT_NODE_MAX)
		count = HDT_NODE_MAX;
	if (!count)
		count = 1;
	if (count <= numbers->node_count)
		return 0;
	if (array_reserve(&numbers->nodes, &numbers->node_room, count, sizeof(*numbers->nodes)))
		return error_nomem(numbers->file->error);
	memset(numbers->nodes + numbers->node_count, 0, (count - numbers->node_count) * sizeof(*numbers->nodes));
	numbers->node_count = count;
	return 0;
}

void trace_numbers_release(struct trace_numbers *numbers)
{
	free(numbers->nodes);
	free(numbers->others);
	free(numbers->blocks);
	trace_ages_release(&numbers->ages);
}

uint64_t trace_blocks(uint64_t distance, uint64_t count)
{
	return distance ? sampling_round_blocks(count) : count;
}

/* A block's stack was there before the block: an id beyond is damage, and the block is kept without its stack. */
static uint32_t known_node(struct trace_numbers *numbers, uint32_t node)
{
	if (node < numbers->node_count)
		return node;
	numbers->lost[HDT_LOSS_STACK]++;
	return 0;
}

/* What a block stands for. */
static struct age weigh(struct trace_numbers *numbers, uint64_t size, uint16_t code)
{
	struct age age = {.seconds = trace_ages_seconds(&numbers->ages, code), .blocks = 1, .bytes = size};

	if (numbers->distance) {
		struct sampling_weight weight = sampling_weigh(numbers->distance, size);
		age.blocks = weight.parts;
		age.bytes = weight.bytes;
		age.variance = sampling_variance(weight, size);
	}
	return age;
}

static int add_block(struct trace_numbers *numbers, struct block block, uint16_t code)
{
	uint32_t number = known_node(numbers, block.stack);
	struct node_numbers *node = &numbers->nodes[number];
	struct age age = weigh(numbers, block.size, code);

	age.stack = number;
	node->live_blocks += age.blocks;
	node->live_bytes += age.bytes;
	node->live_variance = sampling_add_variance(node->live_variance, age.variance);
	if (age_list_add(&numbers->ages.list, &age))
		return error_nomem(numbers->file->error);
	if (!numbers->with_blocks)
		return 0;
	if (array_reserve(&numbers->blocks, &numbers->block_room, numbers->block_count + 1, sizeof(*numbers->blocks)))
		return error_nomem(numbers->file->error);
	block.stack = number;
	numbers->blocks[numbers->block_count++] = block;
	return 0;
}

/* ---- Extras ---- */

static int add_size(struct scan *scan, const struct hdt_extra *extra)
{
	if (array_reserve(&scan->sizes, &scan->size_room, scan->size_count + 1, sizeof(*scan->sizes)))
		return error_nomem(scan->file->error);
	scan->sizes[scan->size_count++] = (struct large_size){
		.address = extra->address, .size = extra->size, .in_realloc = HDT_EXTRA_STATE(extra->state) == HDT_EXTRA_REALLOC_SIZE};
	return 0;
}

static int add_other(struct scan *scan, const struct hdt_extra *extra, uint16_t code)
{
	struct trace_numbers *numbers = scan->numbers;

	if (array_reserve(&numbers->others, &numbers->other_room, numbers->other_count + 1, sizeof(*numbers->others)))
		return error_nomem(scan->file->error);
	numbers->others[numbers->other_count++] = (struct other_block){.address = extra->address,
								       .size = extra->size,
								       .node = known_node(numbers, extra->stack),
								       .domain = extra->domain,
								       .seconds = trace_ages_seconds(&numbers->ages, code)};
	return 0;
}

static bool same_extra(const struct hdt_extra *a, const struct hdt_extra *b)
{
	return a->address == b->address && a->size == b->size && a->domain == b->domain && a->stack == b->stack && a->state == b->state;
}

/* A record that changed between two copies is one that came or went meanwhile; one that stays is the same in both. */
static int add_extras(struct scan *scan, const struct hdt_extra *once, const struct hdt_extra *again, const uint16_t *codes, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		uint32_t state = HDT_EXTRA_STATE(once[i].state);
		int result = 0;
		if (!same_extra(&once[i], &again[i]))
			continue;
		if (state == HDT_EXTRA_SIZE || state == HDT_EXTRA_REALLOC_SIZE)
			result = add_size(scan, &once[i]);
		else if (state == HDT_EXTRA_LIVE && once[i].domain)
			result = add_other(scan, &once[i], codes[i]);
		else if (state == HDT_EXTRA_LIVE)
			result = add_block(scan->numbers,
					   (struct block){.address = once[i].address, .size = once[i].size, .stack = once[i].stack},
					   codes[i]);
		if (result)
			return -1;
	}
	return 0;
}

static int compare_sizes(const void *a, const void *b)
{
	const struct large_size *one = a, *other = b;

	if (one->address != other->address)
		return one->address < other->address ? -1 : 1;
	return one->in_realloc - other->in_realloc;
}

static int read_extras(struct scan *scan)
{
	enum { BATCH = 4096 };
	struct hdt_extra *copies = malloc(2 * BATCH * sizeof(*copies));
	uint16_t codes[BATCH];
	uint64_t used, at = 0;
	int result = copies ? trace_file_used(scan->file, HDT_AREA_EXTRAS, &used) : error_nomem(scan->file->error);

	while (!result && at < used) {
		size_t bytes = used - at < BATCH * sizeof(*copies) ? (size_t)(used - at) : BATCH * sizeof(*copies);
		if (trace_file_read(scan->file, HDT_AREA_EXTRAS, at, copies, bytes) ||
		    trace_file_read(scan->file, HDT_AREA_EXTRAS, at, copies + BATCH, bytes) || trace_numbers_grow(scan->numbers) ||
		    trace_ages_read(&scan->numbers->ages, HDT_AREA_EXTRA_AGES, at / sizeof(*copies), codes, bytes / sizeof(*copies)) ||
		    add_extras(scan, copies, copies + BATCH, codes, bytes / sizeof(*copies)))
			result = -1;
		at += bytes;
	}
	free(copies);
	if (!result && scan->size_count)
		qsort(scan->sizes, scan->size_count, sizeof(*scan->sizes), compare_sizes);
	return result;
}

/* ---- Leaves ---- */

static const struct large_size *find_size(const struct scan *scan, uint64_t address, bool in_realloc)
{
	struct large_size key = {.address = address, .in_realloc = in_realloc};

	return scan->size_count ? bsearch(&key, scan->sizes, scan->size_count, sizeof(key), compare_sizes) : NULL;
}

/* A block whose realloc began or failed in between has its size in the other record. */
static const struct large_size *size_of(const struct scan *scan, const struct large_block *large)
{
	const struct large_size *found = find_size(scan, large->address, large->in_realloc);

	return found ? found : find_size(scan, large->address, !large->in_realloc);
}

/* A size is recorded before its slot and taken after it: read later than the slots, it is missing only if the block was freed meanwhile. */
static int add_larges(struct scan *scan)
{
	for (size_t i = 0; i < scan->large_count; i++) {
		const struct large_block *large = &scan->larges[i];
		const struct large_size *found = size_of(scan, large);
		struct block block = {.address = large->address, .size = found ? found->size : 0, .stack = large->stack};
		if (found && add_block(scan->numbers, block, large->code))
			return -1;
	}
	return 0;
}

static int add_slot(struct scan *scan, uint64_t slot, uint64_t address, uint16_t code)
{
	struct block block = {.address = address, .size = HDT_SLOT_SIZE(slot), .stack = HDT_SLOT_STACK(slot)};

	if (block.size < HDT_SIZE_MAX)
		return add_block(scan->numbers, block, code);
	if (array_reserve(&scan->larges, &scan->large_room, scan->large_count + 1, sizeof(*scan->larges)))
		return error_nomem(scan->file->error);
	scan->larges[scan->large_count++] = (struct large_block){address, HDT_SLOT_STACK(slot), code, (slot & HDT_SLOT_REALLOC) != 0};
	return 0;
}

static int add_leaf(struct scan *scan, size_t page, struct leaf leaf)
{
	uint64_t base = scan->regions[page / HDT_PAGES_PER_NODE] << HDT_REGION_SHIFT | (page % HDT_PAGES_PER_NODE) << HDT_PAGE_SHIFT;

	scan->leaf_bytes += leaf.count * sizeof(*leaf.slots);
	if (scan->leaf_bytes > scan->slot_bytes)
		return trace_damaged(scan->file, "its leaves overlap at page %zu", page);
	for (size_t i = 0; i < leaf.count; i++) {
		uint64_t slot = leaf.slots[i];
		if (slot & HDT_SLOT_LIVE && add_slot(scan, slot, base | (uint64_t)HDT_SLOT_OFFSET(slot) << 3, leaf.codes[i]))
			return -1;
	}
	return 0;
}

static uint64_t leaf_start(uint64_t word)
{
	return HDT_DIR_LEAF(word) * sizeof(uint64_t);
}

static uint64_t leaf_size(uint64_t word)
{
	return sizeof(uint64_t) << HDT_DIR_BITS(word);
}

/* Words that differ in their window (maxd) only name the same leaf. */
static bool same_leaf(uint64_t a, uint64_t b)
{
	return HDT_DIR_LEAF(a) == HDT_DIR_LEAF(b) && HDT_DIR_BITS(a) == HDT_DIR_BITS(b);
}

static int check_word(struct scan *scan, size_t page, uint64_t word)
{
	if (HDT_DIR_BITS(word) <= HDT_LEAF_BITS_MAX && leaf_start(word) <= scan->slot_bytes &&
	    leaf_size(word) <= scan->slot_bytes - leaf_start(word))
		return 0;
	return trace_damaged(scan->file, "page %zu has no such leaf", page);
}

/* After the slots: a code is written before its slot. */
static int read_codes(struct scan *scan, uint64_t from, uint16_t *codes, uint64_t size)
{
	return trace_ages_read(&scan->numbers->ages, HDT_AREA_AGES, from / sizeof(uint64_t), codes, size / sizeof(uint64_t));
}

/* One page on its own, until its word names the same leaf before and after. */
static int read_page(struct scan *scan, size_t page)
{
	uint64_t word, again, slots[1 << HDT_LEAF_BITS_MAX];
	uint16_t codes[1 << HDT_LEAF_BITS_MAX];
	uint64_t at = page * sizeof(word);

	if (trace_file_read(scan->file, HDT_AREA_PAGES, at, &word, sizeof(word)))
		return -1;
	for (int attempt = 0; word; attempt++, word = again) {
		if (trace_file_used(scan->file, HDT_AREA_SLOTS, &scan->slot_bytes) || check_word(scan, page, word) ||
		    trace_file_read(scan->file, HDT_AREA_SLOTS, leaf_start(word), slots, leaf_size(word)) ||
		    read_codes(scan, leaf_start(word), codes, leaf_size(word)) ||
		    trace_file_read(scan->file, HDT_AREA_PAGES, at, &again, sizeof(again)))
			return -1;
		bool steady = same_leaf(word, again);
		if (!steady && attempt < RETRIES)
			continue;
		scan->numbers->lost[HDT_LOSS_BLOCK] += !steady;
		struct leaf leaf = {slots, codes, leaf_size(word) / sizeof(word)};
		return trace_numbers_grow(scan->numbers) || add_leaf(scan, page, leaf) ? -1 : 0;
	}
	return 0;
}

/* All pages whose leaf begins in the piece of the slots that starts at `from`. */
static int add_piece(struct scan *scan, uint64_t from)
{
	for (size_t page = HDT_PAGES_PER_NODE; page < scan->page_count; page++) {
		uint64_t word = scan->words[page];
		if (!word || leaf_start(word) < from || leaf_start(word) - from >= PIECE_BYTES)
			continue;
		if (!same_leaf(word, scan->words_again[page])) {
			if (read_page(scan, page))
				return -1;
			continue;
		}
		size_t first = (leaf_start(word) - from) / sizeof(word);
		struct leaf leaf = {scan->piece + first, scan->codes + first, leaf_size(word) / sizeof(word)};
		if (check_word(scan, page, word) || add_leaf(scan, page, leaf))
			return -1;
	}
	return 0;
}

static int read_pieces(struct scan *scan)
{
	size_t page_bytes = scan->page_count * sizeof(uint64_t);

	for (size_t page = 0; page < scan->page_count; page++)
		if (scan->words[page] && check_word(scan, page, scan->words[page]))
			return -1;
	uint64_t end = scan->slot_bytes;
	for (uint64_t from = 0; from < end; from += PIECE_BYTES) {
		uint64_t size = end - from < PIECE_BYTES + LEAF_BYTES_MAX ? end - from : PIECE_BYTES + LEAF_BYTES_MAX;
		if (trace_file_read(scan->file, HDT_AREA_SLOTS, from, scan->piece, size) || read_codes(scan, from, scan->codes, size) ||
		    trace_file_read(scan->file, HDT_AREA_PAGES, 0, scan->words_again, page_bytes) || trace_numbers_grow(scan->numbers) ||
		    add_piece(scan, from))
			return -1;
	}
	return 0;
}

/* Words first: the slots that they name are below the watermark that is read after them. */
static int load_words(struct scan *scan)
{
	size_t page_bytes, region_bytes;

	scan->words = trace_file_load(scan->file, HDT_AREA_PAGES, &page_bytes);
	scan->regions = scan->words ? trace_file_load(scan->file, HDT_AREA_REGIONS, &region_bytes) : NULL;
	if (!scan->regions || trace_file_used(scan->file, HDT_AREA_SLOTS, &scan->slot_bytes))
		return -1;
	/* A node that has no region yet has no blocks, either. */
	size_t nodes = page_bytes / sizeof(struct hdt_page_node), named = region_bytes / sizeof(uint64_t);
	scan->page_count = (nodes < named ? nodes : named) * HDT_PAGES_PER_NODE;
	size_t piece = scan->slot_bytes < PIECE_BYTES ? (size_t)scan->slot_bytes : PIECE_BYTES;
	scan->words_again = malloc(page_bytes + 1);
	scan->piece = malloc(piece + LEAF_BYTES_MAX);
	scan->codes = malloc((piece + LEAF_BYTES_MAX) / sizeof(*scan->piece) * sizeof(*scan->codes));
	return scan->words_again && scan->piece && scan->codes ? 0 : error_nomem(scan->file->error);
}

int trace_read_blocks(struct trace_numbers *numbers)
{
	struct scan scan = {.numbers = numbers, .file = numbers->file};
	bool failed = trace_numbers_grow(numbers) || load_words(&scan) || read_pieces(&scan) || read_extras(&scan) || add_larges(&scan);

	free(scan.sizes);
	free(scan.larges);
	free(scan.regions);
	free(scan.words);
	free(scan.words_again);
	free(scan.piece);
	free(scan.codes);
	return failed ? -1 : 0;
}
