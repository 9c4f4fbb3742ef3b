/* SPDX-License-Identifier: MIT */
/*
 * Comes in: trace files that appear in the directories under the name of the run.  Goes out: raw snapshots, and a list of who was there.
 * inotify tells both ends: a file that is created is a process that begins; and since the mapping is the last reference to the open file,
 * the kernel reports its closing (IN_CLOSE_WRITE) in the moment the process ends or is replaced, with no descriptor or pidfd per process.
 * The lock has the last word.  Rescans make up for what a full event queue or an unwatched directory hid.  One thread.
 */
#include "collect.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "pattern.h"
#include "rundir.h"

#define MS UINT64_C(1000000)
enum { SCAN_MS = 1000, SOON_MS = 10, PEAK_MS = 100 };

/* ---- The run ------------------------------------------------------------------------------------------------------------------- */

static void watch(void *data, const char *directory)
{
	struct collect *collect = data;

	if (collect->directory_count == COLLECT_DIRECTORIES)
		return;
	for (size_t i = 0; i < collect->directory_count; i++) {
		if (!strcmp(collect->directories[i], directory))
			return;
	}
	int descriptor = inotify_add_watch(collect->notify_fd, directory, IN_CREATE | IN_CLOSE_WRITE | IN_ONLYDIR);
	char *copy = descriptor < 0 ? NULL : strdup(directory);
	if (!copy)
		return;
	collect->watches[collect->directory_count] = descriptor;
	collect->directories[collect->directory_count++] = copy;
}

/* Beside the lock, under a name that the library makes of the lock's.  Without it nobody knows who was not traced, which is no trouble. */
static void open_notes(struct collect *collect)
{
	int stem = (int)(strlen(collect->lock_path) - strlen(".lock"));

	snprintf(collect->notes_path, sizeof(collect->notes_path), "%.*s.note", stem, collect->lock_path);
	int fd = open(collect->notes_path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd >= 0)
		close(fd);
}

