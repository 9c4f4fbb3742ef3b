/* SPDX-License-Identifier: MIT */
/*
 * Comes in: a PID or a name.  Goes out: an open trace file and how to reach the files that the process sees.
 * The mapping itself names the file: /proc/PID/maps gives path, device and inode, /proc/PID/root/<path> opens it whatever namespaces the
 * process lives in, and device and inode prove that it is the same file.  Where maps cannot be read, the directories are searched for a
 * header with this pid and start time.  The process is never stopped, signalled or attached to.
 */
#include "process.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

/* What one line of /proc/PID/maps says about a mapped trace file. */
struct mapping {
	unsigned long start, end;
	dev_t device;
	ino_t inode;
	bool deleted, tracer; /* tracer: the line is libheapdelta.so's */
	char path[PATH_MAX];
};

static void read_comm(struct process *process)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/comm", (int)process->pid);
	FILE *file = fopen(path, "re");
	if (!file)
		return;
	if (fgets(process->comm, sizeof(process->comm), file))
		process->comm[strcspn(process->comm, "\n")] = '\0';
	fclose(file);
}

static bool has_suffix(const char *text, const char *suffix)
{
	size_t length = strlen(text), end = strlen(suffix);

	return length >= end && !strcmp(text + length - end, suffix);
}

/* True for a line about a trace file or about our library. */
static bool parse_mapping(const char *line, struct mapping *mapping)
{
	unsigned major, minor;
	uintmax_t inode;
	int at = 0;

	if (sscanf(line, "%lx-%lx %*s %*x %x:%x %ju %n", &mapping->start, &mapping->end, &major, &minor, &inode, &at) < 5 || !at)
		return false;
	snprintf(mapping->path, sizeof(mapping->path), "%.*s", (int)strcspn(line + at, "\n"), line + at);
	mapping->deleted = has_suffix(mapping->path, " (deleted)");
	if (mapping->deleted)
		mapping->path[strlen(mapping->path) - strlen(" (deleted)")] = '\0';
	mapping->device = makedev(major, minor);
	mapping->inode = (ino_t)inode;
	mapping->tracer = has_suffix(mapping->path, "/libheapdelta.so");
	return mapping->tracer || has_suffix(mapping->path, TRACES_SUFFIX);
}

/* 1: *mapping is a mapped trace file; 0: none, and *tracer says whether our library is there at all; −1: maps cannot be read. */
static int find_mapping(pid_t pid, struct mapping *mapping, bool *tracer)
{
	char path[64], line[PATH_MAX + 128];
	int found = 0;

	*tracer = false;
	snprintf(path, sizeof(path), "/proc/%d/maps", (int)pid);
	FILE *maps = fopen(path, "re");
	if (!maps)
		return -1;
	while (!found && fgets(line, sizeof(line), maps)) {
		if (!parse_mapping(line, mapping))
			continue;
		*tracer = *tracer || mapping->tracer;
		found = !mapping->tracer;
	}
	if (!found && ferror(maps))
		found = -1;
	fclose(maps);
	return found;
}

/* Some file systems show another device in maps than in stat: the start time in the header decides then. */
static bool is_same_file(int fd, const struct mapping *mapping, const struct process *process)
{
	struct stat status;

	if (fstat(fd, &status) < 0 || !S_ISREG(status.st_mode) || status.st_ino != mapping->inode)
		return false;
	return status.st_dev == mapping->device || process->peek.start_ticks == traces_start_ticks(process->pid);
}

/* The same file, as far as anybody can see. */
static bool is_same(const char *path, const char *other)
{
	struct stat one, two;

	return stat(path, &one) < 0 || stat(other, &two) < 0 || (one.st_dev == two.st_dev && one.st_ino == two.st_ino);
}

/* Does the process see our files?  Below the same root directory, other things may be mounted for it: a /tmp of its own. */
static bool shares_root(pid_t pid, const char *root)
{
	char mounts[64];

	snprintf(mounts, sizeof(mounts), "/proc/%d/ns/mnt", (int)pid);
	return is_same(root, "/") && is_same(mounts, "/proc/self/ns/mnt");
}

