/* SPDX-License-Identifier: MIT */
/* Reading a section of debug information byte by byte, never beyond its end. */
#ifndef ANALYZER_SYMBOLS_BYTES_H
#define ANALYZER_SYMBOLS_BYTES_H

#include <libelf.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct bytes {
	const uint8_t *at, *end;
};

/* The bytes of a section that libdw has decompressed; at is NULL if there is none, or not in this machine's byte order. */
struct bytes bytes_section(Elf *elf, const char *name);

/* Each takes something off the front; false: there is less, and nothing may be taken any more. */

static inline size_t bytes_left(const struct bytes *bytes)
{
	return (size_t)(bytes->end - bytes->at);
}

static inline bool bytes_skip(struct bytes *bytes, uint64_t size)
{
	if (size > bytes_left(bytes))
		return false;
	bytes->at += size;
	return true;
}

/* A number of variable length, at most 64 bits. */
static inline bool bytes_leb(struct bytes *bytes, uint64_t *value)
{
	*value = 0;
	for (unsigned shift = 0; bytes->at < bytes->end; shift += 7) {
		uint8_t byte = *bytes->at++;
		if (shift < 63)
			*value |= (uint64_t)(byte & 0x7f) << shift;
		else if (byte > 1 || shift > 63)
			return false;
		else
			*value |= (uint64_t)byte << 63;
		if (!(byte & 0x80))
			return true;
	}
	return false;
}

/* The same with a sign. */
static inline bool bytes_signed_leb(struct bytes *bytes, int64_t *value)
{
	uint64_t bits = 0;

	for (unsigned shift = 0; bytes->at < bytes->end && shift < 63; shift += 7) {
		uint8_t byte = *bytes->at++;
		bits |= (uint64_t)(byte & 0x7f) << shift;
		if (byte & 0x80)
			continue;
		if (byte & 0x40)
			bits |= ~UINT64_C(0) << (shift + 7);
		*value = (int64_t)bits;
		return true;
	}
	return false;
}

static inline bool bytes_skip_leb(struct bytes *bytes)
{
	while (bytes->at < bytes->end) {
		if (!(*bytes->at++ & 0x80))
			return true;
	}
	return false;
}

/* A number of `size` bytes: 1, 2, 4 or 8; 0: of variable length. */
static inline bool bytes_number(struct bytes *bytes, unsigned size, uint64_t *value)
{
	*value = 0;
	if (size == 0)
		return bytes_leb(bytes, value);
	if (size > bytes_left(bytes))
		return false;
	memcpy(value, bytes->at, size);
	bytes->at += size;
	return true;
}

/* A string and its NUL. */
static inline bool bytes_string(struct bytes *bytes, const char **text)
{
	const uint8_t *nul = bytes->at < bytes->end ? memchr(bytes->at, '\0', bytes_left(bytes)) : NULL;

	if (!nul)
		return false;
	*text = (const char *)bytes->at;
	bytes->at = nul + 1;
	return true;
}

#endif
