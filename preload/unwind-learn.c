/* SPDX-License-Identifier: MIT */
/*
 * In: a code address.  Out: the shape of its frame's unwind rule; or, for frames without such a rule, one step of the real stack.
 *
 * A rule is not parsed but observed.  libunwind finds the row of CFI and applies it to an invented state (registers and stack with addresses
 * that no program has); which invented values come back tells where the CFA, the return address and the frame register come from.  A row
 * that is applied without a look at the unwind tables is made of registers and constants alone, so one state tells all of it.  If the
 * tables are read, the row holds an expression: then three states, whose stack pointers differ modulo 64, have to give the same answer.
 * Frames aligned with `and`, tables in the code and most other expressions do not.
 */
#include "unwind-learn.h"

#include <string.h>

#include "unwind-engine.h"

#ifdef ENGINE_LIBRARY

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
	unw_word_t cfa = engine_reg(REG_SP), new_fp = engine_reg(REG_FP), ra_slot = engine_slot_of(engine_reg(REG_IP));
	unw_word_t base = cfa;
	if (is_near(cfa, sp, &shape->cfa_offset)) {
		shape->kind = RULE_CFA_SP;
	} else if (is_near(cfa, fp, &shape->cfa_offset)) {
		shape->kind = RULE_CFA_FP;
	} else if (is_near(engine_slot_of(cfa), fp, &shape->cfa_offset)) {
		shape->kind = RULE_CFA_MEMORY;
		base = fp;
	} else {
		return false;
	}
	if (!is_near(ra_slot, cfa, &shape->ra_offset))
		return false;
	if (new_fp != fp)
		return is_near(engine_slot_of(new_fp), base, &shape->fp_offset);
	shape->fp_offset = RULE_FP_SAME;
	return true;
}

/* State number `number`: all registers far apart, sp and fp different modulo 64 in each state. */
static void invent_state(unsigned number, uintptr_t pc)
{
	for (unw_word_t i = 0; i < REG_COUNT; i++)
		session.registers[i] = ENGINE_STACK_TAG << 48 | (i + 64) << 40 | (unw_word_t)(number + 1) << 32 | (number * 3 + i % 8) * 8;
	session.registers[REG_IP] = pc;
	session.known = ~UINT64_C(0);
	session.is_invented = true;
}

/* A row of CFI as libunwind hands it out: where it holds, and a state that only its apply_row() understands. */
enum { STATE_BYTES = 1024 };
struct state {
	size_t size;
	_Alignas(16) unsigned char bytes[STATE_BYTES];
};
static struct row {
	uintptr_t pc; /* the row around it is wanted */
	struct row_range range;
	size_t before;        /* rows of the function that were passed on the way */
	bool is_signal_frame; /* the function is */
	struct state state;
} row;

static int take_row(void *token, void *state, size_t size, unw_word_t start, unw_word_t end)
{
	struct row *wanted = token;
	wanted->before++;
	if (wanted->pc < start || wanted->pc >= end || size > STATE_BYTES)
		return 0;
	memcpy(wanted->state.bytes, state, wanted->state.size = size);
	wanted->range = (struct row_range){start, end < session.end_of_function ? end : session.end_of_function};
	return -UNW_ESTOPUNWIND; /* no row further on */
}

/* True: `row` is that of `pc`. */
static bool find_row(uintptr_t pc)
{
	row.pc = pc;
	row.range.end = row.before = 0;
	invent_state(0, pc);
	if (engine_begin())
		engine.iterate_rows(&session.cursor, take_row, &row);
	row.is_signal_frame = row.range.end != 0 && engine_is_interrupted();
	return row.range.end != 0;
}

static void apply_state(unsigned number, struct state *state, struct rule_shape *shape)
{
	unw_word_t fp;
	memset(shape, 0, sizeof(*shape)); /* compared as bytes */
	invent_state(number, row.pc);
	int result = engine_begin() ? engine.apply_row(&session.cursor, state->bytes) : -UNW_EUNSPEC;
	if (result == 0 || (NO_FP_IS_THE_END && result > 0 && engine.get_reg(&session.cursor, REG_FP, &fp) == -UNW_EBADREG))
		shape->kind = RULE_END;
	else if (result < 0 || !describe_step(session.registers[REG_SP], session.registers[REG_FP], shape))
		shape->kind = RULE_COMPLEX;
}

static bool is_simple(const struct rule_shape *shape)
{
	return shape->kind >= RULE_CFA_SP && shape->kind <= RULE_CFA_MEMORY;
}