static int take_lock(struct collect *collect, struct error *error)
{
	char directory[PATH_MAX];

	if (traces_own_directory(directory, sizeof(directory)) < 0)
		return error_set(error, "no directory for trace files can be written ('/dev/shm', '$TMPDIR', '/var/tmp')");
	if ((size_t)snprintf(collect->lock_path, sizeof(collect->lock_path), "%s/%s.lock", directory, collect->run) >=
	    sizeof(collect->lock_path))
		return error_set(error, "the name of the directory '%s' is too long", directory);
	collect->lock_fd = open(collect->lock_path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (collect->lock_fd < 0 || flock(collect->lock_fd, LOCK_EX | LOCK_NB) < 0)
		return error_set(error, "cannot lock '%s': %s", collect->lock_path, strerror(errno));
	open_notes(collect);
	return 0;
}

int collect_open(struct collect *collect, const struct collect_options *options, const struct naming *naming, const char *command,
		 struct error *error)
{
	struct timespec now;

	*collect = (struct collect){.options = *options, .command = command, .lock_fd = -1, .notify_fd = -1};
	convert_init(&collect->convert, naming, options->source_root, options->blocks);
	clock_gettime(CLOCK_REALTIME, &now);
	snprintf(collect->run, sizeof(collect->run), "run%d-%llx%05lx", (int)getpid(), (unsigned long long)now.tv_sec, now.tv_nsec >> 12);
	if (take_lock(collect, error) < 0)
		return -1;
	collect->notify_fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	traces_directories(watch, collect);
	return 0;
}

void collect_release(struct collect *collect)
{
	for (size_t i = 0; i < collect->count; i++)
		traced_free(collect->list[i]);
	free(collect->list);
	for (size_t i = 0; i < collect->directory_count; i++)
		free(collect->directories[i]);
	free(collect->directory);
	if (collect->notify_fd >= 0)
		close(collect->notify_fd);
	if (collect->lock_fd >= 0) {
		unlink(collect->notes_path);
		unlink(collect->lock_path);
		close(collect->lock_fd);
	}
	untraced_free(collect->untraced);
	*collect = (struct collect){.lock_fd = -1, .notify_fd = -1};
}

void collect_environment(const struct collect *collect, struct environment *environment)
{
	environment_set(environment, "HEAPDELTA_RUN", collect->run);
	environment_set(environment, "HEAPDELTA_LOCK", collect->lock_path);
}

void collect_root_started(struct collect *collect, pid_t root)
{
	uint64_t now = peak_clock();

	collect->root = root;
	collect->next_scan = now + SOON_MS * MS;
	collect->next_peak = now + 2 * SOON_MS * MS;
	collect->next_interval = collect->options.interval_ns ? now + collect->options.interval_ns : UINT64_MAX;
}

/* ---- Who is it ----------------------------------------------------------------------------------------------------------------- */

static bool matches(const char *const *patterns, const char *name)
{
	for (; patterns && *patterns; patterns++) {
		if (pattern_match(*patterns, name))
			return true;
	}
	return false;
}

static bool is_wanted(const struct collect *collect, const struct traced *traced)
{
	const struct collect_options *options = &collect->options;

	if (options->only && *options->only && !matches(options->only, traced->peek.name))
		return false;
	return !matches(options->except, traced->peek.name);
}

static bool is_same_process(const struct traced *a, const struct traced *b)
{
	return a->peek.pid == b->peek.pid && a->peek.start_ticks == b->peek.start_ticks && a->peek.pid_namespace == b->peek.pid_namespace;
}

/* A file that nobody maps any more, of a process that goes on: it runs another image now.  Numbers of images start again when the files of
 * earlier ones are gone; start times do not. */
static bool was_replaced(const struct collect *collect, const struct traced *traced)
{
	for (size_t i = collect->count; i-- > 0;) {
		if (is_same_process(collect->list[i], traced) &&
		    collect->list[i]->peek.start_monotonic_ns > traced->peek.start_monotonic_ns)
			return true;
	}
	if (traced->peek.start_ticks && traces_start_ticks(traced->peek.pid) == traced->peek.start_ticks &&
	    traces_has_memory(traced->peek.pid))
		return true;
	return (traced->peek.flags & HDT_FLAG_REPLACED) && !(traced->peek.flags & HDT_FLAG_EXITED);
}

/* A new image's file: what went before it in the same process is done with. */
static void replace_older(struct collect *collect, struct traced *newer)
{
	for (size_t i = 0; i < collect->count; i++) {
		struct traced *older = collect->list[i];
		if (older == newer || !is_same_process(older, newer) || older->peek.start_monotonic_ns >= newer->peek.start_monotonic_ns)
			continue;
		if (older->taken > newer->taken)
			newer->taken = older->taken;
		if (older->state == TRACED_LIVE) {
			older->state = TRACED_REPLACED;
			traces_remove(older->trace, &older->peek);
		}
	}
}

/* The image behind a trace file.  A name is used again when its file is gone. */
static struct traced *find(const struct collect *collect, const char *path, const struct trace_peek *peek)
{
	for (size_t i = collect->count; i-- > 0;) {
		if (collect->list[i]->peek.start_monotonic_ns == peek->start_monotonic_ns && !strcmp(collect->list[i]->trace, path))
			return collect->list[i];
	}
	return NULL;
}

static struct traced *add(struct collect *collect, const char *path, const struct trace_peek *peek)
{
	if (array_reserve(&collect->list, &collect->room, collect->count + 1, sizeof(*collect->list)) < 0)
		return NULL;
	struct traced *traced = traced_new(path, peek);
	if (!traced)
		return NULL;
	traced->is_root = peek->pid == collect->root;
	collect->list[collect->count++] = traced;
	if (!is_wanted(collect, traced))
		traced->state = TRACED_UNWANTED;
	replace_older(collect, traced);
	return traced;
}

struct traced *collect_root(const struct collect *collect)
{
	struct traced *root = NULL;

	for (size_t i = 0; i < collect->count; i++) {
		struct traced *traced = collect->list[i];
		if (traced->is_root && traced->state != TRACED_REPLACED &&
		    (!root || traced->peek.start_monotonic_ns > root->peek.start_monotonic_ns))
			root = traced;
	}
	return root;
}

/* ---- Ends ---------------------------------------------------------------------------------------------------------------------- */

/* The name of the root's file, as far as it is known now. */
static char *root_file(const struct collect *collect)
{
	const struct traced *root = collect_root(collect);
	char name[64];

	if (root && root->file)
		return strdup(root->file);
	/* A child may end before anybody has looked at the root. */
	traces_clean_name(name, sizeof(name), collect->command);
	return naming_file(collect->convert.naming, root ? root->peek.name : name, collect->root, 0);
}

/* Where a child's snapshot goes: a name of its own, or the run's directory, made when the first one needs it. */
static char *name_child(void *data, const struct traced *traced)
{
	struct collect *collect = data;
	const struct naming *naming = collect->convert.naming;

	if (naming_has_pid(naming))
		return naming_file(naming, traced->peek.name, traced->peek.pid, 0);
	if (!collect->directory) {
		char *root = root_file(collect);
		collect->directory = root ? rundir_make(root, naming_is_explicit(naming)) : NULL;
		free(root);
	}
	return collect->directory ? rundir_file(collect->directory, traced->peek.name, traced->peek.pid) : NULL;
}

static char *name_root(void *data, const struct traced *traced)
{
	const struct naming *naming = ((struct collect *)data)->convert.naming;

	/* The last one of a series has the plain name unless the pattern counts. */
	return naming_file(naming, traced->peek.name, traced->peek.pid, naming_counts(naming) ? traced->taken + 1 : 0);
}

static void convert(struct collect *collect, struct traced *traced, int fd)
{
	const struct convert_target root = {name_root, collect, naming_is_explicit(collect->convert.naming), !collect->options.hopeless};
	const struct convert_target child = {name_child, collect, naming_has_pid(collect->convert.naming), false};

	if (traced->is_root) {
		traced->has_exit = collect->root_ended;
		traced->exit_status = collect->root_status;
	}
	convert_ended(&collect->convert, traced, fd, traced->is_root ? &root : &child);
	if (traced->is_root && collect->options.hopeless && traced->state == TRACED_EMPTY && !traced->total_blocks)
		traced->state = TRACED_UNWANTED;
}

/* Removed under our eyes: the next image of a process does that, even if both have ended by the time we look. */
static bool is_removed(int fd)
{
	struct stat status;

	return fstat(fd, &status) == 0 && status.st_nlink == 0;
}

static void note_image(void *data, const char *path)
{
	struct collect *collect = data;
	struct trace_peek peek;
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);

	if (fd < 0)
		return;
	if (traces_peek(fd, &peek) == 0 && strcmp(peek.run, collect->run) == 0 && !find(collect, path, &peek))
		add(collect, path, &peek);
	close(fd);
}

