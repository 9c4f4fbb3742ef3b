/* SPDX-License-Identifier: MIT */
/*
 * Layout of the trace file (.hdt): the lock-free tables of one traced process, as one sparse file mapped MAP_SHARED.
 *
 * Writer: libheapdelta.so inside the traced process (many threads).  Readers: the analyzer, at any time, also after the process died.
 * Everything is little-endian, fixed-width, 8-byte aligned and position-independent (offsets and dense ids, never pointers).
 * A record becomes visible by one release store; a reader loads with acquire, checks every value against the published watermarks and
 * never needs a lock.  Readers accept the same major version only.
 *
 * Areas: the file is divided into areas (struct hdt_area in the header).  Each area grows by whole pages: bytes beyond `opened` do not
 * exist and must not be touched (reading a hole of a tmpfs through a mapping allocates pages); records beyond `used` do not exist either.
 * From `spill` on (all ones: never) an area's bytes are in the second file named in the header, at the same offset.
 *
 * Fields marked (atomic) are written while others read; C11 atomics of the same width are used on both sides.
 */
#ifndef HEAPDELTA_TRACE_H
#define HEAPDELTA_TRACE_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
#define HDT_ATOMIC(type) type
#define HDT_ASSERT(condition) static_assert(condition, #condition)
#else
#define HDT_ATOMIC(type) _Atomic type
#define HDT_ASSERT(condition) _Static_assert(condition, #condition)
#endif

#define HDT_MAGIC UINT64_C(0x0a45434152544448) /* "HDTRACE\n" in memory order */
#define HDT_MAJOR 1
#define HDT_MINOR 2 /* from 1 on: enum hdt_tracing, marks; from 2 on: ages */

/* ---- Areas ------------------------------------------------------------------------------------------------------------------- */

enum hdt_area_id {
	HDT_AREA_THREADS,    /* struct hdt_thread[] */
	HDT_AREA_MODULES,    /* struct hdt_module[]; record 0 is unused */
	HDT_AREA_STRINGS,    /* bytes; offset 0 holds an empty string; each string ends in NUL */
	HDT_AREA_NODES,      /* struct hdt_node[]; node 0 is the root of all stacks */
	HDT_AREA_INDEX,      /* hash trie over nodes with many siblings; of no interest to a reader */
	HDT_AREA_TOTALS,     /* struct hdt_totals[]; record 0 is unused */
	HDT_AREA_REGIONS,    /* uint64_t[]: region[page node] = address >> 21; 0 = the node is not in use */
	HDT_AREA_PAGES,      /* struct hdt_page_node[]; node 0 is unused */
	HDT_AREA_SLOTS,      /* uint64_t[]: block slots, in leaves; slot 0 is unused */
	HDT_AREA_EXTRAS,     /* struct hdt_extra[]; record 0 is unused */
	HDT_AREA_BUCKETS,    /* uint32_t[]: heads of the chains of extras; of no interest to a reader */
	HDT_AREA_AGES,       /* uint16_t[]: when the block of the slot with the same number came (age.h) */
	HDT_AREA_EXTRA_AGES, /* uint16_t[]: the same of extras */
	HDT_AREA_COUNT
};
#define HDT_AREAS_REQUIRED HDT_AREA_AGES /* a trace of an older minor version has these */

#define HDT_NO_SPILL UINT64_MAX
#define HDT_SPILLING UINT64_C(1) /* low bit of `opened` while the area moves to the second file; mask it off when reading */

struct hdt_area {
	uint64_t offset;             /* of the area in the file, page-aligned */
	uint64_t reserved;           /* bytes the area may grow to */
	HDT_ATOMIC(uint64_t) opened; /* bytes that exist, a multiple of 4096 (atomic) */
	HDT_ATOMIC(uint64_t) used;   /* bytes given out, <= opened (atomic) */
	HDT_ATOMIC(uint64_t) spill;  /* from this offset in the area on: second file (atomic) */
	uint64_t record_size;        /* bytes of one record */
	uint64_t first;              /* bytes of record 0, if that is nobody's: it is given out together with the record after it */
	uint64_t reserved_word;
};
HDT_ASSERT(sizeof(struct hdt_area) == 64);

/* ---- Header ------------------------------------------------------------------------------------------------------------------ */

