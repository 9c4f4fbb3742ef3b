/* links: preload */
/* SPDX-License-Identifier: MIT */
/* What is known of an executable before it is executed: files of the system, files made here with one property each, broken ones. */
#include <check.h>
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "image.h"

static char work[64];

static void setup(void)
{
	strcpy(work, "/tmp/check-image-XXXXXX");
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
}

static void is(const char *path, enum image_kind kind)
{
	errno = 77;
	ck_assert_msg(image_look(AT_FDCWD, path) == kind, "'%s': %d", path, (int)image_look(AT_FDCWD, path));
	ck_assert_int_eq(errno, 77);
}

struct file {
	Elf64_Ehdr header;
	Elf64_Phdr segments[3];
	Elf64_Dyn dynamic[4];
	char loader[40], strings[64];
};

static struct file plain(void)
{
	struct file file = {
		.header = {.e_type = ET_DYN,
			   .e_machine = EM_X86_64,
			   .e_phoff = offsetof(struct file, segments),
			   .e_phentsize = sizeof(Elf64_Phdr),
			   .e_phnum = 3},
		.segments = {{.p_type = PT_LOAD, .p_filesz = sizeof(struct file), .p_memsz = sizeof(struct file)},
			     {.p_type = PT_INTERP, .p_offset = offsetof(struct file, loader), .p_filesz = 40},
			     {.p_type = PT_DYNAMIC, .p_offset = offsetof(struct file, dynamic), .p_filesz = 4 * sizeof(Elf64_Dyn)}},
		.dynamic = {{.d_tag = DT_NEEDED, .d_un.d_val = 1},
			    {.d_tag = DT_NEEDED, .d_un.d_val = 20},
			    {.d_tag = DT_STRTAB, .d_un.d_ptr = offsetof(struct file, strings)}},
		.loader = "/lib64/ld-linux-x86-64.so.2",
	};

	memcpy(file.header.e_ident, ELFMAG, SELFMAG);
	file.header.e_ident[EI_CLASS] = ELFCLASS64;
	file.header.e_ident[EI_DATA] = ELFDATA2LSB;
	strcpy(file.strings + 1, "libm.so.6");
	strcpy(file.strings + 20, "libc.so.6");
	return file;
}

START_TEST(files_of_the_system)
{
	int fd = open("/bin/true", O_RDONLY | O_CLOEXEC);

	is("/bin/true", IMAGE_FINE);
	is("/no/such/file", IMAGE_FINE);
	is("/", IMAGE_FINE);
	is("/dev/null", IMAGE_FINE);
	is("/lib64/ld-linux-x86-64.so.2", IMAGE_FINE);
	ck_assert_int_eq(image_look(fd, ""), IMAGE_FINE);
	close(fd);
	ck_assert_int_eq(image_look(-1, ""), IMAGE_FINE);
}
END_TEST

START_TEST(one_property_each)
{
	struct file file = plain();

	put("app", &file, sizeof(file));
	is("app", IMAGE_FINE);
	strcpy(file.loader, "/lib/ld-musl-x86_64.so.1");
	put("app", &file, sizeof(file));
	is("app", IMAGE_MUSL);
	file = plain();
	strcpy(file.strings + 20, "libasan.so.8");
	put("app", &file, sizeof(file));
	is("app", IMAGE_ASAN);
	strcpy(file.strings + 20, "libtsan.so.2");
	put("app", &file, sizeof(file));
	is("app", IMAGE_TSAN);
	file = plain();
	file.segments[1].p_type = PT_NOTE;
	put("app", &file, sizeof(file));
	is("app", IMAGE_FINE); /* needs libraries: started by its loader */
	file.dynamic[0].d_tag = file.dynamic[1].d_tag = DT_DEBUG;
	put("app", &file, sizeof(file));
	is("app", IMAGE_STATIC);
	file = plain();
	file.header.e_machine = EM_AARCH64;
	put("app", &file, sizeof(file));
	is("app", IMAGE_OTHER_MACHINE);
	file.header.e_ident[EI_CLASS] = ELFCLASS32;
	put("app", &file, sizeof(file));
	is("app", IMAGE_32_BIT);
}
END_TEST

START_TEST(scripts_are_their_interpreters)
{
	struct file file = plain();

	strcpy(file.loader, "/lib/ld-musl-x86_64.so.1");
	put("app", &file, sizeof(file));
	put("one", "#!app\n", 6);
	put("two", "#! \t./one -x\r\n", 14);
	put("circle", "#!./circle\n", 11);
	put("cut", "#!", 2);
	put("blank", "#!  \n", 5);
	is("one", IMAGE_MUSL);
	is("two", IMAGE_MUSL);
	is("circle", IMAGE_FINE);
	is("cut", IMAGE_FINE);
	is("blank", IMAGE_FINE);
}
END_TEST

START_TEST(rights_that_are_gained)
{
	struct file file = plain();
	struct stat status;

	put("app", &file, sizeof(file));
	ck_assert_int_eq(chmod("app", 04755), 0);
	ck_assert_int_eq(stat("app", &status), 0);
	is("app", IMAGE_FINE); /* ours: nothing is gained */
	if (getuid() != 0 || chown("app", 65534, 65534) != 0)
		return;
	ck_assert_int_eq(chmod("app", 04755), 0);
	enum image_kind kind = image_look(AT_FDCWD, "app");
	ck_assert(kind == IMAGE_SETUID || kind == IMAGE_FINE /* mounted nosuid */);
	ck_assert_int_eq(chmod("app", 02755), 0);
	ck_assert(image_look(AT_FDCWD, "app") == (kind == IMAGE_FINE ? IMAGE_FINE : IMAGE_SETGID));
	ck_assert_int_eq(chmod("app", 02745), 0); /* mandatory locking, not a right */
	is("app", IMAGE_FINE);
}
END_TEST

/* Cut at every byte and with every byte changed: any kind, no crash. */
START_TEST(broken_files)
{
	struct file file = plain();
	unsigned char *bytes = (unsigned char *)&file;

	for (size_t size = 0; size < sizeof(file); size++) {
		put("app", &file, size);
		image_look(AT_FDCWD, "app");
	}
	for (size_t i = 0; i < sizeof(file); i++) {
		unsigned char kept = bytes[i];
		for (unsigned value = 0; value < 3; value++) {
			bytes[i] = (unsigned char[]){0, 0xff, (unsigned char)~kept}[value];
			put("app", &file, sizeof(file));
			image_look(AT_FDCWD, "app");
		}
		bytes[i] = kept;
	}
	is("app", image_look(AT_FDCWD, "app"));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("image");
	TCase *tests = tcase_create("image");

	tcase_add_checked_fixture(tests, setup, teardown);
	tcase_add_test(tests, files_of_the_system);
	tcase_add_test(tests, one_property_each);
	tcase_add_test(tests, scripts_are_their_interpreters);
	tcase_add_test(tests, rights_that_are_gained);
	tcase_add_test(tests, broken_files);
	suite_add_tcase(suite, tests);
	SRunner *runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	int failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
