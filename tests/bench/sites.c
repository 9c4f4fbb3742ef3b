/* SPDX-License-Identifier: MIT */
/*
 * Pairs of malloc and free whose stack changes from one to the next: sites SITES DEPTHS PAIRS.  Twenty calls below main, SITES call sites
 * take turns, DEPTHS depths (up to DEPTHS - 1 frames more) as well.  Prints nanoseconds per pair by the wall clock.
 */
#include <stdio.h>

#include "clock.h"
#include "sites.h"

enum { DEPTH = 20, FRAMES_BESIDE = 4 };

struct turns {
	long sites, depths, pairs;
};

static void __attribute__((noinline)) pair_below(long more, long site)
{
	if (more > 0)
		pair_below(more - 1, site);
	else
		free(site_functions[site](64));
}

static double __attribute__((noinline)) measure(const struct turns *turns, long pairs)
{
	double start = now_ns();

	for (long i = 0, site = 0, depth = 0; i < pairs; i++) {
		pair_below(depth, site);
		site = site + 1 == turns->sites ? 0 : site + 1;
		depth = depth + 1 == turns->depths ? 0 : depth + 1;
	}
	return pairs ? (now_ns() - start) / (double)pairs : 0;
}

static double __attribute__((noinline)) descend(long depth, const struct turns *turns)
{
	return depth > 0 ? descend(depth - 1, turns) : measure(turns, turns->pairs);
}

int main(int argc, char **argv)
{
	struct turns turns = {argc > 1 ? atol(argv[1]) : 8, argc > 2 ? atol(argv[2]) : 1, argc > 3 ? atol(argv[3]) : 1000000};

	if (turns.sites < 1 || turns.sites > SITES || turns.depths < 1)
		return 2;
	measure(&turns, turns.pairs / 20 + 1);
	printf("%.2f\n", descend(DEPTH - FRAMES_BESIDE, &turns));
	return 0;
}
