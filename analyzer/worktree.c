/* SPDX-License-Identifier: MIT */
/*
 * Comes in: a directory.  Goes out: its work tree and commit, for the snapshot's INFO.
 * git's files are read directly: running git would be slow, may be missing, and refuses trees of other owners.  `.git` is a directory, or
 * a file that names one (linked work tree, submodule), whose `commondir` leads to the branches.  Not found is never an error.
 */
#include "worktree.h"

#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

enum { HEX_MIN = 40, HEX_MAX = 64, LINE_ROOM = PATH_MAX };

int worktree_root(const char *directory, char *root, size_t room)
{
	char at[PATH_MAX], git[PATH_MAX + 8];
	struct stat status;

	root[0] = '\0';
	if (directory[0] != '/' || (size_t)snprintf(at, sizeof(at), "%s", directory) >= sizeof(at))
		return -1;
	for (;;) {
		snprintf(git, sizeof(git), "%s/.git", at);
		if (stat(git, &status) == 0)
			break;
		char *slash = strrchr(at, '/');
		if (!slash || !at[0])
			return -1;
		*slash = '\0';
	}
	if ((size_t)snprintf(root, room, "%s", at[0] ? at : "/") >= room) {
		root[0] = '\0';
		return -1;
	}
	return 0;
}

/* The first line of `directory`/`name` without its newline. */
static int read_line(const char *directory, const char *name, char *line, size_t room)
{
	char path[2 * PATH_MAX];

	snprintf(path, sizeof(path), "%s/%s", directory, name);
	FILE *file = fopen(path, "re");
	if (!file)
		return -1;
	bool got = fgets(line, (int)room, file) != NULL;
	fclose(file);
	if (!got)
		return -1;
	line[strcspn(line, "\r\n")] = '\0';
	return 0;
}

/* `path` as seen from `base`. */
static int join(char *out, size_t room, const char *base, const char *path)
{
	int length = path[0] == '/' ? snprintf(out, room, "%s", path) : snprintf(out, room, "%s/%s", base, path);

	return (size_t)length < room ? 0 : -1;
}

static int git_directory(const char *root, char *git, size_t room)
{
	static const char pointer[] = "gitdir: ";
	char line[LINE_ROOM];
	struct stat status;

	if (join(git, room, root, ".git") < 0 || stat(git, &status) < 0)
		return -1;
	if (S_ISDIR(status.st_mode))
		return 0;
	if (read_line(root, ".git", line, sizeof(line)) < 0 || strncmp(line, pointer, strlen(pointer)) != 0)
		return -1;
	return join(git, room, root, line + strlen(pointer));
}

static int take_hex(const char *text, char *commit, size_t room)
{
	size_t length = strspn(text, "0123456789abcdef");

	if (length < HEX_MIN || length > HEX_MAX || length >= room)
		return -1;
	memcpy(commit, text, length);
	commit[length] = '\0';
	return 0;
}

/* packed-refs: lines "HEX NAME". */
static int packed_ref(const char *git, const char *name, char *commit, size_t room)
{
	char path[2 * PATH_MAX + 16], line[LINE_ROOM];
	int found = -1;

	snprintf(path, sizeof(path), "%s/packed-refs", git);
	FILE *file = fopen(path, "re");
	if (!file)
		return -1;
	while (found < 0 && fgets(line, sizeof(line), file)) {
		line[strcspn(line, "\r\n")] = '\0';
		char *space = strchr(line, ' ');
		if (space && !strcmp(space + 1, name))
			found = take_hex(line, commit, room);
	}
	fclose(file);
	return found;
}

int worktree_commit(const char *root, char *commit, size_t room)
{
	static const char symbolic[] = "ref: ";
	char git[PATH_MAX], common[2 * PATH_MAX], line[LINE_ROOM], value[LINE_ROOM];

	commit[0] = '\0';
	if (git_directory(root, git, sizeof(git)) < 0 || read_line(git, "HEAD", line, sizeof(line)) < 0)
		return -1;
	if (strncmp(line, symbolic, strlen(symbolic)) != 0)
		return take_hex(line, commit, room);
	const char *name = line + strlen(symbolic);
	if (strstr(name, "..") || name[0] == '/')
		return -1;
	if (read_line(git, "commondir", value, sizeof(value)) < 0 || join(common, sizeof(common), git, value) < 0)
		snprintf(common, sizeof(common), "%s", git);
	if (read_line(common, name, value, sizeof(value)) == 0 && take_hex(value, commit, room) == 0)
		return 0;
	return packed_ref(common, name, commit, room);
}
