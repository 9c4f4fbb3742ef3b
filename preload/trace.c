/* SPDX-License-Identifier: MIT */
/*
 * The life of the trace file: create, describe, seal, and what a fork child does with its parent's.
 *
 * Address space for everything is reserved once (PROT_NONE, so that mlockall costs nothing) and divided into areas by fixed shares; what
 * exists of them grows in trace-grow.c.  The file is locked before its descriptor is closed: the lock lives as long as the mapping, and
 * tells everyone whether the process is alive.  When no directory takes a file the same layout lives in private memory.
 * Runs in one thread: at start, and in a fork child at its first event.
 */
#include "trace.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "trace-file.h"
#ifndef MADV_WIPEONFORK
#define MADV_WIPEONFORK 18
#endif

#define RESERVE_DEFAULT (UINT64_C(16) << 30)
#define RESERVE_MIN (UINT64_C(4) << 20)
#define RESERVE_OF_LIMIT 8 /* under RLIMIT_AS: one part in so many */
#define HEADER_BYTES UINT64_C(4096)
#define UNANNOUNCED_MAX (UINT64_C(2) << 20) /* no extent is larger (trace-grow.c), nor what is asked for at once */
#define COMMAND_MAX 32768                   /* the header's part at start stays small */

_Atomic(uint32_t) trace_first_gate;
static _Atomic(uint32_t) tracing_without_tables = HDT_TRACING_ON;
_Atomic(uint32_t) *trace_tracing = &tracing_without_tables;
struct trace trace = {.alive = &trace_first_gate};

/*
 * Shares are in 1/1024 of the reservation; SLOTS gets the rest.  first: bytes of the record that is nobody's.  `now`: it exists from the
 * start, because it is looked at (the overflow cell, the root, the empty string, the slot that a page without a leaf names) or readers
 * expect it; the others wait for the first block, so that a program without one costs little.
 */
static const struct area_plan {
	uint32_t record_size, share, minimum, first;
	bool now;
} plans[HDT_AREA_COUNT] = {
	[HDT_AREA_THREADS] = {sizeof(struct hdt_thread), 32, 128 << 10, sizeof(struct hdt_thread), true},
	[HDT_AREA_MODULES] = {sizeof(struct hdt_module), 2, 32 << 10, sizeof(struct hdt_module), true},
	[HDT_AREA_STRINGS] = {1, 4, 128 << 10, 1, true},
	[HDT_AREA_NODES] = {sizeof(struct hdt_node), 160, 0, sizeof(struct hdt_node), true},
	[HDT_AREA_INDEX] = {sizeof(uint64_t), 224, 0, 0, false},
	[HDT_AREA_TOTALS] = {sizeof(struct hdt_totals), 64, 0, sizeof(struct hdt_totals), false},
	[HDT_AREA_REGIONS] = {sizeof(uint64_t), 1, 0, sizeof(uint64_t), false},
	[HDT_AREA_PAGES] = {sizeof(struct hdt_page_node), 96, 0, sizeof(struct hdt_page_node), false},
	[HDT_AREA_SLOTS] = {sizeof(uint64_t), 0, 0, sizeof(uint64_t), true},
	[HDT_AREA_EXTRAS] = {sizeof(struct hdt_extra), 16, 0, sizeof(struct hdt_extra), false},
	[HDT_AREA_BUCKETS] = {sizeof(uint32_t), 1, 128 << 10, 0, false},
	[HDT_AREA_AGES] = {sizeof(uint16_t), 86, 0, 0, false},
	[HDT_AREA_EXTRA_AGES] = {sizeof(uint16_t), 2, 0, 0, false},
};

static uint64_t round_up(uint64_t bytes, uint64_t unit)
{
	return (bytes + unit - 1) / unit * unit;
}

void *trace_map_private(size_t bytes, bool wipe)
{
	int saved = errno;
	void *memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (memory == MAP_FAILED)
		memory = NULL;
	else if (wipe)
		madvise(memory, bytes, MADV_WIPEONFORK);
	errno = saved;
	return memory;
}

/* ---- Address space ----------------------------------------------------------------------------------------------------------- */

static uint64_t wanted_bytes(uint64_t asked)
{
	uint64_t bytes = asked != 0 ? asked : RESERVE_DEFAULT;
	struct rlimit limit;

	if (getrlimit(RLIMIT_AS, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY && limit.rlim_cur / RESERVE_OF_LIMIT < bytes)
		bytes = limit.rlim_cur / RESERVE_OF_LIMIT;
	return bytes > RESERVE_MIN ? bytes : RESERVE_MIN;
}

/* A file larger than this limit kills with SIGXFSZ, so it is asked first.  0: no file. */
static uint64_t file_bytes(uint64_t bytes)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_FSIZE, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY || limit.rlim_cur >= bytes)
		return bytes;
	return limit.rlim_cur < RESERVE_MIN ? 0 : limit.rlim_cur / HEADER_BYTES * HEADER_BYTES;
}

