/* SPDX-License-Identifier: MIT */
/*
 * In: a code address.  Out: the shape of its frame's unwind rule; or, for frames without such a rule, one step of the real stack.
 *
 * A rule is not parsed but observed.  libunwind takes one step from an invented state (registers and stack with addresses that no program
 * has); which invented values come back tells where the CFA, the return address and the frame register come from.  Three states, whose
 * stack pointers differ modulo 64, have to give the same answer: frames aligned with `and`, tables and expressions do not.
 * Only what an FDE says counts: libunwind's guesses for code without one are refused by not letting it read anything.
 */
#include "unwind-learn.h"

#include <dlfcn.h>
#include <string.h>

#include "elf-view.h"

#if defined(__x86_64__)
#include <libunwind-x86_64.h>
#define LIBRARY "libunwind-x86_64.so.8"
#define SYMBOL(name) "_Ux86_64_" #name
enum { REG_IP = UNW_X86_64_RIP, REG_SP = UNW_X86_64_RSP, REG_FP = UNW_X86_64_RBP, REG_COUNT = UNW_X86_64_RIP + 1 };
#elif defined(__aarch64__)
#include <libunwind-aarch64.h>
#define LIBRARY "libunwind-aarch64.so.8"
#define SYMBOL(name) "_Uaarch64_" #name
enum { REG_IP = UNW_AARCH64_PC, REG_SP = UNW_AARCH64_SP, REG_FP = UNW_AARCH64_X29, REG_COUNT = UNW_AARCH64_PC + 1 };
#endif

#ifdef LIBRARY

/* ---- libunwind --------------------------------------------------------------------------------------------------------------- */

static struct {
	unw_addr_space_t (*create_addr_space)(unw_accessors_t *, int);
	int (*set_caching_policy)(unw_addr_space_t, unw_caching_policy_t);
	int (*init_remote)(unw_cursor_t *, unw_addr_space_t, void *);
	int (*step)(unw_cursor_t *);
	int (*get_reg)(unw_cursor_t *, int, unw_word_t *);
	int (*search)(unw_addr_space_t, unw_word_t, unw_dyn_info_t *, unw_proc_info_t *, int, void *);
} engine;

/* What one use of the engine reads from, and what it did.  Static: its user holds the token, and the program's stack is small. */
enum { READS_MAX = 64 };
static struct session {
	unw_addr_space_t space;
	unw_cursor_t cursor;
	bool is_invented;     /* registers and stack are invented; otherwise the calling thread's */
	bool lookup_only;     /* the next step is only asked which address it looks up */
	bool found;           /* the last look-up found an FDE */
	uintptr_t looked_up;  /* address of the last look-up */
	uintptr_t function;   /* start of the FDE found */
	struct elf_view view; /* object of the last look-up */
	uintptr_t start, end; /* its segment that was read last */
	unw_word_t registers[REG_COUNT];
	uint64_t known; /* registers that may be read, one bit each */
	unw_word_t reads[READS_MAX];
	size_t read_count;
} session;

/* ---- Invented memory --------------------------------------------------------------------------------------------------------- */

/* Addresses of the invented stack and values found in it: not canonical, so never a real address. */
#define STACK_TAG UINT64_C(0x00f0)
#define VALUE_TAG UINT64_C(0x00e1)

static bool is_invented(unw_word_t address)
{
	return address >> 48 == STACK_TAG || address >> 48 == VALUE_TAG;
}

static unw_word_t invented_value(unw_word_t address)
{
	unw_word_t mixed = (address ^ address >> 29) * UINT64_C(0x9e3779b97f4a7c15);
	return VALUE_TAG << 48 | (mixed >> 16 & UINT64_C(0xfffffffffff8));
}

static int read_invented(unw_word_t address, unw_word_t *value)
{
	if (session.read_count == READS_MAX)
		return -UNW_EINVAL;
	session.reads[session.read_count++] = address;
	*value = invented_value(address);
	return 0;
}

/* The slot that holds an invented value, 0: none that was read. */
static unw_word_t slot_of(unw_word_t value)
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

/* Unwind tables: inside the object's readable segments only. */
static bool is_in_object(unw_word_t address)
{
	if (address < session.start || address >= session.end)
		if (!elf_view_segment(&session.view, address, &session.start, &session.end))
			return false;
	return session.end - address >= sizeof(unw_word_t);
}

