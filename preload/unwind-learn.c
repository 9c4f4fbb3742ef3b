/* SPDX-License-Identifier: MIT */
/*
 * In: a code address.  Out: the shape of its frame's unwind rule; or, for frames without such a rule, one step of the real stack.
 *
 * A rule is not parsed but observed.  libunwind finds the row of CFI and applies it to an invented state (registers and stack with addresses
 * that no program has); which invented values come back tells where the CFA, the return address and the frame register come from.  A row
 * that is applied without a look at the unwind tables is made of registers and constants alone, so one state tells all of it.  If the
 * tables are read, the row holds an expression: then three states, whose stack pointers differ modulo 64, have to give the same answer.
 * Frames aligned with `and`, tables in the code and most other expressions do not.
 * Only what an FDE says counts: libunwind's guesses for code without one are refused by not letting it read anything.
 */
#include "unwind-learn.h"

#include <dlfcn.h>
#include <string.h>

#include "elf-view.h"
#include "fde-table.h"

#if defined(__x86_64__)
#include <libunwind-x86_64.h>
#define LIBRARY "libunwind-x86_64.so.8"
#define SYMBOL(name) "_Ux86_64_" #name
enum { REG_IP = UNW_X86_64_RIP, REG_SP = UNW_X86_64_RSP, REG_FP = UNW_X86_64_RBP, REG_COUNT = UNW_X86_64_RIP + 1 };
enum { NO_FP_IS_THE_END = 1 }; /* the ABI's other mark of the outermost frame */
#elif defined(__aarch64__)
#include <libunwind-aarch64.h>
#define LIBRARY "libunwind-aarch64.so.8"
#define SYMBOL(name) "_Uaarch64_" #name
enum { REG_IP = UNW_AARCH64_PC, REG_SP = UNW_AARCH64_SP, REG_FP = UNW_AARCH64_X29, REG_COUNT = UNW_AARCH64_PC + 1 };
enum { NO_FP_IS_THE_END = 0 };
#endif

#ifdef LIBRARY

/* ---- libunwind --------------------------------------------------------------------------------------------------------------- */

static struct {
	unw_addr_space_t (*create_addr_space)(unw_accessors_t *, int);
	int (*set_caching_policy)(unw_addr_space_t, unw_caching_policy_t);
	int (*init_remote)(unw_cursor_t *, unw_addr_space_t, void *);
	int (*step)(unw_cursor_t *);
	int (*get_reg)(unw_cursor_t *, int, unw_word_t *);
	int (*iterate_rows)(unw_cursor_t *, unw_reg_states_callback, void *);
	int (*apply_row)(unw_cursor_t *, void *);
	int (*search)(unw_addr_space_t, unw_word_t, unw_dyn_info_t *, unw_proc_info_t *, int, void *);
} engine;

