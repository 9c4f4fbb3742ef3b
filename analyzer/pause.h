/* SPDX-License-Identifier: MIT */
/* Waiting for time to pass while somebody may have enough: ^C ends the wait, not the program. */
#ifndef ANALYZER_PAUSE_H
#define ANALYZER_PAUSE_H

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>

enum pause_end {
	PAUSE_OVER,        /* the time has passed */
	PAUSE_INTERRUPTED, /* SIGINT came */
	PAUSE_STOPPED,     /* `ended` said so */
};

struct pause {
	int signals; /* SIGINT, as a descriptor */
	sigset_t mask;
};

/* From here on SIGINT ends a wait and nothing else, also one that comes before the wait begins. */
void pause_begin(struct pause *pause);
/* `ended` is asked a few times a second; NULL: nobody is asked. */
enum pause_end pause_for(const struct pause *pause, uint64_t nanoseconds, bool (*ended)(void *data), void *data);
void pause_finish(struct pause *pause);

#endif
