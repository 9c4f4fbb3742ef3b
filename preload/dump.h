/* SPDX-License-Identifier: MIT */
/*
 * A raw snapshot (.hds without symbols and live-block list) of this process's own tables, written from inside.
 *
 * Used at exit without a supervisor, for private tables, and by take_snapshot().  Other threads go on allocating meanwhile: a block that
 * lives through the call is in the file exactly once.  Only system calls and anonymous mappings, never malloc or stdio; errno is kept;
 * async-signal-safe, needs 2 KiB of stack.  Not in a process whose tables are not its own (trace_attached() is false: -ESRCH).
 */
#ifndef PRELOAD_DUMP_H
#define PRELOAD_DUMP_H

#include <stddef.h>
#include <stdint.h>

#include "dump-info.h"

/* Write the snapshot: a temporary name beside `path`, renamed when complete.  0 or -errno; on failure nothing is left behind. */
int dump_write(const char *path, const struct dump_options *options);

/*
 * The same under the name that config.output or the default asks for (output.h): a default name never replaces a file, and goes to
 * $TMPDIR where the directory that the process started in cannot be written.  `exclusive` and `sequence` are decided here.  The name that
 * was tried last is left in `path` (`room` bytes, PATH_MAX is enough).
 */
int dump_write_named(const struct dump_options *options, char *path, size_t room);

/* Bytes of the tables that exist: header and opened parts of all areas. */
uint64_t dump_tracer_bytes(void);

#endif
