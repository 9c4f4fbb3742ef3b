/* SPDX-License-Identifier: MIT */
/*
 * Component by component into one buffer that is never longer than its input: a ".." takes the component before it away, unless there is
 * none (kept in a relative path, dropped at the root).
 */
#include "source-path.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

/* Length of `path` without its last component; `length` itself when that is ".." or there is none. */
static size_t parent_of(const char *path, size_t length, size_t root)
{
	size_t start = length;

	while (start > root && path[start - 1] != '/')
		start--;
	if (start == length || (length - start == 2 && !memcmp(path + start, "..", 2)))
		return length;
	return start > root ? start - 1 : root;
}

static size_t append(char *path, size_t length, const char *component, size_t size)
{
	size_t root = path[0] == '/' ? 1 : 0, parent;

	if (size == 0 || (size == 1 && component[0] == '.'))
		return length;
	if (size == 2 && !memcmp(component, "..", 2)) {
		parent = parent_of(path, length, root);
		if (parent != length || (root && length == root))
			return parent;
	}
	if (length > root)
		path[length++] = '/';
	memmove(path + length, component, size);
	return length + size;
}

char *source_path(const char *directory, const char *name)
{
	bool below = name[0] != '/' && directory && directory[0];
	size_t head = below ? strlen(directory) : 0, length;
	char *path = malloc(head + strlen(name) + 3), *in;

	if (!path)
		return NULL;
	if (below) {
		memcpy(path, directory, head);
		path[head] = '/';
	}
	strcpy(path + head + below, name);
	length = path[0] == '/' ? 1 : 0;
	for (in = path + length; *in;) {
		size_t size = strcspn(in, "/");
		char *next = in + size + (in[size] == '/');
		length = append(path, length, in, size);
		in = next;
	}
	path[length] = '\0';
	return path;
}
