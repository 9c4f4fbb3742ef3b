/* SPDX-License-Identifier: MIT */
/*
 * Rows of CFI, and what was learnt of them.  A row is a range of code throughout which one rule holds: usually the body of a function
 * between its prologue and its first epilogue, with most of its calls.  Learning one address of a row therefore answers the next ones.
 *
 * Which row an address lies in is told by the bounds of the rows of its function; the function is named by its entry in the object's table
 * (fde-table.h).  Not reentrant: token (unwind-rules.c).
 */
#ifndef PRELOAD_UNWIND_ROWS_H
#define PRELOAD_UNWIND_ROWS_H

#include <stdbool.h>
#include <stdint.h>

enum rule_kind {
	RULE_UNKNOWN,    /* could not be learnt now: end the stack as truncated */
	RULE_CFA_SP,     /* CFA = sp + cfa_offset */
	RULE_CFA_FP,     /* CFA = frame register + cfa_offset */
	RULE_CFA_MEMORY, /* CFA = *(frame register + cfa_offset); its fp_offset counts from the frame register */
	RULE_END,        /* outermost frame: the CFI says that there is no return address */
	RULE_PLANTED,    /* outermost frame: no call returns here, makecontext put the address of a function there */
	RULE_COMPLEX,    /* has CFI, but needs libunwind each time (signal frame, expression) */
	RULE_NO_CFI,     /* no unwind information: frame-pointer guess or end */
};

#define RULE_FP_SAME INT32_MIN
struct rule_shape {
	enum rule_kind kind;
	int32_t cfa_offset;
	int32_t ra_offset; /* return address at CFA + ra_offset */
	int32_t fp_offset; /* frame register at CFA + fp_offset; RULE_FP_SAME: not saved */
};

struct row_range {
	uintptr_t start, end;
};

/* The shape of the row that `pc` lies in, if it was kept in this generation of the modules (an even one) and not forgotten since; NULL. */
const struct rule_shape *rows_find(const void *function, uintptr_t pc, uint32_t generation);

/* Remember the shape of a row, possibly in the place of another one's. */
void rows_keep(const void *function, struct row_range range, uint32_t generation, const struct rule_shape *shape);

/*
 * A survey of a large function: where it begins; each row in ascending order, with the number of its state; what a state means, if that is
 * the same wherever it holds; where the function ends.  Only then are its rows found.  A few functions are remembered.  False from begin:
 * it was surveyed before, in this generation; from row: there are too many.
 */
enum { ROWS_STATES = 32 };
bool rows_survey_begin(const void *function, uintptr_t start, uint32_t generation);
bool rows_survey_row(uintptr_t start, unsigned state);
void rows_survey_state(unsigned state, const struct rule_shape *shape);
void rows_survey_end(uintptr_t end);

#endif
