/* SPDX-License-Identifier: MIT */
/*
 * Comes in: trace files that nobody maps, of runs whose lock nobody holds.  Goes out: snapshots here, and the files' memory given back.
 * Careful on purpose: a file of a bare preload is left to its user (it is readable by every command) until he asks for it, a file without a
 * complete header may be about to get one.  Two sweeps at a time do not take the same file: each locks it first.
 */
#include "orphans.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { WEEK = 7 * 24 * 3600 };

struct sweep {
	const struct convert *convert;
	struct orphans *orphans;
	void (*wrote)(const char *path); /* NULL: nobody wants to know */
	bool all;                        /* also files of a bare preload */
	char held[8192];                 /* names of runs that live, each with a NUL; asked once */
	char dead[8192];
};

static bool is_listed(const char *list, size_t room, const char *run)
{
	for (const char *at = list; at < list + room && *at; at += strlen(at) + 1) {
		if (!strcmp(at, run))
			return true;
	}
	return false;
}

static void note(char *list, size_t room, const char *run)
{
	char *at = list;

	while (*at)
		at += strlen(at) + 1;
	if ((size_t)(list + room - at) > strlen(run) + 1)
		memcpy(at, run, strlen(run) + 1);
}

struct lock_search {
	const char *run;
	bool held;
};

/* The lock of a dead run, and the notes beside it. */
static void remove_run(char *lock)
{
	unlink(lock);
	strcpy(lock + strlen(lock) - strlen(".lock"), ".note");
	unlink(lock);
}

static void look_for_lock(void *data, const char *directory)
{
	struct lock_search *search = data;
	char path[PATH_MAX];

	if ((size_t)snprintf(path, sizeof(path), "%s/%s.lock", directory, search->run) >= sizeof(path))
		return;
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	if (fd < 0)
		return;
	if (traces_is_alive(fd))
		search->held = true;
	else
		remove_run(path);
	close(fd);
}

static bool is_run_alive(struct sweep *sweep, const char *run)
{
	struct lock_search search = {.run = run};

	if (is_listed(sweep->held, sizeof(sweep->held), run))
		return true;
	if (is_listed(sweep->dead, sizeof(sweep->dead), run))
		return false;
	traces_directories(look_for_lock, &search);
	if (search.held)
		note(sweep->held, sizeof(sweep->held), run);
	else
		note(sweep->dead, sizeof(sweep->dead), run);
	return search.held;
}

static char *name_orphan(void *data, const struct traced *traced)
{
	const struct convert *convert = data;

	return naming_file(convert->naming, traced->peek.name, traced->peek.pid, 0);
}

static void rescue(struct sweep *sweep, const char *path, const struct trace_peek *peek, int fd)
{
	struct orphans *orphans = sweep->orphans;
	const struct convert_target target = {name_orphan, (void *)sweep->convert, false, false};
	struct traced *traced = traced_new(path, peek);

	if (!traced)
		return;
	/* An image that was replaced, or that left nothing, is nobody's snapshot. */
	traced->state = TRACED_REPLACED;
	if (!(peek->flags & HDT_FLAG_REPLACED) || (peek->flags & HDT_FLAG_EXITED))
		convert_ended(sweep->convert, traced, fd, &target);
	orphans->empty += traced->state == TRACED_EMPTY || traced->state == TRACED_REPLACED;
	if (traced->state == TRACED_WRITTEN && !orphans->written++)
		snprintf(orphans->first, sizeof(orphans->first), "%s", traced->file);
	if (traced->state == TRACED_WRITTEN && sweep->wrote)
		sweep->wrote(traced->file);
	if (traced->state == TRACED_FAILED && !orphans->failed++)
		error_set(&orphans->error, "cannot convert '%s': %s", path, traced->error.text);
	if (traced->state != TRACED_FAILED)
		traces_remove(path, peek);
	traced_free(traced);
}

static bool is_old(int fd)
{
	struct stat status;

	return fstat(fd, &status) == 0 && status.st_uid == geteuid() && status.st_mtime < time(NULL) - WEEK;
}

/*
 * Take a file of a dead process.  Only what is certainly nobody's is locked: a lock, however short, makes a file look alive to the
 * supervisor that it belongs to.
 */
static void take(struct sweep *sweep, const char *path, const struct trace_peek *peek, int fd)
{
	bool rescuable = sweep->all ? !is_old(fd) : (peek->flags & HDT_FLAG_SUPERVISED) && peek->run[0];

	if ((!rescuable && !is_old(fd)) || (peek->run[0] && is_run_alive(sweep, peek->run)) || flock(fd, LOCK_EX | LOCK_NB) < 0)
		return;
	if (rescuable) {
		rescue(sweep, path, peek, fd);
	} else {
		traces_remove(path, peek);
		sweep->orphans->expired++;
	}
}

/* Somebody else's are his, even if we may. */
static bool is_ours(int fd, const char *path)
{
	struct stat status;

	return traces_is_chosen(path) && fstat(fd, &status) == 0 && status.st_uid == geteuid();
}

static void consider(void *data, const char *path)
{
	const struct sweep *sweep = data;
	struct trace_peek peek;
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);

	if (fd < 0)
		return;
	if ((!sweep->all || is_ours(fd, path)) && traces_peek(fd, &peek) == 0)
		take(data, path, &peek, fd);
	close(fd);
}

void orphans_sweep(const struct convert *convert, struct orphans *orphans)
{
	struct convert here = *convert;
	struct sweep sweep = {.convert = &here, .orphans = orphans};
	struct naming naming;
	struct error error = {0};

	*orphans = (struct orphans){0};
	/* They are of another run: the pattern of -o is not for them. */
	here.naming = &naming;
	if (naming_init(&naming, NULL, "", &error) == 0)
		traces_files("", consider, &sweep);
	naming_release(&naming);
}

void orphans_clean(const struct convert *convert, void (*wrote)(const char *path), struct orphans *orphans)
{
	struct sweep sweep = {.convert = convert, .orphans = orphans, .wrote = wrote, .all = true};

	*orphans = (struct orphans){0};
	traces_files("", consider, &sweep);
}

bool orphans_run_lives(const char *run)
{
	struct sweep sweep = {0};

	return is_run_alive(&sweep, run);
}
