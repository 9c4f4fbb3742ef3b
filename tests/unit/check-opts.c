/* links: analyzer */
/* SPDX-License-Identifier: MIT */
/* Command lines by table, the help that comes from the same table, quoting for shells. */
#include "opts.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "closest.h"
#include "help.h"

struct shared {
	bool on, off;
	int often, choice;
	const char *text;
	struct opt_list list;
	unsigned long long number, size, time;
	long long integer;
};

struct options {
	int before; /* the group does not begin at 0 */
	struct shared shared;
};

static const char *const choices[] = {"red", "green", NULL};

#define AT(member) offsetof(struct shared, member)
static const struct opt opts[] = {
	{"on", 'y', OPT_FLAG, AT(on), NULL, "switch on", NULL},
	{"no-off", 0, OPT_OFF, AT(off), NULL, "switch off", NULL},
	{"often", 'f', OPT_COUNT, AT(often), NULL, "count", NULL},
	{"text", 't', OPT_STRING, AT(text), "TEXT", "a text", NULL},
	{"list", 'l', OPT_LIST, AT(list), "ITEM", "one more", NULL},
	{"number", 'n', OPT_NUMBER, AT(number), "N", "a number", NULL},
	{"integer", 'i', OPT_INTEGER, AT(integer), "N", "may be negative", NULL},
	{"size", 's', OPT_SIZE, AT(size), "SIZE", "bytes", NULL},
	{"time", 0, OPT_TIME, AT(time), "TIME", "how long", NULL},
	{"colour", 'c', OPT_CHOICE, AT(choice), "NAME", "a colour", choices},
	{"secret", 0, OPT_FLAG, AT(on), NULL, NULL, NULL},
	{0},
};
static const struct opt_group groups[] = {{"Things", opts, offsetof(struct options, shared)}};
static const struct cmd cmd = {.name = "test",
			       .arguments = "[FILE…]",
			       .summary = "try options",
			       .groups = groups,
			       .group_count = 1,
			       .options_size = sizeof(struct options),
			       .examples = "heapdelta test\twhat it does\n"};
static const struct cmd ending = {.name = "run", .groups = groups, .group_count = 1, .operands_end_options = true};

static struct options options;
static struct opts_common common;
static struct error error;
static char *arguments[20];
static int operands;

/* Words separated by spaces. */
static int parse_as(const struct cmd *as, const char *line)
{
	static char copy[512];
	size_t count = 0;

	strcpy(copy, line);
	for (char *word = strtok(copy, " "); word; word = strtok(NULL, " "))
		arguments[count++] = word;
	arguments[count] = NULL;
	return opts_parse(as, &options, &common, arguments, &operands, &error);
}

static void parse(const char *line)
{
	ck_assert_msg(parse_as(&cmd, line) == 0, "%s: %s", line, error.text);
}

START_TEST(every_kind)
{
	options.shared.off = true;
	parse("-y --no-off -ff -t one --list a -lb --number 7 --integer=-3 --size 1.5K --time 2m --colour green");
	ck_assert(options.shared.on && !options.shared.off);
	ck_assert_int_eq(options.shared.often, 2);
	ck_assert_str_eq(options.shared.text, "one");
	ck_assert_uint_eq(options.shared.list.count, 2);
	ck_assert_str_eq(options.shared.list.items[1], "b");
	ck_assert_ptr_null(options.shared.list.items[2]);
	ck_assert_uint_eq(options.shared.number, 7);
	ck_assert_int_eq(options.shared.integer, -3);
	ck_assert_uint_eq(options.shared.size, 1536);
	ck_assert_uint_eq(options.shared.time, 120000000000ull);
	ck_assert_int_eq(options.shared.choice, 1);
	ck_assert_int_eq(options.before, 0);
	ck_assert_int_eq(operands, 0);
}
END_TEST

START_TEST(operands_keep_their_order)
{
	parse("a -y b - --text=x=y -- -n --number");
	ck_assert_int_eq(operands, 5);
	ck_assert_str_eq(arguments[0], "a");
	ck_assert_str_eq(arguments[2], "-");
	ck_assert_str_eq(arguments[3], "-n");
	ck_assert_str_eq(arguments[4], "--number");
	ck_assert_ptr_null(arguments[5]);
	ck_assert_str_eq(options.shared.text, "x=y");
}
END_TEST

