/* SPDX-License-Identifier: MIT */
/* The definition behind guard.h: one thread-local struct, zero at the start of every thread. */
#include "guard.h"

__thread struct thread_state thread_state __attribute__((tls_model("initial-exec")));
