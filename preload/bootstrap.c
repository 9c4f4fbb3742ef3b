/* SPDX-License-Identifier: MIT */
/*
 * The early pool.  The first chunk is in .bss, so that the usual handful of early calls (dlsym's error buffer, the loader) costs no system
 * call; later chunks are mapped, each big enough for the request.  A chunk is published by its end being stored last.  Before each block
 * stands its requested size.  Nothing is freed: a few kilobytes live as long as the process.
 */
#include "bootstrap.h"

#include <stdatomic.h>
#include <stdint.h>
#include <sys/mman.h>

#include "page-filter.h"

enum { FIRST_CHUNK = 32 * 1024, NEXT_CHUNK = 1024 * 1024, CHUNK_COUNT = 64, HEADER = 16 };

struct chunk {
	_Atomic(uintptr_t) start, next, end; /* end 0: not published */
};

static _Alignas(16) char first_chunk[FIRST_CHUNK];
static struct chunk chunks[CHUNK_COUNT];
static _Atomic(uint32_t) chunk_count;

/* Room in one chunk: the block's address, or 0. */
static uintptr_t take(struct chunk *chunk, size_t alignment, size_t size)
{
	uintptr_t next = atomic_load(&chunk->next);
	for (;;) {
		uintptr_t end = atomic_load(&chunk->end);
		uintptr_t block = (next + HEADER + alignment - 1) & ~(uintptr_t)(alignment - 1);
		if (end == 0 || block > end || size > end - block)
			return 0;
		if (atomic_compare_exchange_weak(&chunk->next, &next, block + size))
			return block;
	}
}

_Atomic(uintptr_t) bootstrap_low = UINTPTR_MAX, bootstrap_high;

/* Before anything in it is given out; until both are raised the range only is too large. */
static void widen_range(uintptr_t start, uintptr_t end)
{
	uintptr_t high = atomic_load(&bootstrap_high), low = atomic_load(&bootstrap_low);
	while (high < end && !atomic_compare_exchange_weak(&bootstrap_high, &high, end))
		;
	while (low > start && !atomic_compare_exchange_weak(&bootstrap_low, &low, start))
		;
}

static bool add_chunk(size_t bytes)
{
	void *memory = first_chunk;
	uint32_t number = atomic_fetch_add(&chunk_count, 1);
	if (number >= CHUNK_COUNT)
		return false;
	if (number > 0 || bytes > FIRST_CHUNK) {
		memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		if (memory == MAP_FAILED)
			return false;
	} else {
		bytes = FIRST_CHUNK;
	}
	widen_range((uintptr_t)memory, (uintptr_t)memory + bytes);
	page_filter_pin((uintptr_t)memory, (uintptr_t)memory + bytes);
	atomic_store(&chunks[number].start, (uintptr_t)memory);
	atomic_store(&chunks[number].next, (uintptr_t)memory);
	atomic_store(&chunks[number].end, (uintptr_t)memory + bytes);
	return true;
}

void *bootstrap_alloc(size_t alignment, size_t size)
{
	if (alignment < 16)
		alignment = 16;
	if (size > SIZE_MAX / 4 || alignment > SIZE_MAX / 4)
		return NULL;
	for (;;) {
		uint32_t count = atomic_load(&chunk_count);
		for (uint32_t n = 0; n < count && n < CHUNK_COUNT; n++) {
			uintptr_t block = take(&chunks[n], alignment, size);
			if (block) {
				*(size_t *)(block - HEADER) = size;
				return (void *)block;
			}
		}
		size_t want = size + alignment + 2 * HEADER;
		bool first = count == 0 && want <= FIRST_CHUNK;
		if (!add_chunk(first ? FIRST_CHUNK : want > NEXT_CHUNK ? (want + 4095) & ~(size_t)4095 : NEXT_CHUNK))
			return NULL;
	}
}

bool bootstrap_has(const void *block)
{
	uint32_t count = atomic_load_explicit(&chunk_count, memory_order_relaxed);
	for (uint32_t n = 0; n < count && n < CHUNK_COUNT; n++)
		if ((uintptr_t)block - atomic_load_explicit(&chunks[n].start, memory_order_relaxed) <
		    atomic_load_explicit(&chunks[n].end, memory_order_relaxed) -
			    atomic_load_explicit(&chunks[n].start, memory_order_relaxed))
			return true;
	return false;
}

size_t bootstrap_size(const void *block)
{
	return *(const size_t *)((uintptr_t)block - HEADER);
}
