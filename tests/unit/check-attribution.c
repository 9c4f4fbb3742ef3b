/* links: analyzer */
/* SPDX-License-Identifier: MIT */
/* Whose line is it: stacks written down as text, the frame that each mode must choose, what it says was passed over, what lives once. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "attribution.h"
#include "runtime-names.h"

#define LIBC "/lib/x86_64-linux-gnu/libc.so.6"
#define LOADER "/lib64/ld-linux-x86-64.so.2"
#define LIBSTDCXX "/usr/lib/x86_64-linux-gnu/libstdc++.so.6"
#define APP "/opt/app/bin/app"
#define VECTOR "/usr/include/c++/12/bits/stl_vector.h"
#define FRAME(file_, function_, module_, line_) \
	{ \
		.file = file_, .function = function_, .module = module_, .line = line_ \
	}
#define SYSTEM(file_, function_, module_, line_) \
	{ \
		.file = file_, .function = function_, .module = module_, .line = line_, .flags = FRAME_SYSTEM \
	}
#define PSEUDO(name) \
	{ \
		.file = name, .flags = FRAME_PSEUDO \
	}
#define STACK(...) \
	{ \
		.list = (struct frame[]){__VA_ARGS__}, .count = sizeof((struct frame[]){__VA_ARGS__}) / sizeof(struct frame) \
	}

/* A stack, the frame each mode chooses, and what mode mine names as passed over. */
struct example {
	const char *what;
	struct frames frames;
	size_t mine, library;
	const char *via;
	bool one_time;
};