/* A file under a root that another user controls: no device, no FIFO that blocks, no link that leads elsewhere. */
static int open_trace(const char *path)
{
	return open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);
}

/* By its path below the process's root; else, for root, through the mapping itself: a name from outside of a chroot leads nowhere. */
static int open_mapped(pid_t pid, const struct mapping *mapping)
{
	char path[PATH_MAX + 128];
	int fd = -1;

	snprintf(path, sizeof(path), "/proc/%d/root%s", (int)pid, mapping->path);
	if (!mapping->deleted)
		fd = open_trace(path);
	if (fd >= 0 || (!mapping->deleted && errno != ENOENT))
		return fd;
	snprintf(path, sizeof(path), "/proc/%d/map_files/%lx-%lx", (int)pid, mapping->start, mapping->end);
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (fd < 0 && !mapping->deleted)
		errno = ENOENT;
	return fd;
}

static int open_mapping(struct process *process, const struct mapping *mapping, struct error *error)
{
	snprintf(process->path, sizeof(process->path), "%s", mapping->path);
	process->fd = open_mapped(process->pid, mapping);
	if (process->fd < 0 && mapping->deleted)
		return error_set(error, "the trace file of process %d (%s) was deleted: '%s'; set HEAPDELTA_DIR to a place that is kept",
				 (int)process->pid, process->comm, mapping->path);
	if (process->fd < 0)
		return error_set(error, "cannot open the trace file of process %d (%s) '%s': %s", (int)process->pid, process->comm,
				 mapping->path, strerror(errno));
	if (traces_peek(process->fd, &process->peek) < 0)
		return error_set(error, "the trace file of process %d (%s) '%s' is of another version of heapdelta", (int)process->pid,
				 process->comm, mapping->path);
	if (!is_same_file(process->fd, mapping, process))
		return error_set(error, "'%s' is not the trace file that process %d (%s) has mapped", mapping->path, (int)process->pid,
				 process->comm);
	return 0;
}

/* ---- Namespaces --------------------------------------------------------------------------------------------------------------- */

uint64_t process_namespace(pid_t pid)
{
	char path[64], text[64];

	if (pid)
		snprintf(path, sizeof(path), "/proc/%d/ns/pid", (int)pid);
	ssize_t length = readlink(pid ? path : "/proc/self/ns/pid", text, sizeof(text) - 1);
	text[length > 0 ? length : 0] = '\0';
	const char *bracket = strchr(text, '[');
	return bracket ? strtoull(bracket + 1, NULL, 10) : 0;
}

pid_t process_inner_pid(pid_t pid)
{
	char path[64], line[512];
	pid_t inner = pid;

	snprintf(path, sizeof(path), "/proc/%d/status", (int)pid);
	FILE *file = fopen(path, "re");
	while (file && fgets(line, sizeof(line), file)) {
		if (strncmp(line, "NSpid:", 6) != 0)
			continue;
		const char *last = strrchr(line, '\t');
		inner = last && atoi(last + 1) > 0 ? atoi(last + 1) : pid;
		break;
	}
	if (file)
		fclose(file);
	return inner;
}

/* ---- Without maps: by header --------------------------------------------------------------------------------------------------- */

struct search {
	struct process *process;
	pid_t pid; /* as it sees itself, which is what it wrote */
	uint64_t start_ticks;
	bool found;
};

static void match_header(void *data, const char *path)
{
	struct search *search = data;
	int fd = search->found ? -1 : open_trace(path);

	if (fd < 0)
		return;
	if (traces_peek(fd, &search->process->peek) == 0 && search->process->peek.pid == search->pid &&
	    search->process->peek.start_ticks == search->start_ticks && traces_is_alive(fd)) {
		search->found = true;
		search->process->fd = fd;
		snprintf(search->process->path, sizeof(search->process->path), "%s", path);
		return;
	}
	close(fd);
}