START_TEST(options_end_at_the_command_of_run)
{
	ck_assert_int_eq(parse_as(&ending, "-y prog -n --text --"), 0);
	ck_assert_int_eq(operands, 4);
	ck_assert_str_eq(arguments[0], "prog");
	ck_assert_str_eq(arguments[3], "--");
	ck_assert_ptr_null(options.shared.text);
}
END_TEST

START_TEST(help_wins_at_once)
{
	parse("-qh --no-such-option");
	ck_assert(common.help && common.quiet);
}
END_TEST

START_TEST(common_options)
{
	parse("-vv --log file x");
	ck_assert_int_eq(common.verbose, 2);
	ck_assert_str_eq(common.log, "file");
}
END_TEST

static const struct {
	const char *line, *text;
} misuse[] = {
	{"--numbr 3", "unknown option '--numbr'; did you mean '--number'?"},
	{"--xyzzyxyzzy", "unknown option '--xyzzyxyzzy'"},
	{"--num 3", "unknown option '--num'"},
	{"-z", "unknown option '-z'"},
	{"-yz", "unknown option '-z'"},
	{"--number", "option '--number' needs a value (N)"},
	{"-t", "option '-t' needs a value (TEXT)"},
	{"--number -3", "option '--number' needs a number, not '-3'"},
	{"--number 3x", "option '--number' needs a number, not '3x'"},
	{"--number 18446744073709551616", "option '--number' needs a number"},
	{"--integer --1", "option '--integer' needs a number, not '--1'"},
	{"--size 1kB", "option '--size' needs a size such as 64K or 1.5M (powers of 1024), not '1kB'"},
	{"--time soon", "option '--time' needs a time such as 10s, 2m or 1h, not 'soon'"},
	{"-c blue", "option '-c' does not know 'blue', only red, green"},
	{"--on=1", "option '--on' takes no value"},
	{"--\033[31m", "unknown option '--\\x1b[31m'"},
};

START_TEST(one_line_says_what_is_wrong)
{
	ck_assert_int_eq(parse_as(&cmd, misuse[_i].line), -1);
	ck_assert_msg(strncmp(error.text, misuse[_i].text, strlen(misuse[_i].text)) == 0, "%s: %s", misuse[_i].line, error.text);
}
END_TEST

START_TEST(help_fits_a_terminal)
{
	char *text = NULL, *line, *rest;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	help_command(&cmd, out);
	fclose(out);
	ck_assert_ptr_nonnull(strstr(text, "\n  -c, --colour NAME       a colour: red, green\n"));
	ck_assert_ptr_nonnull(strstr(text, "Usage: heapdelta test [options] [FILE…]\n"));
	ck_assert_ptr_null(strstr(text, "secret"));
	for (line = strtok_r(text, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest))
		ck_assert_uint_le(strlen(line), 82);
	free(text);
}
END_TEST

START_TEST(man_page_and_completion)
{
	const struct cmd *const cmds[] = {&cmd, NULL};
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	help_man(cmds, out);
	help_man_command(&cmd, out);
	help_completion(cmds, out);
	fclose(out);
	ck_assert_ptr_nonnull(strstr(text, "\\fB\\-c\\fR, \\fB\\-\\-colour\\fR \\fINAME\\fR\na colour: red, green\n"));
	ck_assert_ptr_nonnull(strstr(text, "[FILE\\[u2026]]"));
	ck_assert_ptr_nonnull(strstr(text, "\\fBheapdelta\\-test\\fR(1)"));
	ck_assert_ptr_nonnull(strstr(text, "-c | --colour) words='red green' kind=words ;;"));
	ck_assert_ptr_null(strstr(text, "secret"));
	free(text);
}
END_TEST

