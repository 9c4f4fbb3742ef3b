/* SPDX-License-Identifier: MIT */
/*
 * Growth of leaves.  Comes in: a page's directory word with a leaf that is full or being copied; goes out: a larger leaf in the word.
 *
 * Any number of threads may do this at once, each with a leaf of its own: every slot is frozen by an atomic or, after which it cannot
 * change any more, so all copies hold the same blocks, and one CAS of the directory word publishes one of them.  Nobody waits.  The new
 * leaf is allocated before anything is frozen.  The old leaf is never used again: an outside reader may still be copying it.
 */
#include "leaves.h"

#include <string.h>

#include "ages.h"
#include "guard.h"

#define CHUNK_SLOTS 512u   /* what a thread takes from the area at once */
#define CHUNK_REST_MAX 64u /* a rest larger than this is kept, and a larger leaf comes from the area */
#define SLOTS_PER_LINE 8u
#define LEAF_SLOTS_MAX (1u << HDT_LEAF_BITS_MAX)

/* A block is looked for this far from its place: near in a leaf that is three quarters full, where more room keeps the blocks apart; far in
 * one that is not, because they are small ones beside a large one, crowded into a part of the page, and more room would stay empty. */
#define NEAR 6u
#define FAR 24u

/* ---- Room for leaves --------------------------------------------------------------------------------------------------------- */

static uint64_t take_from_area(uint64_t slots)
{
	uint64_t line = slots < SLOTS_PER_LINE ? slots : SLOTS_PER_LINE;
	uint64_t offset = trace_alloc(HDT_AREA_SLOTS, slots * sizeof(uint64_t), line * sizeof(uint64_t));

	if (offset == TRACE_NONE || !ages_reach(HDT_AREA_AGES, offset / sizeof(uint64_t) + slots))
		return 0;
	return offset / sizeof(uint64_t);
}

static uint64_t take_from_chunk(struct thread_state *thread, uint64_t slots)
{
	uint64_t line = slots < SLOTS_PER_LINE ? slots : SLOTS_PER_LINE;
	uint64_t leaf = (thread->leaf_next + line - 1) & ~(line - 1);

	if (thread->leaf_end == 0 || leaf + slots > thread->leaf_end)
		return 0;
	thread->leaf_next = leaf + slots;
	return leaf;
}

static bool renew_chunk(struct thread_state *thread)
{
	uint64_t chunk = take_from_area(CHUNK_SLOTS);

	if (chunk == 0)
		return false;
	thread->leaf_next = chunk;
	thread->leaf_end = chunk + CHUNK_SLOTS;
	return true;
}

/* The number of the first of `slots` empty slots, 0: no room.  A nested event may have interrupted the chunk's owner, which is itself. */
static uint64_t take_slots(uint64_t slots)
{
	struct thread_state *thread = &thread_state;

	if (thread->depth != 1)
		return take_from_area(slots);
	uint64_t leaf = take_from_chunk(thread, slots);
	if (leaf != 0)
		return leaf;
	if (slots > CHUNK_REST_MAX && thread->leaf_end - thread->leaf_next > CHUNK_REST_MAX)
		return take_from_area(slots);
	return renew_chunk(thread) ? take_from_chunk(thread, slots) : take_from_area(slots);
}

/* A leaf that nobody else has seen: empty it and put it back if it is the last one taken. */
static void give_back(uint64_t leaf, uint64_t slots)
{
	struct thread_state *thread = &thread_state;

	if (thread->depth != 1 || thread->leaf_next != leaf + slots)
		return;
	memset((void *)leaf_of(leaf), 0, slots * sizeof(uint64_t));
	thread->leaf_next = leaf;
}

/* ---- A page's first leaf ------------------------------------------------------------------------------------------------------- */

static unsigned count_blocks(uint64_t word)
{
	unsigned blocks = 0;

	for (unsigned i = 0; i < 1u << HDT_DIR_BITS(word); i++)
		blocks += (atomic_load_explicit(leaf_of(word) + i, memory_order_relaxed) & HDT_SLOT_LIVE) != 0;
	return blocks;
}

static bool is_too_far(unsigned distance, unsigned blocks, unsigned bits)
{
	return distance >= 1u << bits || distance > FAR || (distance > NEAR && 4 * blocks >= 3u << bits);
}

bool leaves_is_too_far(uint64_t word, unsigned distance)
{
	return is_too_far(distance, distance > NEAR ? count_blocks(word) : 0, HDT_DIR_BITS(word));
}

/* The size into which the blocks of a leaf just fit, which may be smaller than the leaf. */
static unsigned fitting_bits(uint64_t word)
{
	unsigned blocks = count_blocks(word), bits = 1;

	while (bits < HDT_DIR_BITS(word) && 1u << bits < blocks)
		bits++;
	return bits;
}

