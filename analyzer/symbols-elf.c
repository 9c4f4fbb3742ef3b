/* SPDX-License-Identifier: MIT */
/*
 * libdwfl's look-up in the symbol table is linear for every address; this is the table sorted once.  A symbol covers its size and no more,
 * so that code of a stripped function is not given its neighbour's name; symbols without a size (assembly) reach to the next one.
 */
#include "symbols-elf.h"

#include <stdlib.h>
#include <string.h>

#include "intervals.h"
#include "symbols-demangle.h"

struct elf_symbols {
	Dwfl_Module *module;
	struct intern *intern;
	struct intervals ranges; /* value: number of the symbol */
};

/* Of several names for one function the one that people write: few leading underscores, global, short. */
static uint32_t rank_of(const GElf_Sym *symbol, const char *name)
{
	size_t underscores = strspn(name, "_"), length = strnlen(name, 1023);
	uint32_t binding = GELF_ST_BIND(symbol->st_info) == STB_GLOBAL ? 2 : GELF_ST_BIND(symbol->st_info) == STB_WEAK ? 1 : 0;

	if (symbols_is_mangled(name))
		underscores = 0;
	return (uint32_t)(7 - (underscores < 7 ? underscores : 7)) << 20 | binding << 16 | (uint32_t)(1023 - length);
}

/* Where the section of code ends that the symbol is in; 0: not in code. */
static uint64_t end_of_code(Elf *elf, GElf_Word section, uint64_t address)
{
	GElf_Shdr header;

	if (!gelf_getshdr(elf_getscn(elf, section), &header) || !(header.sh_flags & SHF_EXECINSTR))
		return 0;
	return address - header.sh_addr < header.sh_size ? header.sh_addr + header.sh_size : 0;
}

static int add_symbol(struct elf_symbols *symbols, int number)
{
	struct interval range = {.value = (uint32_t)number};
	GElf_Word section;
	GElf_Addr address;
	GElf_Sym symbol;
	Dwarf_Addr bias;
	Elf *elf;
	const char *name = dwfl_module_getsym_info(symbols->module, number, &symbol, &address, &section, &elf, &bias);
	int type = name ? GELF_ST_TYPE(symbol.st_info) : STT_OBJECT;

	if (!name || !*name || section == SHN_UNDEF || (type != STT_FUNC && type != STT_GNU_IFUNC && type != STT_NOTYPE))
		return 0;
	range.low = address;
	range.high = elf ? end_of_code(elf, section, address - bias) : 0;
	if (!range.high)
		return 0;
	range.high += bias;
	range.open = symbol.st_size == 0;
	if (!range.open && symbol.st_size < range.high - range.low)
		range.high = range.low + symbol.st_size;
	range.rank = rank_of(&symbol, name) | (uint32_t)(type != STT_NOTYPE) << 24;
	return intervals_add(&symbols->ranges, &range);
}

struct elf_symbols *elf_symbols_new(Dwfl_Module *module, struct intern *intern)
{
	struct elf_symbols *symbols = calloc(1, sizeof(*symbols));
	int count = dwfl_module_getsymtab(module);

	if (!symbols)
		return NULL;
	symbols->module = module;
	symbols->intern = intern;
	for (int i = 1; i < count; i++) {
		if (add_symbol(symbols, i)) {
			elf_symbols_free(symbols);
			return NULL;
		}
	}
	intervals_finish(&symbols->ranges);
	return symbols;
}

void elf_symbols_free(struct elf_symbols *symbols)
{
	if (!symbols)
		return;
	intervals_release(&symbols->ranges);
	free(symbols);
}

/* "fopen@@GLIBC_2.2.5" is fopen. */
static int set_names(struct intern *intern, struct elf_symbol *symbol, const char *name)
{
	char *text;

	symbol->linkage = intern_add_n(intern, name, strcspn(name, "@"));
	if (!symbol->linkage)
		return -1;
	text = symbols_demangle(symbol->linkage);
	symbol->function = text ? intern_add(intern, text) : symbol->linkage;
	free(text);
	if (symbol->function == symbol->linkage)
		symbol->linkage = NULL;
	return symbol->function ? 0 : -1;
}

int elf_symbols_find(const struct elf_symbols *symbols, uint64_t address, struct elf_symbol *symbol)
{
	uint32_t found = intervals_find(&symbols->ranges, address);
	const struct interval *range;
	const char *name;
	GElf_Sym entry;

	if (found == INTERVAL_NONE)
		return 0;
	range = &symbols->ranges.list[found];
	name = dwfl_module_getsym(symbols->module, (int)range->value, &entry, NULL);
	symbol->start = range->low;
	if (!name)
		return 0;
	return set_names(symbols->intern, symbol, name) ? -1 : 1;
}
