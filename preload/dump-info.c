/* SPDX-License-Identifier: MIT */
/*
 * Header, cells and system → STRS and INFO.  The strings of the trace file are copied as they are, so that every offset in them stays
 * valid; what the trace file has no text for (command line, host, label, writer) is added behind them.  Signal-safe, no allocation but
 * one mapping for the added text.
 */
#include "dump-info.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

#include "heapdelta/sampling.h"
#include "heapdelta/trace.h"
#include "trace.h"

enum { INFO_MAX = 64 };

struct info {
	const struct dump_info *facts;
	char *text; /* added strings; their offset in STRS = base + offset here */
	size_t text_used, text_room;
	uint64_t base;
	uint32_t count;
	struct hds_info entries[INFO_MAX]; /* keys ascending */
};

#define LOAD(field) atomic_load_explicit(&(field), memory_order_relaxed)

static void info_number(struct info *info, uint32_t key, uint64_t value)
{
	info->entries[info->count++] = (struct hds_info){.key = key, .value = value};
}

static void text_put(struct info *info, const char *bytes, size_t length)
{
	if (length > info->text_room - info->text_used)
		length = info->text_room - info->text_used;
	memcpy(info->text + info->text_used, bytes, length);
	info->text_used += length;
}

/* A string of our own: its parts, up to NULL, become one. */
static void info_text(struct info *info, uint32_t key, const char *first, const char *second)
{
	info_number(info, key, info->base + info->text_used);
	text_put(info, first, strlen(first));
	text_put(info, second, strlen(second) + 1);
}

static const char *header_text(uint32_t offset)
{
	return trace_at(HDT_AREA_STRINGS, offset);
}

/* One argument as a shell would have to read it. */
static void put_quoted(struct info *info, const char *argument)
{
	static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_@%+=:,./-";
	size_t length = strlen(argument);
	if (length && strspn(argument, plain) == length) {
		text_put(info, argument, length);
		return;
	}
	text_put(info, "'", 1);
	for (; *argument; argument++) {
		if (*argument == '\'')
			text_put(info, "'\\''", 4);
		else
			text_put(info, argument, 1);
	}
	text_put(info, "'", 1);
}

static void info_command(struct info *info)
{
	const char *argument = header_text(trace.header->command);
	const char *end = argument + trace.header->command_size;
	info_number(info, HDS_KEY_COMMAND, info->base + info->text_used);
	for (const char *next = argument; next < end; next += strlen(next) + 1) {
		if (next != argument)
			text_put(info, " ", 1);
		put_quoted(info, next);
	}
	text_put(info, "", 1);
}

/* The innermost directory from the start directory upwards that holds a `.git`.  The path is built where its text will stay. */
static void info_source_root(struct info *info)
{
	const char *cwd = header_text(trace.header->cwd);
	size_t length = strlen(cwd);
	if (cwd[0] != '/' || length + sizeof("/.git") > PATH_MAX || PATH_MAX > info->text_room - info->text_used)
		return;
	char *path = info->text + info->text_used;
	memcpy(path, cwd, length + 1);
	while (length > 0) {
		memcpy(path + length, "/.git", sizeof("/.git"));
		bool found = syscall(SYS_faccessat, AT_FDCWD, path, F_OK) == 0;
		path[length] = '\0';
		if (found) {
			info_number(info, HDS_KEY_SOURCE_ROOT, info->base + info->text_used);
			info->text_used += length + 1;
			return;
		}
		length = (size_t)(strrchr(path, '/') - path);
	}
}

static uint64_t now(clockid_t clock)
{
	struct timespec time;
	clock_gettime(clock, &time);
	return (uint64_t)time.tv_sec * 1000000000 + (uint64_t)time.tv_nsec;
}

/* Of the process's exit, once that is known. */
static uint64_t up_ns(void)
{
	uint64_t end = LOAD(trace.header->end_monotonic_ns);
	return (end ? end : now(CLOCK_MONOTONIC)) - trace.header->start_monotonic_ns;
}

/* A peak that no thread has folded into the header yet is a young one. */
static uint64_t peak_ns(uint64_t peak)
{
	uint64_t folded = LOAD(trace.header->peak_monotonic_ns), start = trace.header->start_monotonic_ns;
	if ((int64_t)peak > LOAD(trace.header->peak_bytes))
		return up_ns();
	return folded > start ? folded - start : 0;
}

