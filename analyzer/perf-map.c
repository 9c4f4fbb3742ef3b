/* SPDX-License-Identifier: MIT */
/*
 * Comes in: lines "START SIZE NAME", numbers in hexadecimal, which anybody may write to /tmp and which may be written at this moment.  Goes
 * out: names for the addresses that need one.  The file is read once from its beginning, in pieces; of all that it holds only names that are
 * used are kept.  A later line wins: code is compiled again, and elsewhere.
 */
#include "perf-map.h"

#include <ctype.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "locations.h"
#include "strbuf.h"

enum {
	FILE_MAX = 256 << 20,        /* bytes that are read */
	LINE_LENGTH = 1024,          /* what a name has beyond it is cut off */
	WORK_MAX = 1 << 26,          /* addresses looked at: a map whose entries all cover each other is not worth more */
	CLOCK_SLACK_NS = 1000000000, /* file times are a tick behind */
};

/* An address without a module, and the name of the code there. */
struct nameless {
	uint64_t offset;
	uint32_t address; /* in snapshot->addresses */
	const char *name; /* NULL: none yet */
};

struct perf_map {
	struct snapshot *snapshot;
	struct nameless *list; /* by offset */
	size_t count, work;
	size_t length; /* of the line so far */
	char line[LINE_LENGTH];
	bool failed;
};

static bool is_nameless(const struct address *address)
{
	return address->module == HDS_MODULE_NONE && address->offset && !(address->offset & HDS_NO_ADDRESS) && !address->location_count;
}

static int by_offset(const void *left, const void *right)
{
	const struct nameless *a = left, *b = right;

	return a->offset < b->offset ? -1 : a->offset > b->offset;
}

static int collect(struct perf_map *map)
{
	const struct snapshot *snapshot = map->snapshot;

	for (size_t i = 1; i < snapshot->address_count; i++)
		map->count += is_nameless(&snapshot->addresses[i]);
	map->list = calloc(map->count + 1, sizeof(*map->list));
	if (!map->list)
		return -1;
	map->count = 0;
	for (size_t i = 1; i < snapshot->address_count; i++) {
		const struct address *address = &snapshot->addresses[i];
		/* A return address is the one behind its call. */
		if (is_nameless(address))
			map->list[map->count++] =
				(struct nameless){address->offset - !(address->flags & HDS_FRAME_EXACT), (uint32_t)i, NULL};
	}
	qsort(map->list, map->count, sizeof(*map->list), by_offset);
	return 0;
}

/* ---- The file ---- */

static int open_map(const struct snapshot *snapshot, const char *root, uid_t owner)
{
	char path[PATH_MAX];
	struct stat status;

	snprintf(path, sizeof(path), "%s/tmp/perf-%" PRIu64 ".map", root, snapshot->info.pid);
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);
	if (fd < 0)
		return -1;
	if (fstat(fd, &status) == 0 && S_ISREG(status.st_mode) && status.st_uid == owner &&
	    (uint64_t)status.st_mtim.tv_sec * 1000000000 + (uint64_t)status.st_mtim.tv_nsec + CLOCK_SLACK_NS >=
		    snapshot->info.start_realtime_ns)
		return fd;
	close(fd);
	return -1;
}

