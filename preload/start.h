/* SPDX-License-Identifier: MIT */
/*
 * The tables of one process begin here: at its first event, be it the preloaded program or a fork child.
 */
#ifndef PRELOAD_START_H
#define PRELOAD_START_H

#include <stdbool.h>
#include <stdint.h>

/* Make this process's tables, once; in a fork child, drop the parent's first.  False: they are being made by another thread, could not be
 * made, or this process is not to be traced.  Signal-safe, errno kept. */
bool start_process(void);

/* In a fork child: remember the parent's file and drop its tables; `inside_event`: the thread was interrupted inside an event, so the
 * mapping must stay readable and writable, as a private copy. */
void start_forked(bool inside_event);

/* An event that came while the tables were being made: counted as lost when they exist. */
void start_count_missed(void);

#endif
