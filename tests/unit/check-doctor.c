/* links: analyzer */
/* SPDX-License-Identifier: MIT */
/*
 * Verdicts on executables: real ones of the system and small ELF files made here, byte by byte, so that each has exactly one property; broken
 * ones of every kind; scripts and their chains.
 */
#include <check.h>
#include <elf.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "doctor-elf.h"
#include "doctor.h"

static char work[64];
static struct doctor doctor;

static void setup(void)
{
	strcpy(work, "/tmp/check-doctor-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(work));
	ck_assert_int_eq(chdir(work), 0);
}

static void teardown(void)
{
	char command[128];

	ck_assert_int_eq(chdir("/"), 0);
	snprintf(command, sizeof(command), "rm -rf %s", work);
	ck_assert_int_eq(system(command), 0);
}

static void put(const char *name, const void *data, size_t size)
{
	int fd = open(name, O_CREAT | O_WRONLY | O_TRUNC, 0755);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(write(fd, data, size), (ssize_t)size);
	close(fd);
	chmod(name, 0755);
}

static void script(const char *name, const char *text)
{
	put(name, text, strlen(text));
}

static void is(const char *command, enum doctor_verdict verdict, const char *text)
{
	doctor_command(&doctor, command, "/bin/true");
	ck_assert_msg(doctor.verdict == verdict, "'%s': verdict %d, '%s'", command, (int)doctor.verdict, doctor.text);
	ck_assert_msg(strstr(doctor.text, text) != NULL, "'%s' not in '%s'", text, doctor.text);
	ck_assert_int_eq(doctor.text[0] == '\0', verdict == DOCTOR_TRACEABLE);
}

/* ---- ELF files with one property each -------------------------------------------------------------------------------------------- */

enum { SYMBOLS = 4 };
struct image {
	Elf64_Ehdr header;
	Elf64_Phdr interpreter;
	Elf64_Shdr sections[5]; /* none, names, dynamic symbols, strings, dynamic */
	char interpreter_path[64];
	char names[64];
	Elf64_Sym symbols[SYMBOLS];
	char strings[256];
	Elf64_Dyn dynamic[4];
};

static Elf64_Shdr section(const struct image *image, Elf64_Word name, Elf64_Word type, const void *data, size_t size)
{
	return (Elf64_Shdr){.sh_name = name,
			    .sh_type = type,
			    .sh_offset = (Elf64_Off)((const char *)data - (const char *)image),
			    .sh_size = size,
			    .sh_addralign = 1};
}

static struct image plain(void)
{
	struct image image = {.header = {.e_type = ET_DYN,
					 .e_machine = EM_X86_64,
					 .e_version = EV_CURRENT,
					 .e_phoff = offsetof(struct image, interpreter),
					 .e_shoff = offsetof(struct image, sections),
					 .e_ehsize = sizeof(Elf64_Ehdr),
					 .e_phentsize = sizeof(Elf64_Phdr),
					 .e_phnum = 1,
					 .e_shentsize = sizeof(Elf64_Shdr),
					 .e_shnum = 5,
					 .e_shstrndx = 1}};

	memcpy(image.header.e_ident, ELFMAG, SELFMAG);
	image.header.e_ident[EI_CLASS] = ELFCLASS64;
	image.header.e_ident[EI_DATA] = ELFDATA2LSB;
	image.header.e_ident[EI_VERSION] = EV_CURRENT;
	strcpy(image.interpreter_path, "/lib64/ld-linux-x86-64.so.2");
	memcpy(image.names, "\0.shstrtab\0.dynsym\0.dynstr\0.dynamic\0.gopclntab", 47);
	memcpy(image.strings, "\0malloc\0main\0libc.so.6\0libasan.so.8\0mi_malloc\0__asan_init", 58);
	image.interpreter = (Elf64_Phdr){.p_type = PT_INTERP, .p_offset = offsetof(struct image, interpreter_path), .p_filesz = 28};
	image.sections[1] = section(&image, 1, SHT_STRTAB, image.names, sizeof(image.names));
	image.sections[2] = section(&image, 11, SHT_DYNSYM, image.symbols, sizeof(image.symbols));
	image.sections[2].sh_entsize = sizeof(Elf64_Sym);
	image.sections[2].sh_link = 3;
	image.sections[3] = section(&image, 19, SHT_STRTAB, image.strings, sizeof(image.strings));
	image.sections[4] = section(&image, 27, SHT_DYNAMIC, image.dynamic, sizeof(image.dynamic));
	image.sections[4].sh_entsize = sizeof(Elf64_Dyn);
	image.sections[4].sh_link = 3;
	image.dynamic[0] = (Elf64_Dyn){.d_tag = DT_NEEDED, .d_un.d_val = 13};
	return image;
}

static void make_static(struct image *image)
{
	image->interpreter.p_type = PT_LOAD;
	image->dynamic[0].d_tag = DT_NULL;
}

START_TEST(system_programs)
{
	is("/bin/true", DOCTOR_TRACEABLE, "");
	is("true", DOCTOR_TRACEABLE, "");
	is("no-such-program", DOCTOR_UNKNOWN, "cannot find 'no-such-program'");
	is("./no-such-program", DOCTOR_UNKNOWN, "cannot find");
	is("/", DOCTOR_CANNOT_RUN, "cannot run '/': it is a directory");
	is("", DOCTOR_UNKNOWN, "cannot find ''");
	ck_assert_int_eq(doctor_resolve("true", doctor.path, sizeof(doctor.path)), 0);
	ck_assert_int_eq(doctor.path[0], '/');
}
END_TEST

START_TEST(one_property_each)
{
	struct image image = plain();

	put("app", &image, sizeof(image));
	is("./app", DOCTOR_TRACEABLE, "");
	make_static(&image);
	put("app", &image, sizeof(image));
	is("./app", DOCTOR_UNTRACEABLE, "./app is statically linked, so no library can be preloaded: nothing will be traced.");
	image.sections[2].sh_name = 36;
	put("app", &image, sizeof(image));
	is("./app", DOCTOR_UNTRACEABLE, "./app is a Go program (static, Go runtime heap): nothing will be traced.");
	image = plain();
	image.sections[2].sh_name = 36;
	put("app", &image, sizeof(image));
	is("./app", DOCTOR_TRACEABLE, "");
	ck_assert_ptr_nonnull(strstr(doctor.note, "is a Go program: only its C code is seen"));
	image = plain();
	image.header.e_machine = EM_AARCH64;
	put("app", &image, sizeof(image));
	is("./app", DOCTOR_UNTRACEABLE, "./app is for another machine (AArch64); libheapdelta.so is for x86-64.");
	image = plain();
	strcpy(image.interpreter_path, "/lib/ld-musl-x86_64.so.1");
	put("app", &image, sizeof(image));
	is("./app", DOCTOR_UNTRACEABLE, "./app is linked against musl, libheapdelta.so against glibc: nothing can be traced.");
	image = plain();
	image.dynamic[0].d_un.d_val = 23;
	put("app", &image, sizeof(image));
	is("./app", DOCTOR_REFUSED, "./app is built with AddressSanitizer, which aborts under any other preload: not started.");
	image = plain();
	strcpy(image.strings + 23, "libtsan.so.2");
	image.dynamic[0].d_un.d_val = 23;
	put("app", &image, sizeof(image));
	is("./app", DOCTOR_REFUSED, "./app is built with ThreadSanitizer, which crashes under any other preload: not started.");
	image = plain();
	strcpy(image.interpreter_path, "/no/such/ld.so");
	put("app", &image, sizeof(image));
	is("./app", DOCTOR_CANNOT_RUN, "cannot run './app': its loader '/no/such/ld.so' is missing");
	chmod("app", 0644);
	is("./app", DOCTOR_CANNOT_RUN, "cannot run './app': it is not executable (chmod +x)");
}
END_TEST

/* Only what another loader would choke on is started without the library. */
START_TEST(who_is_started_without_the_library)
{
	struct image image = plain();

	put("app", &image, sizeof(image));
	is("./app", DOCTOR_TRACEABLE, "");
	ck_assert(!doctor.unloadable);
	make_static(&image);
	put("app", &image, sizeof(image));
	is("./app", DOCTOR_UNTRACEABLE, "");
	ck_assert(!doctor.unloadable);
	image = plain();
	strcpy(image.interpreter_path, "/lib/ld-musl-x86_64.so.1");
	put("app", &image, sizeof(image));
	is("./app", DOCTOR_UNTRACEABLE, "musl");
	ck_assert(doctor.unloadable);
	image = plain();
	image.header.e_machine = EM_AARCH64;
	put("app", &image, sizeof(image));
	is("./app", DOCTOR_UNTRACEABLE, "AArch64");
	ck_assert(doctor.unloadable);
}
END_TEST

START_TEST(own_malloc)
{
	struct image image = plain();

	image.symbols[1] = (Elf64_Sym){.st_name = 1, .st_shndx = SHN_UNDEF};
	put("app", &image, sizeof(image));
	is("./app", DOCTOR_TRACEABLE, "");
	image.symbols[1].st_shndx = 4;
	put("app", &image, sizeof(image));
	is("./app", DOCTOR_UNTRACEABLE, "./app defines malloc itself: its calls never reach us. Rebuild it with the C library's malloc.");
	image.symbols[2] = (Elf64_Sym){.st_name = 36, .st_shndx = 4};
	put("redis-server", &image, sizeof(image));
	is("./redis-server", DOCTOR_UNTRACEABLE,
	   "./redis-server defines malloc itself (mimalloc): its calls never reach us. Rebuild with 'make MALLOC=libc'.");
	image.symbols[2].st_name = 46;
	put("app", &image, sizeof(image));
	is("./app", DOCTOR_UNTRACEABLE,
	   "./app defines malloc itself (AddressSanitizer): its calls never reach us. Rebuild it without -fsanitize.");
}
END_TEST

START_TEST(thirty_two_bits)
{
	Elf32_Ehdr header = {.e_type = ET_EXEC, .e_machine = EM_386, .e_version = EV_CURRENT, .e_ehsize = sizeof(header)};

	memcpy(header.e_ident, ELFMAG, SELFMAG);
	header.e_ident[EI_CLASS] = ELFCLASS32;
	header.e_ident[EI_DATA] = ELFDATA2LSB;
	header.e_ident[EI_VERSION] = EV_CURRENT;
	put("app", &header, sizeof(header));
	is("./app", DOCTOR_UNTRACEABLE, "./app is 32-bit; there is no 32-bit libheapdelta.so.");
}
END_TEST

/* Cut at every byte and with every byte changed: any verdict, no crash, and never slow. */
START_TEST(broken_files)
{
	struct image image = plain();
	struct elf_facts facts;
	unsigned char *bytes = (unsigned char *)&image;

	for (size_t size = 0; size < sizeof(image); size += 3) {
		put("app", &image, size);
		elf_facts_read(&facts, "app");
	}
	for (size_t i = 0; i < sizeof(image); i++) {
		unsigned char kept = bytes[i];
		bytes[i] = (unsigned char)~kept;
		put("app", &image, sizeof(image));
		elf_facts_read(&facts, "app");
		bytes[i] = kept;
	}
	elf_facts_read(&facts, "/dev/zero");
	ck_assert_int_eq((int)facts.kind, (int)ELF_KIND_UNREADABLE);
}
END_TEST

START_TEST(scripts)
{
	struct image image = plain();

	script("plain.sh", "#!/bin/sh\n");
	is("./plain.sh", DOCTOR_TRACEABLE, "");
	script("spaces.sh", "#! \t/bin/sh -e \r\n");
	is("./spaces.sh", DOCTOR_TRACEABLE, "");
	script("no-magic", "exit 3\n");
	is("./no-magic", DOCTOR_TRACEABLE, "");
	script("env", "#!/usr/bin/env true\n");
	is("./env", DOCTOR_TRACEABLE, "");
	script("env-s", "#!/usr/bin/env -S A=b true -x\n");
	is("./env-s", DOCTOR_TRACEABLE, "");
	script("env-joined", "#!/usr/bin/env -Strue -x\n");
	is("./env-joined", DOCTOR_TRACEABLE, "");
	script("env-unset", "#!/usr/bin/env -S -i -u NAME A=b ./nested\n");
	script("nested", "#! /bin/sh\n");
	is("./env-unset", DOCTOR_TRACEABLE, "");
	ck_assert_str_eq(doctor.path, "/bin/sh");
	script("env-missing", "#!/usr/bin/env no-such-program\n");
	is("./env-missing", DOCTOR_CANNOT_RUN, "cannot run './env-missing': its interpreter");
	script("empty", "");
	is("./empty", DOCTOR_TRACEABLE, "");
	ck_assert_ptr_nonnull(strstr(doctor.note, "'./empty' is empty"));
	script("missing", "#!/no/such/interpreter\n");
	is("./missing", DOCTOR_CANNOT_RUN, "cannot run './missing': its interpreter '/no/such/interpreter' is missing");
	script("a", "#!./b\n");
	script("b", "#!./a\n");
	is("./a", DOCTOR_CANNOT_RUN, "cannot run './a': its interpreters go in a circle");
	make_static(&image);
	put("static", &image, sizeof(image));
	script("of-static", "#!./static\n");
	is("./of-static", DOCTOR_UNTRACEABLE, "./static, the interpreter of ./of-static, is statically linked");
}
END_TEST

START_TEST(runtimes_with_heaps_of_their_own)
{
	struct image image = plain();

	unsetenv("PYTHONMALLOC");
	put("python3.11", &image, sizeof(image));
	is("./python3.11", DOCTOR_TRACEABLE, "");
	ck_assert_ptr_nonnull(strstr(doctor.note, "PYTHONMALLOC=malloc heapdelta run"));
	setenv("PYTHONMALLOC", "malloc", 1);
	is("./python3.11", DOCTOR_TRACEABLE, "");
	ck_assert_str_eq(doctor.note, "");
	put("javac", &image, sizeof(image));
	is("./javac", DOCTOR_TRACEABLE, "");
	ck_assert_str_eq(doctor.note, "");
	static const char *const others[] = {"ruby3.1", "php8.2", "perl",   "lua5.4", "luajit",
					     "java",    "node",   "nodejs", "dotnet", "beam.smp"};
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
		char path[32];
		snprintf(path, sizeof(path), "./%s", others[i]);
		put(others[i], &image, sizeof(image));
		is(path, DOCTOR_TRACEABLE, "");
		ck_assert_msg(!strncmp(doctor.note, others[i], strlen(others[i])), "'%s'", doctor.note);
	}
	put("perlbug", &image, sizeof(image));
	is("./perlbug", DOCTOR_TRACEABLE, "");
	ck_assert_str_eq(doctor.note, "");
	put("node", &image, sizeof(image));
	is("./node", DOCTOR_TRACEABLE, "");
	ck_assert_ptr_nonnull(strstr(doctor.note, "V8"));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("doctor");
	TCase *tcase = tcase_create("doctor");
	SRunner *runner;
	int failed;

	tcase_set_timeout(tcase, 60);
	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_test(tcase, system_programs);
	tcase_add_test(tcase, one_property_each);
	tcase_add_test(tcase, who_is_started_without_the_library);
	tcase_add_test(tcase, own_malloc);
	tcase_add_test(tcase, thirty_two_bits);
	tcase_add_test(tcase, broken_files);
	tcase_add_test(tcase, scripts);
	tcase_add_test(tcase, runtimes_with_heaps_of_their_own);
	suite_add_tcase(suite, tcase);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
