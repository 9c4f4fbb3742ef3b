/* SPDX-License-Identifier: MIT */
/* The raw snapshots of a run → symbolised ones in their place, and their sum for the summary. */
#ifndef ANALYZER_ASSEMBLE_H
#define ANALYZER_ASSEMBLE_H

#include <stdbool.h>
#include <stddef.h>

#include "convert.h"
#include "error.h"
#include "snapshot.h"

/*
 * Add symbols to every snapshot of `list` (NULL `symbols`: leave them raw) and sum those of ended processes into `sum`, an empty snapshot
 * with the caller's intern; the root's comes first, so that what cannot be summed is the root's.  A file that cannot be symbolised stays
 * raw and is told in `error`; −1 then.
 */
struct symbols;
int assemble(struct traced *const *list, size_t count, struct symbols *symbols, struct snapshot *sum, struct error *error);

#endif
