/* links: analyzer */
/* SPDX-License-Identifier: MIT */
/* Equal text, equal pointer; pointers that stay; and the map of numbers that the model's tables are found by. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "idmap.h"
#include "intern.h"

enum { MANY = 50000 };

START_TEST(equal_text_is_one_pointer)
{
	struct intern *intern = intern_new();
	const char *first[MANY];
	char text[32];

	for (int i = 0; i < MANY; i++) {
		snprintf(text, sizeof(text), "src/file-%d.c", i);
		first[i] = intern_add(intern, text);
		ck_assert_str_eq(first[i], text);
	}
	for (int i = 0; i < MANY; i++) {
		snprintf(text, sizeof(text), "src/file-%d.c", i);
		ck_assert_ptr_eq(intern_add(intern, text), first[i]);
	}
	intern_free(intern);
}
END_TEST

START_TEST(length_counts)
{
	struct intern *intern = intern_new();
	const char *abc = intern_add(intern, "abc");

	ck_assert_ptr_eq(intern_add_n(intern, "abcdef", 3), abc);
	ck_assert_ptr_ne(intern_add_n(intern, "abcdef", 4), abc);
	ck_assert_ptr_eq(intern_add_n(intern, "xyz", 0), intern_add(intern, ""));
	intern_free(intern);
}
END_TEST

START_TEST(long_text)
{
	struct intern *intern = intern_new();
	size_t length = 1 << 20;
	char *text = malloc(length + 1);

	memset(text, 'x', length);
	text[length] = '\0';
	const char *stable = intern_add(intern, text);
	ck_assert_uint_eq(strlen(stable), length);
	ck_assert_str_eq(intern_add(intern, "short"), "short");
	ck_assert_ptr_eq(intern_add(intern, text), stable);
	free(text);
	intern_free(intern);
}
END_TEST

START_TEST(free_nothing)
{
	intern_free(NULL);
}
END_TEST

static bool same_number(const void *records, uint32_t id, const void *key)
{
	return ((const uint64_t *)records)[id] == *(const uint64_t *)key;
}

START_TEST(map_finds_what_was_added)
{
	uint64_t *records = malloc(MANY * sizeof(*records));
	struct idmap map;

	idmap_init(&map);
	for (uint32_t i = 0; i < MANY; i++) {
		records[i] = (uint64_t)i * i * 4096;
		uint32_t hash = idmap_hash(&map, &records[i], 1);
		ck_assert_uint_eq(idmap_find(&map, hash, same_number, records, &records[i]), IDMAP_NONE);
		ck_assert_int_eq(idmap_add(&map, hash, i), 0);
	}
	for (uint32_t i = 0; i < MANY; i++)
		ck_assert_uint_eq(idmap_find(&map, idmap_hash(&map, &records[i], 1), same_number, records, &records[i]), i);
	uint64_t absent = 3;
	ck_assert_uint_eq(idmap_find(&map, idmap_hash(&map, &absent, 1), same_number, records, &absent), IDMAP_NONE);
	idmap_release(&map);
	free(records);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("intern");
	TCase *cases = tcase_create("intern");

	tcase_add_test(cases, equal_text_is_one_pointer);
	tcase_add_test(cases, length_counts);
	tcase_add_test(cases, long_text);
	tcase_add_test(cases, free_nothing);
	tcase_add_test(cases, map_finds_what_was_added);
	suite_add_tcase(suite, cases);
	SRunner *runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	int failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
