/* SPDX-License-Identifier: MIT */
/*
 * Comes in: /proc and the directories of trace files.  Goes out: a list.
 * A living process is found by its mapping, in whatever pid or mount namespace it is; a file that nobody here has mapped is found in the
 * directories of this user (root: of everybody).  Its lock says whether somebody elsewhere has.  A file may end while we look, and a process
 * may end and another begin: what cannot be read any more is left out.  Files of a run whose supervisor lives are about to become snapshots
 * and are none of our business.
 */
#include "ps.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "orphans.h"
#include "process.h"
#include "snapshot.h"

struct scan {
	struct ps_look *look;
	uint64_t our_namespace;
	bool failed;
};

/* ---- One file ------------------------------------------------------------------------------------------------------------------ */

static struct ps_process *new_row(struct scan *scan)
{
	struct ps_look *look = scan->look;

	if (array_reserve(&look->list, &look->room, look->count + 1, sizeof(*look->list)) < 0) {
		scan->failed = true;
		return NULL;
	}
	look->list[look->count] = (struct ps_process){0};
	return &look->list[look->count];
}

/* An open trace file, which stays the caller's. */
static void add(struct scan *scan, const struct process *process)
{
	struct ps_process *row = new_row(scan);
	struct error ignored = {0};
	struct stat status;

	if (!row || fstat(process->fd, &status) < 0 ||
	    trace_counters_read(process->fd, process->root, process->path, &row->counters, &ignored) < 0)
		return;
	row->pid = process->pid;
	row->inner_pid = process->peek.pid;
	memcpy(row->name, process->peek.name, sizeof(row->name));
	memcpy(row->path, process->path, sizeof(row->path));
	row->device = status.st_dev;
	row->inode = status.st_ino;
	scan->look->count++;
}

/* ---- Processes ----------------------------------------------------------------------------------------------------------------- */

/* Looking at other users' processes costs time and ends in a refusal. */
static bool may_read(pid_t pid)
{
	char path[64];
	struct stat status;

	snprintf(path, sizeof(path), "/proc/%d", (int)pid);
	return geteuid() == 0 || (stat(path, &status) == 0 && status.st_uid == geteuid());
}

static int each_traced(void (*each)(void *data, const struct process *process), void *data, struct error *error)
{
	DIR *directory = opendir("/proc");
	struct dirent *entry;

	if (!directory)
		return error_set(error, "cannot open '/proc': %s", strerror(errno));
	while ((entry = readdir(directory)) != NULL) {
		pid_t pid = isdigit((unsigned char)entry->d_name[0]) ? (pid_t)atoi(entry->d_name) : 0;
		struct process process;
		struct error ignored = {0};
		if (pid <= 0 || pid == getpid() || !may_read(pid))
			continue;
		if (process_look(&process, pid, &ignored) > 0)
			each(data, &process);
		process_close(&process);
	}
	closedir(directory);
	return 0;
}

/* A vfork child has its parent's memory, and is its parent to us. */
static bool is_listed(const struct ps_look *look, int fd)
{
	struct stat status;

	if (fstat(fd, &status) < 0)
		return true;
	for (size_t i = 0; i < look->count; i++) {
		if (look->list[i].inode == status.st_ino && look->list[i].device == status.st_dev)
			return true;
	}
	return false;
}

static void consider_process(void *data, const struct process *process)
{
	struct scan *scan = data;

	if (!is_listed(scan->look, process->fd))
		add(scan, process);
}

struct names {
	void (*each)(void *data, pid_t pid, const char *comm);
	void *data;
};

static void pass_name(void *data, const struct process *process)
{
	const struct names *names = data;

	names->each(names->data, process->pid, process->peek.name);
}

void ps_names(void (*each)(void *data, pid_t pid, const char *comm), void *data)
{
	struct names names = {each, data};
	struct error ignored = {0};

	each_traced(pass_name, &names, &ignored);
}

/* ---- Files that no process here has mapped ---------------------------------------------------------------------------------------- */

static void consider_file(void *data, const char *path)
{
	struct scan *scan = data;
	struct process process = {.fd = !traces_is_chosen(path) ? -1 : open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK)};

	if (process.fd < 0)
		return;
	snprintf(process.path, sizeof(process.path), "%s", path);
	if (!is_listed(scan->look, process.fd) && traces_peek(process.fd, &process.peek) == 0) {
		bool alive = traces_is_alive(process.fd);
		if (alive || process.peek.pid_namespace == scan->our_namespace)
			process.pid = alive ? 0 : process.peek.pid;
		if (alive || !process.peek.run[0] || !orphans_run_lives(process.peek.run))
			add(scan, &process);
	}
	process_close(&process);
}

/* ---- The list ------------------------------------------------------------------------------------------------------------------- */

static int by_size(const void *left, const void *right)
{
	const struct ps_process *a = left, *b = right;

	if (a->counters.alive != b->counters.alive)
		return a->counters.alive ? -1 : 1;
	if (a->counters.live_bytes != b->counters.live_bytes)
		return a->counters.live_bytes < b->counters.live_bytes ? 1 : -1;
	return a->pid != b->pid ? (a->pid < b->pid ? -1 : 1) : strcmp(a->path, b->path);
}

int ps_look(struct ps_look *look, struct error *error)
{
	struct scan scan = {.look = look, .our_namespace = process_namespace(0)};
	struct timespec time;

	*look = (struct ps_look){0};
	clock_gettime(CLOCK_MONOTONIC, &time);
	look->monotonic_ns = (uint64_t)time.tv_sec * 1000000000 + (uint64_t)time.tv_nsec;
	if (each_traced(consider_process, &scan, error) < 0)
		return -1;
	traces_files("", consider_file, &scan);
	if (scan.failed)
		return error_nomem(error);
	if (look->count)
		qsort(look->list, look->count, sizeof(*look->list), by_size);
	while (look->living < look->count && look->list[look->living].counters.alive)
		look->living++;
	return 0;
}

void ps_release(struct ps_look *look)
{
	free(look->list);
	*look = (struct ps_look){0};
}

static const struct ps_process *find(const struct ps_look *look, const struct ps_process *process)
{
	for (size_t i = 0; i < look->living; i++) {
		if (look->list[i].inode == process->inode && look->list[i].device == process->device)
			return &look->list[i];
	}
	return NULL;
}

void ps_rate(struct ps_look *now, const struct ps_look *before)
{
	double minutes = (double)(now->monotonic_ns - before->monotonic_ns) / 60e9;

	for (size_t i = 0; i < now->living; i++) {
		struct ps_process *process = &now->list[i];
		const struct ps_process *old = find(before, process);
		if (!old || minutes <= 0)
			continue;
		process->has_rate = true;
		process->rate = ((double)process->counters.live_bytes - (double)old->counters.live_bytes) / minutes;
	}
}
