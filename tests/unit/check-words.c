/* links: analyzer */
/* SPDX-License-Identifier: MIT */
/* Names of functions as people write them. */
#include <check.h>
#include <stdlib.h>

#include "view-words.h"

static const char *const names[][2] = {
	{"main", "main"},
	{"add(int)", "add(int)"},
	{"std::vector<int, std::allocator<int> >::resize(unsigned long)", "std::vector<int>::resize(unsigned long)"},
	{"std::map<int, std::__cxx11::basic_string<char, std::char_traits<char>, std::allocator<char> >, std::less<int>, "
	 "std::allocator<std::pair<int const, std::__cxx11::basic_string<char, std::char_traits<char>, std::allocator<char> > > > "
	 ">::operator[](int const&)",
	 "std::map<int, std::string>::operator[]"},
	{"std::shared_ptr<std::enable_if<!std::is_array<Session>::value, Session>::type> std::make_shared<Session, Session>(Session&&)",
	 "std::make_shared<Session, Session>"},
	{"bool operator< <char, std::char_traits<char>, std::allocator<char> >(a_rather_long_type_name const&, another_long_one const&)",
	 "operator< <char>"},
	{"std::basic_ostream<char>& operator<<(std::basic_ostream<char>&, a::quite::long_name::of_a::type const&)", "operator<<"},
	{"a::operator->() const", "a::operator->() const"},
	{"x<unclosed", "x<unclosed"},
	{"<<<<", "<<<<"},
	{"", ""},
};

START_TEST(functions)
{
	struct strbuf text;

	strbuf_init(&text);
	words_function(&text, names[_i][0]);
	ck_assert_str_eq(text.data, names[_i][1]);
	strbuf_release(&text);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("words");
	TCase *tests = tcase_create("functions");
	tcase_add_loop_test(tests, functions, 0, sizeof(names) / sizeof(names[0]));
	suite_add_tcase(suite, tests);
	SRunner *runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	int failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