static bool reserve(uint64_t bytes)
{
	void *memory = MAP_FAILED;

	for (; bytes >= RESERVE_MIN && memory == MAP_FAILED; bytes /= 2) {
		trace.reserved_bytes = round_up(bytes, getauxval(AT_PAGESZ));
		memory = mmap(NULL, trace.reserved_bytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	}
	if (memory == MAP_FAILED)
		return false;
	trace.base = memory;
	return true;
}

static bool map_over(int fd, uint64_t bytes)
{
	int flags = MAP_FIXED | MAP_NORESERVE | (fd >= 0 ? MAP_SHARED : MAP_PRIVATE | MAP_ANONYMOUS);

	if (mmap(trace.base, bytes, PROT_NONE, flags, fd, 0) == MAP_FAILED)
		return false;
	madvise(trace.base, bytes, MADV_DONTDUMP);
	return true;
}

/* ---- Layout ------------------------------------------------------------------------------------------------------------------ */

static uint64_t area_bytes(const struct area_plan *plan, uint64_t bytes)
{
	uint64_t part = bytes / 1024 * plan->share;

	return round_up(part > plan->minimum ? part : plan->minimum, trace.header->page_size);
}

static void lay_out_areas(uint64_t bytes)
{
	uint64_t offset = round_up(HEADER_BYTES, trace.header->page_size);
	uint64_t rest = bytes / HEADER_BYTES * HEADER_BYTES - offset;

	for (unsigned i = 0; i < HDT_AREA_COUNT; i++)
		rest -= i != HDT_AREA_SLOTS ? area_bytes(&plans[i], bytes) : 0;
	for (unsigned i = 0; i < HDT_AREA_COUNT; i++) {
		struct hdt_area *area = &trace.header->areas[i];
		area->offset = offset;
		trace.areas[i] = trace.base + offset;
		area->reserved =
			i != HDT_AREA_SLOTS ? area_bytes(&plans[i], bytes) : rest / trace.header->page_size * trace.header->page_size;
		area->record_size = plans[i].record_size;
		area->first = plans[i].first;
		atomic_store_explicit(&area->spill, HDT_NO_SPILL, memory_order_relaxed);
		offset += area->reserved;
	}
}

static bool give_out_first_records(void)
{
	for (unsigned i = 0; i < HDT_AREA_COUNT; i++) {
		if (plans[i].now && trace_alloc((enum hdt_area_id)i, 0, 1) == TRACE_NONE)
			return false;
	}
	return true;
}

/* The mapping stands: make the header and the records that exist from the start. */
static bool lay_out(uint64_t bytes)
{
	if (!trace_grow_open(trace.base, round_up(HEADER_BYTES, getauxval(AT_PAGESZ))))
		return false;
	trace.header = (struct hdt_header *)trace.base;
	trace.header->file_size = bytes;
	trace.header->page_size = (uint32_t)getauxval(AT_PAGESZ);
	trace.header->area_count = HDT_AREA_COUNT;
	lay_out_areas(bytes);
	return give_out_first_records();
}

/* ---- Place ------------------------------------------------------------------------------------------------------------------- */

static bool try_directory(const char *directory, const struct trace_file_name *name, uint64_t bytes)
{
	struct trace_file file;

	if (!trace_file_create(&file, directory, name, bytes))
		return false;
	bool mapped = map_over(file.fd, bytes);
	trace_file_close(&file);
	if (mapped && lay_out(bytes)) {
		memcpy(trace.path, file.path, sizeof(trace.path));
		trace.header->image = file.number;
		return true;
	}
	trace_file_remove(&file);
	trace.header = NULL;
	return false;
}

static bool try_directories(const struct trace_options *options, const char *run)
{
	struct trace_file_name name = {run, trace.owner_pid, options->image, ".hdt"};
	uint64_t bytes = file_bytes(trace.reserved_bytes);

	for (const char *const *directory = options->directories; bytes != 0 && directory != NULL && *directory != NULL; directory++) {
		trace_grow_places(NULL, NULL);
		if (try_directory(*directory, &name, bytes)) {
			trace_grow_places(directory + 1, run);
			return true;
		}
	}
	return false;
}

static bool use_private_memory(void)
{
	trace.is_private = true;
	trace.path[0] = '\0';
	trace_grow_places(NULL, NULL);
	return map_over(-1, trace.reserved_bytes) && lay_out(trace.reserved_bytes);
}

/* ---- Description ------------------------------------------------------------------------------------------------------------- */

static uint64_t clock_ns(clockid_t clock)
{
	struct timespec now = {0};

	clock_gettime(clock, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

static uint64_t parse_number(const char *text)
{
	uint64_t number = 0;

	while (*text >= '0' && *text <= '9')
		number = number * 10 + (uint64_t)(*text++ - '0');
	return number;
}

/* Field 22 of /proc/self/stat; the name in field 2 may hold anything, so count from its last parenthesis.  0 without /proc. */
static uint64_t start_ticks(void)
{
	char text[1024];
	int fd = (int)syscall(SYS_openat, AT_FDCWD, "/proc/self/stat", O_RDONLY | O_CLOEXEC);
	ssize_t length = fd < 0 ? -1 : (ssize_t)syscall(SYS_read, fd, text, sizeof(text) - 1);

	if (fd >= 0)
		syscall(SYS_close, fd);
	if (length <= 0)
		return 0;
	text[length] = '\0';
	const char *at = strrchr(text, ')');
	for (unsigned field = 2; at != NULL && field < 22; field++) {
		at = strchr(at, ' ');
		at = at != NULL ? at + 1 : NULL;
	}
	return at != NULL ? parse_number(at) : 0;
}

/* "pid:[4026531836]"; 0 without /proc. */
static uint64_t pid_namespace(void)
{
	char text[64];
	ssize_t length = readlink("/proc/self/ns/pid", text, sizeof(text) - 1);

	text[length > 0 ? length : 0] = '\0';
	const char *bracket = strchr(text, '[');
	return bracket != NULL ? parse_number(bracket + 1) : 0;
}

static uint32_t machine(void)
{
#if defined(__x86_64__)
	return EM_X86_64;
#elif defined(__aarch64__)
	return EM_AARCH64;
#else
	return EM_NONE;
#endif
}

static void describe_process(struct hdt_header *header)
{
	header->pid = trace.owner_pid;
	header->ppid = getppid();
	header->uid = getuid();
	header->euid = geteuid();
	header->pid_namespace = pid_namespace();
	header->pid_start_ticks = start_ticks();
	header->machine = machine();
	header->start_realtime_ns = clock_ns(CLOCK_REALTIME);
	header->start_monotonic_ns = clock_ns(CLOCK_MONOTONIC);
	prctl(PR_GET_NAME, header->comm);
}

static uint32_t string_of(const char *text)
{
	return text != NULL ? trace_string(text, strlen(text)) : 0;
}

static void describe_options(struct hdt_header *header, const struct trace_options *options)
{
	size_t command = options->command_size < COMMAND_MAX ? options->command_size : COMMAND_MAX;

	header->nframe = options->nframe;
	header->verify = options->verify;
	header->sample_bytes = options->sample_bytes;
	header->exe = string_of(options->exe);
	header->cwd = string_of(options->cwd);
	header->output = string_of(options->output);
	header->parent_file = string_of(options->parent_file);
	header->command = options->command != NULL ? trace_string(options->command, command) : 0;
	/* A cut command ends inside an argument; the string's own NUL ends that argument. */
	header->command_size = header->command == 0 ? 0 : (uint32_t)(command + (command < options->command_size));
	if (options->run != NULL)
		strncpy(header->run, options->run, sizeof(header->run) - 1);
	atomic_store(&header->flags, options->flags | (trace.is_private ? HDT_FLAG_PRIVATE : 0));
}

static void publish(struct hdt_header *header)
{
	header->major = HDT_MAJOR;
	header->minor = HDT_MINOR;
	header->header_size = sizeof(*header);
	atomic_store(&header->state, HDT_STATE_RUNNING);
	/* Written last: a file without its magic is still being made. */
	__atomic_store_n(&header->magic, HDT_MAGIC, __ATOMIC_RELEASE);
}

/* ---- Life -------------------------------------------------------------------------------------------------------------------- */

static bool make_alive_word(void)
{
	if (trace.alive != &trace_first_gate)
		return true;
	_Atomic(uint32_t) *word = trace_map_private(getauxval(AT_PAGESZ), true);
	if (word == NULL)
		return false;
	atomic_store(word, atomic_load(trace.alive)); /* that somebody is creating is true of the new word as well */
	trace.alive = word;
	return true;
}

void trace_open(void)
{
	trace_tracing = &trace.header->tracing;
	atomic_store_explicit(trace.alive, TRACE_OPEN + trace.process_number, memory_order_release);
}

/* A hook that a signal interrupted, and whose handler forked, may be about to look at the word in the header: it stays there, and says that it
 * has to ask. */
static void leave_word(uint64_t bytes)
{
	void *page = mmap(trace.base, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);

	if (page != MAP_FAILED)
		atomic_store(&((struct hdt_header *)page)->tracing, HDT_TRACING_ON);
	else
		munmap(trace.base, bytes); /* the parent's file must not be taken for one that we hold */
}

static void unmap(void)
{
	bool was_open = trace_tracing != &tracing_without_tables;
	uint64_t kept = was_open ? round_up(HEADER_BYTES, getauxval(AT_PAGESZ)) : 0;

	trace_tracing = &tracing_without_tables;
	atomic_signal_fence(memory_order_seq_cst);
	if (trace.base != NULL)
		munmap(trace.base + kept, trace.reserved_bytes - kept);
	if (kept > 0)
		leave_word(kept);
	trace.base = NULL;
	trace.header = NULL;
	trace.is_private = false;
	trace.path[0] = '\0';
}

int trace_create(const struct trace_options *options)
{
	int saved = errno;
	const char *run = options->run != NULL ? options->run : "hd";
	bool made = make_alive_word() && reserve(wanted_bytes(options->reserve_bytes));

	trace.owner_pid = getpid();
	trace.limit_bytes = options->limit_bytes;
	atomic_store(&trace.growth_closed, false);
	if (made)
		made = try_directories(options, run) || use_private_memory();
	if (made) {
		describe_process(trace.header);
		describe_options(trace.header, options);
		publish(trace.header);
		if (!options->hold)
			trace_open();
	} else {
		unmap();
	}
	errno = saved;
	return made ? 0 : -ENOMEM;
}

void trace_forget(void)
{
	int saved = errno;
	uint32_t open = TRACE_OPEN + trace.process_number;

	/* Any other value is the caller's, who is at work on a new trace. */
	atomic_compare_exchange_strong(trace.alive, &open, TRACE_CLOSED);
	unmap();
	trace.process_number++;
	errno = saved;
}

/* Put private memory over a range of the mapping, with its first `exists` bytes copied.  The event that was interrupted may have opened an
 * extent without having said so yet, and will use it. */
static void privatise(uint64_t offset, uint64_t exists, uint64_t bytes)
{
	uint8_t *at = trace.base + offset;
	void *copy = exists > 0 ? trace_map_private(exists, false) : NULL;

	if (copy != NULL) {
		memcpy(copy, at, exists);
		if (mremap(copy, exists, exists, MREMAP_MAYMOVE | MREMAP_FIXED, at) == MAP_FAILED)
			munmap(copy, exists);
	}
	if (bytes == exists)
		return;
	uint64_t rest = bytes - exists;
	if (mmap(at + exists, rest, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED | MAP_NORESERVE, -1, 0) != MAP_FAILED)
		mprotect(at + exists, rest < UNANNOUNCED_MAX ? rest : UNANNOUNCED_MAX, PROT_READ | PROT_WRITE);
}

void trace_make_private_copy(void)
{
	int saved = errno;
	const struct hdt_area *areas = trace.header->areas;
	uint64_t header = areas[0].offset;

	privatise(0, header, header);
	for (unsigned i = 0; i < HDT_AREA_COUNT; i++)
		privatise(areas[i].offset, atomic_load(&areas[i].opened) & ~HDT_SPILLING, areas[i].reserved);
	trace.is_private = true;
	trace_grow_places(NULL, NULL);
	errno = saved;
}

/* As much of a name as fits, in whole characters. */
static void copy_name(char *to, const char *name, size_t room)
{
	size_t length = strnlen(name, room);

	if (length == room) {
		length = room - 1;
		while (length > 0 && ((uint8_t)name[length] & 0xc0) == 0x80)
			length--;
	}
	for (size_t i = 0; i < length; i++)
		to[i] = (uint8_t)name[i] < ' ' || name[i] == 127 ? '?' : name[i];
	to[length] = '\0';
}

void trace_mark(const char *name)
{
	uint64_t number = atomic_fetch_add(&trace.header->mark_count, 1) + 1;
	struct hdt_mark *mark = &trace.header->marks[(number - 1) % HDT_MARKS];

	atomic_store(&mark->number, 0);
	mark->realtime_ns = clock_ns(CLOCK_REALTIME);
	copy_name(mark->name, name, sizeof(mark->name));
	atomic_store(&mark->number, number);
}

void trace_seal(uint32_t flags)
{
	atomic_store(&trace.header->end_monotonic_ns, clock_ns(CLOCK_MONOTONIC));
	atomic_fetch_or(&trace.header->flags, flags);
	atomic_store(&trace.header->state, HDT_STATE_SEALED);
}