uint64_t dump_info_blocks(uint64_t count)
{
	return trace.header->sample_bytes != 0 ? sampling_round_blocks(count) : count;
}

static void info_verification(struct info *info)
{
	struct hdt_header *header = trace.header;
	if (!header->verify)
		return;
	info_number(info, HDS_KEY_VERIFIED_STACKS, LOAD(header->verified_stacks));
	info_number(info, HDS_KEY_VERIFIED_BY_ENGINE, LOAD(header->verified_by_engine));
	info_number(info, HDS_KEY_VERIFIED_FRAMES, LOAD(header->verified_frames));
	info_number(info, HDS_KEY_VERIFY_SHORTER, LOAD(header->verify_shorter));
	info_number(info, HDS_KEY_VERIFY_DIFFERENCES, LOAD(header->verify_differences));
}

static void info_counters(struct info *info)
{
	const struct thread_sums *threads = &info->facts->threads;
	struct hdt_header *header = trace.header;
	uint64_t peak = threads->peak_bytes > 0 ? (uint64_t)threads->peak_bytes : 0;
	info_number(info, HDS_KEY_LIVE_BLOCKS, info->facts->live_blocks);
	info_number(info, HDS_KEY_LIVE_BYTES, info->facts->live_bytes);
	info_number(info, HDS_KEY_TOTAL_BLOCKS, dump_info_blocks(threads->alloc_blocks));
	info_number(info, HDS_KEY_TOTAL_BYTES, threads->alloc_bytes);
	info_number(info, HDS_KEY_FREED_BLOCKS, dump_info_blocks(threads->free_blocks));
	info_number(info, HDS_KEY_FREED_BYTES, threads->free_bytes);
	info_number(info, HDS_KEY_TEMPORARY_BLOCKS, dump_info_blocks(threads->temporary_blocks));
	info_number(info, HDS_KEY_PEAK_BYTES, peak > info->facts->live_bytes ? peak : info->facts->live_bytes);
	info_number(info, HDS_KEY_PEAK_NS, peak_ns(peak));
	info_number(info, HDS_KEY_TRUNCATED_STACKS, LOAD(header->truncated_stacks));
	info_number(info, HDS_KEY_NESTED_EVENTS, LOAD(header->nested_events));
	info_number(info, HDS_KEY_CLEARED_BLOCKS, dump_info_blocks(LOAD(header->cleared_blocks)));
	info_number(info, HDS_KEY_CLEARED_BYTES, LOAD(header->cleared_bytes));
	info_number(info, HDS_KEY_IGNORED_FREES, LOAD(header->ignored_frees));
	info_verification(info);
	for (uint32_t loss = 0; loss < HDT_LOSS_COUNT; loss++)
		info_number(info, HDS_KEY_LOST + loss,
			    LOAD(header->losses[loss]) + (loss == HDT_LOSS_FLUSH ? info->facts->interrupted_flushes : 0));
}

static void info_process(struct info *info)
{
	struct hdt_header *header = trace.header;
	info_number(info, HDS_KEY_START_REALTIME_NS, header->start_realtime_ns);
	info_number(info, HDS_KEY_TAKEN_REALTIME_NS, now(CLOCK_REALTIME));
	info_number(info, HDS_KEY_UP_NS, up_ns());
	info_number(info, HDS_KEY_PID, (uint64_t)header->pid);
	info_number(info, HDS_KEY_PPID, (uint64_t)header->ppid);
	info_number(info, HDS_KEY_UID, header->uid);
	info_number(info, HDS_KEY_IMAGE, header->image);
	info_number(info, HDS_KEY_NFRAME, header->nframe);
	info_number(info, HDS_KEY_SAMPLE_BYTES, header->sample_bytes);
	info_number(info, HDS_KEY_STATE, info->facts->options->state);
	if (info->facts->options->has_exit)
		info_number(info, HDS_KEY_EXIT, info->facts->options->exit_status);
	info_number(info, HDS_KEY_FLAGS, LOAD(header->flags));
	info_number(info, HDS_KEY_MACHINE, header->machine);
	if (info->facts->options->sequence)
		info_number(info, HDS_KEY_SEQUENCE, info->facts->options->sequence);
	info_number(info, HDS_KEY_TRACE_BYTES, info->facts->tracer_bytes);
	if (header->verify)
		info_number(info, HDS_KEY_VERIFY, header->verify);
	uint32_t tracing = LOAD(header->tracing);
	if (!(tracing & HDT_TRACING_NEW))
		info_number(info, HDS_KEY_RECORDING, tracing & HDT_TRACING_PAUSED ? HDS_RECORDING_STOPPED : HDS_RECORDING_OFF);
}