/* Why something is missing.  Any value other than zero makes a report say so. */
enum hdt_loss {
	HDT_LOSS_BLOCK,        /* an allocation was not recorded: no room in a table */
	HDT_LOSS_STACK,        /* a block was recorded without its stack: no room in the stack table */
	HDT_LOSS_TOTALS,       /* an event is missing from the per-stack totals */
	HDT_LOSS_THREAD,       /* a thread found no cell; its events are counted in the overflow cell */
	HDT_LOSS_MISSED_FREE,  /* a record stood at the address of a new block: its free was never seen */
	HDT_LOSS_FLUSH,        /* the process died inside a flush of a thread's cache: per-stack totals are off by that entry */
	HDT_LOSS_BEFORE_START, /* events before the tables existed */
	HDT_LOSS_COUNT
};
#define HDT_LOSS_ROOM 16

/* A limit on the size of the tables (HEAPDELTA_TRACE_LIMIT), in bytes. */
#define HDT_LIMIT_MIN (UINT64_C(1) << 20)
#define HDT_LIMIT_MAX (UINT64_C(1) << 40)

enum hdt_state { HDT_STATE_STARTING, HDT_STATE_RUNNING, HDT_STATE_SEALED };

enum hdt_flags {
	HDT_FLAG_FORKED = 1 << 0,      /* a fork child: blocks inherited from the parent are not counted */
	HDT_FLAG_PRIVATE = 1 << 1,     /* private memory, no file (only ever seen by dump.c) */
	HDT_FLAG_SUPERVISED = 1 << 2,  /* started by a supervisor that converts and removes this file */
	HDT_FLAG_REPLACED = 1 << 3,    /* the image called exec; if the lock is free, exec succeeded */
	HDT_FLAG_EXITED = 1 << 4,      /* passed through the exit path */
	HDT_FLAG_NO_UNWINDER = 1 << 5, /* libunwind could not be loaded: stacks end at the caller of malloc */
};

/*
 * What is recorded.  Hooks look at the word on every event, so whoever may write the file switches a process with one store, without a
 * signal: a later event of any thread does what it says.
 */
enum hdt_tracing {
	HDT_TRACING_NEW = 1 << 0,    /* new blocks */
	HDT_TRACING_FREES = 1 << 1,  /* frees of blocks that are in the tables */
	HDT_TRACING_PAUSED = 1 << 2, /* stopped from outside: what was recorded by then stays */
	HDT_TRACING_ON = HDT_TRACING_NEW | HDT_TRACING_FREES,
};

/* A moment with a name.  Number n is in marks[(n − 1) % HDT_MARKS]; while it is written its number is 0. */
#define HDT_MARKS 16
struct hdt_mark {
	HDT_ATOMIC(uint64_t) number; /* from 1; published last (atomic) */
	uint64_t realtime_ns;
	char name[48]; /* NUL-terminated, no control characters */
};
HDT_ASSERT(sizeof(struct hdt_mark) == 64);

struct hdt_header {
	uint64_t magic;
	uint16_t major, minor;
	uint32_t header_size; /* sizeof(struct hdt_header) of the writer */
	uint64_t file_size;
	uint32_t page_size;
	uint32_t area_count;
	HDT_ATOMIC(uint32_t) state; /* enum hdt_state (atomic); a hint: the lock on the file decides who is alive */
	HDT_ATOMIC(uint32_t) flags; /* enum hdt_flags (atomic) */

	/* The process. */
	int32_t pid, ppid; /* in the process's own pid namespace */
	uint32_t uid, euid;
	uint64_t pid_namespace;                 /* inode of /proc/self/ns/pid */
	uint64_t pid_start_ticks;               /* field 22 of /proc/PID/stat: tells a reused pid apart */
	uint32_t image;                         /* counts the images (exec) of one pid, from 0 */
	uint32_t machine;                       /* e_machine of the ELF header */
	uint64_t start_realtime_ns;             /* CLOCK_REALTIME */
	uint64_t start_monotonic_ns;            /* CLOCK_MONOTONIC */
	uint32_t exe, cwd, parent_file, output; /* offsets in STRINGS; parent_file: of a fork child's parent; output: HEAPDELTA_OUTPUT */
	uint32_t command;                       /* offset in STRINGS of argv, each argument ending in NUL */
	uint32_t command_size;                  /* bytes of argv, all NULs included */
	char comm[16];
	char run[64]; /* the run's name, shared by all processes of one `heapdelta run`; empty for a bare preload */

	/* Options in force. */
	uint32_t nframe;       /* frames recorded at most */
	uint32_t verify;       /* HEAPDELTA_VERIFY: every how many stacks one is compared with libunwind's walk; 0: nothing is verified */
	uint64_t sample_bytes; /* R: see sampling.h; 0: every block is recorded */

