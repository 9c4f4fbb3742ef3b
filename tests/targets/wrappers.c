/* SPDX-License-Identifier: MIT */
/*
 * Ways in which C programs allocate without calling malloc where they need memory: wrappers of their own, chains of them, inlined ones, and
 * libc's functions that return memory.  Each marked line keeps what its mark says: a number of bytes where it is exact.
 */
#include <dirent.h>
#include <dlfcn.h>
#include <err.h>
#include <iconv.h>
#include <locale.h>
#include <regex.h>
#include <search.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <wchar.h>

static void *volatile kept[64];
static unsigned kept_count;

static void keep(void *memory)
{
	if (!memory)
		errx(1, "out of memory");
	kept[kept_count++] = memory;
}

/* ---- Wrappers that everybody knows by name ---- */

static inline void *xmalloc(size_t size)
{
	void *memory = malloc(size);

	if (!memory)
		errx(1, "out of memory");
	return memory;
}

__attribute__((noinline)) static void *xcalloc(size_t count, size_t size)
{
	return memset(xmalloc(count * size), 0, count * size);
}

__attribute__((noinline)) static char *xstrdup(const char *text)
{
	return strcpy(xmalloc(strlen(text) + 1), text);
}

__attribute__((noinline)) static char *xasprintf(const char *format, ...)
{
	char *text;
	va_list arguments;

	va_start(arguments, format);
	if (vasprintf(&text, format, arguments) < 0)
		errx(1, "out of memory");
	va_end(arguments);
	return text;
}

/* As in GLib, whose functions are wrappers wherever they are. */
__attribute__((noinline)) void *g_malloc(size_t size)
{
	return xmalloc(size);
}

__attribute__((noinline)) char *g_strdup(const char *text)
{
	return strcpy(g_malloc(strlen(text) + 1), text);
}

/* ---- Wrappers that only this program knows ---- */

__attribute__((noinline)) static void *my_alloc(size_t size)
{
	return malloc(size); /* my_alloc itself */
}

static inline void *pool_take(size_t count)
{
	return my_alloc(count * 16); /* the pool */
}

__attribute__((noinline)) static void *pool_copy(const void *from, size_t count)
{
	return memcpy(pool_take(count), from, count * 16);
}

static void known_wrappers(void)
{
	keep(xmalloc(1001));                     /* xmalloc 1001 */
	keep(xcalloc(7, 11));                    /* xcalloc 77 */
	keep(xstrdup("twenty-three letters..")); /* xstrdup 23 */
	keep(xasprintf("%0100d", 7));            /* xasprintf 101 */
	keep(g_malloc(1003));                    /* g_malloc 1003 */
	keep(g_strdup("ten chars"));             /* g_strdup 10 */
}

static void own_wrappers(void)
{
	static const char some[160];

	keep(my_alloc(500));       /* my_alloc 500 */
	keep(pool_take(20));       /* pool_take 320 */
	keep(pool_copy(some, 10)); /* pool_copy 160 */
}

/* ---- libc's own ---- */

static void texts(void)
{
	char *text = NULL, *line = NULL;
	size_t room = 0;
	FILE *file = fopen("/proc/self/status", "r"); /* a stream 472 */

	keep(strdup("nine more"));           /* strdup 10 */
	keep(strndup("cut to five", 5));     /* strndup 6 */
	keep(wcsdup(L"wide"));               /* wcsdup 20 */
	if (asprintf(&text, "%050d", 7) < 0) /* asprintf 51 */
		errx(1, "out of memory");
	keep(text);
	if (!file || getline(&line, &room, file) < 0) /* a line and the stream's buffer 1144 */
		err(1, "getline");
	keep(line);
	keep(realpath("/proc/self/status", NULL)); /* a path */
	keep(getcwd(NULL, 0));                     /* a directory's name */
}

static void tables(void)
{
	static regex_t expression;
	static struct dirent **names;
	static void *tree;
	FILE *stream;
	static char *memory;
	static size_t size;

	keep(opendir("/proc"));                           /* a directory */
	if (scandir("/sys", &names, NULL, alphasort) < 0) /* a list of names */
		err(1, "scandir");
	if (regcomp(&expression, "(a|b)*c+[x-z]{2,3}", REG_EXTENDED) != 0) /* a regular expression */
		errx(1, "regcomp");
	tsearch("key", &tree, (int (*)(const void *, const void *))strcmp); /* a tree's node 24 */
	stream = open_memstream(&memory, &size);                            /* a stream in memory */
	fprintf(stream, "%09000d", 7);                                      /* what was written there */
	fflush(stream);
	keep(iconv_open("UTF-16", "ISO-8859-1")); /* a conversion */
	keep(newlocale(LC_ALL_MASK, "C", NULL));
}

int main(void)
{
	known_wrappers();
	own_wrappers();
	texts();
	tables();
	_exit(0);
}
