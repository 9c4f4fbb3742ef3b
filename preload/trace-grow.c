/* SPDX-License-Identifier: MIT */
/*
 * Room in the areas: a lock-free bump per area, over extents that are opened one by one.
 *
 * Comes in: requests of the tables, from any thread, also nested in signal handlers.  An extent is made writable and populated before the
 * watermark that publishes it moves, so a full place is an error code here and never a SIGBUS later.  Growers may race: opening twice does
 * no harm, and one CAS of the watermark wins.
 *
 * When the place is full, every area goes on in a second file, once: the rest of its range is mapped from there.  An area is closed by a
 * bit in its watermark meanwhile; the mapper has all signals blocked, so whoever meets the bit is another thread and waits a bounded time.
 * Before the bit goes, the watermark moves by a page: the CAS of a grower that had opened pages of the first file must not succeed.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "trace-file.h"
#include "trace.h"

#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23
#endif

#define EXTENT_MAX (UINT64_C(128) << 10) /* an event may need room in seven areas at once, and must not pause for more than 1 MiB */
#define SPILL_WAITS 20000

enum spill_state { SPILL_IDLE, SPILL_RUNNING, SPILL_DONE, SPILL_FAILED };

static _Atomic(uint32_t) spill_state;
static char spill_places[2048]; /* directories, each ending in NUL; an empty one ends the list */
static char spill_run[64];

void trace_grow_places(const char *const *directories, const char *run)
{
	size_t used = 0;

	memset(spill_places, 0, sizeof(spill_places));
	for (size_t i = 0; directories != NULL && directories[i] != NULL; i++) {
		size_t length = strlen(directories[i]) + 1;
		if (used + length >= sizeof(spill_places))
			break;
		memcpy(spill_places + used, directories[i], length);
		used += length;
	}
	strncpy(spill_run, run != NULL ? run : "", sizeof(spill_run) - 1);
	atomic_store(&spill_state, used > 0 ? SPILL_IDLE : SPILL_FAILED);
}

/* For kernels before 5.14: an atomic "or 0" made by the kernel, which reports a page that cannot be had instead of raising SIGBUS, and
 * harms nothing if another thread already uses the page. */
static bool probe_pages(uint8_t *start, uint64_t bytes)
{
	static uint32_t nobody;
	uint32_t or_nothing = FUTEX_OP(FUTEX_OP_OR, 0, FUTEX_OP_CMP_EQ, 0);

	for (uint64_t at = 0; at < bytes; at += 4096) {
		if (syscall(SYS_futex, &nobody, FUTEX_WAKE_OP | FUTEX_PRIVATE_FLAG, 0, 0, start + at, or_nothing) < 0)
			return false;
	}
	return true;
}

bool trace_grow_open(uint8_t *start, uint64_t bytes)
{
	int saved = errno, result;
	bool opened = mprotect(start, bytes, PROT_READ | PROT_WRITE) == 0;

	if (opened && !trace.is_private) {
		do
			result = madvise(start, bytes, MADV_POPULATE_WRITE);
		while (result != 0 && (errno == EINTR || errno == EAGAIN));
		opened = result == 0 || (errno == EINVAL && probe_pages(start, bytes));
	}
	errno = saved;
	return opened;
}

static uint64_t page_round(uint64_t bytes)
{
	uint64_t page = trace.header->page_size;

	return (bytes + page - 1) & ~(page - 1);
}

/* Half of what is there, so that small programs stay small, up to EXTENT_MAX. */
static uint64_t next_watermark(const struct hdt_area *area, uint64_t opened, uint64_t end)
{
	uint64_t extent = page_round(opened / 2 > 0 ? opened / 2 : 1);
	uint64_t next = opened + (extent < EXTENT_MAX ? extent : EXTENT_MAX);

	if (next < end)
		next = page_round(end);
	return next < area->reserved ? next : area->reserved;
}

/* ---- The second file --------------------------------------------------------------------------------------------------------- */

/* Map the rest of one area from the second file.  The bit stays when not even one page can be had there: the area is full. */
static void move_area(struct hdt_area *area, int fd)
{
	uint64_t opened = atomic_fetch_or(&area->opened, HDT_SPILLING) & ~HDT_SPILLING;
	uint8_t *start = trace.base + area->offset + opened;
	uint64_t page = trace.header->page_size;
	off_t offset = (off_t)(area->offset + opened);

	if (opened + page > area->reserved)
		return;
	if (mmap(start, area->reserved - opened, PROT_NONE, MAP_SHARED | MAP_FIXED | MAP_NORESERVE, fd, offset) == MAP_FAILED)
		return;
	madvise(start, area->reserved - opened, MADV_DONTDUMP);
	atomic_store_explicit(&area->spill, opened, memory_order_release);
	if (trace_grow_open(start, page))
		atomic_store_explicit(&area->opened, opened + page, memory_order_release);
}

static bool make_second_file(struct trace_file *file)
{
	struct trace_file_name name = {spill_run, trace.owner_pid, trace.header->image, ".hdt-more"};

	for (const char *place = spill_places; *place != '\0'; place += strlen(place) + 1) {
		if (!trace_file_create(file, place, &name, trace.header->file_size))
			continue;
		if (strlen(file->path) < sizeof(trace.header->spill_path))
			return true;
		trace_file_close(file);
		trace_file_remove(file);
	}
	return false;
}

static bool move_areas(void)
{
	struct trace_file file;

	if (!make_second_file(&file))
		return false;
	memcpy(trace.header->spill_path, file.path, strlen(file.path) + 1);
	for (unsigned i = 0; i < HDT_AREA_COUNT; i++)
		move_area(&trace.header->areas[i], file.fd);
	trace_file_close(&file);
	return true;
}