/* The shape at row.pc.  True: so it is wherever this state holds.  An expression may depend on the address, as those of PLTs do. */
static bool describe_state(struct state *state, struct rule_shape *shape)
{
	apply_state(0, state, shape);
	if (is_simple(shape) && row.is_signal_frame)
		shape->kind = RULE_COMPLEX;
	bool is_expression = session.table_reads > 0;
	for (unsigned number = 1; number < 3 && is_expression && is_simple(shape); number++) {
		struct rule_shape other;
		apply_state(number, state, &other);
		if (memcmp(&other, shape, sizeof(other)) != 0)
			shape->kind = RULE_COMPLEX;
	}
	return !is_expression;
}

/* ---- Large functions --------------------------------------------------------------------------------------------------------- */

/* In a function with thousands of rows few states take turns: its prologue, its epilogues, what lies between them.  To find one row, all
 * before it are passed; so such a function is gone through once, as a whole. */
enum { MANY_ROWS = 256 };
static struct state states[ROWS_STATES];
static unsigned state_count;

/* ROWS_STATES: there are too many. */
static unsigned number_of(const void *state, size_t size)
{
	for (unsigned n = 0; n < state_count; n++)
		if (states[n].size == size && memcmp(states[n].bytes, state, size) == 0)
			return n;
	if (state_count == ROWS_STATES || size > STATE_BYTES)
		return ROWS_STATES;
	memcpy(states[state_count].bytes, state, states[state_count].size = size);
	return state_count++;
}

static int take_every_row(void *token, void *state, size_t size, unw_word_t start, unw_word_t end)
{
	(void)token;
	(void)end;
	unsigned number = number_of(state, size);
	return number < ROWS_STATES && rows_survey_row(start, number) ? 0 : -UNW_ESTOPUNWIND;
}

static void survey_function(uint32_t generation)
{
	if (!rows_survey_begin(session.entry, session.start_of_function, generation))
		return;
	state_count = 0;
	invent_state(0, row.pc);
	if (!engine_begin() || engine.iterate_rows(&session.cursor, take_every_row, NULL) < 0)
		return;
	for (unsigned number = 0; number < state_count; number++) {
		struct rule_shape shape;
		if (describe_state(&states[number], &shape))
			rows_survey_state(number, &shape);
	}
	rows_survey_end(session.end_of_function);
}

/* A return address that is the first byte of a function was put there by hand: the root of a makecontext coroutine. */
static bool is_planted(uintptr_t ip)
{
	unw_proc_info_t info = {.start_ip = 0};
	return engine_find_fde(ip, &info, 0) && info.start_ip == ip;
}

void learn_rule(uintptr_t ip, bool exact, uint32_t generation, struct rule_shape *shape)
{
	uintptr_t pc = ip - !exact;
	memset(shape, 0, sizeof(*shape));
	session.located = 0;
	const struct rule_shape *known = generation != LEARN_ALONE && engine_locate(pc) ? rows_find(session.entry, pc, generation) : NULL;
	if (known) {
		*shape = *known;
	} else if (find_row(pc)) {
		size_t before = row.before;
		if (describe_state(&row.state, shape) && generation != LEARN_ALONE)
			rows_keep(session.entry, row.range, generation, shape);
		if (before >= MANY_ROWS && generation != LEARN_ALONE)
			survey_function(generation);
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
	struct rule_state caller = {.ip = result > 0 ? engine_reg(REG_IP) : 0, .sp = engine_reg(REG_SP), .fp = fp};
	caller.exact = caller.ip != 0 && engine_is_interrupted();
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
	return engine_begin() && finish_step(state);
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
	bool going = engine_begin();
	while (going && *budget > 0) {
		(*budget)--;
		if (engine_reg(REG_SP) == state->sp && engine_reg(REG_IP) == state->ip)
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
	return result == 0 || engine_reg(REG_IP) == 0 ? LEARN_END : LEARN_STEPPED;
}

__attribute__((noinline)) void learn_walk(learn_visit *visit, void *context)
{
	enum learn_outcome outcome = LEARN_STEPPED;
	session.is_invented = false;
	session.located = 0;
	capture_registers();
	bool going = engine_begin();
	while (going && outcome == LEARN_STEPPED) {
		struct rule_state state = {.ip = engine_reg(REG_IP), .sp = engine_reg(REG_SP)};
		outcome = step_out(&state);
		going = visit(context, &state, outcome);
	}
}

bool learn_cross(struct rule_state *state, size_t *budget)
{
	return cross_alone(state) || cross_from_here(state, budget);
}

bool learn_start(void)
{
	return engine_start();
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
