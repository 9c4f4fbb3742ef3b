/* SPDX-License-Identifier: MIT */
/* Looks at the traced processes, one after the other: a rate needs two. */
#ifndef ANALYZER_PS_HISTORY_H
#define ANALYZER_PS_HISTORY_H

#include "ps.h"

enum { PS_LOOKS_MAX = 128 };

/* Oldest first. */
struct ps_history {
	struct ps_look list[PS_LOOKS_MAX];
	size_t count;
};

/* One look more, with rates from the oldest ones of the last minute.  0 or −1. */
int ps_look_again(struct ps_history *history, struct error *error);

/* After the first look. */
const struct ps_look *ps_latest(const struct ps_history *history);

/* How far apart the looks behind the rates are; 0: there is only one. */
uint64_t ps_history_ns(const struct ps_history *history);

void ps_forget(struct ps_history *history);

/* For ps_look_again and tests: of the looks older than a minute only the youngest stays. */
void ps_history_trim(struct ps_history *history);

#endif
