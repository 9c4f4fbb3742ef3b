/* SPDX-License-Identifier: MIT */
/*
 * Beginning and end of a process: constructor, fork, the ways out; and the calls between them that bear on the tables: the first thread,
 * unloading of libraries, sandboxes, libunwind's own descriptors.  In: those calls, from any thread.  Out: the same calls to libc.
 *
 * The constructor starts what no earlier event has started.  The exit path seals the trace file and, without a living supervisor, leaves a
 * snapshot in its place.  It runs last of all exit handlers: registered before the loader's own, so after every destructor of every object.
 * Nothing is torn down: hooks work until the last instruction of the process.
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "config.h"
#include "dump.h"
#include "guard.h"
#include "log.h"
#include "modules.h"
#include "real.h"
#include "trace.h"
#include "tracker.h"
#include "unwind.h"

#define HOOK __attribute__((visibility("default")))

extern int __cxa_atexit(void (*function)(void *), void *argument, void *object);
extern int __cxa_at_quick_exit(void (*function)(void *), void *object) __attribute__((weak));

/* ---- The end */

/* The supervisor holds its lock file as long as it lives. */
static bool is_supervised(void)
{
	if (!config.lock || trace.is_private)
		return false;
	int fd = open(config.lock, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	bool held = flock(fd, LOCK_SH | LOCK_NB) != 0 && errno == EWOULDBLOCK;
	close(fd);
	return held;
}

static void leave_snapshot(void)
{
	static char path[PATH_MAX]; /* once per process; _exit may be called on a small stack */
	struct dump_options options = {.state = HDS_STATE_EXITED};
	int error = dump_write_named(&options, path, sizeof(path));
	char number[LOG_NUMBER_MAX];
	if (error)
		log_line("cannot write '", path, "': error ", log_number(number, (unsigned)-error), "; see the trace file ", trace.path,
			 NULL);
	else if (!trace.is_private)
		unlink(trace.path);
	if (!error && config.verbose)
		log_line("wrote ", path, NULL);
}

/* Only the process that owns the tables ends them: a vfork child that calls _exit shares them with its parent. */
static void finish(void)
{
	static _Atomic(uint32_t) finished_process;
	uint32_t this_process = trace.process_number + 1;
	if (!trace_attached() || trace.owner_pid != getpid() || atomic_exchange(&finished_process, this_process) == this_process)
		return;
	int saved = errno;
	trace_seal(HDT_FLAG_EXITED);
	/* Behind a sandbox's filter an open may kill: the trace file stays and is as good. */
	bool sandboxed = atomic_load(&trace.growth_closed) && !trace.is_private;
	if (!sandboxed && !is_supervised())
		leave_snapshot();
	errno = saved;
}

static void at_exit(void *argument)
{
	(void)argument;
	finish();
}

HOOK __attribute__((noreturn)) void _exit(int status)
{
	finish();
	((void (*)(int))real_late(REAL_EXIT_NOW))(status);
	__builtin_unreachable();
}

HOOK __attribute__((noreturn)) void _Exit(int status)
{
	_exit(status);
}

/* ---- Fork */

/* Not seen by the fork handlers; they would not be right here anyway, since a child of _Fork may only do what a signal handler may. */
HOOK pid_t _Fork(void)
{
	pid_t (*fork_only)(void) = (pid_t(*)(void))real_late(REAL_FORK_ONLY);
	if (!fork_only) {
		errno = ENOSYS;
		return -1;
	}
	tracker_fork_prepare();
	pid_t child = fork_only();
	if (child == 0)
		tracker_fork_child();
	else
		tracker_fork_parent();
	return child;
}

/* ---- Threads, libraries and sandboxes */

/* The unwinder is loaded at the first allocation, which needs the loader's lock: that must not happen in a second thread that somebody
 * who holds the lock is waiting for (a library's constructor). */
HOOK int pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*start)(void *), void *argument)
{
	if (!tracker_started)
		tracker_boot((uintptr_t)__builtin_return_address(0));
	int (*function)(pthread_t *, const pthread_attr_t *, void *(*)(void *), void *) =
		(int (*)(pthread_t *, const pthread_attr_t *, void *(*)(void *), void *))real_late(REAL_PTHREAD_CREATE);
	return function(thread, attributes, start, argument);
}

HOOK int dlclose(void *handle)
{
	if (!real.dlclose && !real_resolve())
		return -1;
	modules_dlclose_begin();
	int status = real.dlclose(handle);
	modules_dlclose_end();
	return status;
}

/* libunwind wants a pair of descriptors for good, which only its local walks use; ours are remote.  It bears a refusal. */
HOOK int pipe2(int descriptors[2], int flags)
{
	if (thread_state.own) {
		errno = EMFILE;
		return -1;
	}
	return (int)syscall(SYS_pipe2, descriptors, flags);
}

/* A seccomp filter may close mmap: what the tables will need must exist before. */
HOOK int prctl(int operation, ...)
{
	enum { AHEAD = 16 << 20 };
	va_list list;
	va_start(list, operation);
	unsigned long arguments[4];
	for (int n = 0; n < 4; n++)
		arguments[n] = va_arg(list, unsigned long);
	va_end(list);
	if ((operation == PR_SET_NO_NEW_PRIVS || operation == PR_SET_SECCOMP) && trace_attached()) {
		tracker_warm_up(UNWIND_FRAME);
		trace_populate_ahead(AHEAD);
	}
	int (*function)(int, ...) = (int (*)(int, ...))real_late(REAL_PRCTL);
	return function(operation, arguments[0], arguments[1], arguments[2], arguments[3]);
}

/* ---- The beginning */

__attribute__((constructor)) static void begin(void)
{
	tracker_prepare();
	if (!trace_attached())
		return;
	tracker_own_begin();
	real_resolve_late();
	if (!config.follow)
		config_leave_environment();
	pthread_atfork(tracker_fork_prepare, tracker_fork_parent, tracker_fork_child);
	__cxa_atexit(at_exit, NULL, NULL);
	if (__cxa_at_quick_exit)
		__cxa_at_quick_exit(at_exit, NULL);
	tracker_own_end();
}