static const struct example examples[] = {
	{
		.what = "own code calls malloc",
		.frames = STACK(FRAME("/src/cache.c", "put", APP, 42), FRAME("/src/main.c", "main", APP, 9),
				FRAME("libc.so.6(__libc_start_main+0x85)", "__libc_start_main", LIBC, 0)),
	},
	{
		.what = "strdup is the text of the line",
		.frames = STACK(FRAME("libc.so.6(strdup+0x1a)", "strdup", LIBC, 0), FRAME("/src/cache.c", "put", APP, 42)),
		.mine = 1,
		.library = 1,
	},
	{
		.what = "a vector",
		.frames = STACK(FRAME("libstdc++.so.6(operator new+0x1c)", "operator new(unsigned long)", LIBSTDCXX, 0),
				SYSTEM(VECTOR, "std::__new_allocator<int>::allocate(unsigned long, void const*)", APP, 137),
				SYSTEM(VECTOR, "std::vector<int>::resize(unsigned long)", APP, 940),
				FRAME("/src/session.cpp", "Session::open(int)", APP, 88)),
		.mine = 3,
		.library = 3,
		.via = "std::vector<int>::resize(unsigned long)",
	},
	{
		.what = "templates whose names begin with a return type, in a library of the program's own",
		.frames = STACK(FRAME("/opt/x.h", "int* std::__uninitialized_copy<false>::__uninit_copy<int*, int*>(int*, int*, int*)",
				      "/opt/libx.so", 1),
				FRAME("/opt/y.h", "void boost::detail::make<int>(int)", "/opt/libx.so", 2),
				FRAME("/opt/x.cc", "void x::grow<std::vector<int> >(std::vector<int>&)", "/opt/libx.so", 3),
				FRAME("/src/a.c", "main", APP, 4)),
		.mine = 3,
		.library = 2,
		.via = "void x::grow<std::vector<int> >(std::vector<int>&)",
	},
	{
		.what = "the program's own xmalloc is passed over",
		.frames = STACK(FRAME("/src/lib/xmalloc.c", "xmalloc", APP, 5), FRAME("/src/list.c", "list_add", APP, 31)),
		.mine = 1,
		.library = 1,
		.via = "xmalloc",
	},
	{
		.what = "the program's own operator new, a class's, an allocator's",
		.frames = STACK(FRAME("/src/new.cpp", "operator new(unsigned long)", APP, 16),
				FRAME("/src/new.cpp", "Slot::operator new(unsigned long)", APP, 40),
				FRAME("/src/new.cpp", "Counting<a::b<int> >::allocate(unsigned long)", APP, 52),
				FRAME("/src/new.cpp", "Resource::do_allocate(unsigned long, unsigned long)", APP, 72),
				FRAME("/src/main.cpp", "allocate(int)", APP, 9), FRAME("/src/main.cpp", "main", APP, 19)),
		.mine = 4,
		.library = 4,
		.via = "Resource::do_allocate(unsigned long, unsigned long)",
	},
	{
		.what = "nothing but xmalloc is ours",
		.frames = STACK(FRAME("/src/lib/xmalloc.c", "xmalloc", APP, 5), FRAME("libfoo.so+0x10", NULL, "/opt/libfoo.so", 0)),
		.library = 1,
	},
	{
		.what = "GLib on behalf of the program",
		.frames = STACK(FRAME("libglib-2.0.so.0(g_malloc+0x17)", "g_malloc", "/usr/lib/libglib-2.0.so.0", 0),
				FRAME("libglib-2.0.so.0(g_strdup+0x2b)", "g_strdup", "/usr/lib/libglib-2.0.so.0", 0),
				FRAME("libfoo.so(foo_set+0x9)", "foo_set", "/opt/libfoo.so", 0), FRAME("/src/a.c", "main", APP, 4)),
		.mine = 3,
		.library = 2,
		.via = "foo_set",
	},
	{
		.what = "Rust",
		.frames = STACK(
			SYSTEM("/rustc/59807616e1fa/library/alloc/src/alloc.rs", "alloc::alloc::alloc", APP, 95),
			FRAME("/rustc/59807616e1fa/library/alloc/src/raw_vec.rs", "<alloc::raw_vec::RawVec<T,A>>::with_capacity", APP, 10),
			FRAME("/cargo/hashbrown/src/raw.rs", "hashbrown::raw::RawTable<T>::reserve", APP, 10),
			FRAME("/src/main.rs", "app::main", APP, 6)),
		.mine = 3,
		.library = 3,
		.via = "hashbrown::raw::RawTable<T>::reserve",
	},
	{
		.what = "frames without a function are never skipped, whatever their file",
		.frames = STACK(FRAME(VECTOR, NULL, NULL, 137), FRAME("/src/a.c", NULL, NULL, 4)),
		.mine = 1,
	},
	{
		.what = "the end of a cut stack is nobody's line",
		.frames = STACK(FRAME("libc.so.6(malloc+0x1)", "malloc", LIBC, 0), FRAME("libc.so.6+0x77", NULL, LIBC, 0),
				PSEUDO("[truncated]")),
	},
	{.what = "no stack", .frames = STACK(FRAME("<unknown>", NULL, NULL, 0))},
	{.what = "during tracing", .frames = STACK(PSEUDO("[during tracing]"))},
	{
		.what = "a sibling of the source root is not in it",
		.frames = STACK(FRAME("/src2/a.c", "f", APP, 1), FRAME("/src/b.c", "g", APP, 2)),
		.mine = 1,
		.via = "f",
	},
	{
		.what = "a system header inside the source root",
		.frames = STACK(SYSTEM("/src/sysroot/usr/include/x.h", "x::f", APP, 1), FRAME("/src/b.c", "g", APP, 2)),
		.mine = 1,
		.library = 1,
		.via = "x::f",
	},
	{
		.what = "the inlined part of a function of libc is the text of the line",
		.frames = STACK(FRAME("libc.so.6(__realpath_chk+0x9)", "__realpath_chk", LIBC, 0),
				SYSTEM("/usr/include/x86_64-linux-gnu/bits/stdlib.h", "realpath", APP, 41), FRAME("/src/b.c", "g", APP, 2)),
		.mine = 2,
		.library = 2,
	},
	/* ---- What lives once ---- */
	{
		.what = "the loader before main",
		.frames = STACK(FRAME("ld(_dl_new_object+0x5)", "_dl_new_object", LOADER, 0), FRAME("ld+0x20", NULL, LOADER, 0),
				FRAME("ld(_dl_start_user+0x0)", "_dl_start_user", LOADER, 0)),
		.one_time = true,
	},
	{
		.what = "libstdc++'s emergency pool",
		.frames = STACK(FRAME("libstdc++.so.6+0xa5", NULL, LIBSTDCXX, 0), FRAME("ld(call_init+0x5)", "call_init", LOADER, 0),
				FRAME("ld(_dl_init+0x5)", "_dl_init", LOADER, 0)),
		.one_time = true,
	},
	{
		.what = "the buffer of stdout",
		.frames = STACK(FRAME("libc.so.6(_IO_file_doallocate+0x9)", "_IO_file_doallocate", LIBC, 0),
				FRAME("libc.so.6(puts+0x9)", "puts", LIBC, 0), FRAME("/src/a.c", "main", APP, 7)),
		.mine = 2,
		.library = 2,
		.one_time = true,
	},
	{
		.what = "the buffer of cout",
		.frames = STACK(FRAME("libc.so.6(_IO_file_doallocate+0x9)", "_IO_file_doallocate", LIBC, 0),
				FRAME("libc.so.6(fwrite+0x9)", "fwrite", LIBC, 0),
				FRAME("libstdc++.so.6(x)", "std::ostream::write(char const*, long)", LIBSTDCXX, 0),
				FRAME("/src/a.cc", "main", APP, 7)),
		.mine = 3,
		.library = 3,
		.via = "std::ostream::write(char const*, long)",
		.one_time = true,
	},
	{
		.what = "the buffer of a file that the program opened",
		.frames = STACK(FRAME("libc.so.6(_IO_file_doallocate+0x9)", "_IO_file_doallocate", LIBC, 0),
				FRAME("libc.so.6(fgets+0x9)", "fgets", LIBC, 0), FRAME("/src/a.c", "main", APP, 7)),
		.mine = 2,
		.library = 2,
	},
	{
		.what = "setlocale",
		.frames = STACK(FRAME("libc.so.6(malloc)", "malloc", LIBC, 0), FRAME("libc.so.6+0x3", NULL, LIBC, 0),
				FRAME("libc.so.6(setlocale)", "setlocale", LIBC, 0), FRAME("/src/a.c", "main", APP, 7)),
		.mine = 3,
		.library = 3,
		.one_time = true,
	},
	{
		.what = "what the program itself allocates when it is called back from there",
		.frames = STACK(FRAME("/src/a.c", "constructor", APP, 3), FRAME("ld(call_init)", "call_init", LOADER, 0),
				FRAME("ld(dlopen)", "dlopen", LIBC, 0), FRAME("/src/a.c", "main", APP, 7)),
	},
	{
		.what = "resources that are the caller's",
		.frames = STACK(FRAME("libc.so.6(fopen+0x9)", "fopen", LIBC, 0), FRAME("/src/a.c", "main", APP, 7)),
		.mine = 1,
		.library = 1,
	},
	{
		.what = "runtime frames only, but cut: nobody knows",
		.frames = STACK(FRAME("libc.so.6(strdup+0x9)", "strdup", LIBC, 0), PSEUDO("[deeper frames cut]")),
	},
};

