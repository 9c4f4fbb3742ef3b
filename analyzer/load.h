/* SPDX-License-Identifier: MIT */
/*
 * From a SNAP argument to a snapshot with symbols: a file of any kind, "-", the directory of a run (all of its processes summed), or nothing
 * at all, which means the newest run in the current directory.
 */
#ifndef ANALYZER_LOAD_H
#define ANALYZER_LOAD_H

#include "cmd.h"
#include "error.h"
#include "snapshot.h"
#include "symbols.h"

/* Options of every command that reads snapshots. */
struct load_options {
	struct opt_list debug_dirs;
	const char *sysroot;
	bool debuginfod;
	bool symbols;     /* look up what the snapshot has no lines for */
	const char *wait; /* time between two looks at a process, as it was typed: only for the command to type next; NULL: none */
};

extern const struct opt load_opts[];
void load_options_defaults(struct load_options *options);
/* The options that were given, as text for the command to type next. */
void load_options_hint(const struct load_options *options, struct strbuf *out);
/* The same of --wait, for a command that looks twice again. */
void load_options_hint_wait(const struct load_options *options, struct strbuf *out);

struct load {
	const struct load_options *options;
	struct intern *intern;
	struct symbols *symbols; /* NULL: not needed (yet) */
	struct symbols *rooted;  /* of processes that see other files than we do, below `root` */
	char root[64];
	bool stdin_used;
};

int load_init(struct load *load, const struct load_options *options, struct error *error);
void load_release(struct load *load);

/* Symbolise what was read; `root`: prefix of the files that the process sees, "" for ours.  0 or −1. */
int load_symbols(struct load *load, struct snapshot *snapshot, const char *root, struct error *error);

/* Read and symbolise.  On failure *snapshot is empty. */
int load_snapshot(struct load *load, const char *name, struct snapshot *snapshot, struct error *error);

/*
 * Names of the `wanted` newest runs in the current directory, oldest first: directories of runs where there are any, else files.  Owned by
 * the caller, each name too.  −1: there are fewer.
 */
int load_newest(size_t wanted, char **names, struct error *error);

#endif
