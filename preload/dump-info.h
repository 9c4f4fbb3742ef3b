/* SPDX-License-Identifier: MIT */
/*
 * The chunks STRS and INFO of a snapshot that the process writes itself: everything that header and thread cells know.
 * System calls and one anonymous mapping only.  Part of dump.c.
 */
#ifndef PRELOAD_DUMP_INFO_H
#define PRELOAD_DUMP_INFO_H

#include <stdbool.h>
#include <stdint.h>

#include "heapdelta/hds.h"
#include "snapshot-file.h"
#include "threads.h"

struct dump_options {
	const char *label;    /* given by the program, or NULL */
	enum hds_state state; /* RUNNING, EXITED or EXEC */
	bool has_exit;
	uint32_t exit_status; /* wait status, if has_exit */
	uint32_t sequence;    /* number within a series, 0: none */
	bool sync;      /* fsync before the rename: against a machine that loses power.  A dying process leaves it out: the file is complete
			       * for every reader anyway, and nobody should wait for a disk to see a program end */
	bool exclusive; /* -EEXIST instead of replacing a file */
};

struct dump_info {
	const struct dump_options *options;
	struct thread_sums threads;
	uint64_t live_blocks, live_bytes; /* as counted block by block */
	uint64_t interrupted_flushes;     /* thread caches found in mid-flush */
	uint64_t string_bytes;            /* of the STRINGS area to copy, so that offsets stay valid */
	uint64_t tracer_bytes;
};

/* A thread's count of blocks as whole blocks: of a sampled process it is in parts. */
uint64_t dump_info_blocks(uint64_t count);

/* 0 or -ENOMEM; errors of the file stick to it. */
int dump_info_write(struct snapshot_file *file, const struct dump_info *facts);

#endif
