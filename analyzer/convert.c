/* SPDX-License-Identifier: MIT */
/*
 * Comes in: an open trace file.  Goes out: a raw snapshot (no symbols) under its name.
 * Raw first, because it is quick and nothing is lost from then on; symbols are added once at the end of the run.  A trace file is removed
 * only after its snapshot has its final name.
 */
#include "convert.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "perf-map.h"
#include "worktree.h"

struct traced *traced_new(const char *trace, const struct trace_peek *peek)
{
	struct traced *traced = calloc(1, sizeof(*traced));

	if (!traced)
		return NULL;
	traced->peek = *peek;
	traced->trace = strdup(trace);
	if (!traced->trace) {
		free(traced);
		return NULL;
	}
	return traced;
}

void traced_free(struct traced *traced)
{
	if (!traced)
		return;
	for (size_t i = 0; i < traced->series_count; i++)
		free(traced->series[i]);
	free(traced->series);
	free(traced->trace);
	free(traced->file);
	peak_release(&traced->seen);
	free(traced);
}

void convert_init(struct convert *convert, const struct naming *naming, const char *source_root, bool blocks)
{
	*convert = (struct convert){.naming = naming, .blocks = blocks};
	if (source_root)
		snprintf(convert->source_root, sizeof(convert->source_root), "%s", source_root);
	if (source_root || worktree_root(naming->home, convert->source_root, sizeof(convert->source_root)) == 0)
		worktree_commit(convert->source_root, convert->commit, sizeof(convert->commit));
}

static int set_text(struct snapshot *snapshot, const char **field, const char *text, struct error *error)
{
	const char *interned = text[0] ? intern_add(snapshot->intern, text) : *field;

	if (!interned)
		return error_nomem(error);
	*field = interned;
	return 0;
}

/* What the process could not know about itself. */
static int describe(const struct convert *convert, const struct traced *traced, struct snapshot *snapshot, struct error *error)
{
	struct snapshot_info *info = &snapshot->info;

	info->has_exit = traced->has_exit;
	info->exit_status = (uint32_t)traced->exit_status;
	if (traced->has_exit)
		info->state = WIFSIGNALED(traced->exit_status) ? HDS_STATE_KILLED : HDS_STATE_EXITED;
	if (set_text(snapshot, &info->host, convert->naming->host, error) < 0 ||
	    set_text(snapshot, &info->source_root, convert->source_root, error) < 0 ||
	    set_text(snapshot, &info->commit, convert->commit, error) < 0)
		return -1;
	return set_text(snapshot, &info->writer, "heapdelta " HEAPDELTA_VERSION, error);
}

int convert_read(const struct convert *convert, struct traced *traced, int fd, const char *root, struct snapshot *snapshot)
{
	struct stat status;

	if (snapshot_read_trace(snapshot, fd, root, convert->blocks, &traced->error) < 0)
		return -1;
	if (describe(convert, traced, snapshot, &traced->error) < 0 || peak_merge(&traced->seen, snapshot, &traced->error) < 0)
		return -1;
	if (fstat(fd, &status) == 0 && perf_map_apply(snapshot, root, status.st_uid, &traced->error) < 0)
		return -1;
	traced->live_blocks = snapshot->info.live_blocks;
	traced->live_bytes = snapshot->info.live_bytes;
	traced->total_blocks = snapshot->info.total_blocks;
	traced->total_bytes = snapshot->info.total_bytes;
	return 0;
}

char *convert_write(const struct snapshot *snapshot, char *path, bool replace, struct error *error)
{
	for (;;) {
		char *name = path && !replace ? naming_free_name(path) : path ? strdup(path) : NULL;
		if (!name) {
			error_nomem(error);
			break;
		}
		struct error why = {0};
		if (snapshot_write(snapshot, name, !replace, &why) == 0) {
			free(path);
			return name;
		}
		bool taken = !replace && errno == EEXIST; /* somebody was quicker: the next name */
		free(name);
		if (!taken) {
			error_set(error, "%s", why.text);
			break;
		}
	}
	free(path);
	return NULL;
}