/* Frames come with what their names tell. */
static void complete(const struct frames *frames)
{
	for (size_t i = 0; i < frames->count; i++) {
		struct frame *frame = &frames->list[i];
		frame->flags |= frame_flags(frame->file, frame->function, frame->module);
	}
}

static size_t choose(enum attribute mode, const struct frames *frames, const char *const *skip, bool *one_time)
{
	struct attribution attribution = {.mode = mode, .source_root = "/src", .skip = skip};

	complete(frames);

	return attribution_choose(&attribution, frames, one_time);
}

static const char *via_of(const struct frames *frames, size_t chosen)
{
	return chosen > 0 ? attribution_via(&frames->list[chosen - 1]) : NULL;
}

START_TEST(examples_are_attributed)
{
	const struct example *example = &examples[_i];
	bool one_time;
	size_t mine = choose(ATTRIBUTE_MINE, &example->frames, NULL, &one_time);

	ck_assert_msg(mine == example->mine, "%s: mine %zu", example->what, mine);
	ck_assert_msg(one_time == example->one_time, "%s: one-time", example->what);
	ck_assert_pstr_eq(via_of(&example->frames, mine), example->via);
	ck_assert_msg(choose(ATTRIBUTE_LIBRARY, &example->frames, NULL, &one_time) == example->library, "%s: library", example->what);
	ck_assert_uint_eq(choose(ATTRIBUTE_RAW, &example->frames, NULL, &one_time), 0);
	ck_assert_msg(one_time == example->one_time, "%s: one-time does not depend on the mode", example->what);
}
END_TEST

START_TEST(skip_patterns)
{
	const struct frames frames = STACK(FRAME("/src/third_party/zip/zip.c", "zip_alloc", APP, 1),
					   FRAME("/src/util/pool.cc", "Pool<int>* util::take<int>(unsigned long)", APP, 2),
					   FRAME("/src/main.c", "main", APP, 3));
	static const struct {
		const char *patterns[3];
		size_t chosen;
	} cases[] = {
		{{NULL}, 0},
		{{"third_party/*", NULL}, 1},
		{{"third_party/*", "util/pool.cc", NULL}, 2},
		{{"zip_*", NULL}, 1},
		{{"/src/third_party/*", "util::take*", NULL}, 2},
		{{"zip_alloc", "util::take<int>", NULL}, 2},
		{{"zip_alloc", "util::take", NULL}, 1},
		{{"zip.c", "alloc", NULL}, 0},
		{{"*", NULL}, 0},
	};
	bool one_time;

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		ck_assert_uint_eq(choose(ATTRIBUTE_MINE, &frames, cases[i].patterns, &one_time), cases[i].chosen);
		ck_assert_uint_eq(choose(ATTRIBUTE_LIBRARY, &frames, cases[i].patterns, &one_time), cases[i].chosen);
	}
}
END_TEST