	/* Control (atomic): written by the traced process's API and by control commands from outside. */
	HDT_ATOMIC(uint32_t) tracing;    /* enum hdt_tracing */
	HDT_ATOMIC(uint32_t) age_now;    /* the age that new blocks get: how late it was when a thread last looked */
	HDT_ATOMIC(uint64_t) mark_count; /* numbers of marks given out; the last HDT_MARKS of them are kept */

	/* Counters that do not belong to one thread (atomic). */
	HDT_ATOMIC(int64_t) folded_bytes;       /* G: bytes folded from thread cells */
	HDT_ATOMIC(int64_t) peak_bytes;         /* highest G + high folded so far */
	HDT_ATOMIC(uint64_t) peak_monotonic_ns; /* when peak_bytes was last raised */
	HDT_ATOMIC(uint64_t) end_monotonic_ns;  /* set by the exit path; 0: not seen */
	HDT_ATOMIC(uint64_t) truncated_stacks;  /* stacks that end before the thread's start routine */
	HDT_ATOMIC(uint64_t) nested_events;     /* events inside our own bookkeeping: stack `[during tracing]` */
	HDT_ATOMIC(uint64_t) cleared_blocks;    /* taken out by stop/clear_traces */
	HDT_ATOMIC(uint64_t) cleared_bytes;
	HDT_ATOMIC(uint64_t) ignored_frees; /* of blocks nobody recorded: from before the start, or inherited */
	HDT_ATOMIC(uint64_t) losses[HDT_LOSS_ROOM];

	char spill_path[256]; /* second file, if any area spilled; absolute */

	/* HEAPDELTA_VERIFY (atomic). */
	HDT_ATOMIC(uint64_t) verified_stacks;    /* compared with a second walk by rules that used no cache */
	HDT_ATOMIC(uint64_t) verified_by_engine; /* of those: compared with a walk of libunwind's, too */
	HDT_ATOMIC(uint64_t) verified_frames;    /* that libunwind stepped out of in doing so, and that were equal */
	HDT_ATOMIC(uint64_t) verify_shorter;     /* comparisons of a truncated stack with a walk that went on; equal as far as it goes */
	HDT_ATOMIC(uint64_t) verify_differences; /* comparisons that failed */

	uint64_t reserved_words[27];
	struct hdt_area areas[16]; /* area_count are in use */
	struct hdt_mark marks[HDT_MARKS];
};
HDT_ASSERT(sizeof(struct hdt_header) % 8 == 0 && sizeof(struct hdt_header) <= 4096);

/* ---- Threads ----------------------------------------------------------------------------------------------------------------- */

/*
 * One entry of a thread's direct-mapped cache of per-stack totals.  The reader adds it to the totals of `node`.
 * FLUSHING is set around the atomic adds that move the entry into its struct hdt_totals: a reader that finds it cannot tell how much has
 * moved and reports HDT_LOSS_FLUSH.
 */
#define HDT_CACHE_FLUSHING 1u
struct hdt_cached_totals {
	HDT_ATOMIC(uint32_t) node; /* 0: empty */
	HDT_ATOMIC(uint32_t) state;
	HDT_ATOMIC(uint64_t) blocks; /* allocated in total since the last flush */
	HDT_ATOMIC(uint64_t) bytes;
	HDT_ATOMIC(uint64_t) temporary; /* freed before the thread's next allocation */
};
HDT_ASSERT(sizeof(struct hdt_cached_totals) == 32);

#define HDT_CACHE_ENTRIES 256
#define HDT_FOLD_BYTES (64 * 1024) /* |current| beyond this is folded into the header */

/*
 * In a sampled trace (sample_bytes ≠ 0) counters and totals hold what the recorded blocks stand for (sampling.h): bytes as estimated, counts
 * of blocks (…blocks, temporary; not losses) in 1/SAMPLING_PARTS.  Slots and extras hold blocks as they are.
 */