static enum traced_state write_ended(struct traced *traced, const struct snapshot *snapshot, const struct convert_target *target)
{
	if (!snapshot->info.live_blocks && !target->even_empty)
		return TRACED_EMPTY;
	errno = 0;
	char *path = target->name(target->data, traced);
	if (!path) {
		error_set(&traced->error, "cannot name its snapshot: %s", strerror(errno ? errno : ENOMEM));
		return TRACED_FAILED;
	}
	traced->file = convert_write(snapshot, path, target->replace, &traced->error);
	return traced->file ? TRACED_WRITTEN : TRACED_FAILED;
}

void convert_ended(const struct convert *convert, struct traced *traced, int fd, const struct convert_target *target)
{
	struct intern *intern = intern_new();
	struct snapshot snapshot;

	traced->state = TRACED_FAILED;
	if (!intern) {
		error_nomem(&traced->error);
		return;
	}
	snapshot_init(&snapshot, intern);
	if (convert_read(convert, traced, fd, "", &snapshot) == 0) {
		snapshot.info.sequence = traced->taken ? traced->taken + 1 : 0;
		traced->state = write_ended(traced, &snapshot, target);
	}
	snapshot_release(&snapshot);
	intern_free(intern);
}

/* ---- Series -------------------------------------------------------------------------------------------------------------------- */

static int remember(struct traced *traced, char *path)
{
	if (array_reserve(&traced->series, &traced->series_room, traced->series_count + 1, sizeof(*traced->series)) < 0)
		return -1;
	traced->series[traced->series_count++] = path;
	return 0;
}

static void forget_oldest(struct traced *traced, unsigned keep)
{
	while (keep && traced->series_count > keep) {
		unlink(traced->series[0]);
		free(traced->series[0]);
		traced->series_count--;
		memmove(traced->series, traced->series + 1, traced->series_count * sizeof(*traced->series));
	}
}

/* A pattern that does not tell processes apart names the root's files; those of others get their own mark. */
static char *name_numbered(const struct naming *naming, const struct traced *traced, unsigned number)
{
	char mark[96], *first, *result;

	if (traced->is_root || !naming_is_explicit(naming) || naming_has_pid(naming))
		return naming_file(naming, traced->peek.name, traced->peek.pid, number);
	snprintf(mark, sizeof(mark), "%s.%d", traced->peek.name, (int)traced->peek.pid);
	if (!naming_counts(naming))
		snprintf(mark + strlen(mark), sizeof(mark) - strlen(mark), ".%04u", number);
	first = naming_file(naming, traced->peek.name, traced->peek.pid, naming_counts(naming) ? number : 0);
	result = first ? naming_insert(first, mark) : NULL;
	free(first);
	return result;
}

static char *write_numbered(const struct convert *convert, struct traced *traced, int fd, struct snapshot *snapshot)
{
	unsigned number = ++traced->taken;

	if (convert_read(convert, traced, fd, "", snapshot) < 0)
		return NULL;
	snapshot->info.sequence = number;
	char *path = name_numbered(convert->naming, traced, number);
	return convert_write(snapshot, path, naming_is_explicit(convert->naming), &traced->error);
}

int convert_running(const struct convert *convert, struct traced *traced, int fd, unsigned keep)
{
	struct intern *intern = intern_new();
	struct snapshot snapshot;

	if (!intern)
		return error_nomem(&traced->error);
	snapshot_init(&snapshot, intern);
	char *written = write_numbered(convert, traced, fd, &snapshot);
	snapshot_release(&snapshot);
	intern_free(intern);
	if (!written || remember(traced, written) < 0) {
		free(written);
		return -1;
	}
	forget_oldest(traced, keep);
	return 0;
}
