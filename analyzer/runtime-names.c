/* SPDX-License-Identifier: MIT */
/*
 * Tables, and the little that it takes to compare a demangled name with them: a return type before it and parameters after it do not count.
 * Tables are in strcmp's order and searched by bisection; the unit test checks the order.
 */
#include "runtime-names.h"

#include <ctype.h>
#include <string.h>

#define COUNT(table) (sizeof(table) / sizeof(*(table)))

static bool has_prefix(const char *text, const char *prefix)
{
	return strncmp(text, prefix, strlen(prefix)) == 0;
}

static bool has_any_prefix(const char *text, const char *const *prefixes, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (has_prefix(text, prefixes[i]))
			return true;
	}
	return false;
}

/* ---- Names ---- */

size_t operator_symbol(const char *at)
{
	static const char *const symbols[] = {"()", "[]", "<<=", ">>=", "<=>", "->*", "<<", ">>", "<=", ">=", "->", "<", ">"};

	for (size_t i = 0; i < COUNT(symbols); i++) {
		if (has_prefix(at, symbols[i]))
			return strlen(symbols[i]);
	}
	return 0;
}

static bool is_word(const char *start, const char *at, const char *word)
{
	bool begins = at == start || !(isalnum((unsigned char)at[-1]) || at[-1] == '_');
	size_t length = strlen(word);

	return begins && strncmp(at, word, length) == 0 && !(isalnum((unsigned char)at[length]) || at[length] == '_');
}

/*
 * Outside of all brackets, the name starts after the last space and ends at the first parenthesis.  "(anonymous namespace)" is part of a name;
 * after "operator" comes a symbol or a type with spaces in it.
 */
const char *qualified_name(const char *function, size_t *length)
{
	static const char anonymous[] = "(anonymous namespace)", word[] = "operator";
	const char *start = function, *at = function;
	unsigned depth = 0;
	bool in_operator = false;

	while (*at) {
		if (*at == word[0] && is_word(function, at, word)) {
			at += strlen(word);
			at += operator_symbol(at);
			in_operator |= depth == 0;
			continue;
		}
		if (depth == 0 && has_prefix(at, anonymous)) {
			at += strlen(anonymous);
			continue;
		}
		if (depth == 0 && *at == '(')
			break;
		if (strchr("<([{", *at))
			depth++;
		else if (strchr(">)]}", *at) && depth && !(*at == '>' && at > function && at[-1] == '-'))
			depth--;
		else if (*at == ' ' && depth == 0 && !in_operator)
			start = at + 1;
		at++;
	}
	*length = (size_t)(at - start);
	return start;
}

/* Is the name one of the table? */
static bool is_listed(const char *name, size_t length, const char *const *table, size_t count)
{
	size_t low = 0, high = count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		int order = strncmp(name, table[middle], length);
		if (order == 0 && !table[middle][length])
			return true;
		if (order > 0)
			low = middle + 1;
		else
			high = middle;
	}
	return false;
}

/* ---- Modules and files ---- */

