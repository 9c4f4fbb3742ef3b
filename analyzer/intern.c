/* SPDX-License-Identifier: MIT */
/*
 * Comes in: strings, mostly repeated ones.  Goes out: one stable pointer per distinct string.  Not thread-safe.
 * Open addressing over pointers into chunks: strings never move, so the table may grow freely, and the text costs no malloc each.  The hash
 * is seeded per table, because the strings come from files that somebody may have made to collide.
 */
#include "intern.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#define CHUNK_BYTES (32 * 1024)

struct chunk {
	struct chunk *next;
	char text[];
};

struct entry {
	const char *text; /* NULL: empty */
	size_t length;
	uint64_t hash;
};

struct intern {
	uint64_t seed;
	struct chunk *chunks;
	size_t chunk_used, chunk_room; /* of the first chunk */
	struct entry *entries;
	size_t room; /* a power of two */
	size_t count;
};

struct intern *intern_new(void)
{
	struct intern *intern = calloc(1, sizeof(*intern));

	if (!intern)
		return NULL;
	intern->room = 64;
	intern->entries = calloc(intern->room, sizeof(*intern->entries));
	if (!intern->entries) {
		free(intern);
		return NULL;
	}
	if (getrandom(&intern->seed, sizeof(intern->seed), GRND_NONBLOCK) != (ssize_t)sizeof(intern->seed))
		intern->seed = (uintptr_t)intern;
	return intern;
}

void intern_free(struct intern *intern)
{
	if (!intern)
		return;
	while (intern->chunks) {
		struct chunk *next = intern->chunks->next;
		free(intern->chunks);
		intern->chunks = next;
	}
	free(intern->entries);
	free(intern);
}

static uint64_t mix(uint64_t a, uint64_t b)
{
	__uint128_t product = (__uint128_t)a * b;
	return (uint64_t)product ^ (uint64_t)(product >> 64);
}

static uint64_t hash_text(uint64_t seed, const char *text, size_t length)
{
	uint64_t hash = seed ^ mix(length + 1, UINT64_C(0x9e3779b97f4a7c15));

	for (; length >= 8; text += 8, length -= 8) {
		uint64_t word;
		memcpy(&word, text, 8);
		hash = mix(hash ^ word, UINT64_C(0xd6e8feb86659fd93) ^ seed);
	}
	uint64_t tail = 0;
	if (length)
		memcpy(&tail, text, length);
	return mix(hash ^ tail, UINT64_C(0xa0761d6478bd642f) ^ seed);
}

/* The entry that holds the text, or the empty one where it belongs. */
static struct entry *find(const struct intern *intern, const char *text, size_t length, uint64_t hash)
{
	for (size_t i = hash;; i++) {
		struct entry *entry = &intern->entries[i & (intern->room - 1)];
		if (!entry->text || (entry->hash == hash && entry->length == length && !memcmp(entry->text, text, length)))
			return entry;
	}
}

static bool grow(struct intern *intern)
{
	struct entry *old = intern->entries;
	size_t old_room = intern->room;
	struct entry *entries = calloc(old_room * 2, sizeof(*entries));

	if (!entries)
		return false;
	intern->entries = entries;
	intern->room = old_room * 2;
	for (size_t i = 0; i < old_room; i++)
		if (old[i].text)
			*find(intern, old[i].text, old[i].length, old[i].hash) = old[i];
	free(old);
	return true;
}

/* A stable copy in the current chunk, or in a new one. */
static const char *copy(struct intern *intern, const char *text, size_t length)
{
	if (intern->chunk_room - intern->chunk_used <= length) {
		size_t room = length < CHUNK_BYTES ? CHUNK_BYTES : length + 1;
		struct chunk *chunk = malloc(sizeof(*chunk) + room);
		if (!chunk)
			return NULL;
		chunk->next = intern->chunks;
		intern->chunks = chunk;
		intern->chunk_used = 0;
		intern->chunk_room = room;
	}
	char *to = intern->chunks->text + intern->chunk_used;
	memcpy(to, text, length);
	to[length] = '\0';
	intern->chunk_used += length + 1;
	return to;
}

const char *intern_add_n(struct intern *intern, const char *text, size_t length)
{
	uint64_t hash = hash_text(intern->seed, text, length);
	struct entry *entry = find(intern, text, length, hash);

	if (entry->text)
		return entry->text;
	if (intern->count >= intern->room / 4 * 3) {
		if (!grow(intern))
			return NULL;
		entry = find(intern, text, length, hash);
	}
	const char *stable = copy(intern, text, length);
	if (!stable)
		return NULL;
	*entry = (struct entry){.text = stable, .length = length, .hash = hash};
	intern->count++;
	return stable;
}

const char *intern_add(struct intern *intern, const char *text)
{
	return intern_add_n(intern, text, strlen(text));
}
