/* SPDX-License-Identifier: MIT */
/*
 * In: a stack pointer.  Out: whether the stack from there to its known end is readable.
 *
 * A stack is grown into from its top without gaps, so each page between the last proven one and sp is tried once: rt_sigprocmask reads
 * the page for us and says EFAULT where there is none.  A guard page, or the hole below it, separates the stack from everything else; the
 * first page that fails ends the stack for good.
 */
#include "stack-bounds.h"

#include <errno.h>
#include <sys/syscall.h>
#include <unistd.h>

extern void *__libc_stack_end __attribute__((weak)); /* the dynamic loader's */

/* No stack is followed further than this: under the main thread's, the kernel keeps at least 128 MiB free of other mappings. */
#define SPAN_MAX ((uintptr_t)64 << 20)
enum { PAGE = 4096 };

static uintptr_t thread_pointer(void)
{
	uintptr_t pointer = 0;
#if defined(__x86_64__)
	__asm__("movq %%fs:0, %0" : "=r"(pointer));
#elif defined(__aarch64__)
	__asm__("mrs %0, tpidr_el0" : "=r"(pointer));
#endif
	return pointer;
}

void stack_bounds_init(struct stack_bounds *bounds)
{
	if (syscall(SYS_gettid) != getpid())
		bounds->top = thread_pointer();
	else
		bounds->top = &__libc_stack_end ? (uintptr_t)__libc_stack_end : 0;
	bounds->low = bounds->top & ~(uintptr_t)(PAGE - 1);
	bounds->refused = 0;
}

static bool is_readable(uintptr_t page)
{
	enum { NO_SUCH_ACTION = -1, SET_BYTES = 8 };
	int saved = errno;
	syscall(SYS_rt_sigprocmask, NO_SUCH_ACTION, page, NULL, SET_BYTES);
	bool is_there = errno != EFAULT;
	errno = saved;
	return is_there;
}

static bool prove(struct stack_bounds *bounds, uintptr_t sp)
{
	while (bounds->low > sp) {
		uintptr_t page = bounds->low - PAGE;
		if (!is_readable(page)) {
			bounds->refused = bounds->low;
			return false;
		}
		bounds->low = page;
	}
	return true;
}

bool stack_bounds_hold(struct stack_bounds *bounds, uintptr_t sp, uintptr_t address, size_t size)
{
	if (sp >= bounds->top || bounds->top - sp > SPAN_MAX || sp < bounds->refused)
		return false;
	if (address < sp || address >= bounds->top || bounds->top - address < size)
		return false;
	return prove(bounds, sp);
}