/* One setting from somewhere else goes the way of an argument. */
START_TEST(settings)
{
	const struct opts_setting number = {"number", 6, "7"}, flag = {"on", 2, NULL}, item = {"list=x", 4, "x y"};
	const struct opts_setting wrong = {"on", 2, "1"}, unknown = {"numbers", 7, "7"}, empty = {"number", 6, NULL};

	ck_assert_int_eq(opts_set(&cmd, &options, &common, &number, &error), 0);
	ck_assert_int_eq(opts_set(&cmd, &options, &common, &flag, &error), 0);
	ck_assert_int_eq(opts_set(&cmd, &options, &common, &item, &error), 0);
	ck_assert_uint_eq(options.shared.number, 7);
	ck_assert(options.shared.on);
	ck_assert_str_eq(options.shared.list.items[0], "x y");
	ck_assert_int_eq(opts_set(&cmd, &options, &common, &wrong, &error), -1);
	ck_assert_str_eq(error.text, "option '--on' takes no value");
	ck_assert_int_eq(opts_set(&cmd, &options, &common, &unknown, &(struct error){0}), -1);
	ck_assert_int_eq(opts_set(&cmd, &options, &common, &empty, &(struct error){0}), -1);
	ck_assert_ptr_nonnull(opts_find(&cmd, "quiet", 5));
	ck_assert_ptr_null(opts_find(&cmd, "quie", 4));
}
END_TEST

static const char *const quoted[][2] = {
	{"plain-1.hds", "plain-1.hds"}, {"", "''"},     {"a b", "'a b'"}, {"it's", "'it'\\''s'"}, {"*.c", "'*.c'"},
	{"$HOME", "'$HOME'"},           {"=x", "'=x'"},
};

START_TEST(words_for_a_shell)
{
	struct strbuf out;

	strbuf_init(&out);
	cmd_quote(&out, quoted[_i][0]);
	ck_assert_str_eq(out.data, quoted[_i][1]);
	strbuf_release(&out);
}
END_TEST

START_TEST(near_words)
{
	struct closest closest;

	closest_init(&closest, "cash.c");
	closest_try(&closest, "completely-different.c");
	ck_assert_ptr_null(closest.best);
	closest_try_as(&closest, "cache.c", "src/cache.c");
	ck_assert_str_eq(closest.best, "src/cache.c");
	closest_try(&closest, "crash.c");
	ck_assert_str_eq(closest.best, "crash.c");
	/* As near, whatever the case; twice the same; one more than fits. */
	closest_try(&closest, "CASH.cc");
	closest_try(&closest, "crash.c");
	closest_try(&closest, "casph.c");
	closest_try(&closest, "cashx.c");
	ck_assert_uint_eq(closest.count, 3);
	ck_assert_str_eq(closest.list[1], "CASH.cc");
	ck_assert_str_eq(closest.list[2], "casph.c");
	closest_offer(&closest, 0, "x/Cash.c");
	ck_assert_uint_eq(closest.count, 1);
	ck_assert_str_eq(closest.best, "x/Cash.c");
}
END_TEST

static void set_up(void)
{
	options = (struct options){0};
	common = (struct opts_common){0};
	error = (struct error){0};
}

static void tear_down(void)
{
	opts_release(&cmd, &options);
}

int main(void)
{
	Suite *suite = suite_create("opts");
	TCase *group = tcase_create("opts");
	SRunner *runner;
	int failed;

	tcase_add_checked_fixture(group, set_up, tear_down);
	tcase_add_test(group, every_kind);
	tcase_add_test(group, operands_keep_their_order);
	tcase_add_test(group, options_end_at_the_command_of_run);
	tcase_add_test(group, help_wins_at_once);
	tcase_add_test(group, common_options);
	tcase_add_loop_test(group, one_line_says_what_is_wrong, 0, sizeof(misuse) / sizeof(*misuse));
	tcase_add_test(group, help_fits_a_terminal);
	tcase_add_test(group, man_page_and_completion);
	tcase_add_test(group, settings);
	tcase_add_loop_test(group, words_for_a_shell, 0, sizeof(quoted) / sizeof(*quoted));
	tcase_add_test(group, near_words);
	suite_add_tcase(suite, group);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
