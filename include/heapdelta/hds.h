/* SPDX-License-Identifier: MIT */
/*
 * Layout of the snapshot file (.hds).  FORMAT.md beside this file is the specification; this header is the same in C.
 *
 * A snapshot is one file: a header, a table of contents, chunks.  All numbers are little-endian; every chunk starts at a multiple of 8.
 * Strings are offsets into the chunk STRS, each of the first byte of a string: 0, or just after a NUL.  Unknown chunks and unknown INFO keys are skipped by readers, so that new ones may be added
 * within a major version; a record never changes its size within one.
 */
#ifndef HEAPDELTA_HDS_H
#define HEAPDELTA_HDS_H

#include <stdint.h>

#ifdef __cplusplus
#define HDS_ASSERT(condition) static_assert(condition, #condition)
#else
#define HDS_ASSERT(condition) _Static_assert(condition, #condition)
#endif

#define HDS_MAGIC UINT64_C(0x0a50414e53534448) /* "HDSSNAP\n" in memory order */
#define HDS_MAJOR 1
#define HDS_MINOR 2

struct hds_header {
	uint64_t magic;
	uint16_t major, minor;
	uint32_t chunk_count; /* entries of the table of contents, which follows this header at once */
	uint64_t file_size;
	uint32_t toc_crc;    /* CRC-32 (ISO 3309, as zlib's crc32) of the table of contents */
	uint32_t header_crc; /* CRC-32 of this header with header_crc = 0 */
};
HDS_ASSERT(sizeof(struct hds_header) == 32);

struct hds_chunk {
	uint32_t id;     /* four letters */
	uint32_t record; /* bytes of one record; 1 for bytes */
	uint64_t offset; /* from the start of the file, a multiple of 8 */
	uint64_t size;   /* bytes, a multiple of `record`; the gap up to the next chunk is zero */
	uint32_t crc;    /* CRC-32 of the bytes */
	uint32_t reserved;
};
HDS_ASSERT(sizeof(struct hds_chunk) == 32);

#define HDS_ID(a, b, c, d) ((uint32_t)(a) | (uint32_t)(b) << 8 | (uint32_t)(c) << 16 | (uint32_t)(d) << 24)
#define HDS_CHUNK_STRINGS HDS_ID('S', 'T', 'R', 'S')    /* bytes; offset 0 is the empty string; the last byte is NUL */
#define HDS_CHUNK_INFO HDS_ID('I', 'N', 'F', 'O')       /* struct hds_info[], keys ascending */
#define HDS_CHUNK_MODULES HDS_ID('M', 'O', 'D', 'S')    /* struct hds_module[]; record 0 is unused */
#define HDS_CHUNK_FRAMES HDS_ID('F', 'R', 'M', 'S')     /* struct hds_frame[]: trie, record 0 is the root */
#define HDS_CHUNK_STACKS HDS_ID('S', 'T', 'C', 'K')     /* struct hds_stack[] */
#define HDS_CHUNK_THREADS HDS_ID('T', 'H', 'R', 'D')    /* struct hds_thread[] */
#define HDS_CHUNK_BLOCKS HDS_ID('B', 'L', 'K', 'S')     /* struct hds_block[], optional, by address */
#define HDS_CHUNK_SYMBOLS HDS_ID('S', 'Y', 'M', 'S')    /* struct hds_symbol[], optional, sorted by (module, offset) */
#define HDS_CHUNK_LOCATIONS HDS_ID('L', 'O', 'C', 'S')  /* struct hds_location[], with SYMS */
#define HDS_CHUNK_STATEMENTS HDS_ID('S', 'T', 'M', 'T') /* uint64_t[], optional, one per record of LOCS: hash of the statement; 0: none */
#define HDS_CHUNK_AGES HDS_ID('A', 'G', 'E', 'S')       /* struct hds_age[], optional: ascending by stack, age */
#define HDS_CHUNK_PROCESSES HDS_ID('P', 'R', 'C', 'S')  /* uint32_t[], optional, in sums of several snapshots: "PID command" as strings */
#define HDS_CHUNK_STACK_PROCESS HDS_ID('S', 'P', 'R', 'C') /* uint32_t[], with PRCS: index in PRCS per stack */

