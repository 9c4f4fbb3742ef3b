/* SPDX-License-Identifier: MIT */
/*
 * Comes in: an argument that may name a process.  Goes out: its trace file, and what that holds at a moment.
 * A process that runs knows its working directory now and where its sources are better than a snapshot of it on another day, so the work
 * tree is looked for from here, through its own root.
 */
#include "look.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "perf-map.h"
#include "worktree.h"

static bool is_number(const char *text)
{
	return text[0] && strspn(text, "0123456789") == strlen(text);
}

static bool has_our_suffix(const char *name)
{
	static const char *const suffixes[] = {".hds", ".hdt", ".json", ".d"};
	size_t length = strlen(name);

	for (size_t i = 0; i < sizeof(suffixes) / sizeof(suffixes[0]); i++) {
		size_t end = strlen(suffixes[i]);
		if (length > end && !strcmp(name + length - end, suffixes[i]))
			return true;
	}
	return false;
}

/* The program itself often lies where its user is: that is no snapshot. */
static bool is_program(const char *name)
{
	char magic[4] = "";
	int fd = open(name, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	ssize_t got = fd >= 0 ? read(fd, magic, sizeof(magic)) : -1;

	if (fd >= 0)
		close(fd);
	return got == (ssize_t)sizeof(magic) && (memcmp(magic, "\177ELF", 4) == 0 || memcmp(magic, "#!", 2) == 0);
}

bool look_is_process(const char *name)
{
	if (!name[0] || strcmp(name, "-") == 0 || strchr(name, '/') || has_our_suffix(name))
		return false;
	return access(name, F_OK) < 0 || is_program(name);
}

/* ---- A process that has ended --------------------------------------------------------------------------------------------------- */

struct dead {
	struct process *process; /* the latest so far; fd −1: none */
	pid_t pid;
	uint64_t pid_namespace;
};

static void consider_dead(void *data, const char *path)
{
	struct dead *dead = data;
	struct trace_peek peek;
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);

	if (fd < 0)
		return;
	bool fits =
		traces_peek(fd, &peek) == 0 && peek.pid == dead->pid && peek.pid_namespace == dead->pid_namespace && !traces_is_alive(fd);
	if (!fits || (dead->process->fd >= 0 && peek.start_monotonic_ns < dead->process->peek.start_monotonic_ns)) {
		close(fd);
		return;
	}
	process_close(dead->process);
	dead->process->fd = fd;
	dead->process->peek = peek;
	dead->process->pid = peek.pid;
	snprintf(dead->process->comm, sizeof(dead->process->comm), "%s", peek.comm);
	snprintf(dead->process->path, sizeof(dead->process->path), "%s", path);
}

static bool find_dead(struct process *process, pid_t pid)
{
	struct dead dead = {process, pid, process_namespace(0)};

	*process = (struct process){.fd = -1};
	traces_files("", consider_dead, &dead);
	return process->fd >= 0;
}

int look_find(struct process *process, const char *name, struct error *error)
{
	struct error why = {0};
	long pid = is_number(name) ? strtol(name, NULL, 10) : 0;

	int found = process_find(process, name, &why);
	if (found == 0)
		return 0;
	if (pid > 0 && pid <= INT_MAX && (!traces_start_ticks((pid_t)pid) || !traces_has_memory((pid_t)pid))) {
		process_close(process);
		if (find_dead(process, (pid_t)pid))
			return 0;
	} else if (found == PROCESS_NONE && access(name, F_OK) < 0) {
		return error_set(error, "cannot open '%s': %s; %s", name, strerror(ENOENT), why.text);
	}
	return error_set(error, "%s", why.text);
}

/* ---- Its tables ---------------------------------------------------------------------------------------------------------------- */

static int set_text(struct snapshot *snapshot, const char **field, const char *text, struct error *error)
{
	if (!text[0])
		return 0;
	*field = intern_add(snapshot->intern, text);
	return *field ? 0 : error_nomem(error);
}

/* Its sources: the work tree of its directory, named as the process sees it. */
static int describe(const struct process *process, struct snapshot *snapshot, struct error *error)
{
	char cwd[PATH_MAX], root[PATH_MAX], commit[72] = "";
	size_t prefix = strlen(process->root);

	if (snapshot->info.source_root[0] || (size_t)snprintf(cwd, sizeof(cwd), "%s%s", process->root, snapshot->info.cwd) >= sizeof(cwd) ||
	    worktree_root(cwd, root, sizeof(root)) < 0 || strncmp(root, process->root, prefix) != 0)
		return 0;
	worktree_commit(root, commit, sizeof(commit));
	if (set_text(snapshot, &snapshot->info.source_root, root[prefix] ? root + prefix : "/", error) < 0)
		return -1;
	return set_text(snapshot, &snapshot->info.commit, commit, error);
}

int look_take(const struct process *process, const char *name, struct intern *intern, struct snapshot *snapshot, struct error *error)
{
	struct stat status;

	snapshot_init(snapshot, intern);
	snapshot->name = intern_add(intern, name);
	if (!snapshot->name)
		return error_nomem(error);
	if (snapshot_read_trace(snapshot, process->fd, process->root, false, error) < 0)
		return -1;
	bool named = fstat(process->fd, &status) < 0 || perf_map_apply(snapshot, process->root, status.st_uid, error) == 0;
	snapshot->info.pid = (uint64_t)process->pid; /* as we see it, not as it sees itself */
	if (named && describe(process, snapshot, error) == 0)
		return 0;
	snapshot_release(snapshot);
	return -1;
}
