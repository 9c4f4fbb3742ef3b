/* SPDX-License-Identifier: MIT */
/* Which thread has which cell.  All functions are async-signal-safe and leave errno as it was. */
#ifndef PRELOAD_THREAD_CELLS_H
#define PRELOAD_THREAD_CELLS_H

#include <stdint.h>

#include "heapdelta/trace.h"

/* The calling thread's cell: found, taken over or new; the shared overflow cell (number 0) when there is no room.  `owner`: address of its
 * thread_state.  Slow; remember it. */
struct hdt_thread *threads_attach(uintptr_t owner);

#endif