static int access_mem(unw_addr_space_t space, unw_word_t address, unw_word_t *value, int write, void *argument)
{
	(void)space;
	(void)argument;
	if (write)
		return -UNW_EINVAL;
	if (session.is_invented && is_invented(address))
		return read_invented(address, value);
	if (!is_in_object(address) && (session.is_invented || !session.found || address % 8 != 0))
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

/* ---- .eh_frame_hdr ----------------------------------------------------------------------------------------------------------- */

/* The binary search table: pairs (function, FDE) of offsets from the header, sorted by function. */
struct table_entry {
	int32_t function, fde;
};
struct table {
	uintptr_t header;
	const struct table_entry *entries;
	size_t count;
};

enum { ENCODING_PCREL_S4 = 0x1b, ENCODING_U4 = 0x03, ENCODING_DATAREL_S4 = 0x3b }; /* what every linker writes */

static bool find_table(const struct elf_view *view, struct table *table)
{
	uintptr_t start, end, header = view->eh_frame_hdr;
	enum { FIXED = 4 + 4 + 4 };
	if (header == 0 || header % 4 != 0 || !elf_view_segment(view, header, &start, &end) || end - header < FIXED)
		return false;
	const uint8_t *bytes = (const uint8_t *)header;
	if (bytes[0] != 1 || bytes[1] != ENCODING_PCREL_S4 || bytes[2] != ENCODING_U4 || bytes[3] != ENCODING_DATAREL_S4)
		return false;
	table->header = header;
	table->entries = (const struct table_entry *)(header + FIXED);
	table->count = *(const uint32_t *)(header + 8);
	return table->count > 0 && table->count <= (end - header - FIXED) / sizeof(struct table_entry);
}

/* The last function that starts at or before ip: libunwind's own search reads the table byte by byte through access_mem. */
static const struct table_entry *search_table(const struct table *table, uintptr_t ip)
{
	size_t low = 0, high = table->count;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (table->header + (uintptr_t)(intptr_t)table->entries[middle].function <= ip)
			low = middle + 1;
		else
			high = middle;
	}
	return low > 0 ? &table->entries[low - 1] : NULL;
}

static bool find_fde(unw_addr_space_t space, uintptr_t ip, unw_proc_info_t *info, int need_info, void *argument)
{
	struct table table;
	if (!elf_view_find(ip, &session.view) || !find_table(&session.view, &table))
		return false;
	const struct table_entry *entry = search_table(&table, ip);
	if (!entry)
		return false;
	unw_dyn_info_t range = {.start_ip = session.view.start, .end_ip = session.view.end, .format = UNW_INFO_FORMAT_REMOTE_TABLE};
	range.u.rti.segbase = table.header;
	range.u.rti.table_data = (unw_word_t)entry;
	range.u.rti.table_len = sizeof(*entry) / sizeof(unw_word_t);
	return engine.search(space, ip, &range, info, need_info, argument) == 0;
}

static int find_proc_info(unw_addr_space_t space, unw_word_t ip, unw_proc_info_t *info, int need_info, void *argument)
{
	session.looked_up = ip;
	session.start = session.end = 0;
	session.found = !session.lookup_only && find_fde(space, ip, info, need_info, argument);
	if (!session.found)
		return -UNW_ENOINFO;
	session.function = info->start_ip;
	return 0;
}

/* ---- Steps ------------------------------------------------------------------------------------------------------------------- */

/* Ready for a step from session.registers. */
static bool begin(void)
{
	session.found = session.lookup_only = false;
	session.read_count = 0;
	return engine.init_remote(&session.cursor, session.space, &session) == 0;
}

static unw_word_t reg(int number)
{
	unw_word_t value = 0;
	return engine.get_reg(&session.cursor, number, &value) == 0 ? value : 0;
}

/* After a step: is the new ip an interrupted pc?  libunwind looks such an address up as it is, a return address one byte before. */
static bool is_interrupted(void)
{
	unw_word_t ip = reg(REG_IP);
	session.lookup_only = true;
	session.looked_up = 0;
	engine.step(&session.cursor);
	session.lookup_only = false;
	return session.looked_up == ip;
}

/* ---- Rules ------------------------------------------------------------------------------------------------------------------- */

