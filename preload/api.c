/* SPDX-License-Identifier: MIT */
/*
 * The functions behind heapdelta.h.  In: calls of the program, from any thread or signal handler.  Out: answers from the tables, and
 * snapshots through dump.c.  No state of its own; errno is kept.
 *
 * A call may come before the first event (then it boots the shim, as an event would) and in a fork child before its first event (then it
 * makes the child's tables).  Switches are noted in `config` as well, because a fork child begins with what stands there.
 */
#include <errno.h>
#include <limits.h>
#include <stdatomic.h>
#include <sys/mman.h>

#include "blocks.h"
#include "config.h"
#include "dump.h"
#include "heapdelta/trace.h"
#include "start.h"
#include "threads.h"
#include "trace.h"
#include "tracker.h"
#include "unwind.h"

#define HEAPDELTA_API_PROVIDER
#include "heapdelta/heapdelta.h"

#define API __attribute__((visibility("default")))

/* False: this process is not recorded (its tables could not be made, or it is not to be followed). */
static bool ready(uintptr_t caller)
{
	if (!tracker_started && !tracker_boot(caller))
		return false;
	return trace_attached() || start_process();
}
#define READY() ready((uintptr_t)__builtin_return_address(0))

static bool tracing(uintptr_t caller)
{
	return ready(caller) && tracker_is_tracing();
}
#define TRACING() tracing((uintptr_t)__builtin_return_address(0))

/* The same, or recording was paused from outside: there is something to ask for. */
static bool has_traces(uintptr_t caller)
{
	return ready(caller) && tracker_has_traces();
}
#define HAS_TRACES() has_traces((uintptr_t)__builtin_return_address(0))

/* ---- Recording --------------------------------------------------------------------------------------------------------------- */

API int heapdelta_start(unsigned nframe)
{
	if (nframe > HEAPDELTA_TRACEBACK_LIMIT_MAX)
		return -EINVAL;
	if (!READY())
		return HEAPDELTA_NO_MEMORY;
	if (tracker_is_tracing())
		return 0;
	config.nframe = nframe;
	config.start = true;
	trace.header->nframe = nframe;
	unwind_set_limit(nframe);
	tracker_start();
	return 0;
}

API void heapdelta_stop(void)
{
	if (!READY())
		return;
	config.start = false;
	tracker_stop();
}

API int heapdelta_is_tracing(void)
{
	return TRACING();
}

API void heapdelta_clear_traces(void)
{
	if (READY())
		tracker_clear();
}

/* ---- Figures ----------------------------------------------------------------------------------------------------------------- */

API void heapdelta_reset_peak(void)
{
	if (HAS_TRACES())
		threads_reset_peak();
}

API int heapdelta_get_traced_memory(size_t *current, size_t *peak)
{
	bool on = HAS_TRACES();
	struct thread_sums sums = {0};
	if (on)
		sums = threads_sum();
	/* Summed while other threads run, live may be seen below 0 or above the peak for a moment. */
	int64_t live = sums.live_bytes > 0 ? sums.live_bytes : 0;
	if (current)
		*current = (size_t)live;
	if (peak)
		*peak = (size_t)(sums.peak_bytes > live ? sums.peak_bytes : live);
	return on ? 0 : HEAPDELTA_NOT_TRACING;
}

API unsigned heapdelta_get_traceback_limit(void)
{
	(void)READY(); /* the environment may not have been read yet */
	return config.nframe ? config.nframe : HEAPDELTA_TRACEBACK_LIMIT_MAX;
}

API size_t heapdelta_get_tracer_memory(void)
{
	return READY() ? dump_tracer_bytes() : 0;
}

/* ---- Blocks ------------------------------------------------------------------------------------------------------------------ */

/* Special nodes (truncated, cut) stand outermost and are no frames. */
static int copy_frames(uint32_t node, void **frames, int room)
{
	int count = 0;
	while (node != 0) {
		const struct hdt_node *record = trace_at(HDT_AREA_NODES, (uint64_t)node * sizeof(struct hdt_node));
		if (record->module == HDT_MODULE_SPECIAL)
			break;
		if (count < room)
			frames[count] = (void *)(uintptr_t)atomic_load_explicit(&record->address, memory_order_relaxed);
		count++;
		node = record->parent;
	}
	return count;
}

API int heapdelta_get_object_traceback(const void *ptr, void **frames, int room)
{
	struct block block;
	if (!HAS_TRACES())
		return HEAPDELTA_NOT_TRACING;
	if (!blocks_find(0, (uintptr_t)ptr, &block))
		return HEAPDELTA_UNKNOWN_BLOCK;
	return copy_frames(block.stack, frames, room);
}

API int heapdelta_track(unsigned domain, const void *ptr, size_t size)
{
	if (!TRACING())
		return HEAPDELTA_NOT_TRACING;
	return tracker_track(domain, (uintptr_t)ptr, size, UNWIND_FRAME) == 0 ? 0 : HEAPDELTA_NO_MEMORY;
}

API int heapdelta_untrack(unsigned domain, const void *ptr)
{
	if (!HAS_TRACES())
		return HEAPDELTA_NOT_TRACING;
	tracker_untrack(domain, (uintptr_t)ptr);
	return 0;
}

/* ---- Snapshots --------------------------------------------------------------------------------------------------------------- */

API int heapdelta_take_snapshot(const char *label)
{
	if (!HAS_TRACES())
		return -ENODATA;
	char *path = trace_map_private(PATH_MAX, false); /* a signal stack may be small */
	if (!path)
		return -ENOMEM;
	int saved = errno;
	struct dump_options options = {.label = label, .state = HDS_STATE_RUNNING, .sync = true};
	int error = dump_write_named(&options, path, PATH_MAX);
	munmap(path, PATH_MAX);
	errno = saved;
	return error;
}

API int heapdelta_mark(const char *name)
{
	if (!READY())
		return HEAPDELTA_NOT_TRACING;
	trace_mark(name ? name : "");
	return 0;
}

API const struct heapdelta_api heapdelta_api = {
	.version = HEAPDELTA_API_VERSION,
	.size = sizeof(struct heapdelta_api),
	.start = heapdelta_start,
	.stop = heapdelta_stop,
	.is_tracing = heapdelta_is_tracing,
	.clear_traces = heapdelta_clear_traces,
	.reset_peak = heapdelta_reset_peak,
	.get_traced_memory = heapdelta_get_traced_memory,
	.get_traceback_limit = heapdelta_get_traceback_limit,
	.get_tracer_memory = heapdelta_get_tracer_memory,
	.take_snapshot = heapdelta_take_snapshot,
	.get_object_traceback = heapdelta_get_object_traceback,
	.track = heapdelta_track,
	.untrack = heapdelta_untrack,
	.mark = heapdelta_mark,
};
