/* SPDX-License-Identifier: MIT */
/*
 * The binary search table of .eh_frame_hdr, in an object as it is mapped: which FDE is about a function?  libunwind's own search reads the
 * table byte by byte through callbacks.  Async-signal-safe, any thread, no locks.
 */
#ifndef PRELOAD_FDE_TABLE_H
#define PRELOAD_FDE_TABLE_H

#include <stdint.h>

#include "elf-view.h"

/* A function and its FDE, as offsets from the header; the table is sorted by function. */
struct fde_entry {
	int32_t function, fde;
};

/* The entry of the last function that starts at or before `pc` (nothing says that it reaches that far); NULL: none, or no usable table. */
const struct fde_entry *fde_table_find(const struct elf_view *view, uintptr_t pc);

#endif
