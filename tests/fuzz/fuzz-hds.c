/* SPDX-License-Identifier: MIT */
/*
 * Bytes → the .hds reader.  The checksums are made right first, where the header and the table of contents can be followed: what they
 * would refuse is not worth a fuzzer's time, what is behind them is.
 */
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <zlib.h>

#include "read.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static uint32_t crc(const uint8_t *data, size_t size)
{
	return (uint32_t)crc32(0, data, (uInt)size);
}

static void mend_chunks(uint8_t *data, size_t size, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		struct hds_chunk chunk;
		uint8_t *entry = data + sizeof(struct hds_header) + i * sizeof(chunk);

		memcpy(&chunk, entry, sizeof(chunk));
		if (chunk.offset > size || chunk.size > size - chunk.offset)
			continue;
		chunk.crc = crc(data + chunk.offset, chunk.size);
		memcpy(entry, &chunk, sizeof(chunk));
	}
}

static void mend(uint8_t *data, size_t size)
{
	struct hds_header header;

	if (size < sizeof(header))
		return;
	memcpy(&header, data, sizeof(header));
	header.file_size = size;
	if (header.chunk_count <= (size - sizeof(header)) / sizeof(struct hds_chunk)) {
		mend_chunks(data, size, header.chunk_count);
		header.toc_crc = crc(data + sizeof(header), header.chunk_count * sizeof(struct hds_chunk));
	}
	header.header_crc = 0;
	header.header_crc = crc((const uint8_t *)&header, sizeof(header));
	memcpy(data, &header, sizeof(header));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct intern *intern = intern_new();
	struct snapshot snapshot;
	struct error error = {0};
	uint8_t *copy = malloc(size ? size : 1);

	if (!intern || !copy)
		abort();
	if (size)
		memcpy(copy, data, size);
	mend(copy, size);
	snapshot_init(&snapshot, intern);
	snapshot.name = "input";
	if (snapshot_read_hds(&snapshot, copy, size, &error) == 0)
		use(&snapshot);
	snapshot_release(&snapshot);
	intern_free(intern);
	free(copy);
	return 0;
}
