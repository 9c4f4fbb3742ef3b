/* SPDX-License-Identifier: MIT */
/*
 * Source lines by path and number.  Paths come from snapshots of anybody: only regular files are opened, without waiting for a FIFO or a
 * terminal, and at most 16 MiB of each and 64 MiB in total are kept.  Files are read once and remembered, also when they cannot be read.
 */
#include "source.h"

#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { FILE_MAX = 16 << 20, TOTAL_MAX = 64 << 20 };

struct source_file {
	char *path;
	char *text; /* lines end in NUL; NULL: cannot be read */
	const char **lines;
	size_t line_count;
};

struct source {
	struct source_file *files;
	size_t count, room;
	size_t total; /* bytes of text held */
};

struct source *source_new(void)
{
	return calloc(1, sizeof(struct source));
}

void source_free(struct source *source)
{
	if (!source)
		return;
	for (size_t i = 0; i < source->count; i++) {
		free(source->files[i].path);
		free(source->files[i].text);
		free(source->files[i].lines);
	}
	free(source->files);
	free(source);
}

static char *read_open(int fd, size_t size)
{
	char *text = malloc(size + 1);
	size_t used = 0;

	while (text && used < size) {
		ssize_t got = read(fd, text + used, size - used);
		if (got <= 0)
			break;
		used += (size_t)got;
	}
	if (text)
		text[used] = '\0';
	return text;
}

/* NULL: not readable, not a regular file, too large, no memory. */
static char *read_file(const char *path, size_t room)
{
	int fd = open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	struct stat status;
	char *text = NULL;

	if (fd < 0)
		return NULL;
	if (fstat(fd, &status) == 0 && S_ISREG(status.st_mode) && status.st_size <= FILE_MAX && (size_t)status.st_size <= room)
		text = read_open(fd, (size_t)status.st_size);
	close(fd);
	return text;
}

static bool is_blank(char character)
{
	return character == ' ' || (character >= '\t' && character <= '\r') || (character >= 0x1c && character <= 0x1f);
}

static char *strip(char *line, char *end)
{
	while (end > line && is_blank(end[-1]))
		end--;
	*end = '\0';
	while (is_blank(*line))
		line++;
	return line;
}

static size_t count_lines(const char *text)
{
	size_t count = 1;

	for (; (text = strchr(text, '\n')) != NULL; text++)
		count++;
	return count;
}

/* Cut the text into stripped lines. */
static void index_lines(struct source_file *file)
{
	char *line = file->text;

	file->lines = calloc(count_lines(file->text), sizeof(*file->lines));
	while (file->lines) {
		char *end = strchrnul(line, '\n'), last = *end;
		file->lines[file->line_count++] = strip(line, end);
		if (!last)
			break;
		line = end + 1;
	}
}

static struct source_file *add_file(struct source *source, const char *path)
{
	struct source_file *file;

	if (source->count == source->room) {
		size_t room = source->room ? 2 * source->room : 16;
		struct source_file *files = reallocarray(source->files, room, sizeof(*files));
		if (!files)
			return NULL;
		source->files = files;
		source->room = room;
	}
	file = &source->files[source->count];
	*file = (struct source_file){.path = strdup(path)};
	if (!file->path)
		return NULL;
	source->count++;
	file->text = read_file(path, TOTAL_MAX - source->total);
	if (file->text) {
		source->total += strlen(file->text);
		index_lines(file);
	}
	return file;
}

/* The rows shown name few files, and neighbours often the same: looked for from the newest. */
static struct source_file *find_file(const struct source *source, const char *path)
{
	for (size_t i = source->count; i > 0; i--) {
		if (strcmp(source->files[i - 1].path, path) == 0)
			return &source->files[i - 1];
	}
	return NULL;
}

const char *source_line(struct source *source, const char *path, uint32_t line)
{
	struct source_file *file;

	if (line == 0 || path[0] == '\0')
		return NULL;
	file = find_file(source, path);
	if (!file)
		file = add_file(source, path);
	return file && line <= file->line_count ? file->lines[line - 1] : NULL;
}
