/* SPDX-License-Identifier: MIT */
/*
 * Comes in: the environment, the file systems.  Goes out: a directory.
 * Containers have a /dev/shm of 64 MiB, which a program with a million blocks fills.  The library goes on in a second file then, but
 * whatever else shares that memory would find it full; so a place with little room is left alone if a roomier one can be written.
 * $HEAPDELTA_DIR is the user's word.
 */
#include "trace-place.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "traces.h"

#define LITTLE (64.0 * 1024 * 1024) /* docker's default, all of it */

static double bytes_left(const char *path)
{
	struct statvfs status;

	return statvfs(path, &status) == 0 ? (double)status.f_bavail * (double)status.f_frsize : -1;
}

static const char *parent_of(const char *path, char parent[PATH_MAX])
{
	const char *slash = strrchr(path, '/');

	snprintf(parent, PATH_MAX, "%.*s", slash && slash != path ? (int)(slash - path) : 1, path);
	return parent;
}

/* A directory of our own in `parent`, which only we can write.  The library asks the same of it. */
static bool make_own(struct trace_place *place, const char *parent)
{
	struct stat status;
	char path[PATH_MAX];

	if (parent[0] != '/' || bytes_left(parent) <= LITTLE ||
	    (size_t)snprintf(path, sizeof(path), "%s/heapdelta-%u", parent, (unsigned)geteuid()) >= sizeof(path))
		return false;
	bool made = mkdir(path, 0700) == 0;
	if (lstat(path, &status) < 0 || !S_ISDIR(status.st_mode) || status.st_uid != geteuid() || access(path, W_OK | X_OK) < 0)
		return false;
	snprintf(place->directory, sizeof(place->directory), "%s", path);
	snprintf(place->shown, sizeof(place->shown), "%s", parent);
	place->made = made;
	return true;
}

void trace_place_choose(struct trace_place *place, const char *output)
{
	const char *chosen = getenv("HEAPDELTA_DIR");
	char own[PATH_MAX];

	*place = (struct trace_place){0};
	if ((chosen && chosen[0]) || traces_own_directory(own, sizeof(own)) < 0)
		return;
	place->small_bytes = bytes_left(own);
	if (place->small_bytes < 0 || place->small_bytes > LITTLE)
		return;
	parent_of(own, place->small);
	const char *const others[] = {getenv("TMPDIR"), "/var/tmp", output};
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
		if (others[i] && make_own(place, others[i]))
			return;
	}
}

void trace_place_release(const struct trace_place *place)
{
	if (place->made)
		rmdir(place->directory);
}
