/* SPDX-License-Identifier: MIT */
/* In: the C library's word on whether there is one thread.  Out: where to look for it, once and for all; any thread may look at any time. */
#include "single-thread.h"

extern char __libc_single_threaded __attribute__((weak));

static const char unknown;
const char *single_thread_flag = &unknown;

__attribute__((constructor)) static void find_flag(void)
{
	if (&__libc_single_threaded)
		single_thread_flag = &__libc_single_threaded;
}
