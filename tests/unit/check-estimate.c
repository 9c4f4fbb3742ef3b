/* links: analyzer */
/* SPDX-License-Identifier: MIT */
/* The number behind ±, and what it is for a difference. */
#include <check.h>
#include <math.h>

#include "estimate.h"

START_TEST(errors)
{
	ck_assert_int_eq(estimate_error(0), 0);
	ck_assert_int_eq(estimate_error(4), 5);
	ck_assert_int_eq(estimate_error(1e12), 2500000);
	ck_assert_int_eq(estimate_error(0x1p64), INT64_C(10737418240));
	/* Numbers from files may be anything. */
	ck_assert_int_eq(estimate_error(1e300), INT64_MAX);
	ck_assert_int_eq(estimate_error(INFINITY), INT64_MAX);
	ck_assert_int_eq(estimate_error(-1), 0);
}
END_TEST

/* Poisson's distribution: of n samples, the interval n ± 2.5 √n holds the mean. */
START_TEST(an_error_holds_what_it_promises_from_ten_samples_on)
{
	for (double mean = 10; mean < 2000; mean *= 1.07) {
		double within = 0, chance;
		for (int64_t n = 0; (double)n < mean + 20 * sqrt(mean); n++) {
			chance = exp((double)n * log(mean) - mean - lgamma((double)n + 1));
			if (fabs((double)n * 1000 - mean * 1000) <= (double)estimate_error((double)n * 1e6))
				within += chance;
		}
		ck_assert_msg(within > 0.95, "%g samples: %g", mean, within);
	}
}
END_TEST

START_TEST(differences)
{
	const struct estimate_ends unknown = {.old_variance = 300, .new_variance = 400, .came = -1, .gone = -1, .distance = 10};
	const struct estimate_ends unchanged = {.old_variance = 300, .new_variance = 400, .distance = 10};
	const struct estimate_ends little = {.old_variance = 300, .new_variance = 400, .came = 20, .gone = 5, .distance = 10};
	const struct estimate_ends much = {.old_variance = 300, .new_variance = 400, .came = 2000, .gone = 1900, .distance = 10};
	const struct estimate_ends odd = {.old_variance = 300, .new_variance = 400, .came = 20, .gone = -5, .distance = 10};
	const struct estimate_ends undated = {.old_variance = 300, .new_variance = 400, .came = 2, .gone = 0, .distance = 0};
	ck_assert_double_eq(estimate_diff_variance(&unknown), 700);
	ck_assert_double_eq(estimate_diff_variance(&unchanged), 0);
	ck_assert_double_eq(estimate_diff_variance(&little), 250);
	ck_assert_double_eq(estimate_diff_variance(&much), 700);
	ck_assert_double_eq(estimate_diff_variance(&odd), 700);
	ck_assert_double_eq(estimate_diff_variance(&undated), 700);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("estimate");
	TCase *tests = tcase_create("estimate");
	tcase_add_test(tests, errors);
	tcase_add_test(tests, an_error_holds_what_it_promises_from_ten_samples_on);
	tcase_add_test(tests, differences);
	suite_add_tcase(suite, tests);
	SRunner *runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	int failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