/* What one use of the engine reads from, and what it did.  Static: its user holds the token, and the program's stack is small. */
enum { READS_MAX = 64 };
static struct session {
	unw_addr_space_t space;
	unw_cursor_t cursor;
	bool is_invented;          /* registers and stack are invented; otherwise the calling thread's */
	bool lookup_only;          /* the next step is only asked which address it looks up */
	bool found;                /* the last look-up found an FDE */
	uintptr_t looked_up;       /* address of the last look-up */
	uintptr_t end_of_function; /* of the FDE found */
	uintptr_t located;         /* `view` and `entry` are about this address, 0: none */
	struct elf_view view;      /* the object there */
	uintptr_t start, end;      /* its segment that was read last */
	const struct fde_entry *entry;
	size_t table_reads; /* words of unwind tables */
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

/* The object and the entry of its table for `pc`. */
static bool locate(uintptr_t pc)
{
	if (session.located == pc && pc != 0)
		return session.entry != NULL;
	session.located = pc;
	session.start = session.end = 0;
	session.entry = elf_view_find(pc, &session.view) ? fde_table_find(&session.view, pc) : NULL;
	return session.entry != NULL;
}

static bool find_fde(uintptr_t ip, unw_proc_info_t *info, int need_info)
{
	if (!locate(ip))
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
	session.found = !session.lookup_only && find_fde(ip, info, need_info);
	if (!session.found)
		return -UNW_ENOINFO;
	session.end_of_function = info->end_ip;
	return 0;
}

/* ---- Steps ------------------------------------------------------------------------------------------------------------------- */

/* Ready for a step from session.registers. */
static bool begin(void)
{
	session.found = session.lookup_only = false;
	session.read_count = session.table_reads = 0;
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

/* A row of CFI as libunwind hands it out: the copy of a state that only apply_row() understands. */
enum { ROW_BYTES = 1024 };
static struct row {
	uintptr_t pc; /* the row around it is wanted */
	struct row_range range;
	_Alignas(16) unsigned char state[ROW_BYTES];
} row;

static int take_row(void *token, void *state, size_t size, unw_word_t start, unw_word_t end)
{
	struct row *wanted = token;
	if (wanted->pc < start || wanted->pc >= end || size > sizeof(wanted->state))
		return 0;
	memcpy(wanted->state, state, size);
	wanted->range = (struct row_range){start, end < session.end_of_function ? end : session.end_of_function};
	return -UNW_ESTOPUNWIND; /* no row further on */
}

/* True: `row` is that of `pc`. */
static bool find_row(uintptr_t pc)
{
	row.pc = pc;
	row.range.end = 0;
	invent_state(0, pc);
	if (begin())
		engine.iterate_rows(&session.cursor, take_row, &row);
	return row.range.end != 0;
}

static void apply_row(unsigned number, struct rule_shape *shape)
{
	unw_word_t fp;
	memset(shape, 0, sizeof(*shape)); /* compared as bytes */
	invent_state(number, row.pc);
	int result = begin() ? engine.apply_row(&session.cursor, row.state) : -UNW_EUNSPEC;
	if (result == 0 || (NO_FP_IS_THE_END && result > 0 && engine.get_reg(&session.cursor, REG_FP, &fp) == -UNW_EBADREG))
		shape->kind = RULE_END;
	else if (result < 0 || !describe_step(session.registers[REG_SP], session.registers[REG_FP], shape))
		shape->kind = RULE_COMPLEX;
}

static bool is_simple(const struct rule_shape *shape)
{
	return shape->kind >= RULE_CFA_SP && shape->kind <= RULE_CFA_MEMORY;
}

/* True: so it is everywhere in the row.  An expression may depend on the address, as those of PLTs do. */
static bool describe_row(struct rule_shape *shape)
{
	bool is_signal_frame = is_interrupted();
	apply_row(0, shape);
	if (is_simple(shape) && is_signal_frame)
		shape->kind = RULE_COMPLEX;
	bool is_expression = session.table_reads > 0;
	for (unsigned number = 1; number < 3 && is_expression && is_simple(shape); number++) {
		struct rule_shape other;
		apply_row(number, &other);
		if (memcmp(&other, shape, sizeof(other)) != 0)
			shape->kind = RULE_COMPLEX;
	}
	return !is_expression;
}

/* A return address that is the first byte of a function was put there by hand: the root of a makecontext coroutine. */
static bool is_planted(uintptr_t ip)
{
	unw_proc_info_t info = {.start_ip = 0};
	return find_fde(ip, &info, 0) && info.start_ip == ip;
}

void learn_rule(uintptr_t ip, bool exact, uint32_t generation, struct rule_shape *shape)
{
	uintptr_t pc = ip - !exact;
	memset(shape, 0, sizeof(*shape));
	session.located = 0;
	const struct rule_shape *known = generation != LEARN_ALONE && locate(pc) ? rows_find(session.entry, pc, generation) : NULL;
	if (known) {
		*shape = *known;
	} else if (find_row(pc)) {
		if (describe_row(shape) && generation != LEARN_ALONE)
			rows_keep(session.entry, row.range, generation, shape);
	} else if (session.found) {
		shape->kind = RULE_COMPLEX;
	} else {
		shape->kind = !exact && is_planted(ip) ? RULE_PLANTED : RULE_NO_CFI;
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
	session.located = 0;
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
	session.located = 0;
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

static enum learn_outcome step_out(struct rule_state *state)
{
	session.found = false;
	session.looked_up = 0;
	int result = engine.step(&session.cursor);
	state->exact = session.looked_up == state->ip;
	if (!session.found)
		return LEARN_NO_CFI;
	if (result < 0)
		return LEARN_FAILED;
	return result == 0 || reg(REG_IP) == 0 ? LEARN_END : LEARN_STEPPED;
}

__attribute__((noinline)) void learn_walk(learn_visit *visit, void *context)
{
	enum learn_outcome outcome = LEARN_STEPPED;
	session.is_invented = false;
	session.located = 0;
	capture_registers();
	bool going = begin();
	while (going && outcome == LEARN_STEPPED) {
		struct rule_state state = {.ip = reg(REG_IP), .sp = reg(REG_SP)};
		outcome = step_out(&state);
		going = visit(context, &state, outcome);
	}
}

bool learn_cross(struct rule_state *state, size_t *budget)
{
	return cross_alone(state) || cross_from_here(state, budget);
}

/* ---- Start ------------------------------------------------------------------------------------------------------------------- */

static void *load(void)
{
	static const char *const names[] = {
		SYMBOL(create_addr_space), SYMBOL(set_caching_policy), SYMBOL(init_remote),     SYMBOL(step),
		SYMBOL(get_reg),           SYMBOL(reg_states_iterate), SYMBOL(apply_reg_state), SYMBOL(dwarf_search_unwind_table)};
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

void learn_rule(uintptr_t ip, bool exact, uint32_t generation, struct rule_shape *shape)
{
	(void)ip;
	(void)exact;
	(void)generation;
	shape->kind = RULE_UNKNOWN;
}

void learn_walk(learn_visit *visit, void *context)
{
	(void)visit;
	(void)context;
}

bool learn_cross(struct rule_state *state, size_t *budget)
{
	(void)state;
	(void)budget;
	return false;
}

#endif
