/* SPDX-License-Identifier: MIT */
/*
 * Errors of estimates.  Plain arithmetic, no state.
 *
 * An estimate is a sum over samples, and its error soon looks like a normal one: 2 standard deviations would hold in 95.4 of 100 runs.  With
 * a dozen samples it does not quite, and the variance is estimated as well: then 2 hold in 93 of 100, and 2.5 in 97.
 */
#include "estimate.h"

#include <math.h>

static const double deviations = 2.5;

int64_t estimate_error(double variance)
{
	double error = variance > 0 ? deviations * sqrt(variance) : 0;

	return error < 9e18 ? llround(error) : INT64_MAX;
}

/*
 * Two looks at one process see the same samples of the blocks that live in both, so only blocks that came or went in between have an error.
 * A block that stands for w bytes adds at most R w to the variance: s² (1 − p)/p² = w (w − s), and w − s is never more than R.
 */
double estimate_diff_variance(const struct estimate_ends *ends)
{
	double both = ends->old_variance + ends->new_variance;

	if (ends->distance == 0 || ends->came < 0 || ends->gone < 0)
		return both;
	return fmin(both, (double)ends->distance * (ends->came + ends->gone));
}
