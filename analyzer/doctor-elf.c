/* SPDX-License-Identifier: MIT */
/*
 * Comes in: the path of any file.  Goes out: facts.
 * The file is read with libelf in plain reading mode: a mapping would turn a file that is cut meanwhile into a SIGBUS.  Whatever is damaged
 * or missing leaves its fact at "no": the kernel and the loader have the last word when the program starts.
 */
#include "doctor-elf.h"

#include <elf.h>
#include <fcntl.h>
#include <gelf.h>
#include <libelf.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static void read_segments(struct elf_facts *facts, Elf *elf, int fd)
{
	size_t count;
	GElf_Phdr header;

	if (elf_getphdrnum(elf, &count) != 0)
		return;
	for (size_t i = 0; i < count; i++) {
		if (!gelf_getphdr(elf, (int)i, &header) || header.p_type != PT_INTERP)
			continue;
		size_t room = sizeof(facts->interpreter) - 1;
		size_t size = header.p_filesz < room ? header.p_filesz : room;
		ssize_t got = header.p_offset < INT64_MAX ? pread(fd, facts->interpreter, size, (off_t)header.p_offset) : -1;
		facts->interpreter[got > 0 ? got : 0] = '\0';
		facts->has_interpreter = true;
	}
}

/* Linked into the executable, the same runtimes start beside any preload, and only their malloc is in our way: allocator_of(). */
static const char *sanitizer_of(const char *library)
{
	static const char *const marks[][2] = {
		{"libasan.so", "AddressSanitizer"},
		{"libclang_rt.asan", "AddressSanitizer"},
		{"libtsan.so", "ThreadSanitizer"},
		{"libclang_rt.tsan", "ThreadSanitizer"},
	};

	for (size_t i = 0; i < sizeof(marks) / sizeof(marks[0]); i++) {
		if (!strncmp(library, marks[i][0], strlen(marks[i][0])))
			return marks[i][1];
	}
	return NULL;
}

static void read_needed(struct elf_facts *facts, Elf *elf, Elf_Data *data, const GElf_Shdr *header)
{
	size_t count = header->sh_entsize ? header->sh_size / header->sh_entsize : 0;
	GElf_Dyn entry;

	for (size_t i = 0; i < count && gelf_getdyn(data, (int)i, &entry) && entry.d_tag != DT_NULL; i++) {
		/* The loader itself can be started by name, and preloads; a static program that can be moved has no name of that kind. */
		facts->has_libraries = facts->has_libraries || entry.d_tag == DT_SONAME;
		const char *name = entry.d_tag == DT_NEEDED ? elf_strptr(elf, header->sh_link, entry.d_un.d_val) : NULL;
		if (!name)
			continue;
		facts->has_libraries = true;
		if (!facts->sanitizer)
			facts->sanitizer = sanitizer_of(name);
	}
}

static const char *allocator_of(const char *symbol)
{
	static const struct {
		const char *symbol, *allocator;
	} marks[] = {
		{"mallctl", "jemalloc"},
		{"je_mallctl", "jemalloc"},
		{"tc_malloc", "tcmalloc"},
		{"tc_version", "tcmalloc"},
		{"mi_malloc", "mimalloc"},
		{"mi_version", "mimalloc"},
		{"sn_malloc", "snmalloc"},
		{"rpmalloc", "rpmalloc"},
		{"__asan_init", "AddressSanitizer"},
		{"__tsan_init", "ThreadSanitizer"},
		{"__msan_init", "MemorySanitizer"},
		{"__lsan_init", "LeakSanitizer"},
	};

	for (size_t i = 0; i < sizeof(marks) / sizeof(marks[0]); i++) {
		if (!strcmp(symbol, marks[i].symbol))
			return marks[i].allocator;
	}
	return NULL;
}