/* All images of one process that left a file: a later one may be there already and must be known before an earlier one is judged. */
static void note_images(struct collect *collect, pid_t pid)
{
	char prefix[sizeof(collect->run) + 16];

	snprintf(prefix, sizeof(prefix), "%s-%d-", collect->run, (int)pid);
	traces_files(prefix, note_image, collect);
}

/* Its process has ended, or this image of it. */
static void settle(struct collect *collect, struct traced *traced, int fd)
{
	if (traced->state == TRACED_LIVE)
		note_images(collect, traced->peek.pid);
	if (traced->state == TRACED_LIVE && (is_removed(fd) || was_replaced(collect, traced)))
		traced->state = TRACED_REPLACED;
	else if (traced->state == TRACED_LIVE && traced->is_root && !collect->root_ended)
		return;
	else if (traced->state == TRACED_LIVE)
		convert(collect, traced, fd);
	peak_release(&traced->seen);
	if (traced->state != TRACED_FAILED)
		traces_remove(traced->trace, &traced->peek);
}

/* Is anybody still writing to it?  Of a root that we have reaped, nobody: a child that has not let go of the mapping holds the lock. */
static bool is_running(const struct collect *collect, const struct traced *traced, int fd)
{
	return !(traced->is_root && collect->root_ended) && traces_is_alive(fd);
}

static void scan_soon(struct collect *collect)
{
	uint64_t soon = peak_clock() + SOON_MS * MS;

	if (collect->next_scan > soon)
		collect->next_scan = soon;
}

/* True when the image behind the file is one that still runs, as far as we know now. */
static bool look_at_open(struct collect *collect, const char *path, int fd)
{
	struct trace_peek peek;

	if (traces_peek(fd, &peek) < 0) {
		/* Its header is still being written, and nothing else will tell that it is complete. */
		if (traces_is_alive(fd))
			scan_soon(collect);
		return false;
	}
	if (strcmp(peek.run, collect->run) != 0)
		return false;
	struct traced *traced = find(collect, path, &peek);
	if (!traced)
		traced = add(collect, path, &peek);
	if (!traced || (traced->state != TRACED_LIVE && traced->state != TRACED_UNWANTED))
		return false;
	if (!is_running(collect, traced, fd)) {
		/* The flags may have changed up to the very end. */
		traces_peek(fd, &traced->peek);
		settle(collect, traced, fd);
	}
	return traced->state == TRACED_LIVE;
}

static bool look(struct collect *collect, const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);

	if (fd < 0)
		return false;
	bool running = look_at_open(collect, path, fd);
	close(fd);
	return running;
}

static void look_at(void *data, const char *path)
{
	look(data, path);
}

static void scan(struct collect *collect)
{
	char prefix[sizeof(collect->run) + 1];

	snprintf(prefix, sizeof(prefix), "%s-", collect->run);
	collect->next_scan = peak_clock() + SCAN_MS * MS;
	if (collect->notify_fd >= 0)
		traces_directories(watch, collect);
	traces_files(prefix, look_at, collect);
}