static void put_decimal(struct info *info, uint64_t number)
{
	char digits[20];
	size_t at = sizeof(digits);
	do {
		digits[--at] = (char)('0' + number % 10);
		number /= 10;
	} while (number);
	text_put(info, digits + at, sizeof(digits) - at);
}

/* One that is being written at this moment is left out. */
static void put_mark(struct info *info, uint64_t number)
{
	const struct hdt_mark *mark = &trace.header->marks[(number - 1) % HDT_MARKS];
	struct hdt_mark copy;
	if (atomic_load(&mark->number) != number)
		return;
	memcpy(copy.name, mark->name, sizeof(copy.name));
	copy.realtime_ns = mark->realtime_ns;
	atomic_thread_fence(memory_order_acquire);
	if (LOAD(mark->number) != number)
		return;
	put_decimal(info, copy.realtime_ns);
	text_put(info, " ", 1);
	text_put(info, copy.name, strnlen(copy.name, sizeof(copy.name)));
	text_put(info, "\n", 1);
}

static void info_marks(struct info *info)
{
	uint64_t count = LOAD(trace.header->mark_count);
	if (count == 0)
		return;
	info_number(info, HDS_KEY_MARKS, info->base + info->text_used);
	for (uint64_t number = count > HDT_MARKS ? count - HDT_MARKS + 1 : 1; number <= count; number++)
		put_mark(info, number);
	text_put(info, "", 1);
}

/* In the order of their keys. */
static void info_texts(struct info *info)
{
	struct hdt_header *header = trace.header;
	struct utsname host;
	info_number(info, HDS_KEY_EXE, header->exe);
	info_command(info);
	info_number(info, HDS_KEY_CWD, header->cwd);
	info_text(info, HDS_KEY_HOST, uname(&host) == 0 ? host.nodename : "", "");
	if (info->facts->options->label && *info->facts->options->label)
		info_text(info, HDS_KEY_LABEL, info->facts->options->label, "");
	info_source_root(info);
	info_text(info, HDS_KEY_WRITER, "heapdelta ", HEAPDELTA_VERSION);
	info_text(info, HDS_KEY_TRACE_FILE, trace.path, "");
	info_number(info, HDS_KEY_PARENT_FILE, header->parent_file);
	info_text(info, HDS_KEY_RUN, header->run, "");
	info_marks(info);
}

static void write_info(struct info *info, struct snapshot_file *file)
{
	info_counters(info);
	info_process(info);
	info_texts(info);
	snapshot_file_begin(file, HDS_CHUNK_INFO, sizeof(struct hds_info));
	snapshot_file_put(file, info->entries, info->count * sizeof(struct hds_info));
	snapshot_file_end(file);
}

/* The NUL between the two parts also ends a string that another thread is just adding. */
static void write_strings(const struct info *info, struct snapshot_file *file)
{
	snapshot_file_begin(file, HDS_CHUNK_STRINGS, 1);
	snapshot_file_put(file, trace_at(HDT_AREA_STRINGS, 0), info->facts->string_bytes);
	snapshot_file_put(file, "", 1);
	snapshot_file_put(file, info->text, info->text_used);
	snapshot_file_put(file, "", 1);
	snapshot_file_end(file);
}

int dump_info_write(struct snapshot_file *file, const struct dump_info *facts)
{
	const char *label = facts->options->label;
	size_t room = 5 * PATH_MAX + 7 * (size_t)trace.header->command_size + (label ? strlen(label) : 0);
	char *text = trace_map_private(room, false);
	if (!text)
		return -ENOMEM;
	struct info info = {.facts = facts, .text = text, .text_room = room, .base = facts->string_bytes + 1};
	write_info(&info, file);
	write_strings(&info, file);
	munmap(text, room);
	return 0;
}
