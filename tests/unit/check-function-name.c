/* links: analyzer */
/* SPDX-License-Identifier: MIT */
/* Names of functions as people write them. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "function-name.h"

#define STRING "std::__cxx11::basic_string<char, std::char_traits<char>, std::allocator<char> >"

/* As it is demangled, short, bare. */
static const char *const names[][3] = {
	{"main", "main", "main"},
	{"add(int)", "add(int)", "add"},
	{"std::vector<int, std::allocator<int> >::resize(unsigned long)", "std::vector<int>::resize(unsigned long)",
	 "std::vector<int>::resize"},
	{"std::map<int, " STRING ", std::less<int>, std::allocator<std::pair<int const, " STRING " > > >::operator[](int const&)",
	 "std::map<int, std::string>::operator[]", "std::map<int, std::string>::operator[]"},
	{"std::shared_ptr<std::enable_if<!std::is_array<Session>::value, Session>::type> std::make_shared<Session, int&>(int&)",
	 "std::make_shared<Session, int&>", "std::make_shared<Session>"},
	{"std::make_unique<std::pair<int, int> >()", "std::make_unique<std::pair<int, int>>()", "std::make_unique<std::pair<int, int>>"},
	{"bool operator< <char, std::char_traits<char>, std::allocator<char> >(a_rather_long_type_name const&, another_long_one const&)",
	 "operator< <char>", "operator< <char>"},
	{"std::basic_ostream<char>& operator<<(std::basic_ostream<char>&, a::quite::long_name::of_a::type const&)", "operator<<",
	 "operator<<"},
	{STRING " std::operator+<char, std::char_traits<char>, std::allocator<char> >(char const*, " STRING "&&)", "std::operator+<char>",
	 "std::operator+"},
	{STRING "::basic_string<std::allocator<char> >(char const*, std::allocator<char> const&)",
	 "std::string::string<std::allocator<char>>", "std::string::string"},
	{STRING "::~basic_string()", "std::string::~string()", "std::string::~string"},
	{STRING "::_M_append(char const*, unsigned long)", "std::string::_M_append", "std::string::_M_append"},
	{"std::basic_string_view<wchar_t, std::char_traits<wchar_t> >::data() const", "std::wstring_view::data() const",
	 "std::wstring_view::data"},
	{"std::basic_string<char, mine>::f()", "std::basic_string<char, mine>::f()", "std::basic_string<char, mine>::f"},
	{"std::__cxx11::basic_ostringstream<char, std::char_traits<char>, std::allocator<char> >::str[abi:cxx11]() const",
	 "std::ostringstream::str() const", "std::ostringstream::str"},
	{"std::__1::vector<int, std::__1::allocator<int> >::push_back(int&&)", "std::vector<int>::push_back(int&&)",
	 "std::vector<int>::push_back"},
	{"std::__cxx11::list<" STRING ", std::allocator<" STRING " > >::emplace_back<int, char>(int&&, char&&)",
	 "std::list<std::string>::emplace_back<int, char>", "std::list<std::string>::emplace_back"},
	{"std::optional<" STRING " >::emplace<int, char>(int&&, char&&)", "std::optional<std::string>::emplace<int, char>",
	 "std::optional<std::string>::emplace"},
	{"std::priority_queue<int, std::vector<int, std::allocator<int> >, std::less<int> >::push(int const&)",
	 "std::priority_queue<int>::push(int const&)", "std::priority_queue<int>::push"},
	{"std::pair<int, std::vector<int, std::allocator<int> > >::pair()", "std::pair<int, std::vector<int>>::pair()",
	 "std::pair<int, std::vector<int>>::pair"},
	{"std::deque<std::array<int, 8ul>, std::allocator<std::array<int, 8ul> > >::push_back(int)",
	 "std::deque<std::array<int, 8>>::push_back(int)", "std::deque<std::array<int, 8>>::push_back"},
	{"std::vector<(anonymous namespace)::Slot, std::allocator<(anonymous namespace)::Slot> >::reserve(unsigned long)",
	 "std::vector<Slot>::reserve(unsigned long)", "std::vector<Slot>::reserve"},
	{"std::vector<a::quite::long_name::of_a::type_of_mine, std::allocator<a::quite::long_name::of_a::type_of_mine> >::clear()",
	 "std::vector<…>::clear()", "std::vector<…>::clear"},
	{"shop::(anonymous namespace)::put(int)", "shop::(anonymous namespace)::put(int)", "shop::(anonymous namespace)::put"},
	{"void x::go<std::vector<int> >(std::vector<int>&)", "void x::go<std::vector<int>>(std::vector<int>&)", "x::go<std::vector<int>>"},
	{"a::operator->() const", "a::operator->() const", "a::operator->"},
	{"f<8u>::g8u(int)", "f<8>::g8u(int)", "f<8>::g8u"},
	{"std::operator>(int)", "std::operator>(int)", "std::operator>"},
	{"<alloc::vec::Vec<T,A> as core::ops::drop::Drop>::drop", "<Vec<T,A> as Drop>::drop", "<Vec<T,A> as Drop>::drop"},
	{"<alloc::vec::Vec<u64>>::push", "Vec<u64>::push", "Vec<u64>::push"},
	{"<alloc::vec::Vec<alloc::boxed::Box<app::Slot>>>::push", "Vec<Box<app::Slot>>::push", "Vec<Box<app::Slot>>::push"},
	{"<std::collections::hash::map::HashMap<alloc::string::String, usize>>::entry", "HashMap<String, usize>::entry",
	 "HashMap<String, usize>::entry"},
	{"alloc::vec::from_elem::<u32>", "alloc::vec::from_elem::<u32>", "alloc::vec::from_elem"},
	{"std::thread::functions::spawn::<app::{closure#0}, ()>", "std::thread::functions::spawn::<app::{closure#0}, ()>",
	 "std::thread::functions::spawn"},
	{"<core::iter::Map<app::I, fn() -> u8> as core::iter::Iterator>::collect::<alloc::vec::Vec<u64>>",
	 "<Map<app::I, fn() -> u8> as Iterator>::collect::<Vec<u64>>", "<Map<app::I, fn() -> u8> as Iterator>::collect"},
	{"app::make::<app::Slot>", "app::make::<app::Slot>", "app::make::<app::Slot>"},
	{"<str>::to_uppercase", "str::to_uppercase", "str::to_uppercase"},
	{"std::", "std::", "std::"},
	{"core::a::", "core::a::", "core::a::"},
	{"std::operator>> <char>(int)", "std::operator>> <char>(int)", "std::operator>>"},
	{"std::operator<=>(int)", "std::operator<=>(int)", "std::operator<=>"},
	{"x<unclosed", "x<unclosed", "x<unclosed"},
	{"<<<<", "<<<<", "<<<<"},
	{"std::", "std::", "std::"},
	{"std::basic_", "std::basic_", "std::basic_"},
	{"std::basic_<char>", "std::basic_<char>", "std::basic_"},
	{"operator", "operator", "operator"},
	{"[abi:", "[abi:", "[abi:"},
	{"", "", ""},
};

