/* SPDX-License-Identifier: MIT */
/*
 * In: registers.  Out: what libunwind makes of them, step by step.  Its callbacks are here: an FDE is found through the lock-free
 * _dl_find_object and the binary search table; memory is read only where an object is mapped, in the invented stack, or, once an FDE was
 * found that says so, in the real one.  So what libunwind guesses for code without an FDE comes to nothing.
 */
#include "unwind-engine.h"

#include <dlfcn.h>
#include <string.h>

#ifdef ENGINE_LIBRARY

struct engine engine;
struct session session;

/* ---- Invented memory --------------------------------------------------------------------------------------------------------- */

static bool is_invented(unw_word_t address)
{
	return address >> 48 == ENGINE_STACK_TAG || address >> 48 == ENGINE_VALUE_TAG;
}

static unw_word_t invented_value(unw_word_t address)
{
	unw_word_t mixed = (address ^ address >> 29) * UINT64_C(0x9e3779b97f4a7c15);
	return ENGINE_VALUE_TAG << 48 | (mixed >> 16 & UINT64_C(0xfffffffffff8));
}

static int read_invented(unw_word_t address, unw_word_t *value)
{
	if (session.read_count == ENGINE_READS_MAX)
		return -UNW_EINVAL;
	session.reads[session.read_count++] = address;
	*value = invented_value(address);
	return 0;
}

unw_word_t engine_slot_of(unw_word_t value)
{
	for (size_t i = 0; i < session.read_count; i++)
		if (invented_value(session.reads[i]) == value)
			return session.reads[i];
	return 0;
}

/* ---- Accessors --------------------------------------------------------------------------------------------------------------- */

__attribute__((no_sanitize("address"))) static unw_word_t read_word(unw_word_t address)
{
	unw_word_t value;
	__builtin_memcpy(&value, (const void *)address, sizeof(value));
	return value;
}

/* Unwind tables: inside the object's readable segments only.  libunwind reads whole, aligned words. */
static bool read_object(unw_word_t address, unw_word_t *value)
{
	if (address < session.start || address >= session.end)
		if (!elf_view_segment(&session.view, address, &session.start, &session.end))
			return false;
	if (session.end - address < sizeof(unw_word_t) && address % sizeof(unw_word_t) != 0)
		return false; /* the last word of a segment may reach into the rest of its page */
	session.table_reads++;
	*value = read_word(address);
	return true;
}

static int access_mem(unw_addr_space_t space, unw_word_t address, unw_word_t *value, int write, void *argument)
{
	(void)space;
	(void)argument;
	if (write)
		return -UNW_EINVAL;
	if (session.is_invented && is_invented(address))
		return read_invented(address, value);
	if (read_object(address, value))
		return 0;
	if (session.is_invented || !session.found || address % 8 != 0)
		return -UNW_EINVAL;
	*value = read_word(address);
	return 0;
}

static int access_reg(unw_addr_space_t space, unw_regnum_t number, unw_word_t *value, int write, void *argument)
{
	(void)space;
	(void)argument;
	if (write || number < 0 || number >= REG_COUNT || !(session.known >> number & 1))
		return -UNW_EBADREG;
	*value = session.registers[number];
	return 0;
}

static int access_fpreg(unw_addr_space_t space, unw_regnum_t number, unw_fpreg_t *value, int write, void *argument)
{
	(void)space;
	(void)number;
	(void)value;
	(void)write;
	(void)argument;
	return -UNW_EBADREG;
}

static int get_dyn_info_list_addr(unw_addr_space_t space, unw_word_t *address, void *argument)
{
	(void)space;
	(void)address;
	(void)argument;
	return -UNW_ENOINFO;
}

static void put_unwind_info(unw_addr_space_t space, unw_proc_info_t *info, void *argument)
{
	(void)space;
	(void)info;
	(void)argument;
}

static int resume(unw_addr_space_t space, unw_cursor_t *cursor, void *argument)
{
	(void)space;
	(void)cursor;
	(void)argument;
	return -UNW_EINVAL;
}

