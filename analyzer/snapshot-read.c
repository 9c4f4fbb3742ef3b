/* SPDX-License-Identifier: MIT */
/*
 * Comes in: the name of a file of any kind.  Goes out: the model.
 * The kind is told by the first bytes, never by the name.  Snapshots and JSON are read into memory whole (a mapping would end us by SIGBUS when somebody
 * truncates the file); a trace file is sparse and may grow, so its reader gets the descriptor.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "perf-map.h"
#include "snapshot.h"

struct input {
	const char *path;
	int fd;
	bool regular;
	size_t expected; /* of a regular file: its size */
	uint8_t *data;
	size_t size, room;
	struct error *error;
};

static int open_input(struct input *input)
{
	struct stat status;

	if (!strcmp(input->path, "-"))
		input->fd = STDIN_FILENO;
	else
		input->fd = open(input->path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	if (input->fd < 0 || fstat(input->fd, &status))
		return error_set(input->error, "cannot open '%s': %s", input->path, strerror(errno));
	if (S_ISDIR(status.st_mode))
		return error_set(input->error, "'%s' is a directory without a snapshot", input->path);
	input->regular = S_ISREG(status.st_mode);
	input->expected = input->regular && status.st_size > 0 ? (size_t)status.st_size : 0;
	return 0;
}

/* Read until `want` bytes are there or the input ends. */
static int read_until(struct input *input, size_t want)
{
	if (array_reserve(&input->data, &input->room, want, 1))
		return error_nomem(input->error);
	while (input->size < want) {
		ssize_t count = read(input->fd, input->data + input->size, want - input->size);
		if (count < 0 && errno == EINTR)
			continue;
		if (count < 0)
			return error_set(input->error, "cannot read '%s': %s", input->path, strerror(errno));
		if (!count)
			break;
		input->size += (size_t)count;
	}
	return 0;
}

static int read_rest(struct input *input)
{
	size_t want = input->expected > input->size ? input->expected + 1 : 64 * 1024;

	for (;;) {
		if (read_until(input, want))
			return -1;
		if (input->size < want)
			return 0;
		want = input->size + input->size / 2;
	}
}

static uint64_t first_word(const struct input *input)
{
	uint64_t word = 0;

	memcpy(&word, input->data, input->size < sizeof(word) ? input->size : sizeof(word));
	return word;
}

static bool looks_like_json(const struct input *input)
{
	size_t at = 0;

	while (at < input->size && strchr(" \t\r\n", input->data[at]) && input->data[at])
		at++;
	return at < input->size && input->data[at] == '{';
}

static bool is_cut_magic(const struct input *input, uint64_t magic)
{
	return input->size < sizeof(magic) && !memcmp(input->data, &magic, input->size);
}

/* What the process that wrote it knows about its own code is still here, perhaps. */
static int read_trace(struct input *input, struct snapshot *snapshot)
{
	struct stat status;

	if (snapshot_read_trace(snapshot, input->fd, "", false, input->error))
		return -1;
	return fstat(input->fd, &status) ? 0 : perf_map_apply(snapshot, "", status.st_uid, input->error);
}

static int read_kind(struct input *input, struct snapshot *snapshot)
{
	/* Blanks may stand before JSON's first brace. */
	if (read_until(input, 64))
		return -1;
	if (!input->size)
		return error_set(input->error, "'%s' is empty", input->path);
	uint64_t magic = first_word(input);
	if (magic == HDT_MAGIC && !input->regular)
		return error_set(input->error, "'%s' is a trace file; it cannot be read from a pipe", input->path);
	if (magic == HDT_MAGIC)
		return read_trace(input, snapshot);
	if (is_cut_magic(input, HDS_MAGIC) || is_cut_magic(input, HDT_MAGIC))
		return error_set(input->error, "'%s' is truncated: %zu bytes are less than a header", input->path, input->size);
	bool json = magic != HDS_MAGIC;
	if (json && !looks_like_json(input))
		return error_set(input->error, "'%s' is not a heapdelta snapshot, trace file or interchange JSON", input->path);
	if (read_rest(input))
		return -1;
	return json ? snapshot_read_json(snapshot, (const char *)input->data, input->size, input->error)
		    : snapshot_read_hds(snapshot, input->data, input->size, input->error);
}

int snapshot_read(struct snapshot *snapshot, struct intern *intern, const char *path, struct error *error)
{
	struct input input = {.path = path, .fd = -1, .error = error};
	int result = -1;

	snapshot_init(snapshot, intern);
	const char *name = intern_add(intern, path);
	if (!name) {
		error_nomem(error);
		goto out;
	}
	snapshot->name = name;
	if (!open_input(&input))
		result = read_kind(&input, snapshot);
	if (result)
		snapshot_release(snapshot);
out:
	if (input.fd > STDIN_FILENO)
		close(input.fd);
	free(input.data);
	return result;
}
