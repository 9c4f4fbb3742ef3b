/* links: analyzer */
/* SPDX-License-Identifier: MIT */
/* Growable text, its sticky failure, quoting for a shell; and the one-line errors. */
#include <check.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "error.h"
#include "strbuf.h"

START_TEST(empty_is_a_string)
{
	struct strbuf text;

	strbuf_init(&text);
	ck_assert_str_eq(text.data, "");
	strbuf_clear(&text);
	strbuf_add(&text, NULL, 0);
	ck_assert_str_eq(text.data, "");
	strbuf_release(&text);
	ck_assert_str_eq(text.data, "");
}
END_TEST

START_TEST(pieces_add_up)
{
	struct strbuf text;

	strbuf_init(&text);
	strbuf_puts(&text, "size=");
	strbuf_printf(&text, "%d %s", 12, "B");
	strbuf_putc(&text, ',');
	strbuf_add(&text, "\0x", 2);
	ck_assert_uint_eq(text.length, 12);
	ck_assert_mem_eq(text.data, "size=12 B,\0x", 13);
	strbuf_clear(&text);
	ck_assert_str_eq(text.data, "");
	strbuf_release(&text);
}
END_TEST

START_TEST(long_text_grows)
{
	struct strbuf text;

	strbuf_init(&text);
	for (int i = 0; i < 100000; i++)
		strbuf_printf(&text, "%c", 'a' + i % 26);
	ck_assert_uint_eq(text.length, 100000);
	ck_assert_uint_eq(strlen(text.data), 100000);
	strbuf_printf(&text, "%070000d", 7);
	ck_assert_uint_eq(text.length, 170000);
	ck_assert_int_eq(text.data[169999], '7');
	strbuf_release(&text);
}
END_TEST

START_TEST(stolen_text_is_the_callers)
{
	struct strbuf text;

	strbuf_init(&text);
	char *nothing = strbuf_steal(&text);
	ck_assert_str_eq(nothing, "");
	free(nothing);
	strbuf_puts(&text, "mine");
	char *stolen = strbuf_steal(&text);
	ck_assert_str_eq(stolen, "mine");
	ck_assert_str_eq(text.data, "");
	free(stolen);
	strbuf_release(&text);
}
END_TEST

START_TEST(failure_sticks)
{
	struct strbuf text;

	strbuf_init(&text);
	strbuf_puts(&text, "kept");
	strbuf_add(&text, "x", SIZE_MAX / 2);
	ck_assert(text.failed);
	ck_assert_str_eq(text.data, "kept");
	ck_assert_ptr_null(strbuf_steal(&text));
	strbuf_release(&text);
}
END_TEST

static const char *const words[] = {"plain", "",          "two words",  "it's", "$HOME", "a\nb", "*",
				    "-x=1",  "tab\there", "\"quoted\"", "\\",   "~",     "#x",   "ü"};

/* The shell itself says what the text means. */
START_TEST(quoted_for_a_shell)
{
	struct strbuf command;
	char read[256];

	strbuf_init(&command);
	strbuf_puts(&command, "printf '%s' ");
	strbuf_shell(&command, words[_i]);
	FILE *shell = popen(command.data, "r");
	size_t length = fread(read, 1, sizeof(read) - 1, shell);
	read[length] = '\0';
	ck_assert_int_eq(pclose(shell), 0);
	ck_assert_str_eq(read, words[_i]);
	strbuf_release(&command);
}
END_TEST

START_TEST(first_error_wins)
{
	struct error error = {0};

	ck_assert_int_eq(error_set(&error, "cannot open '%s'", "a"), -1);
	ck_assert_int_eq(error_nomem(&error), -1);
	ck_assert_str_eq(error.text, "cannot open 'a'");
}
END_TEST

START_TEST(control_characters_are_escaped)
{
	struct error error = {0};

	error_set(&error, "'%s'", "a\x1b[2J\nb\x7f\xc2\x9bü\x9b");
	ck_assert_str_eq(error.text, "'a\\x1b[2J\\x0ab\\x7f\\xc2\\x9bü\\x9b'");
}
END_TEST

START_TEST(long_errors_are_cut)
{
	struct error error = {0};
	char name[2000];

	memset(name, '\n', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	error_set(&error, "%s", name);
	ck_assert_uint_lt(strlen(error.text), sizeof(error.text));
	ck_assert_ptr_null(strchr(error.text, '\n'));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("strbuf");
	TCase *cases = tcase_create("strbuf");

	tcase_add_test(cases, empty_is_a_string);
	tcase_add_test(cases, pieces_add_up);
	tcase_add_test(cases, long_text_grows);
	tcase_add_test(cases, stolen_text_is_the_callers);
	tcase_add_test(cases, failure_sticks);
	tcase_add_loop_test(cases, quoted_for_a_shell, 0, sizeof(words) / sizeof(words[0]));
	tcase_add_test(cases, first_error_wins);
	tcase_add_test(cases, control_characters_are_escaped);
	tcase_add_test(cases, long_errors_are_cut);
	suite_add_tcase(suite, cases);
	SRunner *runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	int failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
