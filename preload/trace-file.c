/* SPDX-License-Identifier: MIT */
/*
 * Comes in: a directory and a name; goes out: an empty sparse file that only we can read, locked.
 *
 * A directory is safe when it is ours or root's and nobody else can replace what we put there (not writable by others, or sticky).  The
 * last component may be a link only if root or we made it: /dev/shm is writable by everybody, and somebody may be waiting for our name.
 * open, read and close are cancellation points in libc, so they are called as bare system calls.
 */
#include "trace-file.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <unistd.h>

#define ROOM_MIN (UINT64_C(1) << 20)
#define NUMBERS_TRIED 1000

static bool owner_is_safe(const struct stat *st)
{
	return st->st_uid == geteuid() || st->st_uid == 0;
}

static bool is_safe(const struct stat *st)
{
	if (!S_ISDIR(st->st_mode) || !owner_is_safe(st))
		return false;
	if (st->st_mode & S_ISVTX)
		return true;
	/* A group of our own is ours to trust; root's group is not. */
	return !(st->st_mode & S_IWOTH) && (!(st->st_mode & S_IWGRP) || st->st_uid == geteuid());
}

static bool parent_is_safe(const char *path)
{
	char parent[TRACE_FILE_PATH_MAX];
	struct stat st;
	size_t length = strlen(path);

	while (length > 1 && path[length - 1] == '/')
		length--;
	while (length > 1 && path[length - 1] != '/')
		length--;
	if (length >= sizeof(parent))
		return false;
	memcpy(parent, path, length);
	parent[length] = '\0';
	return stat(parent, &st) == 0 && is_safe(&st);
}

static bool look_at(const char *path, struct stat *st)
{
	if (lstat(path, st) != 0)
		return false;
	return !S_ISLNK(st->st_mode) || (owner_is_safe(st) && stat(path, st) == 0);
}

static bool has_room(const char *path)
{
	struct statfs fs;

	if (statfs(path, &fs) != 0)
		return false;
	return fs.f_blocks == 0 || (uint64_t)fs.f_bavail * (uint64_t)fs.f_bsize >= ROOM_MIN;
}

static bool directory_is_usable(const char *path)
{
	struct stat st;

	if (path[0] != '/')
		return false;
	if (!look_at(path, &st)) {
		if (errno != ENOENT || !parent_is_safe(path))
			return false;
		if ((mkdir(path, 0700) != 0 && errno != EEXIST) || !look_at(path, &st))
			return false;
	}
	return is_safe(&st) && has_room(path);
}

struct text {
	char *at;
	size_t room; /* the final NUL not counted; text that does not fit sets it to SIZE_MAX */
};

static void append(struct text *text, const char *piece)
{
	size_t length = strlen(piece);

	if (text->room == SIZE_MAX || length > text->room) {
		text->room = SIZE_MAX;
		return;
	}
	memcpy(text->at, piece, length + 1);
	text->at += length;
	text->room -= length;
}

static void append_number(struct text *text, uint32_t number)
{
	char digits[12];
	char *at = digits + sizeof(digits) - 1;

	*at = '\0';
	do
		*--at = (char)('0' + number % 10);
	while ((number /= 10) != 0);
	append(text, at);
}

bool trace_file_spell(char path[TRACE_FILE_PATH_MAX], const char *directory, const struct trace_file_name *name)
{
	struct text text = {path, TRACE_FILE_PATH_MAX - 1};

	append(&text, directory);
	append(&text, "/");
	append(&text, name->run);
	append(&text, "-");
	append_number(&text, (uint32_t)name->pid);
	append(&text, "-");
	append_number(&text, name->number);
	append(&text, name->suffix);
	return text.room != SIZE_MAX;
}

static bool lock_and_size(int fd, uint64_t bytes)
{
	return flock(fd, LOCK_EX | LOCK_NB) == 0 && ftruncate(fd, (off_t)bytes) == 0;
}

bool trace_file_create(struct trace_file *file, const char *directory, const struct trace_file_name *name, uint64_t bytes)
{
	struct trace_file_name tried = *name;

	if (!directory_is_usable(directory))
		return false;
	do {
		if (!trace_file_spell(file->path, directory, &tried))
			return false;
		file->number = tried.number;
		file->fd = (int)syscall(SYS_openat, AT_FDCWD, file->path, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	} while (file->fd < 0 && errno == EEXIST && ++tried.number < name->number + NUMBERS_TRIED);
	if (file->fd < 0)
		return false;
	if (lock_and_size(file->fd, bytes))
		return true;
	trace_file_close(file);
	trace_file_remove(file);
	return false;
}

void trace_file_close(struct trace_file *file)
{
	syscall(SYS_close, file->fd);
	file->fd = -1;
}

void trace_file_remove(const struct trace_file *file)
{
	unlink(file->path);
}
