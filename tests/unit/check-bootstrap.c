/* links: preload */
/* SPDX-License-Identifier: MIT */
/* The early pool: alignment, zeros, growth, recognition, several threads. */
#include <check.h>
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "bootstrap.h"

START_TEST(blocks_are_aligned_zero_and_apart)
{
	char *before = bootstrap_alloc(1, 24);
	for (size_t alignment = 1; alignment <= 65536; alignment *= 2) {
		char *block = bootstrap_alloc(alignment, 100);
		ck_assert_ptr_nonnull(block);
		ck_assert_uint_eq((uintptr_t)block % (alignment < 16 ? 16 : alignment), 0);
		ck_assert_uint_eq(bootstrap_size(block), 100);
		for (int n = 0; n < 100; n++)
			ck_assert_int_eq(block[n], 0);
		memset(block, 0x5a, 100);
	}
	for (int n = 0; n < 24; n++)
		ck_assert_int_eq(before[n], 0);
}
END_TEST

START_TEST(knows_its_own_blocks_only)
{
	void *foreign = malloc(10);
	ck_assert(!bootstrap_owns(NULL));
	ck_assert(!bootstrap_owns(foreign));
	ck_assert(bootstrap_owns(bootstrap_alloc(16, 0)));
	char *large = bootstrap_alloc(16, 5 << 20);
	ck_assert_ptr_nonnull(large);
	ck_assert(bootstrap_owns(large));
	ck_assert(bootstrap_owns(large + (5 << 20) - 1));
	free(foreign);
}
END_TEST

START_TEST(impossible_sizes_are_refused)
{
	ck_assert_ptr_null(bootstrap_alloc(16, SIZE_MAX));
	ck_assert_ptr_null(bootstrap_alloc(16, SIZE_MAX / 2));
	ck_assert_ptr_null(bootstrap_alloc(SIZE_MAX / 2 + 1, 16));
	ck_assert_ptr_nonnull(bootstrap_alloc(16, 16));
}
END_TEST

enum { THREADS = 4, BLOCKS = 4000 };
static unsigned char *given[THREADS][BLOCKS];

static void *take_many(void *argument)
{
	size_t thread = (size_t)(uintptr_t)argument;
	for (size_t n = 0; n < BLOCKS; n++) {
		given[thread][n] = bootstrap_alloc(16, 48);
		if (given[thread][n])
			memset(given[thread][n], (int)(thread * 50 + n % 50), 48);
	}
	return NULL;
}

START_TEST(threads_get_different_blocks)
{
	pthread_t ids[THREADS];
	for (size_t n = 0; n < THREADS; n++)
		ck_assert_int_eq(pthread_create(&ids[n], NULL, take_many, (void *)(uintptr_t)n), 0);
	for (size_t n = 0; n < THREADS; n++)
		pthread_join(ids[n], NULL);
	for (size_t thread = 0; thread < THREADS; thread++)
		for (size_t n = 0; n < BLOCKS; n++) {
			ck_assert_ptr_nonnull(given[thread][n]);
			for (int byte = 0; byte < 48; byte += 47)
				ck_assert_uint_eq(given[thread][n][byte], thread * 50 + n % 50);
		}
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("bootstrap");
	TCase *tests = tcase_create("pool");
	tcase_add_test(tests, blocks_are_aligned_zero_and_apart);
	tcase_add_test(tests, knows_its_own_blocks_only);
	tcase_add_test(tests, impossible_sizes_are_refused);
	tcase_add_test(tests, threads_get_different_blocks);
	suite_add_tcase(suite, tests);
	SRunner *runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	int failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
