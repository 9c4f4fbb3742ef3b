/* links: preload */
/* SPDX-License-Identifier: MIT */
/*
 * Rules, learnt from every row of CFI of real libraries and programs, against the plain way: three steps of libunwind from three invented
 * states that have to agree.  The files are mapped as they are on disk, under a _dl_find_object of our own, so that programs can be looked
 * at as well.  HEAPDELTA_ROWS=N asks for N rows of each file instead of the default, 0 for all.
 */
#include <dlfcn.h>
#include <elf.h>
#include <fcntl.h>
#include <link.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "unwind-learn.h"
#include "unwind-oracle.h"

#if defined(__x86_64__)

/* ---- Files as objects -------------------------------------------------------------------------------------------------------- */

static struct object {
	uintptr_t start, end, header;
	struct link_map map;
} object;

int _dl_find_object(void *pc, struct dl_find_object *found)
{
	static int (*next)(void *, struct dl_find_object *);
	if ((uintptr_t)pc >= object.start && (uintptr_t)pc < object.end) {
		memset(found, 0, sizeof(*found));
		found->dlfo_map_start = (void *)object.start;
		found->dlfo_map_end = (void *)object.end;
		found->dlfo_link_map = &object.map;
		found->dlfo_eh_frame = (void *)object.header;
		return 0;
	}
	if (!next)
		*(void **)&next = dlsym(RTLD_NEXT, "_dl_find_object");
	return next(pc, found);
}

static void map_segment(int fd, const ElfW(Phdr) * header)
{
	uintptr_t shift = header->p_vaddr % 4096;
	void *place = (void *)(object.map.l_addr + header->p_vaddr - shift);
	if (header->p_filesz > 0)
		ck_assert_ptr_eq(
			mmap(place, header->p_filesz + shift, PROT_READ, MAP_PRIVATE | MAP_FIXED, fd, (off_t)(header->p_offset - shift)),
			place);
}

