/* SPDX-License-Identifier: MIT */
/*
 * What GLib allocates for its callers, as long as they keep it; GLib is loaded at run time, so that this compiles without its headers.  Each
 * marked line keeps what its mark says: a number of bytes where it is exact.
 */
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

typedef void *list_append_fn(void *list, void *data);
typedef void *string_new_fn(const char *text);

static void *glib;
static void *volatile kept[8];

static void *find(const char *name)
{
	void *found = dlsym(glib, name);

	if (!found)
		exit(2);
	return found;
}

int main(void)
{
	glib = dlopen("libglib-2.0.so.0", RTLD_NOW);
	if (!glib)
		return 2;
	void *(*get)(size_t) = (void *(*)(size_t))find("g_malloc");
	void *(*get_zeroed)(size_t, size_t) = (void *(*)(size_t, size_t))find("g_malloc0_n");
	char *(*copy)(const char *) = (char *(*)(const char *))find("g_strdup");
	char *(*print)(const char *, ...) = (char *(*)(const char *, ...))find("g_strdup_printf");
	list_append_fn *append = (list_append_fn *)find("g_list_append");
	string_new_fn *string = (string_new_fn *)find("g_string_new");

	kept[0] = get(1001);               /* g_malloc 1001 */
	kept[1] = get_zeroed(7, 11);       /* g_malloc0_n 77 */
	kept[2] = copy("ten chars");       /* g_strdup 10 */
	kept[3] = print("%0100d", 7);      /* g_strdup_printf 101 */
	kept[4] = append(NULL, (void *)1); /* a list */
	kept[5] = string("some text");     /* a string */
	fflush(stdout);
	_exit(0);
}