/* One writer (the thread), plain stores as relaxed atomics.  alloc/free counters are monotonic and survive a takeover of the cell. */
struct hdt_thread {
	HDT_ATOMIC(uint64_t) owner; /* address of the last thread's thread-local struct (atomic) */
	HDT_ATOMIC(uint32_t) tid;   /* of the last thread that had the cell; it may have ended (atomic) */
	uint32_t number;            /* of the cell, from 0 */
	HDT_ATOMIC(uint64_t) alloc_blocks;
	HDT_ATOMIC(uint64_t) alloc_bytes;
	HDT_ATOMIC(uint64_t) free_blocks;
	HDT_ATOMIC(uint64_t) free_bytes;
	HDT_ATOMIC(uint64_t) temporary_blocks;
	HDT_ATOMIC(int64_t) current; /* net bytes since the last fold */
	HDT_ATOMIC(int64_t) high;    /* highest `current` since the last fold */
	uint64_t reserved_words[7];
	struct hdt_cached_totals cache[HDT_CACHE_ENTRIES];
};
HDT_ASSERT(sizeof(struct hdt_thread) == 128 + 32 * HDT_CACHE_ENTRIES);

/* ---- Modules ----------------------------------------------------------------------------------------------------------------- */

#define HDT_BUILD_ID_MAX 32

enum hdt_module_flags {
	HDT_MODULE_MAIN = 1 << 0,      /* the executable */
	HDT_MODULE_PERMANENT = 1 << 1, /* loaded at start, never unloaded */
	HDT_MODULE_VDSO = 1 << 2,
	HDT_MODULE_TRACER = 1 << 3, /* libheapdelta.so itself */
	HDT_MODULE_LOADER = 1 << 4, /* ld.so */
};

/* A loaded object.  A library that is unloaded and another loaded at the same address are two records. */
struct hdt_module {
	HDT_ATOMIC(uint64_t) start; /* first mapped address; published last: 0 = the record is not complete (atomic) */
	uint64_t end;               /* one past the last mapped address */
	uint64_t bias;              /* run-time address − address in the ELF file */
	uint32_t path;              /* offset in STRINGS */
	uint32_t generation;        /* of the process's dlclose counter when the module was first seen */
	uint32_t flags;
	uint32_t build_id_size; /* bytes, 0: none */
	uint8_t build_id[HDT_BUILD_ID_MAX];
	uint64_t reserved_words[2];
};
HDT_ASSERT(sizeof(struct hdt_module) == 88);

/* ---- Stacks ------------------------------------------------------------------------------------------------------------------ */

/*
 * A trie of frames, root first: a node is (parent, return address, module), and a stack is the id of its innermost node.
 * Ids come from a bump; a loser of an interning race leaves a hole (address 0, module 0).  parent < own id always.
 * `address` is the absolute return address (look up address − 1), or, in module HDT_MODULE_SPECIAL, an enum hdt_special.
 * HDT_NODE_EXACT: the address is an interrupted program counter (a frame inside a signal frame): look it up as it is.
 */
#define HDT_NODE_MAX (UINT32_C(1) << 27) /* ids are below this: 27 bits in a slot */
#define HDT_MODULE_NONE 0u               /* no module at this address (JIT code) */
#define HDT_MODULE_SPECIAL UINT32_MAX

enum hdt_special {
	HDT_SPECIAL_TRUNCATED = 1, /* outermost: the walk ended before the start routine */
	HDT_SPECIAL_DEEP,          /* outermost: frames beyond the depth limit were cut */
	HDT_SPECIAL_CUT,           /* outermost: frames beyond HEAPDELTA_NFRAME were cut */
	HDT_SPECIAL_NESTED,        /* `[during tracing]` */
	HDT_SPECIAL_NO_ROOM,       /* `[stack lost]` */
	HDT_SPECIAL_EARLY,         /* outermost: before the unwinder was ready */
	HDT_SPECIAL_COUNT
};

enum hdt_node_flags { HDT_NODE_EXACT = 1 << 0 };

struct hdt_node {
	HDT_ATOMIC(uint64_t) address; /* written last (atomic) */
	uint32_t parent;
	uint32_t module;
	HDT_ATOMIC(uint32_t) totals; /* record in TOTALS, 0: no event ended here yet (atomic) */
	uint32_t flags;
	HDT_ATOMIC(uint32_t) children; /* the writer's: how it finds a node again */
	uint32_t sibling;
};
HDT_ASSERT(sizeof(struct hdt_node) == 32);

/* Totals of all events whose stack is `node`, beside those still in the threads' caches. */
struct hdt_totals {
	HDT_ATOMIC(uint64_t) blocks;
	HDT_ATOMIC(uint64_t) bytes;
	HDT_ATOMIC(uint64_t) temporary;
	HDT_ATOMIC(uint32_t) node; /* published last; 0: not complete (atomic) */
	uint32_t reserved;
};
HDT_ASSERT(sizeof(struct hdt_totals) == 32);

