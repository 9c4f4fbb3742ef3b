/* SPDX-License-Identifier: MIT */
/* Saturating counts in bytes: page-filter.h says what for. */
#include "page-filter.h"

_Atomic(uint8_t) page_filter[PAGE_FILTER_ENTRIES];

static bool change(_Atomic(uint8_t) *entry, uint8_t *count, int by)
{
	return atomic_compare_exchange_weak_explicit(entry, count, (uint8_t)(*count + by), memory_order_relaxed, memory_order_relaxed);
}

void page_filter_add(uintptr_t address)
{
	_Atomic(uint8_t) *entry = page_filter_entry(address);
	uint8_t count = atomic_load_explicit(entry, memory_order_relaxed);

	while (count != UINT8_MAX && !change(entry, &count, 1))
		;
}

void page_filter_remove(uintptr_t address)
{
	_Atomic(uint8_t) *entry = page_filter_entry(address);
	uint8_t count = atomic_load_explicit(entry, memory_order_relaxed);

	while (count != UINT8_MAX && count != 0 && !change(entry, &count, -1))
		;
}

void page_filter_pin(uintptr_t start, uintptr_t end)
{
	const uintptr_t page = (uintptr_t)1 << PAGE_FILTER_SHIFT;

	for (uintptr_t at = start & ~(page - 1); at < end; at += page)
		atomic_store_explicit(page_filter_entry(at), UINT8_MAX, memory_order_relaxed);
}

void page_filter_clear(void)
{
	for (unsigned i = 0; i < PAGE_FILTER_ENTRIES; i++) {
		uint8_t count = atomic_load_explicit(&page_filter[i], memory_order_relaxed);
		if (count != 0 && count != UINT8_MAX)
			atomic_store_explicit(&page_filter[i], 0, memory_order_relaxed);
	}
}
