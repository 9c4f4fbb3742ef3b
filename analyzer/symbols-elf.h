/* SPDX-License-Identifier: MIT */
/* The symbol table of one file (.symtab, else .dynsym), by address. */
#ifndef ANALYZER_SYMBOLS_ELF_H
#define ANALYZER_SYMBOLS_ELF_H

#include <elfutils/libdwfl.h>

#include "intern.h"

struct elf_symbols;

struct elf_symbol {
	const char *function; /* demangled, interned */
	const char *linkage;  /* NULL: same */
	uint64_t start;
};

/* NULL: out of memory.  A file without symbols gives an empty table. */
struct elf_symbols *elf_symbols_new(Dwfl_Module *module, struct intern *intern);
void elf_symbols_free(struct elf_symbols *symbols);

/* 1: found, 0: no symbol covers the address, −1: out of memory. */
int elf_symbols_find(const struct elf_symbols *symbols, uint64_t address, struct elf_symbol *symbol);

#endif
