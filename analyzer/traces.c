/* SPDX-License-Identifier: MIT */
/*
 * Comes in: trace files of living and dead processes, in directories that other processes write.  Goes out: their identity.
 * Only the header, the strings it points at and the threads' counters are read, with pread: a mapping of a tmpfs hole would allocate
 * pages, and the file may be cut while we look.  Nothing read is trusted beyond its range.
 * Alive is decided by the lock alone: the shim takes it before it closes its descriptor, and the kernel drops it with the last mapping.
 */
#include "traces.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/magic.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <unistd.h>

void traces_clean_name(char *name, size_t room, const char *path)
{
	const char *slash = strrchr(path, '/');
	const char *from = slash ? slash + 1 : path;
	size_t length = 0;

	for (; *from && length + 1 < room; from++) {
		bool plain = (*from >= 'a' && *from <= 'z') || (*from >= 'A' && *from <= 'Z') || (*from >= '0' && *from <= '9') ||
			     strchr("._+-", *from) != NULL;
		name[length++] = plain ? *from : '_';
	}
	/* A leading dot would hide the file; a process may run from a deleted or nameless image. */
	if (length && name[0] == '.')
		name[0] = '_';
	name[length] = '\0';
	if (!length)
		snprintf(name, room, "unknown");
}

/* A piece of STRINGS, NUL-terminated; empty when it is out of range. */
static size_t read_strings(int fd, const struct hdt_header *header, uint32_t offset, char *text, size_t room)
{
	const struct hdt_area *area = &header->areas[HDT_AREA_STRINGS];
	uint64_t used = atomic_load_explicit(&area->used, memory_order_acquire);

	text[0] = '\0';
	if (!offset || offset >= used || area->offset > INT64_MAX / 2 || used > INT64_MAX / 2)
		return 0;
	size_t want = used - offset < room - 1 ? used - offset : room - 1;
	ssize_t got = pread(fd, text, want, (off_t)(area->offset + offset));
	text[got > 0 ? got : 0] = '\0';
	return got > 0 ? (size_t)got : 0;
}

/* The kernel sets comm to the name of the file that was executed: for a script that is the script, not its interpreter. */
static const char *script_of(const char *argv, size_t size, const char *comm)
{
	const char *argument = argv;

	for (int i = 0; i < 4 && argument < argv + size; i++, argument += strlen(argument) + 1) {
		const char *slash = strrchr(argument, '/');
		const char *base = slash ? slash + 1 : argument;
		if (i > 0 && *base && !strncmp(base, comm, 15))
			return base;
	}
	return NULL;
}

static void read_name(int fd, const struct hdt_header *header, struct trace_peek *peek)
{
	char exe[PATH_MAX], argv[1024], name[sizeof(peek->name)];

	read_strings(fd, header, header->exe, exe, sizeof(exe));
	traces_clean_name(peek->name, sizeof(peek->name), exe[0] ? exe : peek->comm);
	if (!peek->comm[0] || !strncmp(peek->name, peek->comm, 15))
		return;
	size_t size = read_strings(fd, header, header->command, argv, sizeof(argv));
	const char *script = script_of(argv, size < header->command_size ? size : header->command_size, peek->comm);
	if (script) {
		traces_clean_name(name, sizeof(name), script);
		memcpy(peek->name, name, sizeof(name));
	}
}

static int read_header(int fd, struct hdt_header *header)
{
	if (pread(fd, header, sizeof(*header), 0) != (ssize_t)sizeof(*header))
		return -1;
	if (header->magic != HDT_MAGIC || header->major != HDT_MAJOR || header->area_count < HDT_AREAS_REQUIRED)
		return -1;
	return 0;
}

int traces_peek(int fd, struct trace_peek *peek)
{
	struct hdt_header header;

	memset(peek, 0, sizeof(*peek));
	if (read_header(fd, &header) < 0)
		return -1;
	peek->pid = header.pid;
	peek->ppid = header.ppid;
	peek->image = header.image;
	peek->flags = atomic_load(&header.flags);
	peek->pid_namespace = header.pid_namespace;
	peek->start_ticks = header.pid_start_ticks;
	peek->start_monotonic_ns = header.start_monotonic_ns;
	peek->folded_bytes = atomic_load(&header.folded_bytes);
	memcpy(peek->comm, header.comm, sizeof(header.comm));
	memcpy(peek->run, header.run, sizeof(header.run));
	memcpy(peek->spill_path, header.spill_path, sizeof(header.spill_path));
	read_name(fd, &header, peek);
	return 0;
}