/* Keys of INFO.  HDS_KEY_STRING marks a key whose value is a string offset. */
#define HDS_KEY_STRING 0x80000000u
enum hds_key {
	HDS_KEY_LIVE_BLOCKS = 1,
	HDS_KEY_LIVE_BYTES,
	HDS_KEY_TOTAL_BLOCKS, /* allocated since the start */
	HDS_KEY_TOTAL_BYTES,
	HDS_KEY_FREED_BLOCKS,
	HDS_KEY_FREED_BYTES,
	HDS_KEY_TEMPORARY_BLOCKS, /* freed before the thread's next allocation */
	HDS_KEY_PEAK_BYTES,
	HDS_KEY_PEAK_NS, /* when, after the start */
	HDS_KEY_TRUNCATED_STACKS,
	HDS_KEY_NESTED_EVENTS,
	HDS_KEY_CLEARED_BLOCKS,
	HDS_KEY_CLEARED_BYTES,
	HDS_KEY_IGNORED_FREES,
	HDS_KEY_PEAK_SEEN_BYTES,    /* live bytes at the moment that hds_stack.peak_* describe; 0 or absent: not recorded */
	HDS_KEY_VERIFIED_STACKS,    /* compared with a second walk that used no cache */
	HDS_KEY_VERIFIED_BY_ENGINE, /* of those: compared with a walk of libunwind's */
	HDS_KEY_VERIFIED_FRAMES,    /* that were equal in those */
	HDS_KEY_VERIFY_SHORTER,     /* comparisons of a truncated stack with a walk that went on */
	HDS_KEY_VERIFY_DIFFERENCES, /* comparisons that failed */

	HDS_KEY_LOST = 0x100, /* + enum hdt_loss */

	HDS_KEY_START_REALTIME_NS = 0x200,
	HDS_KEY_TAKEN_REALTIME_NS, /* of this snapshot */
	HDS_KEY_UP_NS,             /* start of the process to this snapshot, CLOCK_MONOTONIC */
	HDS_KEY_PID,
	HDS_KEY_PPID,
	HDS_KEY_UID,
	HDS_KEY_IMAGE,
	HDS_KEY_NFRAME,       /* frames recorded at most */
	HDS_KEY_SAMPLE_BYTES, /* 0: every block */
	HDS_KEY_STATE,        /* enum hds_state */
	HDS_KEY_EXIT,         /* wait status, if a supervisor saw it; absent: unknown */
	HDS_KEY_FLAGS,        /* enum hdt_flags */
	HDS_KEY_MACHINE,      /* e_machine */
	HDS_KEY_SEQUENCE,     /* number within a series (--interval), from 1; 0 or absent: none */
	HDS_KEY_TRACE_BYTES,  /* size of the tracer's tables */
	HDS_KEY_VERIFY,       /* HEAPDELTA_VERIFY; 0 or absent: nothing was verified */
	HDS_KEY_RECORDING,    /* enum hds_recording; absent: on */

	HDS_KEY_EXE = HDS_KEY_STRING | 0x300,
	HDS_KEY_COMMAND, /* arguments quoted for a shell, separated by spaces */
	HDS_KEY_CWD,
	HDS_KEY_HOST,
	HDS_KEY_LABEL,       /* given to take_snapshot */
	HDS_KEY_SOURCE_ROOT, /* enclosing git work tree at run time */
	HDS_KEY_COMMIT,
	HDS_KEY_WRITER, /* "heapdelta VERSION" */
	HDS_KEY_TRACE_FILE,
	HDS_KEY_PARENT_FILE,
	HDS_KEY_RUN,
	HDS_KEY_MARKS, /* moments that were given a name: lines "TIME NAME", oldest first; TIME in nanoseconds since 1970 */
};

enum hds_recording { HDS_RECORDING_ON, HDS_RECORDING_OFF, HDS_RECORDING_STOPPED /* from outside; what was known by then is kept */ };
enum hds_state { HDS_STATE_RUNNING, HDS_STATE_EXITED, HDS_STATE_KILLED, HDS_STATE_EXEC };

struct hds_info {
	uint32_t key;
	uint32_t reserved;
	uint64_t value;
};
HDS_ASSERT(sizeof(struct hds_info) == 16);

struct hds_module {
	uint64_t start, end, bias; /* as loaded; offset in a frame = address − bias, an address of the ELF file */
	uint32_t path;
	uint32_t generation;
	uint32_t flags; /* enum hdt_module_flags */
	uint32_t build_id_size;
	uint8_t build_id[32];
};
HDS_ASSERT(sizeof(struct hds_module) == 72);

