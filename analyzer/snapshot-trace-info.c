/* SPDX-License-Identifier: MIT */
/*
 * Comes in: the header of a trace file, as it is when everything else has been read.  Goes out: struct snapshot_info.
 * What lives is what the scan of the tables has found; what was allocated and freed in total is what the threads have counted.
 */
#include "snapshot-trace-info.h"

#include <limits.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "strbuf.h"

const char *trace_string(const struct trace_info *info, uint64_t offset)
{
	if (offset >= info->string_bytes)
		return NULL;
	size_t most = info->string_bytes - offset < PATH_MAX ? info->string_bytes - offset : PATH_MAX;
	return memchr(info->strings + offset, '\0', most) ? info->strings + offset : NULL;
}

static int set_text(const struct trace_info *from, const char **to, const char *text)
{
	*to = intern_add(from->snapshot->intern, text ? text : "");
	return *to ? 0 : error_nomem(from->file->error);
}

static uint64_t now(clockid_t clock)
{
	struct timespec time;

	clock_gettime(clock, &time);
	return (uint64_t)time.tv_sec * 1000000000 + (uint64_t)time.tv_nsec;
}

static uint64_t since(uint64_t later, uint64_t earlier)
{
	return later > earlier ? later - earlier : 0;
}

/* A peak that a thread has not folded yet may be higher than the folded one, and what the scan saw is a proof, too. */
static void set_peak(const struct trace_info *from, const struct hdt_header *header)
{
	struct snapshot_info *info = &from->snapshot->info;
	int64_t folded = header->peak_bytes, peak = folded;
	uint64_t counted = info->total_bytes - info->freed_bytes - info->cleared_bytes;

	if (__builtin_add_overflow((int64_t)counted, from->above, &peak) || peak < folded)
		peak = folded;
	info->peak_bytes = peak > 0 ? (uint64_t)peak : 0;
	if (info->peak_bytes < info->live_bytes)
		info->peak_bytes = info->live_bytes;
	info->peak_ns = since(header->peak_monotonic_ns, header->start_monotonic_ns);
	if (peak > folded && info->up_ns)
		info->peak_ns = info->up_ns;
}

/* When: now, at the exit, or, for a process that was killed, not known better than now. */
static void set_times(const struct trace_info *from, const struct hdt_header *header)
{
	struct snapshot_info *info = &from->snapshot->info;
	bool ended = !from->file->alive && header->end_monotonic_ns;

	info->start_realtime_ns = header->start_realtime_ns;
	info->taken_realtime_ns = now(CLOCK_REALTIME);
	if (from->file->alive)
		info->up_ns = since(now(CLOCK_MONOTONIC), header->start_monotonic_ns);
	if (!ended)
		return;
	info->up_ns = since(header->end_monotonic_ns, header->start_monotonic_ns);
	info->taken_realtime_ns = header->start_realtime_ns + info->up_ns;
}

static enum hds_state state_of(const struct trace_info *from, const struct hdt_header *header)
{
	if (from->file->alive)
		return HDS_STATE_RUNNING;
	if (header->flags & HDT_FLAG_REPLACED)
		return HDS_STATE_EXEC;
	return header->flags & HDT_FLAG_EXITED || header->state == HDT_STATE_SEALED ? HDS_STATE_EXITED : HDS_STATE_KILLED;
}

