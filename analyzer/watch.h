/* SPDX-License-Identifier: MIT */
/* Two looks at a living process, some time apart: diff --wait. */
#ifndef ANALYZER_WATCH_H
#define ANALYZER_WATCH_H

#include <stdbool.h>
#include <stdint.h>

#include "load.h"
#include "snapshot.h"

/*
 * Look, wait, look again; ^C ends the wait, and so does the end of the process, whose last state is taken then (and *ended is set).  Says in
 * notes what it waits for and why it did not.  0, or −1; on failure both looks are empty.
 */
int watch_process(struct load *load, const char *who, uint64_t wait_ns, struct snapshot looks[2], bool *ended, struct error *error);

#endif
