/* SPDX-License-Identifier: MIT */
/*
 * A command as the child of `heapdelta run`: started, waited for, its signals passed on, so that the terminal, the shell and the parent
 * notice no difference.
 */
#ifndef ANALYZER_SUPERVISE_H
#define ANALYZER_SUPERVISE_H

#include <signal.h>
#include <stdbool.h>
#include <sys/types.h>

#include "error.h"

enum { SUPERVISE_SIGNALS = 7 };

struct supervise {
	pid_t child;
	bool ended;
	int status;    /* wait status, when ended */
	int signal_fd; /* −1: none */
	/* As inherited; the child gets them back, and so do we when it has ended. */
	sigset_t mask;
	struct sigaction inherited[SUPERVISE_SIGNALS];
};

/*
 * Start `argv` (found in PATH as a shell does) with the environment `environment`.  0, or −1: not started, *exit_status is what run must
 * return (127 not found, 126 not executable, 125 our own trouble) and the signals are as before.
 */
int supervise_start(struct supervise *supervise, char *const argv[], char *const environment[], int *exit_status, struct error *error);

/* Wait for a signal, the end of the child, `extra_fd` to be readable (−1: none) or the time to pass; handle the signals.  Stops with the
 * child, and reaps whatever was handed to us as the init process. */
void supervise_wait(struct supervise *supervise, int extra_fd, int timeout_ms);

/* The child has ended: signals mean us again. */
void supervise_release(struct supervise *supervise);

/* What a shell makes of a wait status: the exit status, or 128 + the signal. */
int supervise_exit_status(int wait_status);

#endif