static void set_numbers(const struct trace_info *from, const struct hdt_header *header)
{
	struct snapshot_info *info = &from->snapshot->info;

	info->truncated_stacks = header->truncated_stacks;
	info->nested_events = header->nested_events;
	info->cleared_blocks = trace_blocks(from->file->header.sample_bytes, header->cleared_blocks);
	info->cleared_bytes = header->cleared_bytes;
	info->ignored_frees = header->ignored_frees;
	info->verify = header->verify;
	info->verified_stacks = header->verified_stacks;
	info->verified_by_engine = header->verified_by_engine;
	info->verified_frames = header->verified_frames;
	info->verify_shorter = header->verify_shorter;
	info->verify_differences = header->verify_differences;
	for (int i = 0; i < HDT_LOSS_ROOM; i++)
		info->lost[i] = header->losses[i] + from->lost[i];
	info->pid = (uint32_t)header->pid;
	info->ppid = (uint32_t)header->ppid;
	info->uid = header->uid;
	info->image = header->image;
	info->nframe = header->nframe;
	info->sample_bytes = from->file->header.sample_bytes;
	info->flags = header->flags;
	info->machine = header->machine;
	info->state = state_of(from, header);
	info->recording = header->tracing & HDT_TRACING_NEW      ? HDS_RECORDING_ON
			  : header->tracing & HDT_TRACING_PAUSED ? HDS_RECORDING_STOPPED
								 : HDS_RECORDING_OFF;
	info->trace_bytes = sizeof(*header);
	for (unsigned i = 0; trace_file_has(from->file, (enum hdt_area_id)i); i++)
		info->trace_bytes += header->areas[i].opened & ~HDT_SPILLING;
}

/* Arguments, as a shell would have to be given them. */
static int set_command(const struct trace_info *from, const struct hdt_header *header)
{
	struct strbuf text;
	uint64_t at = header->command, end = at + header->command_size;

	strbuf_init(&text);
	while (at < end && end <= from->string_bytes && memchr(from->strings + at, '\0', end - at)) {
		const char *argument = from->strings + at;
		if (text.length)
			strbuf_putc(&text, ' ');
		strbuf_shell(&text, argument);
		at += strlen(argument) + 1;
	}
	int result = text.failed ? error_nomem(from->file->error) : set_text(from, &from->snapshot->info.command, text.data);
	strbuf_release(&text);
	return result;
}

/* The last HDT_MARKS, oldest first, but those that are just being written. */
static int set_marks(const struct trace_info *from, const struct hdt_header *header)
{
	uint64_t count = header->mark_count;
	struct strbuf text;

	strbuf_init(&text);
	for (uint64_t number = count > HDT_MARKS ? count - HDT_MARKS + 1 : 1; count && number <= count && number; number++) {
		const struct hdt_mark *mark = &header->marks[(number - 1) % HDT_MARKS];
		if (mark->number != number || memchr(mark->name, '\n', sizeof(mark->name)))
			continue;
		strbuf_printf(&text, "%llu %.*s\n", (unsigned long long)mark->realtime_ns, (int)strnlen(mark->name, sizeof(mark->name)),
			      mark->name);
	}
	int result =
		text.failed ? error_nomem(from->file->error) : set_text(from, &from->snapshot->info.marks, text.length ? text.data : "");
	strbuf_release(&text);
	return result;
}

static int set_names(const struct trace_info *from, const struct hdt_header *header)
{
	struct snapshot_info *info = &from->snapshot->info;
	char host[256] = "", run[sizeof(header->run) + 1] = "", path[64], file[4096];

	gethostname(host, sizeof(host) - 1);
	memcpy(run, header->run, sizeof(header->run));
	snprintf(path, sizeof(path), "/proc/self/fd/%d", from->file->fd);
	ssize_t length = readlink(path, file, sizeof(file) - 1);
	file[length > 0 ? length : 0] = '\0';
	return set_text(from, &info->exe, trace_string(from, header->exe)) || set_text(from, &info->cwd, trace_string(from, header->cwd)) ||
			       set_text(from, &info->parent_file, trace_string(from, header->parent_file)) ||
			       set_text(from, &info->host, host) || set_text(from, &info->run, run) ||
			       set_text(from, &info->trace_file, file) || set_text(from, &info->writer, "heapdelta " HEAPDELTA_VERSION) ||
			       set_command(from, header) || set_marks(from, header)
		       ? -1
		       : 0;
}

int trace_read_info(const struct trace_info *from)
{
	struct hdt_header header;

	if (trace_file_refresh(from->file, &header))
		return -1;
	set_numbers(from, &header);
	set_times(from, &header);
	set_peak(from, &header);
	return set_names(from, &header);
}
