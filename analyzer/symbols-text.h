/* SPDX-License-Identifier: MIT */
/*
 * What a source line says, as a hash, so that it can be found again after lines moved: FNV-1a, 64 bits, of the line's bytes without leading
 * and trailing white space; never 0.  And what the statement says that it is a part of, for when the lines were broken elsewhere.
 */
#ifndef ANALYZER_SYMBOLS_TEXT_H
#define ANALYZER_SYMBOLS_TEXT_H

#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include "pointer-map.h"

struct texts {
	struct pointer_map files; /* interned file name → struct text_file */
};

uint64_t text_hash(const char *line, size_t length);

struct text_hashes {
	uint64_t line, statement; /* 0: not known */
};

/* Of a line of a file; zeros when it cannot be read, has no such line or was changed after `built`.  Each file is read once. */
struct text_hashes texts_hash(struct texts *texts, const char *interned_file, uint32_t line, struct timespec built);
void texts_release(struct texts *texts);

#endif
