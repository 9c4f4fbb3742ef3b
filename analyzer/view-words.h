/* SPDX-License-Identifier: MIT */
/* Phrases that several texts share: durations, moments, losses, what a snapshot is of.  All append to a buffer and cannot fail otherwise. */
#ifndef ANALYZER_VIEW_WORDS_H
#define ANALYZER_VIEW_WORDS_H

#include <stdint.h>

#include "snapshot.h"
#include "strbuf.h"

/* "350 ms", "14 s", "2 min 14 s", "3 h 2 min", "5 d 1 h" */
void words_duration(struct strbuf *out, uint64_t nanoseconds);
/* The same of a round one: "30 min", "1 d". */
void words_round_duration(struct strbuf *out, uint64_t nanoseconds);
/* "09:17:26" local time; with the date if `dated`. */
void words_moment(struct strbuf *out, uint64_t realtime_ns, bool dated);
/* A number that two moments of one day have in common, local time. */
long words_day(uint64_t realtime_ns);
/* "2025-11-20T09:17:26Z" */
void words_moment_utc(struct strbuf *out, uint64_t realtime_ns);
/* "1428 KiB" */
void words_bytes(struct strbuf *out, double bytes);
/* "1428 KiB", with an error that is not 0 "1428 KiB ± 300 KiB"; `sign`: "+" before values that are not negative. */
void words_estimate(struct strbuf *out, double bytes, int64_t error, bool sign);
/* "sampled every 512 KiB" */
void words_sampled(struct strbuf *out, uint64_t distance);
/* What that means for the numbers. */
void words_sampling(struct strbuf *out, uint64_t distance);
/* "1 block", "12043 blocks" */
void words_count(struct strbuf *out, uint64_t count, const char *one, const char *many);
/* "1428 KiB live in 12043 blocks", "1428 KiB ± 300 KiB live in 12043 blocks" */
void words_live(struct strbuf *out, const struct snapshot *snapshot);
/* The error of the live bytes of a sampled process; 0: exact. */
int64_t words_live_error(const struct snapshot *snapshot);
/* "nothing", or what is missing and how much of it: "12 allocations not recorded, 1 free not seen" */
void words_lost(struct strbuf *out, const struct snapshot *snapshot);
/* Short name of a loss for machines ("block", "missed_free"), and what `count` of them means for people. */
const char *words_loss_name(unsigned loss);
void words_loss(struct strbuf *out, unsigned loss, uint64_t count);
/* "exited with status 0", "killed by signal 9 (Killed)", "running" */
void words_state(struct strbuf *out, const struct snapshot_info *info);
/* "on", "off" or "stopped" */
const char *words_recording(const struct snapshot_info *info);
/* Hexadecimal digits of a build id, at most `digits` (0: all). */
void words_build_id(struct strbuf *out, const struct module *module, size_t digits);
/* The module of the executable; NULL: not known. */
const struct module *words_main_module(const struct snapshot *snapshot);
/* At most `width` code points; what is cut off is shown as "…". */
void words_cut(struct strbuf *out, const char *text, size_t width);

#endif
