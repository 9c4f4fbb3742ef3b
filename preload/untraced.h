/* SPDX-License-Identifier: MIT */
/*
 * Notes for the supervisor about images that will not be traced: one line each, "PID NAME CAUSE", appended to a file beside its lock.  Signal
 * safe; without a supervisor nothing happens.  errno is left as it was.
 */
#ifndef PRELOAD_UNTRACED_H
#define PRELOAD_UNTRACED_H

/* `pid` becomes an image named after `path`, which is not traced because of `cause`, a few words. */
void untraced_note(int pid, const char *path, const char *cause);

/* The last note about `pid` does not hold: the exec failed. */
void untraced_void(int pid);

#endif