/* Somebody else moves: true when `busy` has become false. */
static bool wait_while_moving(const struct hdt_area *area)
{
	for (unsigned i = 0; i < SPILL_WAITS && atomic_load(&spill_state) == SPILL_RUNNING; i++) {
		if (area != NULL && !(atomic_load(&area->opened) & HDT_SPILLING))
			return true;
		sched_yield();
	}
	return atomic_load(&spill_state) == SPILL_DONE && (area == NULL || !(atomic_load(&area->opened) & HDT_SPILLING));
}

static bool spill(void)
{
	uint32_t idle = SPILL_IDLE;
	uint64_t all = UINT64_MAX, mask;

	if (atomic_load(&spill_state) == SPILL_FAILED || trace.is_private)
		return false;
	syscall(SYS_rt_sigprocmask, SIG_SETMASK, &all, &mask, sizeof(mask));
	bool mine = atomic_compare_exchange_strong(&spill_state, &idle, SPILL_RUNNING);
	if (mine)
		atomic_store(&spill_state, move_areas() ? SPILL_DONE : SPILL_FAILED);
	syscall(SYS_rt_sigprocmask, SIG_SETMASK, &mask, NULL, sizeof(mask));
	return mine ? atomic_load(&spill_state) == SPILL_DONE : wait_while_moving(NULL);
}

/* ---- Growth ------------------------------------------------------------------------------------------------------------------ */

/* May the tables grow by so much?  Threads that ask at the same time may pass the limit by an extent each. */
static bool is_within_limit(uint64_t more)
{
	uint64_t sum = trace.header->areas[0].offset + more;

	for (unsigned i = 0; trace.limit_bytes != 0 && i < HDT_AREA_COUNT; i++)
		sum += atomic_load_explicit(&trace.header->areas[i].opened, memory_order_relaxed);
	return trace.limit_bytes == 0 || sum <= trace.limit_bytes;
}

static bool open_extent(struct hdt_area *area, uint64_t opened, uint64_t end)
{
	bool spilled = atomic_load(&area->spill) != HDT_NO_SPILL;
	uint64_t next = next_watermark(area, opened, end);

	if (!is_within_limit(next - opened))
		return false;
	if (!trace_grow_open(trace.base + area->offset + opened, next - opened))
		return !spilled && spill();
	atomic_compare_exchange_strong_explicit(&area->opened, &opened, next, memory_order_acq_rel, memory_order_relaxed);
	return true;
}

static bool ensure_open_slowly(struct hdt_area *area, uint64_t end)
{
	int saved = errno;
	bool room = true;

	while (room) {
		uint64_t opened = atomic_load_explicit(&area->opened, memory_order_acquire);
		if (!(opened & HDT_SPILLING) && opened >= end)
			break;
		if (opened & HDT_SPILLING)
			room = wait_while_moving(area);
		else
			room = !atomic_load_explicit(&trace.growth_closed, memory_order_relaxed) && open_extent(area, opened, end);
	}
	errno = saved;
	return room;
}

static bool ensure_open(struct hdt_area *area, uint64_t end)
{
	/* With the bit set the rest of the word is still the watermark. */
	uint64_t opened = atomic_load_explicit(&area->opened, memory_order_acquire) & ~HDT_SPILLING;

	return opened >= end || ensure_open_slowly(area, end);
}

uint64_t trace_alloc(enum hdt_area_id id, uint64_t size, uint64_t align)
{
	struct hdt_area *area = &trace.header->areas[id];
	uint64_t used = atomic_load_explicit(&area->used, memory_order_acquire);
	uint64_t start;

	do {
		start = used > 0 ? used : area->first;
		start = (start + align - 1) & ~(align - 1);
		if (size > area->reserved || start > area->reserved - size || !ensure_open(area, start + size))
			return TRACE_NONE;
	} while (!atomic_compare_exchange_weak_explicit(&area->used, &used, start + size, memory_order_acq_rel, memory_order_acquire));
	return start;
}

uint32_t trace_string(const char *text, size_t length)
{
	uint64_t offset = length == 0 ? 0 : trace_alloc(HDT_AREA_STRINGS, length + 1, 1);

	if (offset == TRACE_NONE || offset == 0)
		return 0;
	memcpy(trace_at(HDT_AREA_STRINGS, offset), text, length);
	return (uint32_t)offset;
}

/* How much an area needs for each byte of block slots, as a right shift. */
static const uint8_t ahead_shift[HDT_AREA_COUNT] = {
	[HDT_AREA_THREADS] = 4, [HDT_AREA_MODULES] = 8, [HDT_AREA_STRINGS] = 8, [HDT_AREA_NODES] = 2,
	[HDT_AREA_INDEX] = 2,   [HDT_AREA_TOTALS] = 3,  [HDT_AREA_REGIONS] = 8, [HDT_AREA_PAGES] = 4,
	[HDT_AREA_EXTRAS] = 6,  [HDT_AREA_BUCKETS] = 6, [HDT_AREA_AGES] = 2,    [HDT_AREA_EXTRA_AGES] = 10,
};

void trace_populate_ahead(uint64_t bytes)
{
	for (unsigned i = 0; i < HDT_AREA_COUNT; i++) {
		struct hdt_area *area = &trace.header->areas[i];
		uint64_t end = trace_used((enum hdt_area_id)i) + (bytes >> ahead_shift[i]);

		ensure_open_slowly(area, end < area->reserved ? end : area->reserved);
	}
	atomic_store(&trace.growth_closed, true);
}