/* ---- Blocks ------------------------------------------------------------------------------------------------------------------ */

/*
 * Page leaves.  region[n] = address >> 21 names the 2 MiB that page node n covers; its 512 directory words stand for the 4 KiB pages in
 * it.  A directory word {leaf:40 | 9 - k:4 | maxd:8} points to a leaf of 2^k slots (slot number `leaf` in SLOTS), 0 = no blocks.
 * A slot is one word; 0 = empty.  A block is found in the page of its address, at any slot of the leaf.
 *
 * Reader: for each page node and each word: copy the leaf, load the word again; if it changed, do this page again.  FROZEN is ignored.
 * REALLOC: the block is inside a realloc: count it.  Size all ones: the size is in the extra {domain 0, address}.
 */
#define HDT_REGION_SHIFT 21
#define HDT_PAGE_SHIFT 12
#define HDT_PAGES_PER_NODE 512

#define HDT_DIR_LEAF(word) ((word) & ((UINT64_C(1) << 40) - 1))
#define HDT_DIR_SHIFT(word) ((unsigned)((word) >> 40) & 15u) /* (address >> 3) inside the page >> shift: place in the leaf */
#define HDT_DIR_BITS(word) (HDT_LEAF_BITS_MAX - HDT_DIR_SHIFT(word))
#define HDT_DIR_MAXD(word) ((unsigned)((word) >> 44) & 255u)
#define HDT_DIR_WORD(leaf, bits, maxd) ((uint64_t)(leaf) | (uint64_t)((HDT_LEAF_BITS_MAX - (bits)) & 15u) << 40 | (uint64_t)(maxd) << 44)
#define HDT_LEAF_BITS_MAX 9

struct hdt_page_node {
	HDT_ATOMIC(uint64_t) words[HDT_PAGES_PER_NODE];
};
HDT_ASSERT(sizeof(struct hdt_page_node) == 4096);

#define HDT_SLOT_FROZEN (UINT64_C(1) << 0)
#define HDT_SLOT_LIVE (UINT64_C(1) << 1)
#define HDT_SLOT_REALLOC (UINT64_C(1) << 2)
#define HDT_SLOT_STACK_SHIFT 3                 /* 27 bits */
#define HDT_SLOT_SIZE_SHIFT 30                 /* 25 bits */
#define HDT_SLOT_OFFSET_SHIFT 55               /* 9 bits: (address >> 3) inside the page */
#define HDT_SIZE_MAX ((UINT64_C(1) << 25) - 1) /* this and above: in an extra */

#define HDT_SLOT_STACK(slot) ((uint32_t)((slot) >> HDT_SLOT_STACK_SHIFT) & (HDT_NODE_MAX - 1))
#define HDT_SLOT_SIZE(slot) (((slot) >> HDT_SLOT_SIZE_SHIFT) & HDT_SIZE_MAX)
#define HDT_SLOT_OFFSET(slot) ((unsigned)((slot) >> HDT_SLOT_OFFSET_SHIFT))

/* Blocks of other domains (track), at odd or huge addresses, and the sizes of blocks too large for a slot.  Chained by bucket; a record is
 * reused, never unlinked.  The state word counts its own changes, so that a reader that finds the same word before and after copying the
 * fields has a consistent record.  Sizes: a slot with REALLOC has its size in a REALLOC_SIZE record, others in a SIZE record (while one
 * thread leaves a realloc and another already has the address, both may stand). */
enum hdt_extra_state {
	HDT_EXTRA_FREE,
	HDT_EXTRA_BUSY,
	HDT_EXTRA_LIVE,
	HDT_EXTRA_SIZE,         /* only the size of a slot's block */
	HDT_EXTRA_REALLOC_SIZE, /* the same, of a block inside a realloc */
};
#define HDT_EXTRA_STATE(word) ((word)&7u)
#define HDT_EXTRA_CHANGE 8u /* added with every change of state */

struct hdt_extra {
	HDT_ATOMIC(uint64_t) address;
	HDT_ATOMIC(uint64_t) size;
	HDT_ATOMIC(uint32_t) domain;
	HDT_ATOMIC(uint32_t) stack;
	HDT_ATOMIC(uint32_t) state; /* HDT_EXTRA_STATE(state) is an enum hdt_extra_state (atomic) */
	HDT_ATOMIC(uint32_t) next;
};
HDT_ASSERT(sizeof(struct hdt_extra) == 32);

#endif
