/* SPDX-License-Identifier: MIT */
/* Bytes → the scanner of source statements, which reads whatever debug information names as a source. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "source-statements.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { LINES = 64 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint64_t *hashes = malloc(LINES * sizeof(*hashes));
	char *text = malloc(size + 1); /* its own block, so that a step too far is seen */

	if (!hashes || !text)
		abort();
	for (size_t i = 0; i < size; i++)
		text[i] = (char)data[i];
	text[size] = '\n';
	source_statements(text, size, hashes, LINES);
	free(text);
	free(hashes);
	return 0;
}
