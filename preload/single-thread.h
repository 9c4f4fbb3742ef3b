/* SPDX-License-Identifier: MIT */
/*
 * While the process has one thread, read-modify-write instructions on the tables need not be locked against other processors: handlers
 * cannot come in between, and readers of the trace file only read.  glibc says so from 2.32 on, and its own malloc relies on it.
 */
#ifndef PRELOAD_SINGLE_THREAD_H
#define PRELOAD_SINGLE_THREAD_H

#include <stdbool.h>

/* glibc's __libc_single_threaded, from this library's constructor on; before, and elsewhere, a 0. */
extern const char *single_thread_flag __attribute__((visibility("hidden")));

static inline bool single_threaded(void)
{
	return *single_thread_flag != 0;
}

#endif
