/* SPDX-License-Identifier: MIT */
/*
 * The block table: (domain, address) → {requested size, stack}.  Page leaves for domain 0 (see heapdelta/trace.h), extras for the rest.
 *
 * Every function is lock-free, async-signal-safe and may be called by any thread at any time; a nested call (signal handler inside
 * another call of the same thread) is fine.  Each record is taken out by exactly one caller.
 */
#ifndef PRELOAD_BLOCKS_H
#define PRELOAD_BLOCKS_H

#include <stdbool.h>
#include <stdint.h>

struct block {
	uint64_t size;
	uint32_t stack;
};

enum block_insert { BLOCK_INSERTED, BLOCK_REPLACED, BLOCK_NO_ROOM };

/* Before the first use in a process, and again after trace_forget() + trace_create(): forget the private index. */
void blocks_reset(void);

/* Record a block.  BLOCK_REPLACED: a record stood there; *old is it and the caller accounts its missed free.  A record that is inside a
 * realloc is replaced silently (BLOCK_INSERTED): whoever marked it accounts it. */
enum block_insert blocks_insert(uint32_t domain, uintptr_t address, struct block block, struct block *old);

/* Take a record out.  False: unknown address. */
bool blocks_remove(uint32_t domain, uintptr_t address, struct block *old);

/* Look a record up. */
bool blocks_find(uint32_t domain, uintptr_t address, struct block *found);

/*
 * realloc, domain 0.  begin: mark the record REALLOC before the real call (readers still count it); false: unknown address.  Then exactly
 * one of: finish (the real call succeeded; the old record goes away unless somebody already replaced it), an insert at the same address (it
 * succeeded in place) or cancel (it failed; the mark is removed).  The caller that marked accounts the free of *old, whatever became of the record meanwhile.
 */
bool blocks_realloc_begin(uintptr_t address, struct block *old);
void blocks_realloc_finish(uintptr_t address, struct block old);
void blocks_realloc_cancel(uintptr_t address, struct block old);

/* Visit every record as an outside reader would; `visit` may not call back into this module. */
typedef void block_visitor(void *context, uint32_t domain, uintptr_t address, struct block block);
void blocks_each(block_visitor *visit, void *context);

/* Take every record out (stop, clear_traces), each reported once; records inside a realloc stay. */
void blocks_clear(block_visitor *removed, void *context);

#endif
