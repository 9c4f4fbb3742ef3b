/* SPDX-License-Identifier: MIT */
/*
 * How far an estimate from sampled data may be from the truth.  In: estimated variances (heapdelta/sampling.h).  Out: the number behind the ±.
 */
#ifndef ANALYZER_ESTIMATE_H
#define ANALYZER_ESTIMATE_H

#include <stdint.h>

/* Half the width of the interval that holds the truth in at least 95 of 100 runs; 0: exact. */
int64_t estimate_error(double variance);

/* Of new − old.  A block that lives in both adds nothing to it.  `came` and `gone` are bytes that were allocated and freed in between, if that
 * is known; negative: it is not. */
struct estimate_ends {
	double old_variance, new_variance;
	double came, gone;
	uint64_t distance; /* of samples */
};
double estimate_diff_variance(const struct estimate_ends *ends);

#endif
