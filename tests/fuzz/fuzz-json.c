/* SPDX-License-Identifier: MIT */
/* Bytes → the reader of interchange JSON. */
#include <stddef.h>
#include <stdint.h>

#include "read.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct intern *intern = intern_new();
	struct snapshot snapshot;
	struct error error = {0};

	if (!intern)
		abort();
	snapshot_init(&snapshot, intern);
	snapshot.name = "input";
	if (snapshot_read_json(&snapshot, (const char *)data, size, &error) == 0)
		use(&snapshot);
	snapshot_release(&snapshot);
	intern_free(intern);
	return 0;
}
