/* SPDX-License-Identifier: MIT */
/*
 * Comes in: whole records, keyed by (state, domain, address); kept in chains, one per bucket, that only ever grow at their head.
 *
 * A record's state word is its lock-free claim: FREE or LIVE → BUSY by CAS belongs to one caller, which then writes the fields and stores
 * the next state.  The word counts its changes, so a CAS that succeeds proves that the fields read since are those of that state.
 * The buckets do not grow: these are few blocks in practice, and the slow path at that.
 */
#include "extras.h"

#include <stddef.h>

#include "ages.h"
#include "trace.h"

#define BUCKETS 16384u

typedef _Atomic(uint32_t) bucket;

static struct hdt_extra *record_at(uint32_t number)
{
	return trace_at(HDT_AREA_EXTRAS, (uint64_t)number * sizeof(struct hdt_extra));
}

/* The table is at offset 0, made by the first record.  Threads that make it together take room for it several times over, or fail because
 * another has taken the last: what counts is whether it is there. */
static bool have_buckets(void)
{
	const uint64_t bytes = BUCKETS * sizeof(bucket);

	if (trace_used(HDT_AREA_BUCKETS) < bytes)
		trace_alloc(HDT_AREA_BUCKETS, bytes, sizeof(bucket));
	return trace_used(HDT_AREA_BUCKETS) >= bytes;
}

static bucket *bucket_of(uint32_t domain, uint64_t address)
{
	uint64_t hash = (address ^ (uint64_t)domain << 32) * UINT64_C(0x9e3779b97f4a7c15);

	return (bucket *)trace_at(HDT_AREA_BUCKETS, 0) + (hash >> 32) % BUCKETS;
}

static uint32_t changed(uint32_t word, enum hdt_extra_state state)
{
	return ((word & ~7u) + HDT_EXTRA_CHANGE) | (uint32_t)state;
}

static bool claim(struct hdt_extra *record, uint32_t word, enum hdt_extra_state state)
{
	return atomic_compare_exchange_strong_explicit(&record->state, &word, changed(word, state), memory_order_acq_rel,
						       memory_order_relaxed);
}

/* A consistent copy: the state word did not change meanwhile (acquire loads stay in order). */
static struct extra copy(const struct hdt_extra *record, uint32_t *word)
{
	struct extra extra;

	do {
		*word = atomic_load_explicit(&record->state, memory_order_acquire);
		extra.address = atomic_load_explicit(&record->address, memory_order_acquire);
		extra.size = atomic_load_explicit(&record->size, memory_order_acquire);
		extra.domain = atomic_load_explicit(&record->domain, memory_order_acquire);
		extra.stack = atomic_load_explicit(&record->stack, memory_order_acquire);
		extra.state = (enum hdt_extra_state)HDT_EXTRA_STATE(*word);
	} while (atomic_load_explicit(&record->state, memory_order_relaxed) != *word);
	return extra;
}

static bool fits(const struct extra *key, const struct extra *extra)
{
	return extra->state == key->state && extra->address == key->address && extra->domain == key->domain &&
	       (key->size == EXTRA_ANY_SIZE || extra->size == key->size);
}

/* The record that fits, its copy and the state word of that copy; NULL: none. */
static struct hdt_extra *find(const struct extra *key, struct extra *found, uint32_t *word)
{
	uint32_t number = 0;

	if (trace_used(HDT_AREA_BUCKETS) > 0)
		number = atomic_load_explicit(bucket_of(key->domain, key->address), memory_order_acquire);
	while (number != 0) {
		struct hdt_extra *record = record_at(number);
		*found = copy(record, word);
		if (fits(key, found))
			return record;
		number = atomic_load_explicit(&record->next, memory_order_relaxed);
	}
	return NULL;
}