START_TEST(source_root_forms)
{
	const struct frames frames = STACK(FRAME("/usr/lib/x.c", "f", "/opt/libx.so", 1), FRAME("/src/main.c", "main", APP, 3));
	static const char *const roots[] = {"/src", "/src/", "/src//", "/", NULL, "", "/sr"};
	static const size_t chosen[] = {1, 1, 1, 0, 0, 0, 0};
	bool one_time;

	for (size_t i = 0; i < sizeof(roots) / sizeof(*roots); i++) {
		struct attribution attribution = {.mode = ATTRIBUTE_MINE, .source_root = roots[i]};
		ck_assert_uint_eq(attribution_choose(&attribution, &frames, &one_time), chosen[i]);
	}
}
END_TEST

START_TEST(qualified_names)
{
	static const char *const names[][2] = {
		{"main", "main"},
		{"f(int)", "f"},
		{"void f<int>(int)", "f<int>"},
		{"std::vector<int, std::allocator<int> >::vector(unsigned long)", "std::vector<int, std::allocator<int> >::vector"},
		{"std::map<int, char const*>::const_iterator a::find<b c>(d) const", "a::find<b c>"},
		{"shop::(anonymous namespace)::put(char const*, int)", "shop::(anonymous namespace)::put"},
		{"(anonymous namespace)::pool::pool()", "(anonymous namespace)::pool::pool"},
		{"operator new(unsigned long)", "operator new"},
		{"operator new[](unsigned long, std::nothrow_t const&)", "operator new[]"},
		{"A::operator()(int) const", "A::operator()"},
		{"bool operator< <int>(A<int> const&, A<int> const&)", "operator< <int>"},
		{"std::ostream& std::operator<< <char>(std::ostream&, char)", "std::operator<< <char>"},
		{"A::operator unsigned long() const", "A::operator unsigned long"},
		{"A::operator->() const", "A::operator->"},
		{"my_operator(int)", "my_operator"},
		{"plain_name::{lambda(int)#1}::operator()(int) const", "plain_name::{lambda(int)#1}::operator()"},
		{"void f<(a)1>(int)", "f<(a)1>"},
		{"<alloc::vec::Vec<T> as core::ops::Drop>::drop", "<alloc::vec::Vec<T> as core::ops::Drop>::drop"},
		{"", ""},
		{"(", ""},
		{"<", "<"},
		{">>>", ">>>"},
	};

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		size_t length, expected = strlen(names[i][1]);
		const char *name = qualified_name(names[i][0], &length);
		ck_assert_msg(length == expected && !memcmp(name, names[i][1], length), "%s: %.*s", names[i][0], (int)length, name);
	}
}
END_TEST

