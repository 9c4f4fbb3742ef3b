/* SPDX-License-Identifier: MIT */
/* Is heapdelta itself in order on this machine: what it needs, what limits it, and a trial. */
#ifndef ANALYZER_INSTALLATION_H
#define ANALYZER_INSTALLATION_H

#include <stdbool.h>

#include "strbuf.h"

struct installation {
	struct strbuf facts;    /* lines "NAME: WHAT" */
	struct strbuf troubles; /* lines of what keeps it from working, or from working well; empty: nothing */
	bool works;             /* a program can be traced, with whole stacks */
};

/* `library`: path of libheapdelta.so.  Release it in every case. */
void installation_look(struct installation *installation, const char *library);
void installation_release(struct installation *installation);

#endif
