/* SPDX-License-Identifier: MIT */
/*
 * Comes in: a snapshot.  Goes out: the same with other file names in its locations, before anything looks at them, so that attribution,
 * filters, keys and source lines all see one name.  Each name is worked out once.
 */
#include "map-path.h"

#include <string.h>

#include "pointer-map.h"
#include "strbuf.h"

int map_path_check(const char *spec, struct error *error)
{
	const char *equals = strchr(spec, '=');

	if (equals && equals != spec)
		return 0;
	return error_set(error, "bad path map '%s': it needs to be FROM=TO", spec);
}

/* What is behind FROM in `name`, with its slash if there is any; NULL: FROM is no beginning of it. */
static const char *behind(const char *name, const char *spec)
{
	size_t length = strcspn(spec, "=");

	while (length > 1 && spec[length - 1] == '/')
		length--;
	if (strncmp(name, spec, length) != 0)
		return NULL;
	return name[length] == '\0' || name[length] == '/' || name[length - 1] == '/' ? name + length : NULL;
}

/* TO and what was behind FROM. */
static void put_mapped(struct strbuf *out, const char *spec, const char *rest)
{
	const char *to = strchr(spec, '=') + 1;
	size_t length = strlen(to);

	while (length && to[length - 1] == '/')
		length--;
	rest += *rest == '/';
	strbuf_add(out, to, length);
	if (length ? *rest : *to)
		strbuf_putc(out, '/');
	strbuf_puts(out, rest);
}

static const char *below(const char *root, const char *file)
{
	size_t length = root ? strlen(root) : 0;

	while (length && root[length - 1] == '/')
		length--;
	return root && *root && strncmp(file, root, length) == 0 && file[length] == '/' ? file + length + 1 : NULL;
}

/* The new name, or nothing if no spec fits. */
static void map_name(struct strbuf *out, const char *root, const char *const *specs, const char *file)
{
	const char *relative = below(root, file), *rest;

	for (; *specs && !out->length; specs++) {
		if ((rest = behind(file, *specs)) != NULL) {
			put_mapped(out, *specs, rest);
		} else if (relative && (rest = behind(relative, *specs)) != NULL) {
			if (strchr(*specs, '=')[1] != '/')
				strbuf_printf(out, "%s/", root);
			put_mapped(out, *specs, rest);
		}
	}
}

/* Interned; NULL: out of memory. */
static const char *new_name(struct intern *intern, const char *root, const char *const *specs, const char *file)
{
	struct strbuf name;
	const char *made;

	strbuf_init(&name);
	map_name(&name, root, specs, file);
	made = name.failed ? NULL : name.length ? intern_add(intern, name.data) : file;
	strbuf_release(&name);
	return made;
}

static int map_location(struct snapshot *snapshot, struct location *location, const char *root, const char *const *specs,
			struct pointer_map *names)
{
	void **memo = location->file ? pointer_map_at(names, location->file) : NULL;

	if (!memo)
		return location->file ? -1 : 0;
	if (!*memo)
		*memo = (void *)new_name(snapshot->intern, root, specs, location->file);
	if (!*memo)
		return -1;
	if (location->file != *memo)
		location->kinds = 0;
	location->file = *memo;
	return 0;
}

int map_path_apply(struct snapshot *snapshot, const char *root, const char *const *specs, struct error *error)
{
	struct pointer_map names = {0};
	int result = 0;

	if (!specs || !*specs)
		return 0;
	for (size_t i = 0; result == 0 && i < snapshot->location_count; i++)
		result = map_location(snapshot, &snapshot->locations[i], root, specs, &names);
	pointer_map_release(&names);
	return result == 0 ? 0 : error_nomem(error);
}
