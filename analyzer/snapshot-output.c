/* SPDX-License-Identifier: MIT */
/*
 * Comes in: bytes and a name.  Goes out: a file of that name, complete, or the file that was there before, untouched.
 * A reader that opens the name at any moment, a full disk or a second heapdelta of the same name never meet half a snapshot: the bytes go
 * to a temporary name in the same directory first and get their real one by rename.
 */
#include "snapshot-output.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int write_all(int fd, const void *bytes, size_t size)
{
	for (const char *at = bytes; size;) {
		ssize_t count = write(fd, at, size);
		if (count < 0 && errno == EINTR)
			continue;
		if (count < 0)
			return -1;
		at += count;
		size -= (size_t)count;
	}
	return 0;
}

static int write_parts(int fd, const struct iovec *parts, int count)
{
	for (int i = 0; i < count; i++)
		if (write_all(fd, parts[i].iov_base, parts[i].iov_len))
			return -1;
	return 0;
}

/* A new file beside `path`.  Its name, which is short, so that it fits wherever the real one does, is left in `temporary`. */
static int open_temporary(const char *path, char temporary[PATH_MAX])
{
	const char *slash = strrchr(path, '/');
	int directory = slash ? (int)(slash - path) + 1 : 0;

	for (unsigned attempt = 0; attempt < 1000; attempt++) {
		int length = snprintf(temporary, PATH_MAX, "%.*s.heapdelta-%d-%u.tmp", directory, path, (int)getpid(), attempt);
		if (length >= PATH_MAX) {
			errno = ENAMETOOLONG;
			return -1;
		}
		int fd = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0666);
		if (fd >= 0 || errno != EEXIST)
			return fd;
	}
	return -1;
}

/* Where the file system cannot rename without replacing, a hard link can. */
static int rename_exclusive(const char *from, const char *to)
{
	if (!renameat2(AT_FDCWD, from, AT_FDCWD, to, RENAME_NOREPLACE))
		return 0;
	if (errno != EINVAL && errno != ENOSYS)
		return -1;
	if (link(from, to))
		return -1;
	unlink(from);
	return 0;
}

static int write_new(const char *path, bool exclusive, const struct iovec *parts, int count)
{
	char temporary[PATH_MAX];
	int fd = open_temporary(path, temporary);

	if (fd < 0)
		return -1;
	/* Some file systems cannot fsync; close reports what write did not. */
	int result = write_parts(fd, parts, count);
	if (!result && fsync(fd) && errno != EINVAL)
		result = -1;
	int cause = errno;
	if (close(fd) && !result) {
		result = -1;
		cause = errno;
	}
	if (!result) {
		result = exclusive ? rename_exclusive(temporary, path) : rename(temporary, path);
		cause = errno;
	}
	if (result)
		unlink(temporary);
	errno = cause;
	return result;
}

/* A device or a pipe is no name to be replaced. */
static int write_through(const char *path, const struct iovec *parts, int count)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC | O_NOCTTY);

	if (fd < 0)
		return -1;
	int result = write_parts(fd, parts, count);
	int cause = errno;
	if (close(fd) && !result) {
		result = -1;
		cause = errno;
	}
	errno = cause;
	return result;
}

static int write_somehow(const char *path, bool exclusive, const struct iovec *parts, int count)
{
	struct stat status;

	if (exclusive || stat(path, &status))
		return write_new(path, exclusive, parts, count);
	if (!S_ISREG(status.st_mode)) {
		errno = EISDIR;
		return S_ISDIR(status.st_mode) ? -1 : write_through(path, parts, count);
	}
	/* Replace what a link points to, not the link. */
	char *target = realpath(path, NULL);
	if (!target)
		return -1;
	int result = write_new(target, false, parts, count);
	int cause = errno;
	free(target);
	errno = cause;
	return result;
}

int put_file(const char *path, bool exclusive, const struct iovec *parts, int count, struct error *error)
{
	if (!write_somehow(path, exclusive, parts, count))
		return 0;
	int cause = errno;
	error_set(error, "cannot write '%s': %s", path, strerror(cause));
	errno = cause;
	return -1;
}