static const char *last_component(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

bool is_runtime_module(const char *path)
{
	static const char *const prefixes[] = {
		"libc.so",    "libc-2.",       "ld-linux",      "ld-2.",        "ld64.so",    "ld.so",     "ld-musl",
		"libc.musl",  "libstdc++.so",  "libgcc_s.",     "libc++.",      "libc++abi.", "libm.so",   "libdl.so",
		"librt.so",   "libpthread.so", "libpthread-2.", "libresolv.so", "libnss_",    "libnsl.so", "libheapdelta.so",
		"libutil.so", "libanl.so",     "libmvec.so",    "linux-vdso",   "[vdso]",
	};

	return has_any_prefix(last_component(path), prefixes, COUNT(prefixes));
}

bool is_cplusplus_module(const char *path)
{
	return has_prefix(last_component(path), "libstdc++.so") || has_prefix(last_component(path), "libc++.");
}

bool is_system_file(const char *path)
{
	static const char *const prefixes[] = {"/usr/include/", "/usr/local/include/", "/usr/lib/gcc/", "/usr/lib/gcc-cross/", "/rustc/"};

	if (has_any_prefix(path, prefixes, COUNT(prefixes)) || strstr(path, "/lib/rustlib/src/"))
		return true;
	return (has_prefix(path, "/usr/lib/") || has_prefix(path, "/usr/lib64/") || has_prefix(path, "/opt/")) && strstr(path, "/include/");
}

/* ---- Functions ---- */

static const char *const allocation_entries[] = {
	"__asprintf",
	"__asprintf_chk",
	"__calloc",
	"__getdelim",
	"__libc_alloc_buffer_allocate",
	"__libc_calloc",
	"__libc_malloc",
	"__libc_memalign",
	"__libc_pvalloc",
	"__libc_realloc",
	"__libc_reallocarray",
	"__libc_valloc",
	"__malloc",
	"__posix_memalign",
	"__rdl_alloc",
	"__rdl_alloc_zeroed",
	"__rdl_realloc",
	"__realloc",
	"__rg_alloc",
	"__rg_alloc_zeroed",
	"__rg_realloc",
	"__rust_alloc",
	"__rust_alloc_zeroed",
	"__rust_realloc",
	"__strdup",
	"__strndup",
	"__vasprintf_chk",
	"aligned_alloc",
	"asprintf",
	"calloc",
	"getdelim",
	"getline",
	"malloc",
	"memalign",
	"open_memstream",
	"posix_memalign",
	"pvalloc",
	"realloc",
	"reallocarray",
	"strdup",
	"strndup",
	"valloc",
	"vasprintf",
	"wcsdup",
};

static const char *const allocation_wrappers[] = {
	"CRYPTO_calloc", /* OpenSSL */
	"CRYPTO_malloc",
	"CRYPTO_memdup",
	"CRYPTO_realloc",
	"CRYPTO_strdup",
	"CRYPTO_strndup",
	"CRYPTO_zalloc",
	"Perl_safesyscalloc", /* perl */
	"Perl_safesysmalloc",
	"Perl_safesysrealloc",
	"PyMem_Calloc", /* CPython */
	"PyMem_Malloc",
	"PyMem_RawCalloc",
	"PyMem_RawMalloc",
	"PyMem_RawRealloc",
	"PyMem_Realloc",
	"PyObject_Calloc",
	"PyObject_Malloc",
	"PyObject_Realloc",
	"SDL_calloc",
	"SDL_malloc",
	"SDL_realloc",
	"_PyMem_DebugRawAlloc",
	"_PyMem_RawCalloc",
	"_PyMem_RawMalloc",
	"_PyMem_RawRealloc",
	"_PyObject_Calloc",
	"_PyObject_Malloc",
	"_PyObject_Realloc",
	"av_calloc", /* FFmpeg */
	"av_malloc",
	"av_mallocz",
	"av_realloc",
	"av_strdup",
	"checked_malloc",
	"checked_realloc",
	"ecalloc", /* Kernighan's e-functions */
	"emalloc",
	"erealloc",
	"estrdup",
	"g_aligned_alloc", /* GLib */
	"g_aligned_alloc0",
	"g_asprintf",
	"g_malloc",
	"g_malloc0",
	"g_malloc0_n",
	"g_malloc_n",
	"g_memdup",
	"g_memdup2",
	"g_realloc",
	"g_realloc_n",
	"g_slice_alloc",
	"g_slice_alloc0",
	"g_slice_copy",
	"g_strconcat",
	"g_strdup",
	"g_strdup_printf",
	"g_strdup_vprintf",
	"g_strdupv",
	"g_strjoin",
	"g_strjoinv",
	"g_strndup",
	"g_try_malloc",
	"g_try_malloc0",
	"g_try_malloc0_n",
	"g_try_malloc_n",
	"g_try_realloc",
	"g_try_realloc_n",
	"g_vasprintf",
	"git__calloc", /* libgit2 */
	"git__malloc",
	"git__realloc",
	"git__strdup",
	"malloc_or_die",
	"must_malloc",
	"safe_calloc",
	"safe_malloc",
	"safe_realloc",
	"safe_strdup",
	"smalloc",
	"sqlite3DbMallocRaw", /* SQLite */
	"sqlite3DbMallocRawNN",
	"sqlite3DbMallocZero",
	"sqlite3DbRealloc",
	"sqlite3DbStrDup",
	"sqlite3DbStrNDup",
	"sqlite3Malloc",
	"sqlite3MallocZero",
	"sqlite3MemMalloc",
	"sqlite3MemRealloc",
	"sqlite3Realloc",
	"sqlite3_malloc",
	"sqlite3_malloc64",
	"sqlite3_realloc",
	"sqlite3_realloc64",
	"strbuf_grow", /* git */
	"x2nrealloc",  /* gnulib, libiberty, git, coreutils and everybody's own */
	"x2realloc",
	"xalloc",
	"xasprintf",
	"xcalloc",
	"xcharalloc",
	"xmalloc",
	"xmallocarray",
	"xmallocz",
	"xmalloz",
	"xmemdup",
	"xmemdup0",
	"xmemdupz",
	"xnmalloc",
	"xnrealloc",
	"xpalloc",
	"xrealloc",
	"xreallocarray",
	"xstrdup",
	"xstrfmt",
	"xstrndup",
	"xvasprintf",
	"xzalloc",
	"zcalloc", /* Redis */
	"zcalloc_num",
	"zmalloc",
	"zmalloc_usable",
	"zrealloc",
	"zrealloc_usable",
	"zstrdup",
	"ztrycalloc",
	"ztrymalloc",
	"ztryrealloc",
};

static bool is_in_library(const char *name)
{
	static const char *const prefixes[] = {
		"std::", "__gnu_cxx::", "boost::", "fmt::", "core::", "alloc::", "hashbrown::", "__cxxabiv1::", "__rustc::",
	};

	/* Rust: <alloc::vec::Vec<T> as core::clone::Clone>::clone, <&mut T as …> */
	while (*name == '<' || *name == '&')
		name++;
	if (has_prefix(name, "mut "))
		name += strlen("mut ");
	return has_any_prefix(name, prefixes, COUNT(prefixes));
}

static const char *const start_code[] = {
	"__clone",
	"__clone3",
	"__gthread_once", /* std::async */
	"__libc_csu_init",
	"__libc_start_call_main",
	"__libc_start_main",
	"__libc_start_main_impl",
	"_dl_init",
	"_dl_start",
	"_dl_start_user",
	"_start",
	"call_init",
	"clone",
	"clone3",
	"start_thread",
	"thread_start",
};

/*
 * Why these blocks are nobody's leak: the runtime keeps them for the rest of the process, and a second call finds the first one's.  What is
 * the caller's to free stays out, though it looks alike: fopen, opendir, getaddrinfo, iconv_open, newlocale, pthread_create.
 */
static const char *const one_time[] = {
	"(anonymous namespace)::pool::pool", /* libstdc++'s memory for exceptions when there is none left */
	"__cxa_atexit",                      /* the list of exit handlers */
	"__cxa_thread_atexit_impl",          /* a thread's exit handlers */
	"__emutls_get_address",              /* thread-local variables, once per thread */
	"__gconv_get_path",                  /* tables of character sets */
	"__gconv_load_cache",                /* tables of character sets */
	"__gconv_load_conf",                 /* tables of character sets */
	"__gconv_read_conf",                 /* tables of character sets */
	"__internal_atexit",                 /* exit handlers */
	"__libc_dlopen_mode",                /* libgcc_s for backtrace and cancellation */
	"__libc_unwind_link_get",            /* libgcc_s */
	"__new_exitfn",                      /* exit handlers */
	"__nss_action_parse",                /* /etc/nsswitch.conf and the services' libraries */
	"__nss_database_get",                /* /etc/nsswitch.conf and the services' libraries */
	"__nss_hosts_lookup2",               /* /etc/nsswitch.conf and the services' libraries */
	"__nss_lookup",                      /* /etc/nsswitch.conf and the services' libraries */
	"__nss_lookup_function",             /* /etc/nsswitch.conf and the services' libraries */
	"__nss_module_allocate",             /* /etc/nsswitch.conf and the services' libraries */
	"__nss_module_get_function",         /* /etc/nsswitch.conf and the services' libraries */
	"__nss_module_load",                 /* /etc/nsswitch.conf and the services' libraries */
	"__nss_next2",                       /* /etc/nsswitch.conf and the services' libraries */
	"__res_vinit",                       /* /etc/resolv.conf */
	"__resolv_conf_allocate",            /* /etc/resolv.conf */
	"__resolv_conf_load",                /* /etc/resolv.conf */
	"__tls_get_addr",                    /* thread-local variables of libraries, once per thread */
	"__tz_convert",                      /* the time zone */
	"__tzfile_read",                     /* the time zone */
	"__tzset",                           /* the time zone */
	"__wcsmbs_load_conv",                /* the locale's conversion functions */
	"_dl_allocate_tls",                  /* a thread's own variables: kept with its stack for the next thread */
	"_dl_catch_exception",               /* libraries: one record each, kept for reopening */
	"_dl_init",                          /* libraries: one record each, kept for reopening */
	"_dl_init_paths",                    /* libraries: one record each, kept for reopening */
	"_dl_map_object",                    /* libraries: one record each, kept for reopening */
	"_dl_map_object_deps",               /* libraries: one record each, kept for reopening */
	"_dl_new_object",                    /* libraries: one record each, kept for reopening */
	"_dl_open",                          /* libraries: one record each, kept for reopening */
	"_dl_update_slotinfo",               /* thread-local variables of libraries */
	"_dlerror_run",                      /* libraries: one record each, kept for reopening */
	"_nl_find_domain",                   /* message catalogues */
	"_nl_find_locale",                   /* locales are kept once loaded */
	"_nl_load_domain",                   /* message catalogues */
	"_nl_load_locale",                   /* locales are kept once loaded */
	"_nl_load_locale_from_archive",      /* locales are kept once loaded */
	"atexit",                            /* exit handlers */
	"backtrace",                         /* libgcc_s */
	"bindtextdomain",                    /* message catalogues */
	"dlopen",                            /* libraries: one record each, kept for reopening */
	"getgrent",                          /* answers in a buffer that is allocated once */
	"getgrgid",                          /* answers in a buffer that is allocated once */
	"getgrgid_r",                        /* answers in the caller's buffer, but keeps the services' libraries */
	"getgrnam",                          /* answers in a buffer that is allocated once */
	"getgrnam_r",                        /* answers in the caller's buffer, but keeps the services' libraries */
	"gethostbyaddr",                     /* answers in a buffer that is allocated once */
	"gethostbyaddr_r",                   /* answers in the caller's buffer, but keeps the services' libraries */
	"gethostbyname",                     /* answers in a buffer that is allocated once */
	"gethostbyname2",                    /* answers in a buffer that is allocated once */
	"gethostbyname2_r",                  /* answers in the caller's buffer, but keeps the services' libraries */
	"gethostbyname_r",                   /* answers in the caller's buffer, but keeps the services' libraries */
	"getprotobyname",                    /* answers in a buffer that is allocated once */
	"getpwent",                          /* answers in a buffer that is allocated once */
	"getpwnam",                          /* answers in a buffer that is allocated once */
	"getpwnam_r",                        /* answers in the caller's buffer, but keeps the services' libraries */
	"getpwuid",                          /* answers in a buffer that is allocated once */
	"getpwuid_r",                        /* answers in the caller's buffer, but keeps the services' libraries */
	"getservbyname",                     /* answers in a buffer that is allocated once */
	"getservbyname_r",                   /* answers in the caller's buffer, but keeps the services' libraries */
	"getservbyport",                     /* answers in a buffer that is allocated once */
	"getservbyport_r",                   /* answers in the caller's buffer, but keeps the services' libraries */
	"localtime",                         /* the time zone */
	"mktime",                            /* the time zone */
	"nss_action_parse",                  /* /etc/nsswitch.conf and the services' libraries */
	"nss_database_check_reload_and_get", /* /etc/nsswitch.conf and the services' libraries */
	"nss_database_reload",               /* /etc/nsswitch.conf and the services' libraries */
	"on_exit",                           /* exit handlers */
	"set_binding_values",                /* message catalogues */
	"setlocale",                         /* locales are kept once loaded */
	"std::locale::classic",              /* C++'s locale */
	"std::rt::init",                     /* Rust's record of the main thread */
	"std::rt::lang_start_internal",      /* Rust's record of the main thread */
	"strerror",                          /* a buffer for unknown errors */
	"textdomain",                        /* message catalogues */
	"tzset",                             /* the time zone */
	"tzset_internal",                    /* the time zone */
};

static const char *const standard_streams[] = {
	"_IO_getc", "_IO_puts", "__isoc23_scanf",   "__isoc99_scanf", "__printf_chk", "__vprintf_chk", "getchar", "gets",   "perror",
	"printf",   "putchar",  "putchar_unlocked", "puts",           "putwchar",     "scanf",         "vprintf", "vscanf", "wprintf",
};

/* What stands behind the last "::" outside of brackets. */
static const char *last_part(const char *name, size_t length)
{
	const char *part = name, *end = name + length;
	size_t depth = 0;

	for (const char *at = name; at < end; at++) {
		if (depth == 0 && *at == 'o' && is_word(name, at, "operator"))
			return at;
		depth += *at == '<';
		depth -= *at == '>' && depth;
		if (depth == 0 && at + 1 < end && at[0] == ':' && at[1] == ':')
			part = at + 2;
	}
	return part;
}

/* Member functions that C++ gives a name, whoever writes them: a class's own operator new, an allocator, a memory resource. */
static uint32_t member_kinds(const char *name, size_t length)
{
	const char *part = last_part(name, length);
	size_t rest = length - (size_t)(part - name);

	if (has_prefix(part, "operator new") && !isalnum((unsigned char)part[12]) && part[12] != '_')
		return NAME_ENTRY;
	if (part == name)
		return 0;
	return (rest == 8 && !memcmp(part, "allocate", rest)) || (rest == 11 && !memcmp(part, "do_allocate", rest)) ? NAME_WRAPPER : 0;
}

uint32_t function_kinds(const char *function)
{
	static const struct {
		const char *const *table;
		size_t count;
		uint32_t kind;
	} tables[] = {
		{allocation_entries, COUNT(allocation_entries), NAME_ENTRY},
		{allocation_wrappers, COUNT(allocation_wrappers), NAME_WRAPPER},
		{start_code, COUNT(start_code), NAME_START},
		{one_time, COUNT(one_time), NAME_ONE_TIME},
		{standard_streams, COUNT(standard_streams), NAME_STREAM},
	};
	size_t length;
	const char *name = qualified_name(function, &length);
	uint32_t kinds = member_kinds(name, length);

	/* Debug information has libc's functions under the names that libc itself calls them by: __printf, __gethostbyname_r. */
	size_t own = length > 2 && has_prefix(name, "__") ? 2 : 0;
	for (size_t i = 0; i < COUNT(tables); i++) {
		if (is_listed(name, length, tables[i].table, tables[i].count) ||
		    (own && is_listed(name + own, length - own, tables[i].table, tables[i].count)))
			kinds |= tables[i].kind;
	}
	if (is_in_library(name))
		kinds |= NAME_LIBRARY;
	if (strcmp(function, "_IO_file_doallocate") == 0)
		kinds |= NAME_STREAM_BUFFER;
	return kinds;
}