/* ---- While it runs ------------------------------------------------------------------------------------------------------------- */

static void handle_event(struct collect *collect, const struct inotify_event *event)
{
	char path[PATH_MAX];

	if (event->mask & IN_Q_OVERFLOW)
		scan_soon(collect);
	if (!event->len || strncmp(event->name, collect->run, strlen(collect->run)) != 0)
		return;
	/* A new file's header is not complete yet. */
	if (event->mask & IN_CREATE)
		scan_soon(collect);
	for (size_t i = 0; i < collect->directory_count && (event->mask & IN_CLOSE_WRITE); i++) {
		if (collect->watches[i] != event->wd ||
		    (size_t)snprintf(path, sizeof(path), "%s/%s", collect->directories[i], event->name) >= sizeof(path))
			continue;
		/* The event comes a moment before the lock is free. */
		if (look(collect, path))
			scan_soon(collect);
	}
}

static void read_events(struct collect *collect)
{
	char buffer[16384] __attribute__((aligned(8)));
	ssize_t got;

	while (collect->notify_fd >= 0 && (got = read(collect->notify_fd, buffer, sizeof(buffer))) > 0) {
		for (ssize_t at = 0; at < got;) {
			const struct inotify_event *event = (const struct inotify_event *)(const void *)(buffer + at);
			handle_event(collect, event);
			at += (ssize_t)(sizeof(*event) + event->len);
		}
	}
}

/* Calls `each` for the trace file of everyone who runs. */
static void for_running(struct collect *collect, void (*each)(struct collect *collect, struct traced *traced, int fd))
{
	for (size_t i = 0; i < collect->count; i++) {
		struct traced *traced = collect->list[i];
		int fd = traced->state == TRACED_LIVE ? open(traced->trace, O_RDONLY | O_CLOEXEC | O_NOFOLLOW) : -1;
		if (fd < 0)
			continue;
		each(collect, traced, fd);
		close(fd);
	}
}

static void take_numbered(struct collect *collect, struct traced *traced, int fd)
{
	if (traces_is_alive(fd))
		convert_running(&collect->convert, traced, fd, collect->options.keep);
}

static void take_peak(struct collect *collect, struct traced *traced, int fd)
{
	if (!collect->root_ended)
		peak_poll(&traced->seen, fd);
}

int collect_timeout(const struct collect *collect)
{
	uint64_t now = peak_clock(), next = collect->next_scan;

	if (collect->next_peak < next)
		next = collect->next_peak;
	if (collect->next_interval < next)
		next = collect->next_interval;
	return next <= now ? 0 : (int)((next - now) / MS) + 1;
}

void collect_update(struct collect *collect)
{
	read_events(collect);
	uint64_t now = peak_clock();
	if (now >= collect->next_scan || now >= collect->next_interval)
		scan(collect);
	if (now >= collect->next_peak) {
		for_running(collect, take_peak);
		collect->next_peak = peak_clock() + PEAK_MS * MS;
	}
	if (now >= collect->next_interval) {
		for_running(collect, take_numbered);
		/* Late snapshots do not pile up: the series keeps its beat. */
		while (collect->next_interval <= now)
			collect->next_interval += collect->options.interval_ns;
	}
}

/* ---- The end ------------------------------------------------------------------------------------------------------------------- */

void collect_root_ended(struct collect *collect, int status)
{
	collect->root_ended = true;
	collect->root_status = status;
	read_events(collect);
	scan(collect);
}

size_t collect_alive(struct collect *collect)
{
	size_t alive = 0;

	scan(collect);
	for (size_t i = 0; i < collect->count; i++)
		alive += collect->list[i]->state == TRACED_LIVE;
	return alive;
}

static void take_last(struct collect *collect, struct traced *traced, int fd)
{
	convert(collect, traced, fd);
	/* The memory of the file goes with the last process that has it mapped. */
	if (traced->state != TRACED_FAILED)
		traces_remove(traced->trace, &traced->peek);
}

void collect_last_look(struct collect *collect)
{
	for_running(collect, take_last);
}

void collect_close(struct collect *collect)
{
	if (collect->lock_fd < 0)
		return;
	collect->untraced = untraced_new();
	if (collect->untraced)
		untraced_read(collect->untraced, collect->notes_path);
	unlink(collect->notes_path);
	unlink(collect->lock_path);
	close(collect->lock_fd);
	collect->lock_fd = -1;
	scan(collect);
}
