/* SPDX-License-Identifier: MIT */
/*
 * Which package has the debug information of a file: from the distribution's own records, read directly.  Nothing is started and nothing is
 * asked over a network.
 */
#ifndef ANALYZER_PACKAGES_H
#define ANALYZER_PACKAGES_H

#include "strbuf.h"

/* What to type to install the debug information of the file `path`: "apt install libfoo3-dbgsym".  `root`: prefix of the distribution's files,
 * "" for ours.  Nothing is added when nobody knows. */
void packages_command(struct strbuf *out, const char *root, const char *path);

#endif