static const char *owner_of(pid_t pid, char *name, size_t room)
{
	struct stat status;
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d", (int)pid);
	if (stat(path, &status) < 0)
		return "another user";
	const struct passwd *user = getpwuid(status.st_uid);
	if (user)
		snprintf(name, room, "user '%s'", user->pw_name);
	else
		snprintf(name, room, "user %u", (unsigned)status.st_uid);
	return name;
}

static int look_by_header(struct process *process, int why, struct error *error)
{
	struct search search = {process, process_inner_pid(process->pid), traces_start_ticks(process->pid), false};
	char owner[128];

	traces_files("", match_header, &search);
	if (search.found)
		return 1;
	return error_set(error, "cannot look at process %d (%s): %s; it belongs to %s", (int)process->pid, process->comm, strerror(why),
			 owner_of(process->pid, owner, sizeof(owner)));
}

/* ---- By PID -------------------------------------------------------------------------------------------------------------------- */

int process_look(struct process *process, pid_t pid, struct error *error)
{
	struct mapping mapping;
	bool tracer;

	*process = (struct process){.pid = pid, .fd = -1};
	read_comm(process);
	int found = find_mapping(pid, &mapping, &tracer);
	if (found < 0 && (errno == ENOENT || errno == ESRCH))
		return error_set(error, "there is no process %d", (int)pid);
	if (found < 0)
		return look_by_header(process, errno, error);
	if (!found && tracer)
		return error_set(error, "process %d (%s) is traced, but has not allocated anything yet", (int)pid, process->comm);
	if (!found)
		return 0;
	snprintf(process->root, sizeof(process->root), "/proc/%d/root", (int)pid);
	if (shares_root(pid, process->root))
		process->root[0] = '\0';
	return open_mapping(process, &mapping, error) < 0 ? -1 : 1;
}

int process_not_traced(const struct process *process, struct error *error)
{
	return error_set(error,
			 "process %d (%s) is not traced, and heapdelta cannot attach; restart it with 'heapdelta run …' or see "
			 "'heapdelta env --help'",
			 (int)process->pid, process->comm);
}

static int find_by_pid(struct process *process, const char *text, struct error *error)
{
	char *end;

	errno = 0;
	long pid = strtol(text, &end, 10);
	if (errno || *end || pid <= 0 || pid > INT_MAX)
		return error_set(error, "'%s' is not a process number", text);
	int found = process_look(process, (pid_t)pid, error);
	return found == 0 ? process_not_traced(process, error) : found < 0 ? -1 : 0;
}

/* ---- By name ------------------------------------------------------------------------------------------------------------------- */

struct candidates {
	pid_t traced[8]; /* enough to show */
	size_t traced_count, untraced_count;
	pid_t untraced;
	struct error first; /* why one could not be looked at */
};

static bool has_name(pid_t pid, const char *name)
{
	struct process process = {.pid = pid};
	char link[64], exe[PATH_MAX];

	read_comm(&process);
	if (!process.comm[0])
		return false;
	if (!strcmp(process.comm, name) || (strlen(name) > 15 && !strncmp(process.comm, name, 15)))
		return true;
	snprintf(link, sizeof(link), "/proc/%d/exe", (int)pid);
	ssize_t length = readlink(link, exe, sizeof(exe) - 1);
	exe[length > 0 ? length : 0] = '\0';
	const char *slash = strrchr(exe, '/');
	return slash && !strcmp(slash + 1, name);
}

static void consider(struct candidates *candidates, pid_t pid)
{
	struct process process;
	struct error error = {0};
	int found = process_look(&process, pid, &error);

	process_close(&process);
	/* One that ended while we looked was not the one. */
	if (found < 0 && traces_start_ticks(pid))
		error_set(&candidates->first, "%s", error.text);
	if (found > 0) {
		if (candidates->traced_count < sizeof(candidates->traced) / sizeof(candidates->traced[0]))
			candidates->traced[candidates->traced_count] = pid;
		candidates->traced_count++;
	} else if (found == 0) {
		candidates->untraced_count++;
		candidates->untraced = pid;
	}
}

