/* SPDX-License-Identifier: MIT */
/*
 * libunwind as an engine: loaded with dlopen, so that the program's own symbols bind as without us, and used through an address space of our
 * own, in which it reads what the session lets it read: unwind tables where the objects are mapped, and beside them either the calling
 * thread's registers and stack or invented ones.  Not reentrant, static: its user holds the token (unwind-rules.c), signals are blocked, and
 * the program's stack is small.
 */
#ifndef PRELOAD_UNWIND_ENGINE_H
#define PRELOAD_UNWIND_ENGINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "elf-view.h"
#include "fde-table.h"

#if defined(__x86_64__)
#include <libunwind-x86_64.h>
#define ENGINE_LIBRARY "libunwind-x86_64.so.8"
#define ENGINE_SYMBOL(name) "_Ux86_64_" #name
enum { REG_IP = UNW_X86_64_RIP, REG_SP = UNW_X86_64_RSP, REG_FP = UNW_X86_64_RBP, REG_COUNT = UNW_X86_64_RIP + 1 };
enum { NO_FP_IS_THE_END = 1 }; /* the ABI's other mark of the outermost frame */
#elif defined(__aarch64__)
#include <libunwind-aarch64.h>
#define ENGINE_LIBRARY "libunwind-aarch64.so.8"
#define ENGINE_SYMBOL(name) "_Uaarch64_" #name
enum { REG_IP = UNW_AARCH64_PC, REG_SP = UNW_AARCH64_SP, REG_FP = UNW_AARCH64_X29, REG_COUNT = UNW_AARCH64_PC + 1 };
enum { NO_FP_IS_THE_END = 0 };
#endif

#ifdef ENGINE_LIBRARY

extern struct engine {
	unw_addr_space_t (*create_addr_space)(unw_accessors_t *, int);
	int (*set_caching_policy)(unw_addr_space_t, unw_caching_policy_t);
	int (*init_remote)(unw_cursor_t *, unw_addr_space_t, void *);
	int (*step)(unw_cursor_t *);
	int (*get_reg)(unw_cursor_t *, int, unw_word_t *);
	int (*iterate_rows)(unw_cursor_t *, unw_reg_states_callback, void *);
	int (*apply_row)(unw_cursor_t *, void *);
	int (*search)(unw_addr_space_t, unw_word_t, unw_dyn_info_t *, unw_proc_info_t *, int, void *);
} engine;

/* What one use of the engine reads from, and what it did. */
enum { ENGINE_READS_MAX = 64 };
extern struct session {
	unw_addr_space_t space;
	unw_cursor_t cursor;
	bool is_invented;                             /* registers and stack are invented; otherwise the calling thread's */
	bool lookup_only;                             /* the next step is only asked which address it looks up */
	bool found;                                   /* the last look-up found an FDE */
	uintptr_t looked_up;                          /* address of the last look-up */
	uintptr_t start_of_function, end_of_function; /* of the FDE found */
	uintptr_t located;                            /* `view` and `entry` are about this address, 0: none */
	struct elf_view view;                         /* the object there */
	uintptr_t start, end;                         /* its segment that was read last */
	const struct fde_entry *entry;
	size_t table_reads; /* words of unwind tables */
	unw_word_t registers[REG_COUNT];
	uint64_t known; /* registers that may be read, one bit each */
	unw_word_t reads[ENGINE_READS_MAX];
	size_t read_count;
} session;

/* Addresses of the invented stack, and values found in it: not canonical, so never a real address. */
#define ENGINE_STACK_TAG UINT64_C(0x00f0)
#define ENGINE_VALUE_TAG UINT64_C(0x00e1)

/* The slot of the invented stack that holds a value, 0: none that was read since engine_begin(). */
unw_word_t engine_slot_of(unw_word_t value);

/* Ready for a step from session.registers. */
bool engine_begin(void);

/* A register where the cursor stands; 0 when it is not known. */
unw_word_t engine_reg(int number);

/* Is the ip at which the cursor stands an interrupted pc?  The cursor is of no use afterwards. */
bool engine_is_interrupted(void);

/* The object and the entry of its table for `pc`, in the session. */
bool engine_locate(uintptr_t pc);

/* The FDE of the function around `ip`. */
bool engine_find_fde(uintptr_t ip, unw_proc_info_t *info, int need_info);

/* Load libunwind.  False: there is none, or it or the C library is too old. */
bool engine_start(void);

#endif

#endif
