/* SPDX-License-Identifier: MIT */
/*
 * While the process has one thread, read-modify-write instructions on the tables need not be locked against other processors: handlers
 * cannot come in between, and readers of the trace file only read.
 */
#ifndef PRELOAD_SINGLE_THREAD_H
#define PRELOAD_SINGLE_THREAD_H

#include <stdbool.h>

/* glibc's, from 2.32 on; its own malloc relies on it. */
extern char __libc_single_threaded __attribute__((weak));

static inline bool single_threaded(void)
{
	return &__libc_single_threaded && __libc_single_threaded;
}

#endif