/* A name at each end of every table: bisection finds nothing in a table that is out of order. */
START_TEST(tables_are_in_order)
{
	static const char *const entries[] = {"__asprintf", "__libc_alloc_buffer_allocate", "__rust_alloc", "calloc", "malloc",
					      "wcsdup",     "operator new(unsigned long)"};
	static const char *const wrappers[] = {"CRYPTO_calloc", "_PyObject_Realloc",      "g_malloc", "sqlite3Malloc",
					       "x2nrealloc",    "xmalloc(unsigned long)", "xzalloc",  "zstrdup"};
	static const char *const once[] = {"(anonymous namespace)::pool::pool()",
					   "__tls_get_addr",
					   "_dl_open",
					   "dlopen",
					   "setlocale",
					   "__bindtextdomain",
					   "__gethostbyname2_r",
					   "std::rt::init",
					   "tzset_internal"};
	static const char *const starts[] = {"__clone", "_start", "start_thread", "thread_start"};
	static const char *const streams[] = {"__isoc23_scanf", "_IO_puts", "printf", "__printf", "puts", "wprintf"};
	static const char *const members[] = {"a::allocate", "std::pmr::memory_resource::allocate(unsigned long)",
					      "A<b::c>::do_allocate(int)"};
	static const char *const nobody[] = {"allocate",
					     "a::allocates",
					     "a::my_allocate",
					     "operator newer",
					     "operator new_thing",
					     "a::operator allocate()",
					     "f<a::allocate>",
					     "",
					     "a",
					     "main",
					     "mallocs",
					     "mallo",
					     "xmallo",
					     "~",
					     "zzz",
					     "std::vector<int>::resize(unsigned long)"};

	for (size_t i = 0; i < sizeof(entries) / sizeof(*entries); i++)
		ck_assert_msg(function_kinds(entries[i]) & NAME_ENTRY, "%s", entries[i]);
	for (size_t i = 0; i < sizeof(wrappers) / sizeof(*wrappers); i++)
		ck_assert_msg(function_kinds(wrappers[i]) & NAME_WRAPPER, "%s", wrappers[i]);
	for (size_t i = 0; i < sizeof(once) / sizeof(*once); i++)
		ck_assert_msg(function_kinds(once[i]) & NAME_ONE_TIME, "%s", once[i]);
	for (size_t i = 0; i < sizeof(starts) / sizeof(*starts); i++)
		ck_assert_msg(function_kinds(starts[i]) & NAME_START, "%s", starts[i]);
	for (size_t i = 0; i < sizeof(streams) / sizeof(*streams); i++)
		ck_assert_msg(function_kinds(streams[i]) & NAME_STREAM, "%s", streams[i]);
	for (size_t i = 0; i < sizeof(members) / sizeof(*members); i++)
		ck_assert_msg(function_kinds(members[i]) & NAME_WRAPPER, "%s", members[i]);
	ck_assert_uint_eq(function_kinds("Slot::operator new[](unsigned long)"), NAME_ENTRY);
	for (size_t i = 0; i < sizeof(nobody) / sizeof(*nobody); i++)
		ck_assert_msg(!(function_kinds(nobody[i]) & ~(uint32_t)NAME_LIBRARY), "%s", nobody[i]);
	ck_assert_uint_eq(function_kinds("std::vector<int>::resize(unsigned long)"), NAME_LIBRARY);
	ck_assert_uint_eq(function_kinds("_IO_file_doallocate"), NAME_STREAM_BUFFER);
}
END_TEST

START_TEST(modules_and_files)
{
	static const char *const runtime[] = {
		LIBC, LOADER, LIBSTDCXX, "libc-2.31.so", "/lib/ld-musl-x86_64.so.1", "/usr/lib/libc++.so.1", "libgcc_s.so.1"};
	static const char *const others[] = {
		"", "/usr/bin/libc", "/opt/libcurl.so.4", "/opt/libcrypto.so.3", "/opt/libmagic.so", "/home/ld/app"};
	static const char *const headers[] = {VECTOR,
					      "/usr/local/include/x.h",
					      "/usr/lib/gcc/x86_64-linux-gnu/12/include/x.h",
					      "/rustc/1234/library/std/src/rt.rs",
					      "/usr/lib/llvm-14/lib/clang/14.0.6/include/x.h",
					      "/home/me/.rustup/toolchains/stable/lib/rustlib/src/rust/library/core/src/ptr.rs"};
	static const char *const sources[] = {"", "a.c", "/usr/src/app/a.c", "/home/me/include/x.h", "/usr/lib/x/a.c"};

	for (size_t i = 0; i < sizeof(runtime) / sizeof(*runtime); i++)
		ck_assert_msg(is_runtime_module(runtime[i]), "%s", runtime[i]);
	for (size_t i = 0; i < sizeof(others) / sizeof(*others); i++)
		ck_assert_msg(!is_runtime_module(others[i]), "%s", others[i]);
	for (size_t i = 0; i < sizeof(headers) / sizeof(*headers); i++)
		ck_assert_msg(is_system_file(headers[i]), "%s", headers[i]);
	for (size_t i = 0; i < sizeof(sources) / sizeof(*sources); i++)
		ck_assert_msg(!is_system_file(sources[i]), "%s", sources[i]);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("attribution");
	TCase *tcase = tcase_create("attribution");
	SRunner *runner;
	int failed;

	tcase_add_loop_test(tcase, examples_are_attributed, 0, sizeof(examples) / sizeof(*examples));
	tcase_add_test(tcase, skip_patterns);
	tcase_add_test(tcase, source_root_forms);
	tcase_add_test(tcase, qualified_names);
	tcase_add_test(tcase, tables_are_in_order);
	tcase_add_test(tcase, modules_and_files);
	suite_add_tcase(suite, tcase);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