/* overlayfs maps the file that lies below, so that a lock taken through it ends with the descriptor. */
static bool keeps_locks(int fd)
{
	struct statfs status;

	return fstatfs(fd, &status) < 0 || status.f_type != OVERLAYFS_SUPER_MAGIC;
}

/*
 * Instead of the lock: the process that the header names.  A file without a header is being made, unless it is a supervisor's empty lock file,
 * and a removed one was left by an image that exec replaced.
 */
static bool is_process_alive(int fd)
{
	struct trace_peek peek;
	struct stat status;

	if (fstat(fd, &status) < 0 || status.st_nlink == 0)
		return false;
	if (traces_peek(fd, &peek) < 0)
		return status.st_size > 0;
	return peek.start_ticks && traces_start_ticks(peek.pid) == peek.start_ticks && traces_has_memory(peek.pid);
}

bool traces_is_alive(int fd)
{
	if (flock(fd, LOCK_SH | LOCK_NB) < 0)
		return errno == EWOULDBLOCK;
	flock(fd, LOCK_UN);
	return !keeps_locks(fd) && is_process_alive(fd);
}

int64_t traces_live_bytes(int fd)
{
	enum { CELLS_MAX = 256 }; /* beyond that many threads the folded counter is close enough */
	struct hdt_header header;
	int64_t cell[2]; /* current, high */

	if (read_header(fd, &header) < 0)
		return -1;
	const struct hdt_area *area = &header.areas[HDT_AREA_THREADS];
	uint64_t cells = atomic_load(&area->used) / sizeof(struct hdt_thread);
	int64_t live = atomic_load(&header.folded_bytes);
	for (uint64_t i = 0; i < cells && i < CELLS_MAX && area->offset < INT64_MAX / 2; i++) {
		uint64_t at = area->offset + i * sizeof(struct hdt_thread) + offsetof(struct hdt_thread, current);
		if (pread(fd, cell, sizeof(cell), (off_t)at) == (ssize_t)sizeof(cell))
			live += cell[0];
	}
	return live > 0 ? live : 0;
}

void traces_remove(const char *path, const struct trace_peek *peek)
{
	struct stat status;
	size_t length = strlen(peek->spill_path);

	unlink(path);
	/* The name comes out of a file that others may have written: only a plain trace file of the same owner goes. */
	if (length > strlen(TRACES_SUFFIX) && peek->spill_path[0] == '/' && strstr(peek->spill_path, TRACES_SUFFIX) &&
	    lstat(peek->spill_path, &status) == 0 && S_ISREG(status.st_mode) && status.st_uid == geteuid())
		unlink(peek->spill_path);
}

/* ---- Directories --------------------------------------------------------------------------------------------------------------- */

struct directory_walk {
	void (*each)(void *data, const char *directory);
	void *data;
	ino_t seen[64]; /* $TMPDIR may be /var/tmp or HEAPDELTA_DIR */
	dev_t seen_device[64];
	size_t count;
};

static void offer(struct directory_walk *walk, const char *path)
{
	struct stat status;

	if (stat(path, &status) < 0 || !S_ISDIR(status.st_mode))
		return;
	for (size_t i = 0; i < walk->count; i++) {
		if (walk->seen[i] == status.st_ino && walk->seen_device[i] == status.st_dev)
			return;
	}
	if (walk->count < sizeof(walk->seen) / sizeof(walk->seen[0])) {
		walk->seen[walk->count] = status.st_ino;
		walk->seen_device[walk->count++] = status.st_dev;
	}
	walk->each(walk->data, path);
}

/* The directories "heapdelta-<euid>" in a shared place; root sees those of every user. */
static void offer_users(struct directory_walk *walk, const char *parent)
{
	char path[PATH_MAX];
	struct dirent *entry;

	if (geteuid() != 0) {
		snprintf(path, sizeof(path), "%s/heapdelta-%u", parent, (unsigned)geteuid());
		offer(walk, path);
		return;
	}
	DIR *directory = opendir(parent);
	while (directory && (entry = readdir(directory)) != NULL) {
		if (!strncmp(entry->d_name, "heapdelta-", 10) && strspn(entry->d_name + 10, "0123456789") == strlen(entry->d_name + 10) &&
		    snprintf(path, sizeof(path), "%s/%s", parent, entry->d_name) < (int)sizeof(path))
			offer(walk, path);
	}
	if (directory)
		closedir(directory);
}

