/* links: analyzer */
/* SPDX-License-Identifier: MIT */
/* The hash of a statement: the same for every layout of one text, another for another text.  A '@' in a text marks the line meant. */
#include "source-statements.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

static uint64_t hash_of(const char *marked)
{
	char *text = strdup(marked), *mark = strchr(text, '@');
	size_t count = 1, line = 0;
	uint64_t hashes[200];

	ck_assert_ptr_nonnull(mark);
	memmove(mark, mark + 1, strlen(mark));
	for (const char *at = text; *at; at++) {
		line += at < mark && *at == '\n';
		count += *at == '\n';
	}
	ck_assert_int_eq(source_statements(text, strlen(text), hashes, count), 0);
	free(text);
	return hashes[line];
}

static const struct {
	const char *what, *one, *other;
} same[] = {
	{"indentation and spaces", "f(void)\n{\n\t@p = malloc(24);\n}\n", "f(void) {\n  @p=malloc( 24 ) ;\n}"},
	{"broken over lines", "{\n@p = calloc(count, sizeof(*p));\n}", "{\np =\n  calloc(count,\n @sizeof(*p));\n}"},
	{"comments", "{\n@p = malloc(24);\n}", "{\n// why; {\n/* p = 1; */\n@p = /* of course; */ malloc(24); // yes }\n}"},
	{"a condition on its own line", "{\n@if (i % 2) p = malloc(1);\n}", "{\nif (i % 2)\n@p = malloc(1);\n}"},
	{"braces around it", "{\nif (a)\n@p = malloc(1);\n}", "{\nif (a) {\n@p = malloc(1);\n}\n}"},
	{"the other branch", "{\nif (a)\nb();\n@else p = malloc(1);\n}", "{\nif (a) { b(); }\nelse\n@p = malloc(1);\n}"},
	{"a loop's head", "{\n@for (int i = 0; i < 3; i++) p[i] = malloc(1);\n}",
	 "{\nfor (int i = 0;\ni < 3; i++) {\n@p[i] = malloc(1);\n}}"},
	{"do and try", "{\n@do p = malloc(1); while (!p);\n}", "{\ndo {\n@p = malloc(1);\n} while (!p);\n}"},
	{"a whole function on a line", "@char *f(void) { return malloc(3); }", "char *f(void)\n{\n@return malloc(3);\n}"},
	{"a lambda in a call", "{\n@add([x] { return x; }, 5);\n}", "{\nadd(\n[x] {\nreturn x;\n},\n@5);\n}"},
	{"in the lambda", "{\nadd([x] {\n@p = new int(x);\n}, 5);\n}", "{\nadd([x] {\n@p =\nnew int(x); }, 5);\n}"},
	{"a string in two parts", "{\n@p = strdup(\"one two\");\n}", "{\np = strdup(\"one \"\n@\"two\");\n}"},
	{"signs in strings and characters", "{\n@p = put(\"};{ // \\\" /* \", ';', '\\'', '{');\n}",
	 "{\np = put(\"};{ // \\\" /* \",\n@';', '\\'', '{');\n}"},
	{"a directive", "{\nint x;\n@#define F(x) malloc( \\\nx)\n}", "#define F(x) \\\n@malloc(x)\n"},
	{"a directive within a statement", "{\np = f(a,\n#ifdef X\n#endif\n@b);\n}", "{\n@p = f(a, b);\n}"},
	{"line ends of other systems", "{\r\n@p = malloc(1);\r\n}", "{\n@p = malloc(1);\n}"},
	{"Rust's lifetimes", "fn f<'a>(x: &'a str) {\n@let p = Box::new(x);\n}", "fn f<'a>(\nx: &'a str) {\nlet p =\n@Box::new(x);\n}"},
	{"too many brackets closed", "}}))\n@p = malloc(1);\n", "}\n})\n)\n@p = malloc(1);"},
};

START_TEST(one_text)
{
	ck_assert_msg(hash_of(same[_i].one) == hash_of(same[_i].other), "%s", same[_i].what);
	ck_assert_msg(hash_of(same[_i].one) != 0, "%s", same[_i].what);
}
END_TEST

static const struct {
	const char *one, *other;
} different[] = {
	{"{\n@p = malloc(1);\n}", "{\n@p = malloc(2);\n}"},
	{"{\n@p = malloc(1);\n}", "{\n@q = malloc(1);\n}"},
	{"{\n@p = malloc(1);\nq = 1;\n}", "{\np = malloc(1);\n@q = 1;\n}"},
	{"{\n@p = strdup(\"a\");\n}", "{\n@p = strdup(\"b\");\n}"},
	{"{\n@p = f('a');\n}", "{\n@p = f('b');\n}"},
	{"{\n@return malloc(1);\n}", "{\n@p = malloc(1);\n}"},
	{"{\n@a(1); b(2);\n}", "{\n@b(2); a(1);\n}"},
};

START_TEST(two_texts)
{
	ck_assert_uint_ne(hash_of(different[_i].one), hash_of(different[_i].other));
}
END_TEST

START_TEST(nothing_there)
{
	static const char *const texts[] = {"@", "@\n", "@{\n", "@}", "a;\n@// x\n", "/*\n@b();\n*/", "a;\n@;\n"};

	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++)
		ck_assert_msg(hash_of(texts[i]) == 0, "%s", texts[i]);
}
END_TEST

/* What no compiler would take, and depth beyond what is kept. */
START_TEST(anything)
{
	static const char *const texts[] = {"\"",  "'",    "'\\",  "/*",           "/",      "#",
					    "#\\", "\"\\", "'\\'", "(((({{{{[[[[", "]]]}}}", "#define x \\\n"};
	uint64_t hashes[4];
	char deep[1000];

	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++)
		ck_assert_int_eq(source_statements(texts[i], strlen(texts[i]), hashes, 1), 0);
	memset(deep, '{', 500);
	memset(deep + 500, '}', 500);
	ck_assert_int_eq(source_statements(deep, sizeof(deep), hashes, 1), 0);
	ck_assert_int_eq(source_statements("a;\nb;\nc;\nd;\n", 12, hashes, 2), 0);
	ck_assert_uint_ne(hashes[0], hashes[1]);
	ck_assert_int_eq(source_statements("\0a\0;", 4, hashes, 1), 0);
}
END_TEST

/* FORMAT.md's words: another writer must come to the same number. */
START_TEST(the_number)
{
	uint64_t hash = UINT64_C(0xcbf29ce484222325);

	for (const char *at = "p=malloc(1)"; *at; at++)
		hash = (hash ^ (unsigned char)*at) * UINT64_C(0x100000001b3);
	ck_assert_uint_eq(hash_of("{\n@ p = malloc(1);\n}"), hash);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("source-statements");
	TCase *group = tcase_create("source-statements");
	SRunner *runner;
	int failed;

	tcase_add_loop_test(group, one_text, 0, sizeof(same) / sizeof(*same));
	tcase_add_loop_test(group, two_texts, 0, sizeof(different) / sizeof(*different));
	tcase_add_test(group, nothing_there);
	tcase_add_test(group, anything);
	tcase_add_test(group, the_number);
	suite_add_tcase(suite, group);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