static bool is_near(unw_word_t value, unw_word_t base, int32_t *offset)
{
	int64_t difference = (int64_t)(value - base);
	*offset = (int32_t)difference;
	return difference > INT32_MIN && difference <= INT32_MAX && difference % 8 == 0;
}

/* What the step from (sp, fp) did, told by the values that came back.  Registers are compared before slots: their ranges are disjoint. */
static bool describe_step(unw_word_t sp, unw_word_t fp, struct rule_shape *shape)
{
	unw_word_t cfa = reg(REG_SP), new_fp = reg(REG_FP), ra_slot = slot_of(reg(REG_IP));
	unw_word_t base = cfa;
	if (is_near(cfa, sp, &shape->cfa_offset)) {
		shape->kind = RULE_CFA_SP;
	} else if (is_near(cfa, fp, &shape->cfa_offset)) {
		shape->kind = RULE_CFA_FP;
	} else if (is_near(slot_of(cfa), fp, &shape->cfa_offset)) {
		shape->kind = RULE_CFA_MEMORY;
		base = fp;
	} else {
		return false;
	}
	if (!is_near(ra_slot, cfa, &shape->ra_offset))
		return false;
	if (new_fp != fp)
		return is_near(slot_of(new_fp), base, &shape->fp_offset);
	shape->fp_offset = RULE_FP_SAME;
	return true;
}

/* State number `number`: all registers far apart, sp and fp different modulo 64 in each state. */
static void invent_state(unsigned number, uintptr_t pc)
{
	for (unw_word_t i = 0; i < REG_COUNT; i++)
		session.registers[i] = STACK_TAG << 48 | (i + 64) << 40 | (unw_word_t)(number + 1) << 32 | (number * 3 + i % 8) * 8;
	session.registers[REG_IP] = pc;
	session.known = ~UINT64_C(0);
	session.is_invented = true;
}

static void observe(unsigned number, uintptr_t pc, struct rule_shape *shape)
{
	memset(shape, 0, sizeof(*shape)); /* compared as bytes */
	invent_state(number, pc);
	int result = begin() ? engine.step(&session.cursor) : -UNW_EUNSPEC;
	if (!session.found)
		shape->kind = RULE_NO_CFI;
	else if (result == 0)
		shape->kind = RULE_END;
	else if (result < 0 || !describe_step(session.registers[REG_SP], session.registers[REG_FP], shape))
		shape->kind = RULE_COMPLEX;
}

/* A return address that is the first byte of a function was put there by hand: the root of a makecontext coroutine. */
static bool is_planted(uintptr_t ip)
{
	struct rule_shape here;
	observe(0, ip, &here);
	return here.kind != RULE_NO_CFI && session.function == ip;
}

void learn_rule(uintptr_t ip, bool exact, struct rule_shape *shape)
{
	uintptr_t pc = ip - !exact;
	observe(0, pc, shape);
	if (shape->kind <= RULE_CFA_MEMORY && is_interrupted())
		shape->kind = RULE_COMPLEX;
	if (shape->kind == RULE_NO_CFI && !exact && is_planted(ip))
		shape->kind = RULE_PLANTED;
	for (unsigned number = 1; number < 3 && shape->kind <= RULE_CFA_MEMORY; number++) {
		struct rule_shape other;
		observe(number, pc, &other);
		if (memcmp(&other, shape, sizeof(other)) != 0)
			shape->kind = RULE_COMPLEX;
	}
}

/* ---- Real steps -------------------------------------------------------------------------------------------------------------- */

/* The step out of *state; the caller's ip is 0 at the outermost frame. */
static bool finish_step(struct rule_state *state)
{
	unw_word_t fp = 0;
	int result = engine.step(&session.cursor);
	if (result < 0 || !session.found || (result > 0 && engine.get_reg(&session.cursor, REG_FP, &fp) != 0))
		return false;
	struct rule_state caller = {.ip = result > 0 ? reg(REG_IP) : 0, .sp = reg(REG_SP), .fp = fp};
	caller.exact = caller.ip != 0 && is_interrupted();
	*state = caller;
	return true;
}