void traces_directories(void (*each)(void *data, const char *directory), void *data)
{
	struct directory_walk walk = {.each = each, .data = data};
	const char *chosen = getenv("HEAPDELTA_DIR"), *temporary = getenv("TMPDIR");

	if (chosen && chosen[0] == '/')
		offer(&walk, chosen);
	offer_users(&walk, "/dev/shm");
	if (temporary && temporary[0] == '/') {
		offer_users(&walk, temporary);
		offer(&walk, temporary);
	}
	offer_users(&walk, "/var/tmp");
}

struct file_walk {
	const char *prefix;
	void (*each)(void *data, const char *path);
	void *data;
};

static bool is_trace_name(const char *name, const char *prefix)
{
	size_t length = strlen(name), suffix = strlen(TRACES_SUFFIX);

	return length > suffix && !strcmp(name + length - suffix, TRACES_SUFFIX) && !strncmp(name, prefix, strlen(prefix));
}

static void walk_files(void *data, const char *path)
{
	struct file_walk *walk = data;
	char file[PATH_MAX];
	struct dirent *entry;
	DIR *directory = opendir(path);

	while (directory && (entry = readdir(directory)) != NULL) {
		if (is_trace_name(entry->d_name, walk->prefix) &&
		    snprintf(file, sizeof(file), "%s/%s", path, entry->d_name) < (int)sizeof(file))
			walk->each(walk->data, file);
	}
	if (directory)
		closedir(directory);
}

void traces_files(const char *prefix, void (*each)(void *data, const char *path), void *data)
{
	struct file_walk walk = {prefix, each, data};

	traces_directories(walk_files, &walk);
}

bool traces_is_chosen(const char *path)
{
	const char *chosen = getenv("HEAPDELTA_DIR");
	size_t length = chosen ? strlen(chosen) : 0;

	while (length > 1 && chosen[length - 1] == '/')
		length--;
	return !chosen || chosen[0] != '/' || (strncmp(path, chosen, length) == 0 && path[length] == '/');
}

/* Ours alone: made by us, or found as a real directory that nobody else can write. */
static bool usable(const char *path, bool make)
{
	struct stat status;

	if (make && mkdir(path, 0700) < 0 && errno != EEXIST)
		return false;
	return lstat(path, &status) == 0 && S_ISDIR(status.st_mode) && status.st_uid == geteuid() && access(path, W_OK | X_OK) == 0;
}

int traces_own_directory(char *path, size_t room)
{
	static const char *const shared[] = {"/dev/shm", NULL, "/var/tmp"};
	const char *chosen = getenv("HEAPDELTA_DIR");

	if (chosen && chosen[0] == '/' && access(chosen, W_OK | X_OK) == 0 && (size_t)snprintf(path, room, "%s", chosen) < room)
		return 0;
	for (size_t i = 0; i < sizeof(shared) / sizeof(shared[0]); i++) {
		const char *parent = shared[i] ? shared[i] : getenv("TMPDIR");
		if (parent && parent[0] == '/' && (size_t)snprintf(path, room, "%s/heapdelta-%u", parent, (unsigned)geteuid()) < room &&
		    usable(path, true))
			return 0;
	}
	return -1;
}

/* ---- /proc --------------------------------------------------------------------------------------------------------------------- */

static ssize_t read_proc(pid_t pid, const char *name, char *text, size_t room)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, name);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -1;
	ssize_t got = read(fd, text, room - 1);
	close(fd);
	text[got > 0 ? got : 0] = '\0';
	return got;
}

uint64_t traces_start_ticks(pid_t pid)
{
	char text[1024];

	if (read_proc(pid, "stat", text, sizeof(text)) <= 0)
		return 0;
	char *field = strrchr(text, ')'); /* comm may hold spaces and parentheses; the state, field 3, follows it */
	for (int number = 2; field && number < 22; number++)
		field = strchr(field + 1, ' ');
	return field ? strtoull(field + 1, NULL, 10) : 0;
}

bool traces_has_memory(pid_t pid)
{
	char text[128];

	return read_proc(pid, "statm", text, sizeof(text)) > 0 && strtoull(text, NULL, 10) > 0;
}
