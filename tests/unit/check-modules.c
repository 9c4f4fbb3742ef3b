/* links: preload */
/* SPDX-License-Identifier: MIT */
/*
 * Module records against the loader's own list (dl_iterate_phdr) and its notes, the generation of dlclose, libraries at a reused address,
 * and a fork child that records anew.
 */
#include <check.h>
#include <dlfcn.h>
#include <link.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <unistd.h>

#include "modules.h"
#include "trace.h"

static void start_tables(void)
{
	const char *directory = getenv("TMPDIR");
	const char *const directories[] = {directory ? directory : "/tmp", NULL};
	static char exe[4096];
	ck_assert_int_gt(readlink("/proc/self/exe", exe, sizeof(exe) - 1), 0);
	struct trace_options options = {.directories = directories, .exe = exe, .cwd = "/"};
	ck_assert_int_eq(trace_create(&options), 0);
	modules_reset();
}

static void remove_trace(void)
{
	unlink(trace.path);
}

static const struct hdt_module *record_of(uint32_t module)
{
	ck_assert_uint_lt(module * sizeof(struct hdt_module), trace_used(HDT_AREA_MODULES));
	return (const struct hdt_module *)trace_at(HDT_AREA_MODULES, 0) + module;
}

static const char *path_of(const struct hdt_module *record)
{
	return trace_at(HDT_AREA_STRINGS, record->path);
}

/* ---- Records */

/* The build id as dl_iterate_phdr's headers lead to it; its size. */
static size_t note_of(const struct dl_phdr_info *info, const uint8_t **id)
{
	for (int i = 0; i < info->dlpi_phnum; i++) {
		const ElfW(Phdr) *header = &info->dlpi_phdr[i];
		if (header->p_type != PT_NOTE)
			continue;
		uintptr_t at = info->dlpi_addr + header->p_vaddr, end = at + header->p_memsz;
		while (at < end) {
			const ElfW(Nhdr) *note = (const ElfW(Nhdr) *)at;
			uintptr_t name = at + sizeof(*note), text = name + ((note->n_namesz + 3) & ~3u);
			if (note->n_type == NT_GNU_BUILD_ID && memcmp((void *)name, "GNU", 4) == 0) {
				*id = (const uint8_t *)text;
				return note->n_descsz;
			}
			at = header->p_align == 8 ? (text + note->n_descsz + 7) & ~(uintptr_t)7 : text + ((note->n_descsz + 3) & ~3u);
		}
	}
	return 0;
}

static uint32_t expected_flags(uintptr_t address)
{
	uint32_t flags = HDT_MODULE_PERMANENT;
	if (address == (uintptr_t)start_tables)
		flags |= HDT_MODULE_MAIN;
	if (address >> 12 == getauxval(AT_SYSINFO_EHDR) >> 12)
		flags |= HDT_MODULE_VDSO;
	if (address >= getauxval(AT_BASE) && address - getauxval(AT_BASE) < 1 << 20)
		flags |= HDT_MODULE_LOADER;
	return flags;
}

static int check_object(struct dl_phdr_info *info, size_t size, void *count)
{
	(void)size;
	const uint8_t *id = NULL;
	uintptr_t code = 0;
	for (int i = 0; i < info->dlpi_phnum && code == 0; i++)
		if (info->dlpi_phdr[i].p_type == PT_LOAD && info->dlpi_phdr[i].p_flags & PF_X)
			code = info->dlpi_addr + info->dlpi_phdr[i].p_vaddr;
	if (code <= (uintptr_t)start_tables && info->dlpi_name[0] == '\0')
		code = (uintptr_t)start_tables;
	const struct hdt_module *record = record_of(modules_find(code));
	ck_assert_uint_eq(modules_find(code), modules_find(code + 1));
	ck_assert_uint_le(record->start, code);
	ck_assert_uint_gt(record->end, code);
	ck_assert_uint_eq(record->bias, info->dlpi_addr);
	ck_assert_uint_eq(record->build_id_size, note_of(info, &id));
	ck_assert_int_eq(memcmp(record->build_id, id, record->build_id_size), 0);
	ck_assert_uint_eq(record->flags, expected_flags(code));
	ck_assert(modules_is_permanent(modules_find(code)));
	if (info->dlpi_name[0] != '\0')
		ck_assert_str_eq(path_of(record), info->dlpi_name);
	++*(int *)count;
	return 0;
}

START_TEST(records_say_what_the_loader_says)
{
	int count = 0;
	dl_iterate_phdr(check_object, &count);
	ck_assert_int_gt(count, 3);
	ck_assert_uint_eq(trace_used(HDT_AREA_MODULES), (uint64_t)(count + 1) * sizeof(struct hdt_module));
	char exe[4096];
	exe[readlink("/proc/self/exe", exe, sizeof(exe) - 1)] = '\0';
	ck_assert_str_eq(path_of(record_of(modules_find((uintptr_t)start_tables))), exe);
}
END_TEST

