/* SPDX-License-Identifier: MIT */
/*
 * jansson's parser with memory of its own, all of which goes at once.  jansson 2.14 does not survive a failed allocation inside a string
 * (it ignores the failure and aborts later on); here the parser is left on the spot.  Not thread-safe, not for two parses at a time.
 */
#ifndef ANALYZER_JSON_ARENA_H
#define ANALYZER_JSON_ARENA_H

#include <jansson.h>

struct json_arena {
	struct json_chunk *chunks; /* the first one is in use */
};

enum json_parsed { JSON_PARSED, JSON_INVALID, JSON_NO_MEMORY };

void json_arena_init(struct json_arena *arena);
void json_arena_release(struct json_arena *arena);

/* Values are borrowed until json_arena_clear: never json_decref them.  *problem is set with JSON_INVALID. */
enum json_parsed json_arena_parse(struct json_arena *arena, const char *text, size_t size, json_t **value, json_error_t *problem);

/* Forget all values; the memory is used again. */
void json_arena_clear(struct json_arena *arena);

#endif
