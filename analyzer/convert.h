/* SPDX-License-Identifier: MIT */
/*
 * One traced process → a snapshot: what the supervisor knows about it, and the file it becomes.
 */
#ifndef ANALYZER_CONVERT_H
#define ANALYZER_CONVERT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "error.h"
#include "naming.h"
#include "peak.h"
#include "snapshot.h"
#include "traces.h"

enum traced_state {
	TRACED_LIVE,
	TRACED_WRITTEN,  /* has a snapshot */
	TRACED_EMPTY,    /* ended with nothing live: counted, not written */
	TRACED_REPLACED, /* this image was replaced by exec: not a process of its own */
	TRACED_UNWANTED, /* excluded by --only or --not */
	TRACED_FAILED,   /* could not be converted: its trace file is kept */
};

/* One image of one process of a run. */
struct traced {
	struct trace_peek peek;
	char *trace; /* path of its trace file */
	char *file;  /* path of its snapshot; NULL: none */
	enum traced_state state;
	bool is_root;    /* the command itself */
	bool has_exit;   /* exit_status is known: only of the root */
	int exit_status; /* wait status */
	char **series;   /* paths of its numbered snapshots, oldest first */
	size_t series_count, series_room;
	unsigned taken; /* numbers given out */
	uint64_t live_blocks, live_bytes, total_blocks, total_bytes;
	struct peak seen;
	struct error error; /* why it failed */
};

struct traced *traced_new(const char *trace, const struct trace_peek *peek); /* NULL: out of memory */
void traced_free(struct traced *traced);

/* What is the same for all snapshots of a run. */
struct convert {
	const struct naming *naming;
	bool blocks;
	char source_root[4096], commit[72];
};

/* `source_root` NULL: the work tree around the current directory. */
void convert_init(struct convert *convert, const struct naming *naming, const char *source_root, bool blocks);

/* Read the trace file of `traced` from `fd` into an empty snapshot: numbers, what the run knows, the peak that was seen.  `root`: prefix of
 * the process's files, "" for ours.  0 or −1. */
int convert_read(const struct convert *convert, struct traced *traced, int fd, const char *root, struct snapshot *snapshot);

/*
 * Write `snapshot` under `path` or, unless `replace`, under the next free name after it (".2", …).  Takes `path` (NULL: out of memory) and
 * returns the name that was written; NULL with the reason.
 */
char *convert_write(const struct snapshot *snapshot, char *path, bool replace, struct error *error);

/* How the snapshot of a process that has ended gets its name. */
struct convert_target {
	char *(*name)(void *data, const struct traced *traced); /* NULL: out of memory or no directory; owned */
	void *data;
	bool replace;    /* an existing file of that name */
	bool even_empty; /* write it although nothing is live */
};

/* Read, write raw, and note in `traced` what became of it (WRITTEN, EMPTY or FAILED). */
void convert_ended(const struct convert *convert, struct traced *traced, int fd, const struct convert_target *target);

/* The next numbered snapshot of a process that runs; with `keep` > 0 only so many of them stay.  0 or −1. */
int convert_running(const struct convert *convert, struct traced *traced, int fd, unsigned keep);

#endif
