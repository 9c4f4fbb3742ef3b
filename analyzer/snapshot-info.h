/* SPDX-License-Identifier: MIT */
/*
 * The members of struct snapshot_info as a table: key in the chunk INFO, name in interchange JSON, place in the struct.  Readers and writers
 * of both formats go through it, so a new member is one line here.
 */
#ifndef ANALYZER_SNAPSHOT_INFO_H
#define ANALYZER_SNAPSHOT_INFO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "snapshot.h"

/* How two values become one when snapshots of several processes are added. */
enum info_sum { INFO_KEEP, INFO_ADD, INFO_MIN, INFO_MAX };

struct info_field {
	uint32_t key;
	const char *name;
	size_t offset;
	enum info_sum sum;
};

/* Ascending by key; the exit status, which may be unknown, is not in it. */
extern const struct info_field info_fields[];
extern const size_t info_field_count;

/* NULL: unknown key or name, to be skipped. */
const struct info_field *info_by_key(uint32_t key);
const struct info_field *info_by_name(const char *name);

static inline bool info_is_text(const struct info_field *field)
{
	return (field->key & HDS_KEY_STRING) != 0;
}

static inline uint64_t *info_number(struct snapshot_info *info, const struct info_field *field)
{
	return (uint64_t *)((char *)info + field->offset);
}

static inline const char **info_text(struct snapshot_info *info, const struct info_field *field)
{
	return (const char **)((char *)info + field->offset);
}

/* Add the numbers of another process. */
void snapshot_info_add(struct snapshot_info *into, const struct snapshot_info *from);

#endif
