/* SPDX-License-Identifier: MIT */
/*
 * In: a thread that begins an event.  Out: its state made ready for this process's tables, which begin with the first event.
 * Any thread, nested in handlers, errno kept.
 */
#include "event.h"

#include <errno.h>
#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "sampling.h"
#include "start.h"
#include "threads.h"
#include "unwind.h"

/* Without a fault where nothing is mapped any more: the kernel copies the set before it refuses the operation. */
static bool is_readable(const void *address)
{
	return syscall(SYS_rt_sigprocmask, -1, address, NULL, sizeof(uint64_t)) == 0 || errno != EFAULT;
}

static bool is_on_alternate_stack(void)
{
	stack_t alternate;
	return sigaltstack(NULL, &alternate) != 0 || (alternate.ss_flags & SS_ONSTACK);
}

/*
 * guard says that an event is running; true when it cannot be, because a handler left it by longjmp: this call's frame is not below its
 * frame, or its guard was overwritten by what ran since.  (Neither shows at once when the next event is deeper in the stack, beside a
 * guard that nobody has overwritten yet.)
 */
static bool guard_is_stale(uintptr_t frame, const struct thread_state *thread)
{
	enum { STACK_SPAN = 8 << 20 };
	int saved = errno;
	const uintptr_t *guard = (const uintptr_t *)(thread->guard - 1);
	uintptr_t above = frame - (uintptr_t)guard;
	bool stale = (above < STACK_SPAN && !is_on_alternate_stack()) || !is_readable(guard) ||
		     *(const volatile uintptr_t *)guard != event_guard(guard);
	errno = saved;
	return stale;
}

/* The events that the thread is in, so far. */
static uint32_t running_events(uintptr_t frame, struct thread_state *thread)
{
	if (thread->guard != 0 && guard_is_stale(frame, thread))
		event_set_guard(thread, 0);
	if (thread->guard == 0)
		return 0;
	return thread->depth > 1 ? thread->depth : 1;
}

/* The thread's first event with these tables. */
static void renew_thread(struct thread_state *thread, uint32_t epoch)
{
	thread->cell = threads_attach((uintptr_t)thread);
	thread->leaf_next = thread->leaf_end = 0;
	thread->last_block = GUARD_NO_BLOCK;
	thread->age_left = 0;
	thread->age_stride = 0;
	unwind_forget();
	sampling_begin(thread);
	thread->quick = thread->cell->number != 0 && sampling_distance == 0 ? ~epoch : 0;
	thread->epoch = ~epoch;
}

bool event_enter_from(struct event *event, struct thread_state *thread, uintptr_t frame)
{
	if (thread->own)
		return false;
	uint32_t outer = running_events(frame, thread);
	event->outer_guard = thread->guard;
	event->outer_depth = thread->depth;
	if (outer == 0)
		event_begin(event, thread);
	thread->depth = outer + 1;
	if (!trace_attached() && (outer > 0 || !start_process())) {
		event_leave(event, thread);
		return false;
	}
	uint32_t epoch = trace_epoch();
	if (epoch < TRACE_OPEN) /* a handler has forked since: this event ends in the child's copy of the tables */
		thread->epoch = thread->quick = 0;
	else if (thread->epoch != ~epoch)
		renew_thread(thread, epoch);
	return true;
}
