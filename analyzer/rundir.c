/* SPDX-License-Identifier: MIT */
/*
 * Comes in: the root's file name and the list of processes.  Goes out: a directory that every command reads as one run.
 * The directory is made when the first child ends, under the name that the root has then; if the root becomes another program by exec, it
 * is renamed at the end.  Only directories with our index are ever emptied, and only of files that look like ours.
 */
#include "rundir.h"

#include <dirent.h>
#include <errno.h>
#include <jansson.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "naming.h"

#define INDEX "index.json"

static bool has_index(const char *directory)
{
	char path[PATH_MAX];

	return (size_t)snprintf(path, sizeof(path), "%s/" INDEX, directory) < sizeof(path) && access(path, F_OK) == 0;
}

static bool is_ours(const char *name)
{
	size_t length = strlen(name);

	return !strcmp(name, INDEX) || (!strncmp(name, "heapdelta.", 10) && length > 4 && !strcmp(name + length - 4, ".hds"));
}

static void empty(const char *path)
{
	char file[PATH_MAX];
	struct dirent *entry;
	DIR *directory = opendir(path);

	while (directory && (entry = readdir(directory)) != NULL) {
		if (is_ours(entry->d_name) && (size_t)snprintf(file, sizeof(file), "%s/%s", path, entry->d_name) < sizeof(file))
			unlink(file);
	}
	if (directory)
		closedir(directory);
}

char *rundir_make(const char *root_file, bool replace)
{
	char *path = naming_directory(root_file), number[16];

	if (path && replace && has_index(path)) {
		empty(path);
		return path;
	}
	for (unsigned attempt = 2; path && mkdir(path, 0777) < 0; attempt++) {
		free(path);
		if (errno != EEXIST)
			return NULL;
		snprintf(number, sizeof(number), "%u", attempt);
		char *file = naming_insert(root_file, number);
		path = file ? naming_directory(file) : NULL;
		free(file);
	}
	return path;
}

char *rundir_file(const char *directory, const char *name, pid_t pid)
{
	char *path;

	return asprintf(&path, "%s/heapdelta.%s.%d.hds", directory, name, (int)pid) < 0 ? NULL : path;
}

void rundir_forget(const char *root_file)
{
	char *path = naming_directory(root_file);

	if (path && has_index(path)) {
		empty(path);
		rmdir(path);
	}
	free(path);
}

/* ---- At the end ------------------------------------------------------------------------------------------------------------------ */

static bool is_inside(const char *file, const char *directory)
{
	size_t length = strlen(directory);

	return file && !strncmp(file, directory, length) && file[length] == '/';
}

void rundir_rename(char **directory, const char *root_file, struct traced *const *list, size_t count)
{
	char *wanted = naming_directory(root_file);
	struct stat status;

	if (!wanted || !strcmp(wanted, *directory) || lstat(wanted, &status) == 0 || rename(*directory, wanted) < 0) {
		free(wanted);
		return;
	}
	for (size_t i = 0; i < count; i++) {
		char *file;
		if (!is_inside(list[i]->file, *directory) || asprintf(&file, "%s%s", wanted, list[i]->file + strlen(*directory)) < 0)
			continue;
		free(list[i]->file);
		list[i]->file = file;
	}
	free(*directory);
	*directory = wanted;
}

static const char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

/* A relative link: the pair can be moved together. */
static int link_root(const char *directory, const char *root_file, const struct traced *root, struct error *error)
{
	char target[PATH_MAX], *link = rundir_file(directory, root->peek.name, root->peek.pid);

	if (!link)
		return error_nomem(error);
	snprintf(target, sizeof(target), "../%s", base_name(root_file));
	int result = symlink(target, link) < 0 && errno != EEXIST ? error_set(error, "cannot make '%s': %s", link, strerror(errno)) : 0;
	free(link);
	return result;
}

static const char *state_name(const struct traced *traced)
{
	if (traced->state == TRACED_LIVE)
		return "running";
	if (traced->has_exit ? WIFSIGNALED(traced->exit_status) : !(traced->peek.flags & HDT_FLAG_EXITED))
		return "killed";
	return "exited";
}

static int add_process(json_t *processes, const struct traced *traced)
{
	json_t *file = traced->file ? json_string(base_name(traced->file)) : json_null();
	json_t *entry = json_pack("{s:i, s:i, s:s, s:s, s:I, s:I, s:I, s:I, s:o}", "pid", (int)traced->peek.pid, "ppid",
				  (int)traced->peek.ppid, "name", traced->peek.name, "state", state_name(traced), "live_blocks",
				  (json_int_t)traced->live_blocks, "live_bytes", (json_int_t)traced->live_bytes, "total_blocks",
				  (json_int_t)traced->total_blocks, "total_bytes", (json_int_t)traced->total_bytes, "file", file);

	if (entry && traced->is_root && traced->has_exit)
		json_object_set_new(entry, "wait_status", json_integer(traced->exit_status));
	return json_array_append_new(processes, entry);
}

static json_t *list_untraced(const struct untraced *untraced)
{
	json_t *kinds = json_array();
	struct error text;
	size_t count;

	for (size_t n = 0; untraced && untraced_kind(untraced, n, &text, &count); n++)
		json_array_append_new(kinds, json_pack("{s:s, s:I}", "what", text.text, "count", (json_int_t)count));
	return kinds;
}

static int write_index(const char *directory, const struct rundir_index *index, struct error *error)
{
	char path[PATH_MAX];
	json_t *processes = json_array();
	json_t *json = json_pack("{s:s, s:i, s:o, s:o}", "format", "heapdelta-run", "version", 1, "processes", processes, "untraced",
				 list_untraced(index->untraced));
	int result = json ? 0 : error_nomem(error);

	for (size_t i = 0; i < index->count && result == 0; i++) {
		const struct traced *traced = index->list[i];
		if (traced->state != TRACED_REPLACED && traced->state != TRACED_UNWANTED && add_process(processes, traced) < 0)
			result = error_nomem(error);
	}
	snprintf(path, sizeof(path), "%s/" INDEX, directory);
	if (result == 0 && json_dump_file(json, path, JSON_INDENT(1) | JSON_PRESERVE_ORDER) < 0)
		result = error_set(error, "cannot write '%s': %s", path, strerror(errno));
	json_decref(json);
	return result;
}

int rundir_close(const char *directory, const struct rundir_index *index, struct error *error)
{
	for (size_t i = 0; i < index->count; i++) {
		const struct traced *traced = index->list[i];
		if (index->root_file && traced->is_root && traced->state == TRACED_WRITTEN &&
		    link_root(directory, index->root_file, traced, error) < 0)
			return -1;
	}
	return write_index(directory, index, error);
}
