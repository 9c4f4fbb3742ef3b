/* SPDX-License-Identifier: MIT */
/*
 * What a source line says, as a hash, so that it can be found again after lines moved: FNV-1a, 64 bits, of the line's bytes without leading
 * and trailing white space; never 0.
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

/* Hash of a line of a file; 0 when it cannot be read, has no such line or was changed after `built`.  Each file is read once. */
uint64_t texts_hash(struct texts *texts, const char *interned_file, uint32_t line, struct timespec built);
void texts_release(struct texts *texts);

#endif