/* False: no such file. */
static bool map_file(const char *path)
{
	static ElfW(Ehdr) file;
	static ElfW(Phdr) headers[64];
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	ck_assert_int_eq(pread(fd, &file, sizeof(file), 0), sizeof(file));
	ck_assert_uint_le(file.e_phnum, 64);
	ck_assert_int_gt(pread(fd, headers, file.e_phnum * sizeof(headers[0]), (off_t)file.e_phoff), 0);
	uintptr_t low = UINTPTR_MAX, high = 0;
	for (int i = 0; i < file.e_phnum; i++) {
		if (headers[i].p_type != PT_LOAD)
			continue;
		low = headers[i].p_vaddr < low ? headers[i].p_vaddr & ~UINT64_C(4095) : low;
		high = headers[i].p_vaddr + headers[i].p_memsz > high ? headers[i].p_vaddr + headers[i].p_memsz : high;
	}
	char *place = mmap(NULL, high - low, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	ck_assert_ptr_ne(place, MAP_FAILED);
	object = (struct object){.start = (uintptr_t)place, .end = (uintptr_t)place + (high - low)};
	object.map.l_addr = object.start - low;
	object.map.l_name = (char *)path;
	for (int i = 0; i < file.e_phnum; i++) {
		if (headers[i].p_type == PT_LOAD)
			map_segment(fd, &headers[i]);
		else if (headers[i].p_type == PT_GNU_EH_FRAME)
			object.header = object.map.l_addr + headers[i].p_vaddr;
	}
	close(fd);
	return true;
}

static void unmap_file(void)
{
	munmap((void *)object.start, object.end - object.start);
	object.start = object.end = 0;
}

/* ---- The plain way ----------------------------------------------------------------------------------------------------------- */

#define STACK_TAG UINT64_C(0x00d0)
#define VALUE_TAG UINT64_C(0x00c1)
enum { REGISTERS = UNW_X86_64_RIP + 1, READS_MAX = 64 };

static struct plain {
	unw_addr_space_t space;
	unw_word_t registers[REGISTERS];
	unw_word_t reads[READS_MAX];
	size_t read_count;
	unw_word_t looked_up;
	bool found, only_asked;
} plain;

static unw_word_t value_at(unw_word_t slot)
{
	return VALUE_TAG << 48 | ((slot * UINT64_C(0xd1342543de82ef95) >> 15) & UINT64_C(0xfffffffffff8));
}

static unw_word_t slot_of(unw_word_t value)
{
	for (size_t i = 0; i < plain.read_count; i++)
		if (value_at(plain.reads[i]) == value)
			return plain.reads[i];
	return 0;
}

/* Exported, and declared nowhere. */
int _Ux86_64_dwarf_search_unwind_table(unw_addr_space_t, unw_word_t, unw_dyn_info_t *, unw_proc_info_t *, int, void *);

static int plain_find(unw_addr_space_t space, unw_word_t ip, unw_proc_info_t *info, int need_info, void *argument)
{
	plain.looked_up = ip;
	plain.found = false;
	if (plain.only_asked || ip < object.start || ip >= object.end || object.header == 0)
		return -UNW_ENOINFO;
	unw_dyn_info_t table = {.start_ip = object.start, .end_ip = object.end, .format = UNW_INFO_FORMAT_REMOTE_TABLE};
	table.u.rti.segbase = object.header;
	table.u.rti.table_data = object.header + 12;
	table.u.rti.table_len = *(const uint32_t *)(object.header + 8);
	plain.found = _Ux86_64_dwarf_search_unwind_table(space, ip, &table, info, need_info, argument) == 0;
	return plain.found ? 0 : -UNW_ENOINFO;
}

static int plain_memory(unw_addr_space_t space, unw_word_t address, unw_word_t *value, int write, void *argument)
{
	(void)space;
	(void)argument;
	if (write)
		return -UNW_EINVAL;
	if (address >> 48 == STACK_TAG || address >> 48 == VALUE_TAG) {
		if (plain.read_count == READS_MAX)
			return -UNW_EINVAL;
		plain.reads[plain.read_count++] = address;
		*value = value_at(address);
		return 0;
	}
	if (address < object.start || address > object.end - sizeof(*value))
		return -UNW_EINVAL;
	*value = *(const unw_word_t *)address;
	return 0;
}

static int plain_register(unw_addr_space_t space, unw_regnum_t number, unw_word_t *value, int write, void *argument)
{
	(void)space;
	(void)argument;
	if (write || number < 0 || number >= REGISTERS)
		return -UNW_EBADREG;
	*value = plain.registers[number];
	return 0;
}

static int plain_fpreg(unw_addr_space_t space, unw_regnum_t number, unw_fpreg_t *value, int write, void *argument)
{
	(void)space;
	(void)number;
	(void)value;
	(void)write;
	(void)argument;
	return -UNW_EBADREG;
}

static int plain_list(unw_addr_space_t space, unw_word_t *address, void *argument)
{
	(void)space;
	(void)address;
	(void)argument;
	return -UNW_ENOINFO;
}

static void plain_put(unw_addr_space_t space, unw_proc_info_t *info, void *argument)
{
	(void)space;
	(void)info;
	(void)argument;
}

static bool is_near(unw_word_t value, unw_word_t base, int32_t *offset)
{
	int64_t difference = (int64_t)(value - base);
	*offset = (int32_t)difference;
	return difference > INT32_MIN && difference <= INT32_MAX && difference % 8 == 0;
}

static unw_word_t plain_value(unw_cursor_t *cursor, int number)
{
	unw_word_t value = 0;
	return unw_get_reg(cursor, number, &value) == 0 ? value : 0;
}

static bool plain_describe(unw_cursor_t *cursor, struct rule_shape *shape)
{
	unw_word_t sp = plain.registers[UNW_X86_64_RSP], fp = plain.registers[UNW_X86_64_RBP], base;
	unw_word_t cfa = base = plain_value(cursor, UNW_X86_64_RSP), new_fp = plain_value(cursor, UNW_X86_64_RBP);
	unw_word_t ra_slot = slot_of(plain_value(cursor, UNW_X86_64_RIP));
	if (is_near(cfa, sp, &shape->cfa_offset))
		shape->kind = RULE_CFA_SP;
	else if (is_near(cfa, fp, &shape->cfa_offset))
		shape->kind = RULE_CFA_FP;
	else if (is_near(slot_of(cfa), base = fp, &shape->cfa_offset))
		shape->kind = RULE_CFA_MEMORY;
	else
		return false;
	if (!is_near(ra_slot, cfa, &shape->ra_offset))
		return false;
	shape->fp_offset = RULE_FP_SAME;
	return new_fp == fp || is_near(slot_of(new_fp), base, &shape->fp_offset);
}

static void plain_observe(unw_word_t number, uintptr_t pc, struct rule_shape *shape)
{
	unw_cursor_t cursor;
	memset(shape, 0, sizeof(*shape));
	for (unw_word_t i = 0; i < REGISTERS; i++)
		plain.registers[i] = STACK_TAG << 48 | (i * 3 + 50) << 40 | (number + 7) << 32 | (number * 5 + i % 16) * 8;
	plain.registers[UNW_X86_64_RIP] = pc;
	plain.read_count = 0;
	plain.found = plain.only_asked = false;
	ck_assert_int_eq(unw_init_remote(&cursor, plain.space, &plain), 0);
	int result = unw_step(&cursor);
	if (!plain.found)
		shape->kind = RULE_NO_CFI;
	else if (result == 0)
		shape->kind = RULE_END;
	else if (result < 0 || !plain_describe(&cursor, shape))
		shape->kind = RULE_COMPLEX;
	else if (number == 0) {
		unw_word_t ip = plain_value(&cursor, UNW_X86_64_RIP);
		plain.only_asked = true; /* for the caller as an interrupted pc, or for the byte before a return address? */
		unw_step(&cursor);
		if (plain.looked_up == ip)
			shape->kind = RULE_COMPLEX;
	}
}

static void plain_rule(uintptr_t pc, struct rule_shape *shape)
{
	plain_observe(0, pc, shape);
	for (unw_word_t number = 1; number < 3 && shape->kind >= RULE_CFA_SP && shape->kind <= RULE_CFA_MEMORY; number++) {
		struct rule_shape other;
		plain_observe(number, pc, &other);
		if (memcmp(&other, shape, sizeof(other)) != 0)
			shape->kind = RULE_COMPLEX;
	}
}

static void start(void)
{
	static unw_accessors_t accessors = {
		.find_proc_info = plain_find,
		.put_unwind_info = plain_put,
		.get_dyn_info_list_addr = plain_list,
		.access_mem = plain_memory,
		.access_reg = plain_register,
		.access_fpreg = plain_fpreg,
	};
	plain.space = unw_create_addr_space(&accessors, 0);
	ck_assert_ptr_nonnull(plain.space);
	unw_set_caching_policy(plain.space, UNW_CACHE_NONE);
	ck_assert(learn_start());
}

/* ---- Comparison -------------------------------------------------------------------------------------------------------------- */

static struct tally {
	uint64_t rows, kinds[RULE_NO_CFI + 1], differences;
	uint32_t generation;
	uint64_t every, count; /* one in `every` rows is compared */
} tally;

static bool is_same(const struct rule_shape *a, const struct rule_shape *b)
{
	bool has_offsets = a->kind >= RULE_CFA_SP && a->kind <= RULE_CFA_MEMORY;
	if (a->kind != b->kind || !has_offsets)
		return a->kind == b->kind;
	return a->cfa_offset == b->cfa_offset && a->ra_offset == b->ra_offset && a->fp_offset == b->fp_offset;
}

/* An address as an interrupted pc, and its successor as a return address: both ask for the same row. */
static enum rule_kind compare_at(uintptr_t pc)
{
	struct rule_shape expected, alone, among;
	plain_rule(pc, &expected);
	learn_rule(pc, true, LEARN_ALONE, &alone);
	learn_rule(pc + 1, false, tally.generation, &among);
	if ((!is_same(&expected, &alone) || !is_same(&expected, &among)) && tally.differences++ == 0)
		printf("%s: %lx: expected %d %d %d %d, got %d %d %d %d alone, %d %d %d %d among others\n", object.map.l_name,
		       pc - object.map.l_addr, (int)expected.kind, expected.cfa_offset, expected.ra_offset, expected.fp_offset,
		       (int)alone.kind, alone.cfa_offset, alone.ra_offset, alone.fp_offset, (int)among.kind, among.cfa_offset,
		       among.ra_offset, among.fp_offset);
	return expected.kind;
}

static int compare_row(void *unused, void *state, size_t size, unw_word_t first, unw_word_t end)
{
	(void)unused;
	(void)state;
	(void)size;
	if (tally.count++ % tally.every != 0)
		return 0;
	compare_at(first);
	compare_at(first + (end - first) / 2);
	tally.kinds[compare_at(end - 1)]++;
	tally.rows++;
	return 0;
}

static int count_row(void *unused, void *state, size_t size, unw_word_t first, unw_word_t end)
{
	(void)unused;
	(void)state;
	(void)size;
	tally.count += first < end;
	return 0;
}

static void for_each_row(unw_reg_states_callback visit)
{
	uint32_t functions = *(const uint32_t *)(object.header + 8);
	for (uint32_t i = 0; i < functions; i++) {
		const int32_t *entry = (const int32_t *)(object.header + 12 + (size_t)8 * i);
		unw_cursor_t cursor;
		plain.found = plain.only_asked = false;
		plain.registers[UNW_X86_64_RIP] = object.header + (uintptr_t)(intptr_t)*entry;
		if (unw_init_remote(&cursor, plain.space, &plain) == 0)
			unw_reg_states_iterate(&cursor, visit, NULL);
	}
}

static uint64_t rows_wanted(void)
{
	const char *text = getenv("HEAPDELTA_ROWS");
	uint64_t wanted = text ? strtoull(text, NULL, 10) : 15000;
	return wanted ? wanted : UINT64_MAX;
}

static void compare_file(const char *path)
{
	if (!map_file(path))
		return;
	uint32_t generation = tally.generation + 2;
	tally = (struct tally){.generation = generation};
	for_each_row(count_row);
	tally.every = tally.count / rows_wanted() + 1;
	tally.count = 0;
	for_each_row(compare_row);
	printf("%s: %lu rows of %lu: %lu sp, %lu fp, %lu memory, %lu end, %lu complex, %lu differences\n", path, tally.rows, tally.count,
	       tally.kinds[RULE_CFA_SP], tally.kinds[RULE_CFA_FP], tally.kinds[RULE_CFA_MEMORY], tally.kinds[RULE_END],
	       tally.kinds[RULE_COMPLEX], tally.differences);
	fflush(stdout);
	unmap_file();
	ck_assert_uint_eq(tally.differences, 0);
	ck_assert_uint_gt(tally.kinds[RULE_CFA_SP], tally.rows / 2);
}

/* What a command prints, without the newline; empty when it fails. */
static const char *answer_of(const char *command)
{
	static char line[4096];
	FILE *pipe = popen(command, "r");
	line[0] = '\0';
	if (pipe && !fgets(line, sizeof(line), pipe))
		line[0] = '\0';
	if (pipe)
		pclose(pipe);
	line[strcspn(line, "\n")] = '\0';
	return line;
}

/* A library that is loaded, or can be. */
static void compare_library(const char *name)
{
	struct link_map *map = NULL;
	void *library = dlopen(name, RTLD_LAZY);
	if (!library || dlinfo(library, RTLD_DI_LINKMAP, &map) != 0)
		return;
	char *path = strdup(map->l_name);
	compare_file(path);
	free(path);
	dlclose(library);
}

START_TEST(libraries)
{
	static const char *const names[] = {"libc.so.6",     "ld-linux-x86-64.so.2", "libstdc++.so.6",
					    "libgcc_s.so.1", "libcrypto.so.3",       "libm.so.6"};
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		compare_library(names[i]);
	ck_assert_uint_gt(tally.generation, 4); /* the C library and the loader at least */
}
END_TEST

/* Has arguments on the stack, so gcc keeps the address of its frame beside the realigned one, and the CFI says where. */
__attribute__((noinline, force_align_arg_pointer)) static int realigned(const int *a, const int *b, const int *c, const int *d,
									const int *e, const int *f, int g)
{
	_Alignas(64) volatile int sum[16] = {*a + *b + *c + *d + *e + *f + g};
	ck_assert_int_eq(sum[0], 7);
	return sum[0];
}

/* Functions with many rows, never called: a few states that take turns, and a new state in each row. */
__asm__(".pushsection .text\n.type many_rows, @function\nmany_rows:\n.cfi_startproc\n"
	".rept 300\nnop\n.cfi_def_cfa_offset 16\nnop\n.cfi_def_cfa_offset 48\n.cfi_offset rbp, -16\nnop\n"
	".cfi_def_cfa_offset 8\n.cfi_restore rbp\n.endr\nret\n.cfi_endproc\n.size many_rows, .-many_rows\n"
	".type many_states, @function\nmany_states:\n.cfi_startproc\n"
	".rept 300\nnop\n.cfi_adjust_cfa_offset 8\n.endr\nret\n.cfi_endproc\n.size many_states, .-many_states\n.popsection");

START_TEST(programs)
{
	int one = 1;
	compare_file(answer_of("gcc -print-prog-name=cc1 2>/dev/null"));
	compare_file("/usr/bin/python3");
	compare_file("/proc/self/exe");
	ck_assert_uint_gt(tally.rows, 1200);
#if !defined(__clang__)
	ck_assert_uint_gt(tally.kinds[RULE_CFA_MEMORY], 0);
#endif
	ck_assert_int_eq(realigned(&one, &one, &one, &one, &one, &one, one), 7);
}
END_TEST

int main(void)
{
	const TTest *const rows[] = {libraries, programs, NULL};
	Suite *suite = suite_create("unwind-learn");
	TCase *cases = tcase_create("rows");
	tcase_add_checked_fixture(cases, start, NULL);
	tcase_set_timeout(cases, 600);
	for (const TTest *const *each = rows; *each; each++)
		tcase_add_test(cases, *each);
	suite_add_tcase(suite, cases);
	return run_suite(suite);
}

#else

int main(void)
{
	puts("100%: Checks: 0, Failures: 0, Errors: 0");
	return 0;
}

#endif
