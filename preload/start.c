/* SPDX-License-Identifier: MIT */
/*
 * In: config.c's options and what /proc says about this process.  Out: a trace file with empty tables, published by the gate word last.
 *
 * The gate lies in the page that the kernel wipes in every fork child, so a child always begins at CLOSED, however it was made.  Threads
 * that come while another one is creating do not wait: their events are counted as lost (the window is some 100 µs, before main or at a
 * fork child's first event).
 */
#include "start.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "blocks.h"
#include "config.h"
#include "log.h"
#include "modules.h"
#include "replaced.h"
#include "sampling.h"
#include "trace.h"

static _Atomic(uint64_t) missed_events;
static char parent_file[sizeof(trace.path)];

/* Too large for a program's stack; mapped for the moment of creation. */
struct scratch {
	char exe[4096], cwd[4096], command[16384];
	struct config_directories directories;
};

static size_t read_file(const char *path, char *buffer, size_t room)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return 0;
	size_t length = 0;
	ssize_t got;
	while (length < room && (got = read(fd, buffer + length, room - length)) > 0)
		length += (size_t)got;
	close(fd);
	return length;
}

static void describe(struct scratch *scratch, struct trace_options *options)
{
	ssize_t length = readlink("/proc/self/exe", scratch->exe, sizeof(scratch->exe) - 1);
	scratch->exe[length > 0 ? length : 0] = '\0';
	if (!getcwd(scratch->cwd, sizeof(scratch->cwd)))
		scratch->cwd[0] = '\0';
	size_t room = sizeof(scratch->command) - 1; /* a cut argument still ends in NUL */
	options->command_size = read_file("/proc/self/cmdline", scratch->command, room);
	if (options->command_size == room)
		options->command_size++;
	config_directories(&scratch->directories);
	options->directories = scratch->directories.list;
	options->exe = scratch->exe;
	options->cwd = scratch->cwd;
	options->command = scratch->command;
	options->run = config.run;
	options->output = config.output;
	options->parent_file = parent_file[0] ? parent_file : NULL;
	options->nframe = config.nframe;
	options->verify = config.verify;
	options->sample_bytes = config.sample_bytes;
	options->limit_bytes = config.trace_limit;
	options->hold = true;
	options->flags = (parent_file[0] ? HDT_FLAG_FORKED : 0) | (config.lock ? HDT_FLAG_SUPERVISED : 0);
}

/* The analyzer reads traces and is never traced itself. */
static bool is_analyzer(const char *exe)
{
	const char *base = strrchr(exe, '/');
	return base && strcmp(base, "/heapdelta") == 0;
}

static bool create(struct scratch *scratch)
{
	struct trace_options options = {0};
	describe(scratch, &options);
	if (is_analyzer(scratch->exe) || trace_create(&options) != 0)
		return false;
	if (trace.is_private)
		log_line("warning: no trace file can be made: what is recorded is lost if this process is killed", NULL);
	blocks_reset();
	modules_reset();
	sampling_start(config.sample_bytes, parent_file[0] ? trace.header->start_monotonic_ns + (uint64_t)trace.owner_pid : 0);
	if (!config.lock)
		replaced_remove();
	atomic_store(&trace.header->tracing, config.start ? HDT_TRACING_ON : 0);
	trace_lost(HDT_LOSS_BEFORE_START, atomic_exchange(&missed_events, 0));
	if (config.verbose)
		log_line("tracing ", scratch->exe, " in ", trace.path, NULL);
	return true;
}

static bool create_with_scratch(void)
{
	struct scratch *scratch = trace_map_private(sizeof(*scratch), false);
	if (!scratch)
		return false;
	bool created = create(scratch);
	munmap(scratch, sizeof(*scratch));
	return created;
}

bool start_process(void)
{
	bool is_child = trace.alive != &trace_first_gate;
	uint32_t seen = TRACE_CLOSED;
	if (!atomic_compare_exchange_strong(trace.alive, &seen, TRACE_CREATING))
		return trace_attached();
	int saved = errno;
	uint64_t all = UINT64_MAX, mask; /* a handler that leaves by longjmp must not leave this half done */
	syscall(SYS_rt_sigprocmask, SIG_BLOCK, &all, &mask, sizeof(mask));
	if (is_child)
		start_forked(false); /* a child that no handler has seen: raw clone */
	else
		config_load();
	bool created = (!is_child || config.follow) && create_with_scratch();
	if (created)
		trace_open();
	else
		atomic_store(trace.alive, TRACE_OFF);
	syscall(SYS_rt_sigprocmask, SIG_SETMASK, &mask, NULL, sizeof(mask));
	errno = saved;
	return created;
}

void start_forked(bool inside_event)
{
	if (!trace.base)
		return;
	if (inside_event) {
		trace_make_private_copy();
		return;
	}
	memcpy(parent_file, trace.path, sizeof(parent_file));
	/* Somebody may have switched the parent from outside; its child goes on as it is. */
	config.start = atomic_load(trace_tracing) & HDT_TRACING_NEW;
	trace_forget();
}

void start_count_missed(void)
{
	atomic_fetch_add_explicit(&missed_events, 1, memory_order_relaxed);
}