/* The first of the addresses from `start` on. */
static size_t first_from(const struct perf_map *map, uint64_t start)
{
	size_t low = 0, high = map->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (map->list[middle].offset < start)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static void take_entry(struct perf_map *map, uint64_t start, uint64_t size, const char *name)
{
	const char *kept = NULL;

	for (size_t i = first_from(map, start); i < map->count && map->list[i].offset - start < size; i++) {
		if (!kept)
			kept = intern_add(map->snapshot->intern, name);
		map->failed |= !kept;
		map->list[i].name = kept;
		map->work++;
	}
}

/* "7f5d1c002000 1c0 py::handle:/app/server.py" */
static void take_line(struct perf_map *map)
{
	char *end;
	uint64_t start, size;

	map->line[map->length] = '\0';
	map->length = 0;
	start = strtoull(map->line, &end, 16);
	if (end == map->line || *end != ' ')
		return;
	char *rest = end;
	size = strtoull(rest, &end, 16);
	if (end == rest || *end != ' ' || !end[1])
		return;
	take_entry(map, start, size, end + 1);
}

static void take_bytes(struct perf_map *map, const char *bytes, size_t size)
{
	for (size_t i = 0; i < size; i++) {
		if (bytes[i] == '\n')
			take_line(map);
		else if (map->length < LINE_LENGTH - 1)
			map->line[map->length++] = bytes[i] ? bytes[i] : '?';
	}
}

/* A line without an end is one that is being written. */
static void read_map(struct perf_map *map, int fd)
{
	enum { PIECE = 64 << 10 };
	char *piece = malloc(PIECE);
	size_t total = 0;
	ssize_t got;

	map->failed |= !piece;
	while (!map->failed && total < FILE_MAX && map->work < WORK_MAX && (got = read(fd, piece, PIECE)) > 0) {
		take_bytes(map, piece, (size_t)got);
		total += (size_t)got;
	}
	free(piece);
}

/* ---- The names ---- */

/* The number behind the last colon before `end`, which becomes that colon; NULL: there is none. */
static const char *number_before(const char *start, const char *end, uint32_t *number)
{
	const char *at = end;

	while (at > start && isdigit((unsigned char)at[-1]))
		at--;
	if (at == end || end - at > 9 || at == start || at[-1] != ':')
		return NULL;
	*number = (uint32_t)strtoul(at, NULL, 10);
	return at - 1;
}

/* Text of a length as one of the snapshot's; NULL: out of memory. */
static const char *keep(struct snapshot *snapshot, const char *text, size_t length)
{
	char *copy = strndup(text, length);
	const char *kept = copy ? intern_add(snapshot->intern, copy) : NULL;

	free(copy);
	return kept;
}

/*
 * V8 tells where a function begins: "JS:*render /app/page.js:10:5", "JS:^ file:///app/main.mjs:1:1".  1: that is its place now, 0: it is
 * no such name, −1: out of memory.
 */
static int locate_script(struct snapshot *snapshot, const char *name, struct location *location)
{
	static const char *const starts[] = {" /", " file:///"};
	const char *colon = strchr(name, ':'), *blank = NULL, *file = NULL, *end = name + strlen(name);
	uint32_t column;

	for (size_t i = 0; colon && !blank && i < sizeof(starts) / sizeof(*starts); i++) {
		blank = strstr(colon, starts[i]);
		file = blank ? blank + strlen(starts[i]) - 1 : NULL;
	}
	if (!file || !(end = number_before(file, end, &column)) || !(end = number_before(file, end, &location->line)))
		return 0;
	/* A mark says how it was compiled; the script itself has no name. */
	const char *function = colon + 1 + strspn(colon + 1, "*~^+");
	location->file = keep(snapshot, file, (size_t)(end - file));
	location->function =
		function < blank ? keep(snapshot, function, (size_t)(blank - function)) : intern_add(snapshot->intern, "(script)");
	return location->file && location->function ? 1 : -1;
}

static int locate(struct snapshot *snapshot, const char *name, struct location *location)
{
	struct strbuf file;
	int found = locate_script(snapshot, name, location);

	if (found)
		return found < 0 ? -1 : 0;
	strbuf_init(&file);
	strbuf_printf(&file, "[jit](%s)", name);
	location->line = 0;
	location->function = name;
	location->file = file.failed ? NULL : intern_add(snapshot->intern, file.data);
	strbuf_release(&file);
	return location->file ? 0 : -1;
}

static int name_address(struct perf_map *map, struct locations *locations, const struct nameless *nameless)
{
	struct location *location = locations_add(locations);

	if (!location || locate(map->snapshot, nameless->name, location))
		return -1;
	map->snapshot->addresses[nameless->address] = (struct address){.module = HDS_MODULE_NONE,
								       .offset = HDS_NO_ADDRESS | nameless->address,
								       .first_location = (uint32_t)locations->count - 1,
								       .location_count = 1};
	return 0;
}

static int name_all(struct perf_map *map)
{
	struct snapshot *snapshot = map->snapshot;
	struct locations locations = {snapshot->locations, snapshot->location_count, snapshot->location_count};
	int result = 0;

	for (size_t i = 0; i < map->count && !result; i++) {
		if (map->list[i].name)
			result = name_address(map, &locations, &map->list[i]);
	}
	snapshot->locations = locations.list;
	snapshot->location_count = locations.count;
	return result;
}

int perf_map_apply(struct snapshot *snapshot, const char *root, uid_t owner, struct error *error)
{
	struct perf_map *map = calloc(1, sizeof(*map));
	int result = -1, fd = -1;

	if (!map)
		return error_nomem(error);
	map->snapshot = snapshot;
	if (collect(map))
		goto out;
	fd = map->count ? open_map(snapshot, root, owner) : -1;
	if (fd >= 0)
		read_map(map, fd);
	result = map->failed ? -1 : name_all(map);
out:
	if (fd >= 0)
		close(fd);
	free(map->list);
	free(map);
	return result ? error_nomem(error) : 0;
}
