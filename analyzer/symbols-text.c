/* SPDX-License-Identifier: MIT */
/*
 * Each source file is read once and becomes an array of hashes; a file that cannot be read is remembered as one without lines.  A file
 * newer than the module it was built into may say something else by now, so it gives no hash.
 */
#include "symbols-text.h"

#include <ctype.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "source-statements.h"

#define LARGEST_SOURCE (32 << 20)

struct text_file {
	struct timespec changed;
	size_t count;
	uint64_t hashes[]; /* of lines, then of their statements */
};

uint64_t text_hash(const char *line, size_t length)
{
	uint64_t hash = UINT64_C(0xcbf29ce484222325);

	while (length && isspace((unsigned char)line[length - 1]))
		length--;
	while (length && isspace((unsigned char)*line))
		line++, length--;
	for (size_t i = 0; i < length; i++)
		hash = (hash ^ (unsigned char)line[i]) * UINT64_C(0x100000001b3);
	return hash ? hash : 1;
}

static size_t count_lines(const char *data, size_t size)
{
	size_t count = size && data[size - 1] != '\n';

	for (const char *at = data; (at = memchr(at, '\n', size - (size_t)(at - data))); at++)
		count++;
	return count;
}

static struct text_file *hash_lines(const char *data, size_t size)
{
	size_t count = count_lines(data, size);
	struct text_file *file = calloc(1, sizeof(*file) + 2 * count * sizeof(file->hashes[0]));

	if (!file)
		return NULL;
	file->count = count;
	if (source_statements(data, size, file->hashes + count, count)) {
		free(file);
		return NULL;
	}
	for (size_t i = 0; i < count; i++) {
		const char *end = memchr(data, '\n', size);
		size_t length = end ? (size_t)(end - data) : size;
		file->hashes[i] = text_hash(data, length);
		data += length + (end != NULL);
		size -= length + (end != NULL);
	}
	return file;
}

/* As much as there is: a file cut meanwhile is just shorter. */
static size_t read_up_to(int fd, char *data, size_t size)
{
	size_t length = 0;
	ssize_t got;

	while (length < size && (got = read(fd, data + length, size - length)) > 0)
		length += (size_t)got;
	return length;
}

static struct text_file *read_file(const char *name)
{
	int fd = name[0] == '/' ? open(name, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY) : -1;
	struct text_file *file = NULL;
	struct stat stat;
	char *data = NULL;

	if (fd >= 0 && fstat(fd, &stat) == 0 && S_ISREG(stat.st_mode) && stat.st_size <= LARGEST_SOURCE)
		data = malloc((size_t)stat.st_size + 1);
	if (data)
		file = hash_lines(data, read_up_to(fd, data, (size_t)stat.st_size));
	if (file)
		file->changed = stat.st_mtim;
	free(data);
	if (fd >= 0)
		close(fd);
	return file;
}

static int is_after(struct timespec a, struct timespec b)
{
	return a.tv_sec != b.tv_sec ? a.tv_sec > b.tv_sec : a.tv_nsec > b.tv_nsec;
}

struct text_hashes texts_hash(struct texts *texts, const char *interned_file, uint32_t line, struct timespec built)
{
	void **slot = pointer_map_at(&texts->files, interned_file);
	struct text_file *file;

	if (!slot)
		return (struct text_hashes){0};
	if (!*slot)
		*slot = read_file(interned_file);
	if (!*slot)
		*slot = calloc(1, sizeof(*file));
	file = *slot;
	if (!file || line == 0 || line > file->count || is_after(file->changed, built))
		return (struct text_hashes){0};
	return (struct text_hashes){file->hashes[line - 1], file->hashes[file->count + line - 1]};
}

void texts_release(struct texts *texts)
{
	for (size_t i = 0; i < texts->files.room; i++)
		free(texts->files.slots[i].value);
	pointer_map_release(&texts->files);
}