/* A heap is filled upwards: a new page will hold about as many blocks as the one before it, and not more than one that was used earlier. */
static unsigned first_bits(const table_word *directory)
{
	uintptr_t number = (uintptr_t)directory / sizeof(table_word) % HDT_PAGES_PER_NODE;
	uint64_t before = number > 0 ? atomic_load_explicit(directory - 1, memory_order_acquire) : 0;
	uint64_t after = number + 1 < HDT_PAGES_PER_NODE ? atomic_load_explicit(directory + 1, memory_order_acquire) : 0;
	unsigned bits = before != 0 ? fitting_bits(before) : 1;

	return after != 0 && HDT_DIR_BITS(after) < bits ? HDT_DIR_BITS(after) : bits;
}

bool leaves_begin(table_word *directory)
{
	unsigned bits = first_bits(directory);
	uint64_t leaf = take_slots(UINT64_C(1) << bits), none = 0;

	if (leaf == 0)
		return false;
	if (!atomic_compare_exchange_strong_explicit(directory, &none, HDT_DIR_WORD(leaf, bits, 0), memory_order_acq_rel,
						     memory_order_relaxed))
		give_back(leaf, UINT64_C(1) << bits);
	return true;
}

/* ---- Growth ------------------------------------------------------------------------------------------------------------------ */

/* The first free position from the block's place on, in a leaf whose used positions are bits in `taken`. */
static unsigned seat(uint64_t *taken, unsigned place, unsigned bits)
{
	unsigned distance = 0, at;

	do
		at = (place + distance++) & ((1u << bits) - 1);
	while (taken[at / 64] >> (at % 64) & 1);
	taken[at / 64] |= UINT64_C(1) << (at % 64);
	return distance - 1;
}

/* The largest distance that the blocks of a leaf, as it is now, would have in one of 2^bits slots. */
static unsigned distance_in(uint64_t word, unsigned bits)
{
	uint64_t taken[LEAF_SLOTS_MAX / 64] = {0};
	unsigned largest = 0;

	for (unsigned i = 0; i < 1u << HDT_DIR_BITS(word); i++) {
		uint64_t slot = atomic_load_explicit(leaf_of(word) + i, memory_order_relaxed);
		unsigned distance = slot & HDT_SLOT_LIVE ? seat(taken, leaf_place(HDT_SLOT_OFFSET(slot), bits), bits) : 0;
		largest = distance > largest ? distance : largest;
	}
	return largest;
}

/* The size that takes the blocks as they are with their distances small; twice the old one always takes them somehow. */
static unsigned choose_bits(uint64_t word)
{
	unsigned bits = HDT_DIR_BITS(word) + 1, blocks = count_blocks(word);

	while (bits < HDT_LEAF_BITS_MAX && is_too_far(distance_in(word, bits), blocks, bits))
		bits++;
	return bits;
}

static void freeze(uint64_t word)
{
	for (unsigned i = 0; i < 1u << HDT_DIR_BITS(word); i++)
		atomic_fetch_or_explicit(leaf_of(word) + i, HDT_SLOT_FROZEN, memory_order_acq_rel);
}

/* Copy a frozen leaf into an empty one; the largest distance. */
static unsigned copy_blocks(uint64_t word, uint64_t leaf, unsigned bits)
{
	uint64_t taken[LEAF_SLOTS_MAX / 64] = {0};
	unsigned largest = 0;

	for (unsigned i = 0; i < 1u << HDT_DIR_BITS(word); i++) {
		uint64_t slot = atomic_load_explicit(leaf_of(word) + i, memory_order_relaxed);
		if (!(slot & HDT_SLOT_LIVE))
			continue;
		unsigned place = leaf_place(HDT_SLOT_OFFSET(slot), bits);
		unsigned distance = seat(taken, place, bits);
		unsigned at = (place + distance) & ((1u << bits) - 1);
		atomic_store_explicit(leaf_of(leaf) + at, slot & ~HDT_SLOT_FROZEN, memory_order_relaxed);
		ages_copy(HDT_DIR_LEAF(word) + i, leaf + at);
		largest = distance > largest ? distance : largest;
	}
	return largest;
}

/* Replace the old leaf, whatever its window has become meanwhile; false when somebody else has replaced it. */
static bool publish(table_word *directory, uint64_t old, uint64_t new)
{
	uint64_t leaf = HDT_DIR_LEAF(old);

	do {
		if (atomic_compare_exchange_strong_explicit(directory, &old, new, memory_order_acq_rel, memory_order_acquire))
			return true;
	} while (HDT_DIR_LEAF(old) == leaf);
	return false;
}

bool leaves_grow(table_word *directory, uint64_t word)
{
	unsigned bits = choose_bits(word);
	uint64_t leaf = take_slots(UINT64_C(1) << bits);

	if (leaf == 0)
		return false;
	freeze(word);
	unsigned distance = copy_blocks(word, leaf, bits);
	if (!publish(directory, word, HDT_DIR_WORD(leaf, bits, distance)))
		give_back(leaf, UINT64_C(1) << bits);
	return true;
}
