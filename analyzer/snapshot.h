/* SPDX-License-Identifier: MIT */
/*
 * The model: one snapshot in memory, whatever it was read from (.hds, trace file, interchange JSON).
 *
 * Frames form a trie: node 0 is the root, parent < own index.  Each node names an address; an address is stored once, however many nodes
 * it is in, and has, once symbols are known, its locations: the source positions of that address, innermost inlined function first.  (Frames
 * of interchange data have locations only: an address that is none.)  A stack ends at a node and carries the numbers.  Strings are interned in a struct intern that outlives the snapshot and is shared by all snapshots of one command, so equal
 * strings have equal pointers.  Everything else is owned by the snapshot.
 */
#ifndef ANALYZER_SNAPSHOT_H
#define ANALYZER_SNAPSHOT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "error.h"
#include "heapdelta/hds.h"
#include "heapdelta/trace.h"
#include "intern.h"

struct module {
	const char *path; /* as the loader saw it; "" unknown */
	uint64_t start, end, bias;
	uint32_t generation, flags; /* enum hdt_module_flags */
	uint32_t build_id_size;
	uint8_t build_id[HDT_BUILD_ID_MAX];
};

/* A source position.  Interchange data has file, line and perhaps function; recorded data whatever symbols.c found. */
struct location {
	const char *function;   /* demangled; NULL: unknown */
	const char *linkage;    /* symbol table's name; NULL: same or unknown */
	const char *file;       /* NULL: unknown */
	uint32_t line;          /* 0: unknown */
	uint32_t function_line; /* first line of the function, 0: unknown */
	uint32_t flags;         /* enum hds_location_flags */
	uint32_t kinds;         /* memo of frames.c; 0: not looked at yet */
	uint64_t symbol_offset;
	uint64_t text_hash, statement_hash;
};

/* What a frame stands at.  Two addresses differ in module, offset or flags. */
struct address {
	uint32_t module;                         /* index in modules; HDS_MODULE_NONE, HDS_MODULE_SPECIAL */
	uint32_t flags;                          /* enum hds_frame_flags */
	uint64_t offset;                         /* as hds_frame.offset; HDS_NO_ADDRESS set: none */
	uint32_t first_location, location_count; /* count 0: not (yet) resolved, or nothing found */
	uint32_t kinds;                          /* memo of frames.c; 0: not looked at yet */
	const char *label;                       /* memo of frames.c: what stands for a file without a line; NULL: not composed yet */
};

struct node {
	uint32_t parent;
	uint32_t address; /* index in addresses */
};

struct stack {
	uint32_t node; /* innermost frame; 0: no frame at all */
	uint32_t domain;
	uint64_t live_blocks, live_bytes;
	uint64_t total_blocks, total_bytes, temporary_blocks;
	uint64_t peak_blocks, peak_bytes;
	uint32_t total_nframe; /* true depth if known, 0: as many as recorded */
	uint64_t variance;
};

struct thread {
	uint32_t tid, number;
	uint64_t alloc_blocks, alloc_bytes, free_blocks, free_bytes, temporary_blocks;
};

struct block {
	uint64_t address, size;
	uint32_t stack; /* index in stacks */
};

/* Of the live blocks of a stack, those that are as old as that (ages.h). */
struct age {
	uint32_t stack;   /* index in stacks */
	uint32_t seconds; /* before the snapshot, rounded down */
	uint64_t blocks, bytes, variance;
};

/* Everything of INFO.  Strings are interned, never NULL ("" = unknown). */
struct snapshot_info {
	uint64_t live_blocks, live_bytes, total_blocks, total_bytes, freed_blocks, freed_bytes, temporary_blocks;
	uint64_t peak_bytes, peak_ns, peak_seen_bytes;
	uint64_t truncated_stacks, nested_events, cleared_blocks, cleared_bytes, ignored_frees;
	uint64_t verify, verified_stacks, verified_by_engine, verified_frames, verify_shorter, verify_differences;
	uint64_t lost[HDT_LOSS_ROOM];
	uint64_t start_realtime_ns, taken_realtime_ns, up_ns;
	uint64_t pid, ppid, uid, image, nframe, sample_bytes, state, flags, machine, sequence, trace_bytes;
	bool has_exit;
	uint32_t exit_status; /* wait status */
	const char *exe, *command, *cwd, *host, *label, *source_root, *commit, *writer, *trace_file, *parent_file, *run;
	const char *marks;  /* lines "TIME NAME" */
	uint64_t recording; /* enum hds_recording */
};

enum snapshot_kind { SNAPSHOT_HDS, SNAPSHOT_TRACE, SNAPSHOT_JSON };

