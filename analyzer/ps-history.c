/* SPDX-License-Identifier: MIT */
/*
 * Comes in: looks.  Goes out: rates over up to a minute, which say more than those over a second and follow a change soon enough.
 * Of a process that began in between, the oldest look that has it counts.
 */
#include "ps-history.h"

#include <string.h>

#define MINUTE UINT64_C(60000000000)

static void drop_oldest(struct ps_history *history)
{
	ps_release(&history->list[0]);
	history->count--;
	memmove(history->list, history->list + 1, history->count * sizeof(history->list[0]));
}

void ps_history_trim(struct ps_history *history)
{
	while (history->count > 2 && history->list[1].monotonic_ns + MINUTE <= ps_latest(history)->monotonic_ns)
		drop_oldest(history);
}

int ps_look_again(struct ps_history *history, struct error *error)
{
	if (history->count == PS_LOOKS_MAX)
		drop_oldest(history);
	if (ps_look(&history->list[history->count++], error) < 0)
		return -1;
	ps_history_trim(history);
	for (size_t i = history->count - 1; i-- > 0;)
		ps_rate(&history->list[history->count - 1], &history->list[i]);
	return 0;
}

const struct ps_look *ps_latest(const struct ps_history *history)
{
	return &history->list[history->count - 1];
}

uint64_t ps_history_ns(const struct ps_history *history)
{
	return history->count > 1 ? ps_latest(history)->monotonic_ns - history->list[0].monotonic_ns : 0;
}

void ps_forget(struct ps_history *history)
{
	while (history->count > 0)
		ps_release(&history->list[--history->count]);
}
