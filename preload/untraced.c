/* SPDX-License-Identifier: MIT */
/*
 * In: what follow.c finds out before an exec.  Out: lines in the file "RUN.note" beside "RUN.lock", which the supervisor made.
 * Each is one short write to a descriptor in append mode, so lines of many processes do not mix.
 */
#include "untraced.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "config.h"
#include "log.h"

enum { NAME_ROOM = 64 };

static int open_notes(void)
{
	static const char lock[] = ".lock", notes[] = ".note";
	char path[PATH_MAX];
	size_t length = config.lock ? strlen(config.lock) : 0;
	if (length < sizeof(lock) || length + sizeof(notes) > sizeof(path) || strcmp(config.lock + length - (sizeof(lock) - 1), lock) != 0)
		return -1;
	memcpy(path, config.lock, length);
	memcpy(path + length - (sizeof(lock) - 1), notes, sizeof(notes));
	return (int)syscall(SYS_openat, AT_FDCWD, path, O_WRONLY | O_APPEND | O_CLOEXEC | O_NOFOLLOW);
}

/* A name may hold anything; a line must not. */
static size_t put_name(char *to, const char *path)
{
	const char *slash = strrchr(path, '/');
	const char *name = slash ? slash + 1 : path;
	size_t length = 0;
	for (; name[length] && length < NAME_ROOM; length++)
		to[length] = (unsigned char)name[length] <= ' ' || name[length] == 127 ? '_' : name[length];
	return length;
}

void untraced_note(int pid, const char *path, const char *cause)
{
	int saved = errno, fd = open_notes();
	char line[LOG_NUMBER_MAX + 32 + NAME_ROOM], number[LOG_NUMBER_MAX];
	if (fd >= 0 && strlen(cause) < 24) {
		char *end = stpcpy(stpcpy(line, log_number(number, (unsigned)pid)), " ");
		end += put_name(end, path);
		end = stpcpy(stpcpy(end, " "), cause);
		*end++ = '\n';
		/* A note that cannot be made is a count that is one too low. */
		long done = syscall(SYS_write, fd, line, (size_t)(end - line));
		(void)done;
	}
	if (fd >= 0)
		syscall(SYS_close, fd);
	errno = saved;
}

void untraced_void(int pid)
{
	untraced_note(pid, "-", "void");
}
