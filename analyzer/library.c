/* SPDX-License-Identifier: MIT */
/*
 * Comes in: our own place in the file system and our environment.  Goes out: the library's path and the child's environment.
 * The environment is built as a copy, so that nothing of heapdelta's own process changes and a failure leaves nothing half done.
 */
#include "library.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LIBRARY "libheapdelta.so"

/* The loader splits LD_PRELOAD at spaces and colons and knows no quoting. */
static int check_name(const char *path, struct error *error)
{
	if (strpbrk(path, " :\t\n"))
		return error_set(error,
				 "cannot preload '%s': the loader splits LD_PRELOAD at spaces and colons; install heapdelta in "
				 "a directory without them",
				 path);
	return 0;
}

static bool try_place(const char *directory, const char *place, char *path, size_t room)
{
	char candidate[2 * PATH_MAX], real[PATH_MAX];

	snprintf(candidate, sizeof(candidate), "%s/%s", directory, place);
	if (access(candidate, R_OK) < 0 || !realpath(candidate, real))
		return false;
	return (size_t)snprintf(path, room, "%s", real) < room;
}

int library_find(char *path, size_t room, struct error *error)
{
	static const char *const places[] = {LIBRARY, "../lib/heapdelta/" LIBRARY, "../lib/" LIBRARY};
	const char *chosen = getenv("HEAPDELTA_LIBRARY");
	char self[PATH_MAX];

	if (chosen && chosen[0]) {
		if (!try_place(chosen[0] == '/' ? "" : ".", chosen, path, room))
			return error_set(error, "cannot read the library '%s' named by HEAPDELTA_LIBRARY", chosen);
		return check_name(path, error);
	}
	ssize_t length = readlink("/proc/self/exe", self, sizeof(self) - 1);
	self[length > 0 ? length : 0] = '\0';
	char *slash = strrchr(self, '/');
	if (slash)
		*slash = '\0';
	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		if (try_place(self, places[i], path, room))
			return check_name(path, error);
	}
	return error_set(error, "cannot find " LIBRARY " beside '%s/heapdelta' or in '%s/../lib'; set HEAPDELTA_LIBRARY", self, self);
}

/* ---- Environment --------------------------------------------------------------------------------------------------------------- */

static void append(struct environment *environment, char *assignment)
{
	char **list = assignment ? realloc(environment->list, (environment->count + 2) * sizeof(*list)) : NULL;

	if (!list) {
		free(assignment);
		environment->failed = true;
		return;
	}
	environment->list = list;
	list[environment->count++] = assignment;
	list[environment->count] = NULL;
}

void environment_init(struct environment *environment)
{
	*environment = (struct environment){0};
	for (char **assignment = environ; assignment && *assignment; assignment++)
		append(environment, strdup(*assignment));
	if (!environment->list && (environment->list = calloc(1, sizeof(*environment->list))) == NULL)
		environment->failed = true;
}

void environment_release(struct environment *environment)
{
	for (size_t i = 0; i < environment->count; i++)
		free(environment->list[i]);
	free(environment->list);
	*environment = (struct environment){0};
}

static char **find(const struct environment *environment, const char *name)
{
	size_t length = strlen(name);

	for (size_t i = 0; i < environment->count; i++) {
		if (!strncmp(environment->list[i], name, length) && environment->list[i][length] == '=')
			return &environment->list[i];
	}
	return NULL;
}

void environment_set(struct environment *environment, const char *name, const char *value)
{
	char **place = find(environment, name), *assignment;

	if (!value) {
		if (!place)
			return;
		free(*place);
		*place = environment->list[--environment->count];
		environment->list[environment->count] = NULL;
		return;
	}
	if (asprintf(&assignment, "%s=%s", name, value) < 0) {
		environment->failed = true;
		return;
	}
	if (!place) {
		append(environment, assignment);
		return;
	}
	free(*place);
	*place = assignment;
}

/* An item that names our library, in whatever directory: two of them in one process would record everything twice. */
static bool is_ours(const char *item, size_t length)
{
	size_t own = strlen(LIBRARY);

	return length >= own && !strncmp(item + length - own, LIBRARY, own) && (length == own || item[length - own - 1] == '/');
}

void environment_preload(struct environment *environment, const char *library)
{
	char **place = find(environment, "LD_PRELOAD");
	const char *own = place ? *place + strlen("LD_PRELOAD=") : "";
	char *value = malloc(strlen(library) + strlen(own) + 2);

	if (!value) {
		environment->failed = true;
		return;
	}
	char *end = stpcpy(value, library);
	for (size_t length; *own; own += length) {
		own += strspn(own, ": ");
		length = strcspn(own, ": ");
		if (length && !is_ours(own, length))
			end += sprintf(end, ":%.*s", (int)length, own);
	}
	environment_set(environment, "LD_PRELOAD", value);
	free(value);
}
