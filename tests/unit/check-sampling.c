/* links: preload */
/* SPDX-License-Identifier: MIT */
/*
 * Sampling: the arithmetic against libm, the random distances against the distribution that they claim, and estimates of simulated heaps
 * against the truth.  All random numbers come from fixed seeds: what passes once passes always.
 */
#include <check.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "sampling.h"

/* Costs nothing while it holds: Check writes to a file for each assertion of its own. */
#define EXPECT(condition) \
	do { \
		if (!(condition)) \
			ck_abort_msg("'%s' does not hold", #condition); \
	} while (0)

static const uint64_t distances[] = {SAMPLING_MIN, 4096, 65536, 524288, SAMPLING_MAX};
enum { DISTANCES = sizeof(distances) / sizeof(distances[0]) };

static void begin(struct thread_state *thread, uint64_t distance, uint64_t seed)
{
	memset(thread, 0, sizeof(*thread));
	sampling_start(distance, 0);
	sampling_seed(seed);
	sampling_begin(thread);
}

/* ---- Arithmetic ---------------------------------------------------------------------------------------------------------------- */

static uint64_t next_size(uint64_t size)
{
	return size < 2000 ? size + 1 : size + size / 97;
}

START_TEST(the_logarithm_is_libms)
{
	uint64_t number = 1;
	for (int i = 0; i < 1000000; i++) {
		number = number * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
		uint64_t random = number >> (i % 3 ? 0 : i / 3 % 64);
		random = i < 64 ? UINT64_C(1) << i : i < 128 ? UINT64_MAX - (uint64_t)i : i < 192 ? (uint64_t)(i - 128) : random;
		long double expected = -logl((long double)(random ? random : 1)) + 64 * logl(2);
		long double error = fabsl((long double)sampling_minus_log(random) / (1LL << 58) - expected);
		if (error > ldexpl(1, -53))
			ck_abort_msg("-ln(%llx/2^64) is off by %Lg", (unsigned long long)random, error);
	}
}
END_TEST

START_TEST(the_probability_is_libms)
{
	uint64_t distance = distances[_i];
	for (uint64_t size = 0; size < 50 * distance; size = next_size(size)) {
		long double expected = -expm1l(-(long double)(size ? size : 1) / (long double)distance);
		long double error = fabsl((long double)sampling_probability(distance, size) / (long double)SAMPLING_ONE - expected);
		if (error > ldexpl(1, -61))
			ck_abort_msg("p of %llu at %llu is off by %Lg", (unsigned long long)size, (unsigned long long)distance, error);
	}
}
END_TEST

START_TEST(weights_are_rounded_scaled_sizes)
{
	uint64_t distance = distances[_i];
	for (uint64_t size = 0; size < 50 * distance; size = next_size(size)) {
		struct sampling_weight weight = sampling_weigh(distance, size);
		long double p = -expm1l(-(long double)(size ? size : 1) / (long double)distance);
		long double bytes = (long double)size / p, parts = SAMPLING_PARTS / p;
		EXPECT(fabsl((long double)weight.bytes - bytes) <= 0.5L + bytes * 1e-9L);
		EXPECT(fabsl((long double)weight.parts - parts) <= 0.5L + parts * 1e-9L);
		EXPECT(weight.bytes >= size);
		long double variance = bytes * bytes * (1 - p), mine = (long double)sampling_variance(weight, size);
		/* Rounding to whole bytes shows where nearly nothing is left to chance. */
		EXPECT(fabsl(mine - variance) <= 0.51L * (bytes + (bytes - (long double)size)) + variance * 1e-8L + 1);
	}
}
END_TEST

START_TEST(a_block_weighs_itself_in_exact_recording_and_when_it_cannot_be_missed)
{
	ck_assert_uint_eq(sampling_weigh(0, 77).bytes, 77);
	ck_assert_uint_eq(sampling_weigh(0, 77).parts, SAMPLING_PARTS);
	ck_assert_uint_eq(sampling_weigh(512, 44 * 512).bytes, UINT64_C(44) * 512);
	ck_assert_uint_eq(sampling_weigh(512, UINT64_MAX).bytes, UINT64_MAX);
	ck_assert_uint_eq(sampling_weigh(512, UINT64_MAX).parts, SAMPLING_PARTS);
	ck_assert_uint_eq(sampling_variance(sampling_weigh(512, UINT64_MAX), UINT64_MAX), 0);
	ck_assert_uint_eq(sampling_weigh(524288, 0).bytes, 0);
	ck_assert_uint_eq(sampling_weigh(524288, 0).parts, sampling_weigh(524288, 1).parts);
}
END_TEST

START_TEST(variances_stay_at_the_largest_number)
{
	ck_assert_uint_eq(sampling_add_variance(UINT64_MAX - 5, 5), UINT64_MAX);
	ck_assert_uint_eq(sampling_add_variance(UINT64_MAX - 5, 6), UINT64_MAX);
	ck_assert_uint_eq(sampling_add_variance(UINT64_MAX, UINT64_MAX), UINT64_MAX);
	ck_assert_uint_eq(sampling_add_variance(1, 2), 3);
}
END_TEST

START_TEST(whole_blocks_are_right_over_many_stacks)
{
	enum { STACKS = 100000 };
	static const unsigned parts[] = {1, 300, 512, 1860, 2047};
	uint64_t blocks = 0, exact = (uint64_t)STACKS * parts[_i];
	for (uint32_t stack = 0; stack < STACKS; stack++) {
		uint64_t whole = sampling_whole_blocks(parts[_i], stack);
		EXPECT(whole == parts[_i] / SAMPLING_PARTS || whole == parts[_i] / SAMPLING_PARTS + 1);
		EXPECT(sampling_whole_blocks(7 * SAMPLING_PARTS, stack) == 7);
		blocks += whole;
	}
	ck_assert_double_lt(fabs((double)blocks - (double)exact / SAMPLING_PARTS), STACKS / 500.0);
}
END_TEST

/* ---- Distances ----------------------------------------------------------------------------------------------------------------- */

/* Pearson's statistic of `count` draws in `cells` cells that all should be equally full. */
static double chi_square(const unsigned *full, unsigned cells, unsigned count)
{
	double expected = (double)count / cells, sum = 0;
	for (unsigned i = 0; i < cells; i++)
		sum += ((double)full[i] - expected) * ((double)full[i] - expected) / expected;
	return sum;
}

/* 0 … 1, evenly, if gaps are exponential. */
static double quantile(uint64_t gap, uint64_t distance)
{
	return -expm1(-((double)gap + 0.5) / (double)distance);
}

START_TEST(distances_are_exponential)
{
	enum { CELLS = 64, DRAWS = 1000000 };
	unsigned full[CELLS] = {0};
	struct thread_state thread;
	begin(&thread, 524288, (uint64_t)_i + 1);
	for (int i = 0; i < DRAWS; i++) {
		sampling_draw(&thread);
		full[(unsigned)(quantile(thread.gap, 524288) * CELLS)]++;
	}
	/* 63 degrees of freedom: 99.9 % of all samples of a right generator are below 103. */
	ck_assert_double_lt(chi_square(full, CELLS, DRAWS), 103);
}
END_TEST

START_TEST(distances_do_not_depend_on_the_last_ones)
{
	enum { SIDE = 16, CELLS = SIDE * SIDE, DRAWS = 1000000 };
	static unsigned full[CELLS];
	struct thread_state thread;
	begin(&thread, 524288, (uint64_t)_i + 100);
	unsigned last = 0;
	for (int i = -1; i < DRAWS; i++) {
		sampling_draw(&thread);
		unsigned now = (unsigned)(quantile(thread.gap, 524288) * SIDE);
		if (i >= 0)
			full[last * SIDE + now]++;
		last = now;
	}
	/* 255 degrees of freedom; the two marginal distributions are tested above. */
	ck_assert_double_lt(chi_square(full, CELLS, DRAWS), 330);
}
END_TEST

/* As threads do: many generators that each draw little. */
START_TEST(threads_draw_from_sequences_of_their_own)
{
	enum { SIDE = 16, CELLS = SIDE * SIDE, THREADS = 200000 };
	static unsigned full[CELLS];
	struct thread_state thread;
	begin(&thread, 65536, 7);
	unsigned last = 0;
	for (int i = 0; i < THREADS; i++) {
		thread.gap = 0;
		sampling_begin(&thread);
		unsigned now = (unsigned)(quantile(thread.gap, 65536) * SIDE);
		full[last * SIDE + now]++;
		last = now;
	}
	ck_assert_double_lt(chi_square(full, CELLS, THREADS), 330);
}
END_TEST

START_TEST(the_smallest_distance_is_drawn_right_in_every_byte)
{
	enum { DRAWS = 2000000, SIZES = 40 };
	unsigned below[SIZES + 1] = {0};
	struct thread_state thread;
	begin(&thread, SAMPLING_MIN, 3);
	for (int i = 0; i < DRAWS; i++) {
		sampling_draw(&thread);
		for (uint64_t size = thread.gap + 1; size <= SIZES; size++)
			below[size]++;
	}
	for (unsigned size = 1; size <= SIZES; size++) {
		double p = -expm1(-(double)size / SAMPLING_MIN), sigma = sqrt(DRAWS * p * (1 - p));
		ck_assert_double_lt(fabs(below[size] - DRAWS * p), 4 * sigma);
	}
}
END_TEST

START_TEST(the_same_seed_draws_the_same_and_others_do_not)
{
	struct thread_state one, same, other;
	begin(&one, 524288, 42);
	begin(&same, 524288, 42);
	begin(&other, 524288, 43);
	unsigned equal = 0;
	for (int i = 0; i < 1000; i++) {
		sampling_draw(&one);
		sampling_draw(&same);
		sampling_draw(&other);
		EXPECT(one.gap == same.gap);
		equal += one.gap == other.gap;
	}
	ck_assert_uint_lt(equal, 10);
}
END_TEST

START_TEST(fork_children_draw_from_a_seed_of_their_own)
{
	struct thread_state parent = {0}, child = {0}, first = {0};
	sampling_start(524288, 0);
	sampling_begin(&parent);
	sampling_start(524288, 1);
	sampling_begin(&child);
	ck_assert_uint_ne(parent.gap, child.gap);
	/* The first process takes the kernel's numbers as they are. */
	sampling_start(524288, 0);
	sampling_begin(&first);
	ck_assert_uint_eq(parent.gap, first.gap);
}
END_TEST

/* ---- Which allocations ------------------------------------------------------------------------------------------------------- */

START_TEST(exact_recording_skips_nothing)
{
	struct thread_state thread;
	begin(&thread, 0, 1);
	for (uint64_t size = 0; size < UINT64_C(1) << 47; size = size * 3 + 1)
		for (int i = 0; i < 100; i++)
			EXPECT(!sampling_skips(&thread, size) && !sampling_is_on(&thread));
	ck_assert_uint_eq(thread.gap, 0);
	/* Nor does a thread that has not begun. */
	memset(&thread, 0, sizeof(thread));
	ck_assert(!sampling_skips(&thread, 0) && !sampling_skips(&thread, 1));
	ck_assert_uint_eq(thread.gap, 0);
}
END_TEST

static bool is_sampled(struct thread_state *thread, uint64_t size)
{
	if (sampling_passes(thread, size))
		return false;
	sampling_draw(thread);
	return true;
}

/* Each of the sizes comes with its own probability, whatever comes before it. */
START_TEST(an_allocation_is_sampled_with_its_probability)
{
	static const uint64_t sizes[] = {0, 1, 48, 1000, 30000, 65536, 200000, 1000000};
	enum { SIZES = sizeof(sizes) / sizeof(sizes[0]), ROUNDS = 400000 };
	unsigned sampled[SIZES] = {0};
	struct thread_state thread;
	begin(&thread, 65536, 11);
	for (int round = 0; round < ROUNDS; round++)
		for (unsigned i = 0; i < SIZES; i++)
			sampled[i] += is_sampled(&thread, sizes[i]);
	for (unsigned i = 0; i < SIZES; i++) {
		double p = -expm1(-(double)(sizes[i] ? sizes[i] : 1) / 65536), sigma = sqrt(ROUNDS * p * (1 - p));
		ck_assert_msg(fabs(sampled[i] - ROUNDS * p) <= 4 * sigma + 1e-9, "%u of %d blocks of %llu bytes, expected %.0f ± %.0f",
			      sampled[i], ROUNDS, (unsigned long long)sizes[i], ROUNDS * p, sigma);
	}
}
END_TEST

/* ---- Estimates ----------------------------------------------------------------------------------------------------------------- */

struct site {
	uint64_t size;
	unsigned count;
};
static const struct site sites[] = {
	{1, 20000}, {24, 40000}, {80, 30000}, {500, 4000}, {4096, 800}, {40000, 100}, {300000, 20}, {524288, 8}, {2 << 20, 3}, {8 << 20, 2},
};
enum { SITES = sizeof(sites) / sizeof(sites[0]) };

struct estimate {
	double bytes, blocks, variance;
};

/* One run of a program that allocates at its sites in turns. */
static void run(struct thread_state *thread, uint64_t distance, struct estimate estimates[SITES])
{
	unsigned made[SITES] = {0};
	memset(estimates, 0, SITES * sizeof(*estimates));
	for (bool any = true; any;) {
		any = false;
		for (unsigned i = 0; i < SITES; i++) {
			if (made[i] == sites[i].count)
				continue;
			made[i]++;
			any = true;
			if (!is_sampled(thread, sites[i].size))
				continue;
			struct sampling_weight weight = sampling_weigh(distance, sites[i].size);
			estimates[i].bytes += (double)weight.bytes;
			estimates[i].blocks += (double)weight.parts / SAMPLING_PARTS;
			estimates[i].variance += (double)sampling_variance(weight, sites[i].size);
		}
	}
}

static bool is_near(double mean, double truth, double variance, double count)
{
	return fabs(mean - truth) <= 4 * sqrt(variance / count) + truth * 0.001;
}

/* The mean of many runs is the truth, for each site; and the variance that a run estimates is the one that runs have. */
START_TEST(estimates_and_their_variances_are_unbiased)
{
	enum { RUNS = 400 };
	static const uint64_t rates[] = {4096, 65536, 524288};
	uint64_t distance = rates[_i];
	struct estimate one[SITES], sum[SITES] = {{0}};
	double squares[SITES] = {0};
	struct thread_state thread;
	begin(&thread, distance, (uint64_t)_i + 1000);
	for (int r = 0; r < RUNS; r++) {
		run(&thread, distance, one);
		for (unsigned i = 0; i < SITES; i++) {
			double off = one[i].bytes - (double)sites[i].size * sites[i].count;
			sum[i].bytes += one[i].bytes;
			sum[i].blocks += one[i].blocks;
			sum[i].variance += one[i].variance;
			squares[i] += off * off;
		}
	}
	for (unsigned i = 0; i < SITES; i++) {
		double size = (double)sites[i].size, count = sites[i].count, p = -expm1(-size / (double)distance);
		double variance = count * size * size * (1 - p) / p;
		EXPECT(is_near(sum[i].bytes / RUNS, size * count, variance, RUNS));
		EXPECT(is_near(sum[i].blocks / RUNS, count, variance / size / size, RUNS));
		/* Where nearly nothing is left to chance, whole bytes show. */
		double rounding = count * p * 0.51 * (2 * size / p - size);
		double spread = count * pow(size * (1 - p) / p, 3) * size;
		EXPECT(is_near(sum[i].variance / RUNS, variance, spread, RUNS) || fabs(sum[i].variance / RUNS - variance) < rounding);
		if (variance > size * size)
			ck_assert_double_lt(fabs(squares[i] / RUNS / variance - 1), 0.4);
	}
}
END_TEST

/* The error that reports print, ± 2.5 standard deviations, holds in at least 95 of 100 runs for whoever has ten samples. */
START_TEST(the_truth_lies_within_the_error)
{
	enum { RUNS = 1000 };
	struct estimate one[SITES];
	unsigned within = 0;
	double truth = 0;
	struct thread_state thread;
	for (unsigned i = 0; i < SITES; i++)
		truth += (double)sites[i].size * sites[i].count;
	begin(&thread, 524288, (uint64_t)_i + 2000);
	for (int r = 0; r < RUNS; r++) {
		double bytes = 0, variance = 0;
		run(&thread, 524288, one);
		for (unsigned i = 0; i < SITES; i++) {
			bytes += one[i].bytes;
			variance += one[i].variance;
		}
		within += fabs(bytes - truth) <= 2.5 * sqrt(variance);
	}
	ck_assert_uint_ge(within, RUNS * 95 / 100);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("sampling");
	TCase *arithmetic = tcase_create("arithmetic"), *draws = tcase_create("distances"), *heaps = tcase_create("estimates");
	tcase_set_timeout(arithmetic, 120);
	tcase_set_timeout(draws, 120);
	tcase_set_timeout(heaps, 300);
	tcase_add_test(arithmetic, the_logarithm_is_libms);
	tcase_add_loop_test(arithmetic, the_probability_is_libms, 0, DISTANCES);
	tcase_add_loop_test(arithmetic, weights_are_rounded_scaled_sizes, 0, DISTANCES);
	tcase_add_test(arithmetic, a_block_weighs_itself_in_exact_recording_and_when_it_cannot_be_missed);
	tcase_add_test(arithmetic, variances_stay_at_the_largest_number);
	tcase_add_loop_test(arithmetic, whole_blocks_are_right_over_many_stacks, 0, 5);
	tcase_add_loop_test(draws, distances_are_exponential, 0, 4);
	tcase_add_loop_test(draws, distances_do_not_depend_on_the_last_ones, 0, 2);
	tcase_add_test(draws, threads_draw_from_sequences_of_their_own);
	tcase_add_test(draws, the_smallest_distance_is_drawn_right_in_every_byte);
	tcase_add_test(draws, the_same_seed_draws_the_same_and_others_do_not);
	tcase_add_test(draws, fork_children_draw_from_a_seed_of_their_own);
	tcase_add_test(draws, exact_recording_skips_nothing);
	tcase_add_test(draws, an_allocation_is_sampled_with_its_probability);
	tcase_add_loop_test(heaps, estimates_and_their_variances_are_unbiased, 0, 3);
	tcase_add_loop_test(heaps, the_truth_lies_within_the_error, 0, 2);
	suite_add_tcase(suite, arithmetic);
	suite_add_tcase(suite, draws);
	suite_add_tcase(suite, heaps);
	SRunner *runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	int failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