static int get_proc_name(unw_addr_space_t space, unw_word_t address, char *name, size_t room, unw_word_t *offset, void *argument)
{
	(void)space;
	(void)address;
	(void)name;
	(void)room;
	(void)offset;
	(void)argument;
	return -UNW_ENOINFO;
}

/* ---- FDEs -------------------------------------------------------------------------------------------------------------------- */

bool engine_locate(uintptr_t pc)
{
	if (session.located == pc && pc != 0)
		return session.entry != NULL;
	session.located = pc;
	session.start = session.end = 0;
	session.entry = elf_view_find(pc, &session.view) ? fde_table_find(&session.view, pc) : NULL;
	return session.entry != NULL;
}

bool engine_find_fde(uintptr_t ip, unw_proc_info_t *info, int need_info)
{
	if (!engine_locate(ip))
		return false;
	unw_dyn_info_t range = {.start_ip = session.view.start, .end_ip = session.view.end, .format = UNW_INFO_FORMAT_REMOTE_TABLE};
	range.u.rti.segbase = session.view.eh_frame_hdr;
	range.u.rti.table_data = (unw_word_t)session.entry;
	range.u.rti.table_len = sizeof(*session.entry) / sizeof(unw_word_t);
	return engine.search(session.space, ip, &range, info, need_info, &session) == 0;
}

static int find_proc_info(unw_addr_space_t space, unw_word_t ip, unw_proc_info_t *info, int need_info, void *argument)
{
	(void)space;
	(void)argument;
	session.looked_up = ip;
	session.found = !session.lookup_only && engine_find_fde(ip, info, need_info);
	if (!session.found)
		return -UNW_ENOINFO;
	session.start_of_function = info->start_ip;
	session.end_of_function = info->end_ip;
	return 0;
}

/* ---- Steps ------------------------------------------------------------------------------------------------------------------- */

bool engine_begin(void)
{
	session.found = session.lookup_only = false;
	session.read_count = session.table_reads = 0;
	return engine.init_remote(&session.cursor, session.space, &session) == 0;
}

unw_word_t engine_reg(int number)
{
	unw_word_t value = 0;
	return engine.get_reg(&session.cursor, number, &value) == 0 ? value : 0;
}

/* libunwind looks up an interrupted pc as it is, a return address one byte before. */
bool engine_is_interrupted(void)
{
	unw_word_t ip = engine_reg(REG_IP);
	session.lookup_only = true;
	session.looked_up = 0;
	engine.step(&session.cursor);
	session.lookup_only = false;
	return session.looked_up == ip;
}

/* ---- Start ------------------------------------------------------------------------------------------------------------------- */

static void *load(void)
{
	static const char *const names[] = {ENGINE_SYMBOL(create_addr_space), ENGINE_SYMBOL(set_caching_policy),
					    ENGINE_SYMBOL(init_remote),       ENGINE_SYMBOL(step),
					    ENGINE_SYMBOL(get_reg),           ENGINE_SYMBOL(reg_states_iterate),
					    ENGINE_SYMBOL(apply_reg_state),   ENGINE_SYMBOL(dwarf_search_unwind_table)};
	void *symbols[sizeof(names) / sizeof(names[0])];
	_Static_assert(sizeof(symbols) == sizeof(engine), "one symbol for each pointer");
	void *library = dlopen(ENGINE_LIBRARY, RTLD_NOW | RTLD_LOCAL);
	if (!library)
		return NULL;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (!(symbols[i] = dlsym(library, names[i])))
			return NULL;
	memcpy(&engine, symbols, sizeof(engine));
	return library;
}

bool engine_start(void)
{
	static unw_accessors_t accessors = {
		.find_proc_info = find_proc_info,
		.put_unwind_info = put_unwind_info,
		.get_dyn_info_list_addr = get_dyn_info_list_addr,
		.access_mem = access_mem,
		.access_reg = access_reg,
		.access_fpreg = access_fpreg,
		.resume = resume,
		.get_proc_name = get_proc_name,
	};
	if (!_dl_find_object || !load())
		return false;
	session.space = engine.create_addr_space(&accessors, 0);
	return session.space && engine.set_caching_policy(session.space, UNW_CACHE_NONE) == 0;
}

#endif
