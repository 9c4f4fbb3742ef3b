/* SPDX-License-Identifier: MIT */
/* Debug information that was installed after a snapshot had got its symbols. */
#ifndef ANALYZER_SYMBOLS_LATER_H
#define ANALYZER_SYMBOLS_LATER_H

#include "snapshot.h"

/* Is there a separate debug file now for a module of which no line is known, below `root`?  Looks for files by build id, opens none. */
bool symbols_later(const struct snapshot *snapshot, const char *root);

#endif
