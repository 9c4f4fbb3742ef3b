/* SPDX-License-Identifier: MIT */
/* What to type next, for those who print a report's rows themselves. */
#ifndef ANALYZER_VIEW_NEXT_H
#define ANALYZER_VIEW_NEXT_H

#include "report.h"
#include "strbuf.h"

/* The SPEC of --filter that means the line of a row by lineno; nothing is added for one without a line. */
void view_line_filter(struct strbuf *out, const struct report_row *row);

#endif
