/* SPDX-License-Identifier: MIT */
/*
 * Switching a traced process from outside: words in the header of its trace file, which its hooks look at anyway.  No signal, no ptrace; only
 * who may write the file, its owner or root, can do it.
 */
#ifndef ANALYZER_CONTROL_H
#define ANALYZER_CONTROL_H

#include "error.h"
#include "process.h"

enum control_change { CONTROL_CHANGED = 0, CONTROL_SAME = 1 /* it was so already */ };

/* Record new blocks from now on; or no longer, keeping what is known and honouring its frees.  Or −1. */
int control_start(const struct process *process, struct error *error);
int control_stop(const struct process *process, struct error *error);

/* Give the moment a name.  0 or −1. */
int control_mark(const struct process *process, const char *name, struct error *error);

/* 0, or −1: it is empty, too long or not printable. */
int control_check_name(const char *name, struct error *error);

#endif
