/* SPDX-License-Identifier: MIT */
/*
 * Comes in: the list of processes with their raw files.  Goes out: the same files with symbols, and one sum.
 * Symbols are looked up at the end, once per module and address of the whole run; each file is replaced by rename, so that whoever
 * interrupts this finds every file either raw or complete.
 */
#include "assemble.h"

#include <stdio.h>

#include "symbols.h"

static int resolve_file(const char *path, struct symbols *symbols, struct snapshot *snapshot, struct error *error)
{
	if (snapshot_read(snapshot, snapshot->intern, path, error) < 0)
		return -1;
	if (!symbols)
		return 0;
	if (symbols_resolve(symbols, snapshot, error) < 0)
		return -1;
	return snapshot_write(snapshot, path, false, error);
}

static int resolve_series(const struct traced *traced, struct symbols *symbols, struct intern *intern, struct error *error)
{
	int result = 0;

	for (size_t i = 0; symbols && i < traced->series_count; i++) {
		struct snapshot snapshot;
		snapshot_init(&snapshot, intern);
		if (resolve_file(traced->series[i], symbols, &snapshot, error) < 0)
			result = -1;
		snapshot_release(&snapshot);
	}
	return result;
}

static int resolve_and_add(const struct traced *traced, struct symbols *symbols, struct snapshot *sum, bool several, struct error *error)
{
	char process[96];
	struct snapshot snapshot;

	if (resolve_series(traced, symbols, sum->intern, error) < 0)
		return -1;
	if (traced->state != TRACED_WRITTEN)
		return 0;
	snapshot_init(&snapshot, sum->intern);
	snprintf(process, sizeof(process), "%d %s", (int)traced->peek.pid, traced->peek.name);
	int result = resolve_file(traced->file, symbols, &snapshot, error);
	/* What could be read counts, with or without symbols. */
	if (snapshot.node_count && snapshot_add(sum, &snapshot, several ? process : NULL, error) < 0)
		result = -1;
	snapshot_release(&snapshot);
	return result;
}

static size_t written(struct traced *const *list, size_t count)
{
	size_t files = 0;

	for (size_t i = 0; i < count; i++)
		files += list[i]->state == TRACED_WRITTEN;
	return files;
}

int assemble(struct traced *const *list, size_t count, struct symbols *symbols, struct snapshot *sum, struct error *error)
{
	bool several = written(list, count) > 1;
	int result = 0;

	for (int root = 1; root >= 0; root--) {
		for (size_t i = 0; i < count; i++) {
			if (list[i]->is_root == (root == 1) && resolve_and_add(list[i], symbols, sum, several, error) < 0)
				result = -1;
		}
	}
	return result;
}