#define HDS_MODULE_NONE 0u
#define HDS_MODULE_SPECIAL UINT32_MAX

/*
 * A node of the trie.  parent < own number; a frame whose parent is itself (only record 0) is the root; holes have parent 0, module 0,
 * offset 0.  offset: return address − the module's bias (absolute without a module; enum hdt_special in HDS_MODULE_SPECIAL).
 * Frames from interchange JSON have no address: module 0, offset = HDS_NO_ADDRESS | a number of their own; SYMS says what it stands for.
 */
#define HDS_DEPTH_MAX 131072 /* frames of one stack; a reader refuses a deeper trie */
#define HDS_NO_ADDRESS (UINT64_C(1) << 63)
enum hds_frame_flags { HDS_FRAME_EXACT = 1 << 0 /* look up offset itself, not offset − 1 */ };
struct hds_frame {
	uint32_t parent;
	uint32_t module;
	uint64_t offset;
	uint32_t flags;
	uint32_t reserved;
};
HDS_ASSERT(sizeof(struct hds_frame) == 24);

/* All blocks that were allocated with this stack in this domain.  (frame, domain) is unique except in interchange data. */
struct hds_stack {
	uint32_t frame; /* innermost */
	uint32_t domain;
	uint64_t live_blocks, live_bytes;
	uint64_t total_blocks, total_bytes;
	uint64_t temporary_blocks;
	uint64_t peak_blocks, peak_bytes; /* at the moment of HDS_KEY_PEAK_SEEN_BYTES */
	uint32_t total_nframe;            /* true depth, 0: as recorded */
	uint32_t reserved;
	uint64_t variance; /* of live_bytes, for sampled data; 0: exact */
};
HDS_ASSERT(sizeof(struct hds_stack) == 80);

struct hds_thread {
	uint32_t tid;
	uint32_t number;
	uint64_t alloc_blocks, alloc_bytes, free_blocks, free_bytes, temporary_blocks;
};
HDS_ASSERT(sizeof(struct hds_thread) == 48);

struct hds_block {
	uint64_t address, size;
	uint32_t stack; /* index in STCK */
	uint32_t reserved;
};
HDS_ASSERT(sizeof(struct hds_block) == 24);

/* Of the live blocks of a stack, those that are as old as that.  All ages of a stack together are its live blocks. */
struct hds_age {
	uint32_t stack; /* index in STCK */
	uint32_t age;   /* seconds before the snapshot, rounded down; beyond 64 to 6 binary digits */
	uint64_t blocks, bytes;
	uint64_t variance; /* of bytes, for sampled data; 0: exact */
};
HDS_ASSERT(sizeof(struct hds_age) == 32);

/*
 * What a frame's address means.  `offset` is as in the frame (not −1).  count = 0: looked up, nothing found.  Ascending by module, offset,
 * flags; two symbols have the same locations or none in common.
 */
#define HDS_INLINE_MAX 1024 /* locations of one symbol */
struct hds_symbol {
	uint32_t module;
	uint32_t flags; /* enum hds_frame_flags of the frame */
	uint64_t offset;
	uint32_t first; /* in LOCS, innermost inlined function first */
	uint32_t count;
};
HDS_ASSERT(sizeof(struct hds_symbol) == 24);

enum hds_location_flags {
	HDS_LOCATION_INLINED = 1 << 0, /* inlined into the next location */
	HDS_LOCATION_NO_LINE = 1 << 1, /* from the symbol table: no file and line; symbol_offset is set */
	HDS_LOCATION_SYSTEM = 1 << 2,  /* in a system include directory, as seen when symbolising */
};
struct hds_location {
	uint32_t function;      /* demangled; 0: unknown */
	uint32_t linkage;       /* as in the symbol table; 0: same or unknown */
	uint32_t file;          /* 0: unknown */
	uint32_t line;          /* 0: unknown */
	uint32_t function_line; /* first line of the function, 0: unknown */
	uint32_t flags;
	uint64_t symbol_offset; /* of the address from the symbol's start */
	uint64_t text_hash;     /* of the stripped source text of the line, 0: not recorded */
};
HDS_ASSERT(sizeof(struct hds_location) == 40);

#endif
