/* SPDX-License-Identifier: MIT */
/*
 * The options of a traced process, read once from the environment (README and the man page tell users about each).  A bad value gives one
 * message and the default.  Privileged programs (AT_SECURE) are not configurable.  Strings are copies: the program may change its own.
 */
#ifndef PRELOAD_CONFIG_H
#define PRELOAD_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct config {
	const char *output;    /* HEAPDELTA_OUTPUT: name pattern of the snapshot written at exit, NULL: default */
	const char *directory; /* HEAPDELTA_DIR: where trace files live, NULL: default */
	const char *tmpdir;    /* TMPDIR, NULL: not set */
	const char *run;       /* HEAPDELTA_RUN: set by `heapdelta run`, else NULL */
	const char *lock;      /* HEAPDELTA_LOCK: held by the supervisor while it lives, else NULL */
	const char *preload;   /* our own item of LD_PRELOAD, for children with an environment of their own; NULL: not preloaded by it */
	uint32_t nframe;       /* HEAPDELTA_NFRAME: frames recorded at most, 0 = all */
	uint64_t sample_bytes; /* HEAPDELTA_SAMPLE: mean distance of sampled bytes, 0 = every block is recorded */
	uint64_t trace_limit;  /* HEAPDELTA_TRACE_LIMIT: bytes that the tables may take, 0 = no limit */
	uint32_t verify;       /* HEAPDELTA_VERIFY: compare every so many-th stack with libunwind's walk, 0 = none */
	bool follow;           /* HEAPDELTA_FOLLOW: trace children, too */
	bool start;            /* HEAPDELTA_START: record from the start */
	bool verbose;          /* HEAPDELTA_VERBOSE */
};
extern struct config config;

/* Read the environment.  Single-threaded, once. */
void config_load(void);

/* Name (without "=") of the n-th variable that children need besides LD_PRELOAD; NULL at the end.  follow.c hands them on. */
const char *config_variable(size_t n);
/* The text "NAME=VALUE" of that variable as it was at the start, NULL: not set. */
const char *config_assignment(size_t n);

/* Directories for a trace file, best first, NULL-terminated, computed for the effective user of now; in `storage`. */
enum { CONFIG_DIRECTORIES = 5, CONFIG_PATH_MAX = 512 };
struct config_directories {
	const char *list[CONFIG_DIRECTORIES];
	char storage[CONFIG_DIRECTORIES][CONFIG_PATH_MAX];
};
void config_directories(struct config_directories *directories);

/* Take our item out of this process's own LD_PRELOAD variable (HEAPDELTA_FOLLOW=0), in place. */
void config_leave_environment(void);

#endif
