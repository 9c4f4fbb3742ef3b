/* SPDX-License-Identifier: MIT */
/* The list of traced processes as a report. */
#ifndef ANALYZER_VIEW_PS_H
#define ANALYZER_VIEW_PS_H

#include "ps.h"
#include "report.h"

/* `look` is borrowed until the report is released; `rate_ns`: how long the looks behind the rates are apart, 0: there are none. */
int view_ps(struct report *report, const struct ps_look *look, uint64_t rate_ns, struct error *error);

#endif