struct snapshot {
	struct intern *intern; /* borrowed */
	const char *name;      /* file name as given, interned */
	enum snapshot_kind kind;
	struct snapshot_info info;
	uint32_t traceback_limit; /* JSON: as given; else info.nframe */
	bool symbolised;          /* locations are filled in: nothing more to look up */
	struct module *modules;   /* [0] unused */
	size_t module_count;
	struct address *addresses; /* [0] that of the root and of holes */
	size_t address_count;
	struct node *nodes; /* [0] the root */
	size_t node_count;
	struct location *locations;
	size_t location_count;
	struct stack *stacks;
	size_t stack_count;
	struct thread *threads;
	size_t thread_count;
	struct block *blocks;
	size_t block_count;
	struct age *ages; /* of one process ascending by stack and age */
	size_t age_count;
	bool has_ages; /* else nobody knows */
	/* The process of a stack, when several snapshots were summed (a run's directory): index per stack, NULL if there is only one. */
	uint32_t *stack_process;
	const char **processes; /* "PID command", interned */
	size_t process_count;
	struct snapshot_index *index; /* look-up tables while it is built or added to; NULL until then */
};

static inline struct address *snapshot_address_of(const struct snapshot *snapshot, uint32_t node)
{
	return &snapshot->addresses[snapshot->nodes[node].address];
}

void snapshot_init(struct snapshot *snapshot, struct intern *intern);
void snapshot_release(struct snapshot *snapshot);
/* All numbers 0, all strings "". */
void snapshot_info_init(struct snapshot_info *info);

/* Read a file of any kind, told apart by its first bytes; "-" reads standard input.  0 or −1.  On failure *snapshot is empty (released). */
int snapshot_read(struct snapshot *snapshot, struct intern *intern, const char *path, struct error *error);

/* The readers behind it, for a snapshot fresh from snapshot_init; set `name` before, for messages.  `data` is the whole file; nothing in it is
 * trusted.  On failure *snapshot is empty (released). */
int snapshot_read_hds(struct snapshot *snapshot, const void *data, size_t size, struct error *error);
int snapshot_read_json(struct snapshot *snapshot, const char *data, size_t size, struct error *error);
/* A trace file by descriptor (it may grow meanwhile; its offset is not used); `spill_root` is a prefix for the second file's path ("" or "/proc/PID/root"). */
int snapshot_read_trace(struct snapshot *snapshot, int fd, const char *spill_root, bool with_blocks, struct error *error);

/* Add all of `from` to `into` (same intern): nodes, stacks, numbers; `process` names where it came from (NULL: nothing to tell apart).  What
 * cannot be added (pid, command, …) stays that of the first one.  On failure `into` may hold a part. */
int snapshot_add(struct snapshot *into, const struct snapshot *from, const char *process, struct error *error);

/* Write a .hds file: temporary name beside `path`, fsync, rename; what is no regular file (a device, a pipe) is written to directly.
 * `exclusive`: never replace an existing file; errno is EEXIST then.  0 or −1; on failure nothing is left behind. */
int snapshot_write(const struct snapshot *snapshot, const char *path, bool exclusive, struct error *error);

/* Interchange JSON (DESIGN: heapdelta-snapshot version 1).  `nframe` > 0 keeps that many innermost frames. */
int snapshot_write_json(const struct snapshot *snapshot, FILE *out, uint32_t nframe, struct error *error);

/* Sum of what must make a report say "lost". */
uint64_t snapshot_lost(const struct snapshot *snapshot);

/*
 * Building a snapshot piece by piece (snapshot-build.c).  Each finds the equal piece or adds it, and returns its index; SNAPSHOT_NONE: out of
 * memory.  A node is found by parent and address; an address by module, offset and flags; a location by all of its members; a module by path
 * and build id, or by all members when it has no build id.
 */
#define SNAPSHOT_NONE UINT32_MAX
uint32_t snapshot_module(struct snapshot *snapshot, const struct module *module);
uint32_t snapshot_location(struct snapshot *snapshot, const struct location *location);
/* One that is there without locations takes those of `address`. */
uint32_t snapshot_address(struct snapshot *snapshot, const struct address *address);
/* The address of a frame that has none, only a location. */
uint32_t snapshot_located_address(struct snapshot *snapshot, const struct location *location);
/* The node below `parent` at an address that is there. */
uint32_t snapshot_child(struct snapshot *snapshot, uint32_t parent, uint32_t address);
/* Both at once. */
uint32_t snapshot_node(struct snapshot *snapshot, uint32_t parent, const struct address *address);
uint32_t snapshot_located_node(struct snapshot *snapshot, uint32_t parent, const struct location *location);
/* Locations that belong together, added as they are; the first one's index. */
uint32_t snapshot_append_locations(struct snapshot *snapshot, const struct location *locations, size_t count);
/* Room for `more` stacks at the end; 0 or −1. */
int snapshot_reserve_stacks(struct snapshot *snapshot, size_t more);
void snapshot_index_free(struct snapshot_index *index);
/* Grow an array to hold `need` elements; 0 or −1 (array untouched). */
int array_reserve(void *array_pointer, size_t *room, size_t need, size_t element_size);

#endif
