/* SPDX-License-Identifier: MIT */
/*
 * Bytes → the trace file reader, through a file in memory as long as the areas' offsets ask for: a trace file is sparse, so an input is a list
 * of pieces, each {offset in units of 8: 5 bytes, length: 2 bytes, bytes}, put on top of zeros.
 */
#include <stddef.h>
#include <stdint.h>
#include <sys/mman.h>
#include <unistd.h>

#include "read.h"

enum { PIECE_HEAD = 7 };
#define FILE_MAX (UINT64_C(1) << 36)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static uint64_t number(const uint8_t *bytes, int count)
{
	uint64_t value = 0;

	while (count-- > 0)
		value = value << 8 | bytes[count];
	return value;
}

static void lay_out(int fd, const uint8_t *data, size_t size)
{
	while (size > PIECE_HEAD) {
		uint64_t offset = number(data, 5) * 8, length = number(data + 5, 2);

		data += PIECE_HEAD;
		size -= PIECE_HEAD;
		if (length > size)
			length = size;
		if (offset + length <= FILE_MAX && pwrite(fd, data, length, (off_t)offset) < 0)
			return;
		data += length;
		size -= length;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct intern *intern = intern_new();
	struct snapshot snapshot;
	struct error error = {0};
	int fd = memfd_create("input", MFD_CLOEXEC);

	if (!intern || fd < 0)
		abort();
	lay_out(fd, data, size);
	snapshot_init(&snapshot, intern);
	snapshot.name = "input";
	if (snapshot_read_trace(&snapshot, fd, "", true, &error) == 0)
		use(&snapshot);
	snapshot_release(&snapshot);
	intern_free(intern);
	close(fd);
	return 0;
}
