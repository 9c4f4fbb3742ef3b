/* SPDX-License-Identifier: MIT */
/* What an executable file says about itself, as far as it decides whether a library can be preloaded into it.  libelf's only user. */
#ifndef ANALYZER_DOCTOR_ELF_H
#define ANALYZER_DOCTOR_ELF_H

#include <stdbool.h>
#include <stddef.h>

enum elf_kind { ELF_KIND_UNREADABLE, ELF_KIND_OTHER /* a script, for example */, ELF_KIND_ELF };

struct elf_facts {
	enum elf_kind kind;
	int class_bits;                      /* 32 or 64 */
	int machine;                         /* e_machine */
	bool has_interpreter, has_libraries; /* PT_INTERP; DT_NEEDED */
	char interpreter[256];               /* path of the loader */
	bool is_go;
	const char *sanitizer;      /* whose runtime is a library that refuses any other preload; NULL: none */
	bool defines_malloc;        /* for the whole process: the executable comes before preloaded libraries */
	const char *allocator;      /* whose malloc that probably is; NULL: unknown */
	char interpreter_line[512]; /* of a script: the text after "#!", trimmed; else "" */
	bool is_empty;              /* not a byte in it */
};

void elf_facts_read(struct elf_facts *facts, const char *path);

/* "AArch64"; NULL: unknown. */
const char *elf_machine_name(int machine);

#endif