/* Release stores: none of them may be seen before the claim. */
static void write_fields(struct hdt_extra *record, const struct extra *extra)
{
	atomic_store_explicit(&record->address, extra->address, memory_order_release);
	atomic_store_explicit(&record->size, extra->size, memory_order_release);
	atomic_store_explicit(&record->domain, extra->domain, memory_order_release);
	atomic_store_explicit(&record->stack, extra->stack, memory_order_release);
	ages_note_extra((uint32_t)(record - record_at(0)));
	uint32_t word = atomic_load_explicit(&record->state, memory_order_relaxed);
	atomic_store_explicit(&record->state, changed(word, extra->state), memory_order_release);
}

static struct hdt_extra *claim_free(bucket *head)
{
	uint32_t number = atomic_load_explicit(head, memory_order_acquire);

	while (number != 0) {
		struct hdt_extra *record = record_at(number);
		uint32_t word = atomic_load_explicit(&record->state, memory_order_relaxed);
		if (HDT_EXTRA_STATE(word) == HDT_EXTRA_FREE && claim(record, word, HDT_EXTRA_BUSY))
			return record;
		number = atomic_load_explicit(&record->next, memory_order_relaxed);
	}
	return NULL;
}

static bool put_new(bucket *head, const struct extra *extra)
{
	uint64_t offset = trace_alloc(HDT_AREA_EXTRAS, sizeof(struct hdt_extra), sizeof(struct hdt_extra));
	uint32_t number = (uint32_t)(offset / sizeof(struct hdt_extra));
	uint32_t next = atomic_load_explicit(head, memory_order_relaxed);

	if (offset == TRACE_NONE || !ages_reach(HDT_AREA_EXTRA_AGES, (uint64_t)number + 1))
		return false;
	struct hdt_extra *record = record_at(number);
	write_fields(record, extra);
	do
		atomic_store_explicit(&record->next, next, memory_order_relaxed);
	while (!atomic_compare_exchange_weak_explicit(head, &next, number, memory_order_acq_rel, memory_order_relaxed));
	return true;
}

bool extras_put(const struct extra *extra)
{
	bucket *head = bucket_of(extra->domain, extra->address);

	if (!have_buckets())
		return false;
	struct hdt_extra *record = claim_free(head);
	if (record == NULL)
		return put_new(head, extra);
	write_fields(record, extra);
	return true;
}

bool extras_take(const struct extra *key, struct extra *taken)
{
	struct hdt_extra *record;
	uint32_t word;

	while ((record = find(key, taken, &word)) != NULL) {
		if (claim(record, word, HDT_EXTRA_FREE))
			return true;
	}
	return false;
}

bool extras_find(const struct extra *key, struct extra *found)
{
	uint32_t word;

	return find(key, found, &word) != NULL;
}

bool extras_change(const struct extra *key, enum hdt_extra_state state)
{
	struct hdt_extra *record;
	struct extra found;
	uint32_t word;

	while ((record = find(key, &found, &word)) != NULL) {
		if (claim(record, word, state))
			return true;
	}
	return false;
}

bool extras_put_size(uint64_t address, uint64_t size)
{
	struct extra extra = {.address = address, .size = size, .state = HDT_EXTRA_SIZE};

	return extras_put(&extra);
}

uint64_t extras_take_size(uint64_t address)
{
	struct extra key = {.address = address, .size = EXTRA_ANY_SIZE, .state = HDT_EXTRA_SIZE}, taken;

	return extras_take(&key, &taken) ? taken.size : HDT_SIZE_MAX;
}

uint64_t extras_find_size(uint64_t address, bool in_realloc)
{
	struct extra key = {.address = address, .size = EXTRA_ANY_SIZE, .state = in_realloc ? HDT_EXTRA_REALLOC_SIZE : HDT_EXTRA_SIZE};
	struct extra found;

	return extras_find(&key, &found) ? found.size : HDT_SIZE_MAX;
}

uint32_t extras_end(void)
{
	return (uint32_t)(trace_used(HDT_AREA_EXTRAS) / sizeof(struct hdt_extra));
}

bool extras_get(uint32_t number, struct extra *extra)
{
	uint32_t word;

	*extra = copy(record_at(number), &word);
	return extra->state != HDT_EXTRA_FREE && extra->state != HDT_EXTRA_BUSY;
}
