/* SPDX-License-Identifier: MIT */
/*
 * What an executable file would do with a preloaded library, seen before it is executed.  Bare system calls, nothing but the stack: fit for
 * signal handlers and vfork children.  errno is left as it was.
 */
#ifndef PRELOAD_IMAGE_H
#define PRELOAD_IMAGE_H

#include <stdbool.h>

enum image_kind {
	IMAGE_FINE, /* or not known: the kernel has the last word */
	/* The library is not loaded, and does no harm. */
	IMAGE_STATIC,
	IMAGE_SETUID,
	IMAGE_SETGID,
	IMAGE_CAPABILITIES,
	/* The library must not be preloaded: the loader would complain or give up, or the program would abort. */
	IMAGE_32_BIT,
	IMAGE_OTHER_MACHINE,
	IMAGE_MUSL,
	IMAGE_ASAN,
	IMAGE_TSAN,
};

static inline bool image_is_harmed(enum image_kind kind)
{
	return kind >= IMAGE_32_BIT;
}

/* The file `path`, relative to a directory's descriptor (AT_FDCWD: the current one), or with an empty path the descriptor's own.  A script's
 * interpreter is what counts. */
enum image_kind image_look(int directory, const char *path);

#endif