static void read_symbols(struct elf_facts *facts, Elf *elf, Elf_Data *data, const GElf_Shdr *header)
{
	size_t count = header->sh_entsize ? header->sh_size / header->sh_entsize : 0;
	GElf_Sym symbol;

	for (size_t i = 0; i < count && gelf_getsym(data, (int)i, &symbol); i++) {
		const char *name = symbol.st_shndx == SHN_UNDEF ? NULL : elf_strptr(elf, header->sh_link, symbol.st_name);
		if (!name)
			continue;
		/* A malloc that is not in the dynamic table serves the executable alone or is hidden: the loader does not see it. */
		if (header->sh_type == SHT_DYNSYM && !strcmp(name, "malloc"))
			facts->defines_malloc = true;
		if (!facts->allocator)
			facts->allocator = allocator_of(name);
	}
}

static void read_section(struct elf_facts *facts, Elf *elf, Elf_Scn *section, size_t names)
{
	GElf_Shdr header;

	if (!gelf_getshdr(section, &header))
		return;
	const char *name = elf_strptr(elf, names, header.sh_name);
	if (name && (!strcmp(name, ".go.buildinfo") || !strcmp(name, ".note.go.buildid") || !strcmp(name, ".gopclntab")))
		facts->is_go = true;
	bool is_dynamic = header.sh_type == SHT_DYNAMIC;
	if (!is_dynamic && header.sh_type != SHT_DYNSYM && header.sh_type != SHT_SYMTAB)
		return;
	Elf_Data *data = elf_getdata(section, NULL);
	if (data && is_dynamic)
		read_needed(facts, elf, data, &header);
	else if (data)
		read_symbols(facts, elf, data, &header);
}

static void read_elf(struct elf_facts *facts, int fd)
{
	GElf_Ehdr header;
	size_t names;

	if (elf_version(EV_CURRENT) == EV_NONE)
		return;
	Elf *elf = elf_begin(fd, ELF_C_READ, NULL);
	if (elf && elf_kind(elf) == ELF_K_ELF && gelf_getehdr(elf, &header)) {
		facts->kind = ELF_KIND_ELF;
		facts->class_bits = header.e_ident[EI_CLASS] == ELFCLASS32 ? 32 : 64;
		facts->machine = header.e_machine;
		read_segments(facts, elf, fd);
		for (Elf_Scn *section = NULL; elf_getshdrstrndx(elf, &names) == 0 && (section = elf_nextscn(elf, section)) != NULL;)
			read_section(facts, elf, section, names);
	}
	elf_end(elf);
}

static void read_script(struct elf_facts *facts, int fd)
{
	char line[sizeof(facts->interpreter_line)];
	ssize_t got = pread(fd, line, sizeof(line) - 1, 0);

	line[got > 0 ? got : 0] = '\0';
	if (strncmp(line, "#!", 2) != 0)
		return;
	const char *from = line + 2 + strspn(line + 2, " \t");
	size_t length = strcspn(from, "\r\n");
	while (length && (from[length - 1] == ' ' || from[length - 1] == '\t'))
		length--;
	snprintf(facts->interpreter_line, sizeof(facts->interpreter_line), "%.*s", (int)length, from);
}

void elf_facts_read(struct elf_facts *facts, const char *path)
{
	struct stat status;
	char magic[SELFMAG] = "";

	*facts = (struct elf_facts){.kind = ELF_KIND_UNREADABLE};
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (fd < 0)
		return;
	if (fstat(fd, &status) == 0 && S_ISREG(status.st_mode)) {
		facts->kind = ELF_KIND_OTHER;
		facts->is_empty = status.st_size == 0;
		if (pread(fd, magic, sizeof(magic), 0) == (ssize_t)sizeof(magic) && !memcmp(magic, ELFMAG, SELFMAG))
			read_elf(facts, fd);
		else
			read_script(facts, fd);
	}
	close(fd);
}

const char *elf_machine_name(int machine)
{
	static const struct {
		int machine;
		const char *name;
	} names[] = {
		{EM_X86_64, "x86-64"}, {EM_386, "i386"},      {EM_AARCH64, "AArch64"}, {EM_ARM, "ARM"},
		{EM_RISCV, "RISC-V"},  {EM_PPC64, "PowerPC"}, {EM_S390, "s390"},       {EM_MIPS, "MIPS"},
	};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (names[i].machine == machine)
			return names[i].name;
	}
	return NULL;
}