static int list_by_name(struct candidates *candidates, const char *name, struct error *error)
{
	struct dirent *entry;
	DIR *directory = opendir("/proc");

	if (!directory)
		return error_set(error, "cannot open '/proc': %s", strerror(errno));
	while ((entry = readdir(directory)) != NULL) {
		pid_t pid = isdigit((unsigned char)entry->d_name[0]) ? (pid_t)atoi(entry->d_name) : 0;
		if (pid > 0 && pid != getpid() && has_name(pid, name))
			consider(candidates, pid);
	}
	closedir(directory);
	return 0;
}

static int several(const struct candidates *candidates, const char *name, struct error *error)
{
	size_t room = sizeof(candidates->traced) / sizeof(candidates->traced[0]);
	char list[128] = "";

	for (size_t i = 0; i < candidates->traced_count && i < room; i++) {
		size_t used = strlen(list);
		snprintf(list + used, sizeof(list) - used, "%s%d", i ? ", " : "", (int)candidates->traced[i]);
	}
	return error_set(error, "%zu traced processes are named '%s': %s%s; give the PID", candidates->traced_count, name, list,
			 candidates->traced_count > room ? ", …" : "");
}

static int find_by_name(struct process *process, const char *name, struct error *error)
{
	struct candidates candidates = {0};

	if (list_by_name(&candidates, name, error) < 0)
		return -1;
	if (candidates.traced_count > 1)
		return several(&candidates, name, error);
	if (candidates.traced_count == 1)
		return process_look(process, candidates.traced[0], error) > 0 ? 0 : error_set(error, "process '%s' has ended", name);
	if (candidates.untraced_count == 1) {
		process->pid = candidates.untraced;
		read_comm(process);
		return process_not_traced(process, error);
	}
	if (candidates.untraced_count)
		return error_set(error,
				 "none of the %zu processes named '%s' is traced, and heapdelta cannot attach; restart them with "
				 "'heapdelta run …' or see 'heapdelta env --help'",
				 candidates.untraced_count, name);
	if (candidates.first.text[0])
		return error_set(error, "%s", candidates.first.text);
	error_set(error, "there is no process named '%s'", name);
	return PROCESS_NONE;
}

/* ---- By the number inside of another namespace ----------------------------------------------------------------------------------- */

/* Of the traced processes that have this number where they live, if there is only one. */
static int find_by_inner_pid(struct process *process, pid_t pid, struct error *error)
{
	struct candidates candidates = {0};
	struct dirent *entry;
	DIR *directory = opendir("/proc");
	char name[16];

	while (directory && (entry = readdir(directory)) != NULL) {
		pid_t outer = isdigit((unsigned char)entry->d_name[0]) ? (pid_t)atoi(entry->d_name) : 0;
		if (outer > 0 && outer != pid && process_inner_pid(outer) == pid)
			consider(&candidates, outer);
	}
	if (directory)
		closedir(directory);
	snprintf(name, sizeof(name), "%d", (int)pid);
	if (candidates.traced_count > 1)
		return several(&candidates, name, error);
	if (candidates.traced_count == 1 && process_look(process, candidates.traced[0], error) > 0)
		return 0;
	return error_set(error, "there is no process %d", (int)pid);
}

static int find_by_number(struct process *process, const char *text, struct error *error)
{
	struct error why = {0};
	int found = find_by_pid(process, text, &why);

	if (found == 0)
		return 0;
	/* Nobody has it here. */
	if (process->pid && !traces_start_ticks(process->pid))
		return find_by_inner_pid(process, process->pid, error);
	return error_set(error, "%s", why.text);
}

int process_find(struct process *process, const char *pid_or_name, struct error *error)
{
	*process = (struct process){.fd = -1};
	if (pid_or_name[0] && strspn(pid_or_name, "0123456789") == strlen(pid_or_name))
		return find_by_number(process, pid_or_name, error);
	return find_by_name(process, pid_or_name, error);
}

void process_close(struct process *process)
{
	if (process->fd >= 0)
		close(process->fd);
	process->fd = -1;
}