START_TEST(no_object_no_module)
{
	void *memory = malloc(1);
	ck_assert_uint_eq(modules_find((uintptr_t)memory), MODULES_NONE);
	ck_assert_uint_eq(modules_find(0), MODULES_NONE);
	ck_assert_uint_eq(modules_find(UINTPTR_MAX), MODULES_NONE);
	ck_assert(!modules_is_permanent(MODULES_NONE));
	ck_assert(!modules_is_tracer((uintptr_t)modules_find)); /* linked into a program, this is nobody's tracer */
	free(memory);
}
END_TEST

/* ---- Generation */

START_TEST(generation_is_odd_while_one_may_go)
{
	uint32_t before = modules_generation();
	ck_assert_uint_eq(before & 1, 0);
	modules_dlclose_begin();
	ck_assert_uint_eq(modules_generation() & 1, 1);
	modules_dlclose_begin(); /* a second thread */
	ck_assert_uint_eq(modules_generation() & 1, 1);
	modules_dlclose_end();
	ck_assert_uint_eq(modules_generation() & 1, 1);
	modules_dlclose_end();
	ck_assert_uint_eq(modules_generation() & 1, 0);
	ck_assert_uint_ne(modules_generation(), before);
}
END_TEST

static uint32_t visit_library(const char *name, uintptr_t *address)
{
	char path[4096];
	path[readlink("/proc/self/exe", path, sizeof(path) - 64)] = '\0';
	strcpy(strrchr(path, '/'), "/../targets/lib/");
	strcat(path, name);
	void *library = dlopen(path, RTLD_NOW);
	ck_assert_msg(library != NULL, "%s", dlerror());
	*address = (uintptr_t)dlsym(library, "call_through");
	uint32_t module = modules_find(*address);
	ck_assert(!modules_is_permanent(module));
	ck_assert_str_eq(path_of(record_of(module)), path);
	modules_dlclose_begin();
	ck_assert_uint_eq(modules_find(*address), module);
	dlclose(library);
	modules_dlclose_end();
	return module;
}

START_TEST(a_reused_address_is_another_module)
{
	uintptr_t address, again;
	uint32_t one = visit_library("reuse-one.so", &address);
	uint32_t two = visit_library("reuse-two.so", &again);
	ck_assert_uint_eq(address, again); /* or nothing is tested here */
	ck_assert_uint_ne(one, two);
	ck_assert_uint_eq(visit_library("reuse-one.so", &again), one);
	ck_assert_uint_eq(modules_find(address), MODULES_NONE);
	ck_assert_uint_gt(record_of(two)->generation, record_of(one)->generation);
}
END_TEST

/* ---- Threads and children */

static void *find_all(void *found)
{
	int count = 0;
	dl_iterate_phdr(check_object, &count);
	*(uint32_t *)found = modules_find((uintptr_t)start_tables);
	return NULL;
}

START_TEST(threads_agree)
{
	enum { THREADS = 8 };
	pthread_t threads[THREADS];
	uint32_t found[THREADS];
	for (int i = 0; i < THREADS; i++)
		ck_assert_int_eq(pthread_create(&threads[i], NULL, find_all, &found[i]), 0);
	for (int i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	for (int i = 1; i < THREADS; i++)
		ck_assert_uint_eq(found[i], found[0]);
}
END_TEST

START_TEST(a_child_has_the_same_numbers)
{
	uintptr_t address;
	int count = 0;
	uint32_t library = visit_library("reuse-one.so", &address);
	uint32_t program = modules_find((uintptr_t)start_tables), libc = modules_find((uintptr_t)dlsym(RTLD_DEFAULT, "qsort"));
	modules_dlclose_begin(); /* some thread was unloading when the child was made */
	trace_forget();
	unlink(trace.path);
	start_tables();
	ck_assert_uint_eq(modules_generation() & 1, 0);
	modules_dlclose_end(); /* it was this thread */
	ck_assert_uint_eq(modules_generation() & 1, 0);
	ck_assert_uint_eq(modules_find((uintptr_t)start_tables), program);
	ck_assert_uint_eq(modules_find((uintptr_t)dlsym(RTLD_DEFAULT, "qsort")), libc);
	ck_assert_ptr_nonnull(strstr(path_of(record_of(library)), "reuse-one.so"));
	dl_iterate_phdr(check_object, &count);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("modules");
	TCase *cases = tcase_create("modules");
	tcase_add_checked_fixture(cases, start_tables, remove_trace);
	tcase_add_test(cases, records_say_what_the_loader_says);
	tcase_add_test(cases, no_object_no_module);
	tcase_add_test(cases, generation_is_odd_while_one_may_go);
	tcase_add_test(cases, a_reused_address_is_another_module);
	tcase_add_test(cases, threads_agree);
	tcase_add_test(cases, a_child_has_the_same_numbers);
	suite_add_tcase(suite, cases);
	SRunner *runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	int failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