/* From what a walk knows: enough for signal frames and most expressions, which read memory relative to sp or the frame register. */
static bool cross_alone(struct rule_state *state)
{
	session.is_invented = false;
	session.registers[REG_IP] = state->ip - !state->exact;
	session.registers[REG_SP] = state->sp;
	session.registers[REG_FP] = state->fp;
	session.known = UINT64_C(1) << REG_IP | UINT64_C(1) << REG_SP | UINT64_C(1) << REG_FP;
	return begin() && finish_step(state);
}

/* This function's registers, those included that a callee keeps: what a walk with libunwind starts from. */
static __attribute__((always_inline)) inline void capture_registers(void)
{
	unw_word_t *out = session.registers;
#if defined(__x86_64__)
	enum { RBX = UNW_X86_64_RBX, R12 = UNW_X86_64_R12, R13, R14, R15 };
	__asm__ volatile("movq %%rbx, %c1(%0)\n\tmovq %%rbp, %c2(%0)\n\tmovq %%rsp, %c3(%0)\n\t"
			 "movq %%r12, %c4(%0)\n\tmovq %%r13, %c5(%0)\n\tmovq %%r14, %c6(%0)\n\tmovq %%r15, %c7(%0)\n\t"
			 "leaq 0f(%%rip), %%rax\n0:\tmovq %%rax, %c8(%0)"
			 :
			 : "r"(out), "i"(RBX * 8), "i"(REG_FP * 8), "i"(REG_SP * 8), "i"(R12 * 8), "i"(R13 * 8), "i"(R14 * 8), "i"(R15 * 8),
			   "i"(REG_IP * 8)
			 : "rax", "memory");
	session.known = UINT64_C(1) << RBX | UINT64_C(1) << REG_FP | UINT64_C(1) << REG_SP | UINT64_C(1) << REG_IP | UINT64_C(0xf) << R12;
#else
	__asm__ volatile("stp x19, x20, [%0, #152]\n\tstp x21, x22, [%0, #168]\n\tstp x23, x24, [%0, #184]\n\t"
			 "stp x25, x26, [%0, #200]\n\tstp x27, x28, [%0, #216]\n\tstp x29, x30, [%0, #232]\n\t"
			 "mov x9, sp\n\tstr x9, [%0, %1]\n\tadr x9, 0f\n0:\tstr x9, [%0, %2]"
			 :
			 : "r"(out), "i"(REG_SP * 8), "i"(REG_IP * 8)
			 : "x9", "memory");
	session.known = UINT64_C(0xfff) << 19 | UINT64_C(1) << REG_SP | UINT64_C(1) << REG_IP;
#endif
}

/* With all registers: from this function outwards, through our own frames, until the walk stands where *state does. */
static __attribute__((noinline)) bool cross_from_here(struct rule_state *state, size_t *budget)
{
	session.is_invented = false;
	capture_registers();
	bool going = begin();
	while (going && *budget > 0) {
		(*budget)--;
		if (reg(REG_SP) == state->sp && reg(REG_IP) == state->ip)
			return finish_step(state);
		going = engine.step(&session.cursor) > 0 && session.found;
	}
	return false;
}

bool learn_cross(struct rule_state *state, size_t *budget)
{
	return cross_alone(state) || cross_from_here(state, budget);
}

/* ---- Start ------------------------------------------------------------------------------------------------------------------- */

static void *load(void)
{
	static const char *const names[] = {SYMBOL(create_addr_space), SYMBOL(set_caching_policy),       SYMBOL(init_remote), SYMBOL(step),
					    SYMBOL(get_reg),           SYMBOL(dwarf_search_unwind_table)};
	void *symbols[sizeof(names) / sizeof(names[0])];
	_Static_assert(sizeof(symbols) == sizeof(engine), "one symbol for each pointer");
	void *library = dlopen(LIBRARY, RTLD_NOW | RTLD_LOCAL);
	if (!library)
		return NULL;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (!(symbols[i] = dlsym(library, names[i])))
			return NULL;
	memcpy(&engine, symbols, sizeof(engine));
	return library;
}

bool learn_start(void)
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

#else

bool learn_start(void)
{
	return false;
}

void learn_rule(uintptr_t ip, bool exact, struct rule_shape *shape)
{
	(void)ip;
	(void)exact;
	shape->kind = RULE_UNKNOWN;
}

bool learn_cross(struct rule_state *state, size_t *budget)
{
	(void)state;
	(void)budget;
	return false;
}

#endif