START_TEST(functions)
{
	struct strbuf text;

	strbuf_init(&text);
	function_name_short(&text, names[_i][0]);
	ck_assert_str_eq(text.data, names[_i][1]);
	strbuf_clear(&text);
	function_name_bare(&text, names[_i][0]);
	ck_assert_str_eq(text.data, names[_i][2]);
	strbuf_release(&text);
}
END_TEST

/* Names that somebody has made to hurt: quickly done with, and not longer than they were. */
START_TEST(hostile_names)
{
	static const char *const parts[] = {"<", "std::basic_", "a<", "operator<", "[abi:", "<(", "std::queue<", "1u", ">"};
	enum { LONGEST = 4096 };
	struct strbuf name, text;

	strbuf_init(&name);
	strbuf_init(&text);
	while (name.length < LONGEST + 100) {
		strbuf_puts(&name, parts[_i]);
		if (name.length > 100 && name.length < LONGEST - 20)
			continue;
		strbuf_clear(&text);
		function_name_short(&text, name.data);
		ck_assert_uint_le(text.length, name.length + 8);
		strbuf_clear(&text);
		function_name_bare(&text, name.data);
		ck_assert_uint_le(text.length, name.length + 8);
	}
	strbuf_release(&name);
	strbuf_release(&text);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("function-name");
	TCase *tests = tcase_create("functions");
	tcase_add_loop_test(tests, functions, 0, sizeof(names) / sizeof(names[0]));
	tcase_add_loop_test(tests, hostile_names, 0, 9);
	suite_add_tcase(suite, tests);
	SRunner *runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	int failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
