/* SPDX-License-Identifier: MIT */
/*
 * In: an address.  Out: what the loader knows about the object there (the lock-free _dl_find_object) and what its program headers say.
 *
 * The headers are taken from the auxiliary vector for the executable, else from the ELF header at the start of the mapping; a table that
 * does not lie in the first page there is not used, because nothing proves that it is mapped.
 */
#include "elf-view.h"

#include <string.h>
#include <sys/auxv.h>

enum { FIRST_PAGE = 4096 };

static void read_headers(struct elf_view *view)
{
	const ElfW(Ehdr) *header = (const ElfW(Ehdr) *)view->start;
	if (memcmp(header->e_ident, ELFMAG, SELFMAG) != 0 || header->e_phentsize != sizeof(ElfW(Phdr)))
		return;
	if (header->e_phoff % 8 != 0 || header->e_phoff > FIRST_PAGE ||
	    header->e_phnum > (FIRST_PAGE - header->e_phoff) / sizeof(ElfW(Phdr)))
		return;
	view->headers = (const ElfW(Phdr) *)(view->start + header->e_phoff);
	view->count = header->e_phnum;
}

/* The executable: the kernel mapped it, and where its segments do not touch each other the loader tells about one of them only.  False:
 * the vector is about another object (a loader that was started as a program). */
static bool read_auxiliary(struct elf_view *view)
{
	const ElfW(Phdr) *headers = (const ElfW(Phdr) *)getauxval(AT_PHDR);
	size_t count = headers ? getauxval(AT_PHNUM) : 0;
	uintptr_t low = view->start, high = view->end;
	bool is_it = false;
	for (size_t i = 0; i < count; i++) {
		if (headers[i].p_type != PT_LOAD)
			continue;
		uintptr_t first = view->bias + headers[i].p_vaddr, last = first + headers[i].p_memsz;
		is_it |= view->start >= (first & ~(uintptr_t)(FIRST_PAGE - 1)) && view->start < last;
		low = first < low ? first : low;
		high = last > high ? last : high;
	}
	if (!is_it)
		return false;
	view->start = low;
	view->end = high;
	view->headers = headers;
	view->count = count;
	return true;
}

bool elf_view_is_main(const struct elf_view *view)
{
	return !view->map->l_prev && view->map->l_name[0] == '\0';
}

bool elf_view_find(uintptr_t pc, struct elf_view *view)
{
	struct dl_find_object found;
	if (!_dl_find_object || _dl_find_object((void *)pc, &found) != 0)
		return false;
	*view = (struct elf_view){
		.start = (uintptr_t)found.dlfo_map_start,
		.end = (uintptr_t)found.dlfo_map_end,
		.bias = found.dlfo_link_map->l_addr,
		.eh_frame_hdr = (uintptr_t)found.dlfo_eh_frame,
		.map = found.dlfo_link_map,
	};
	if (!elf_view_is_main(view) || !read_auxiliary(view))
		read_headers(view);
	return true;
}

bool elf_view_segment(const struct elf_view *view, uintptr_t address, uintptr_t *start, uintptr_t *end)
{
	for (size_t i = 0; i < view->count; i++) {
		const ElfW(Phdr) *header = &view->headers[i];
		if (header->p_type != PT_LOAD || !(header->p_flags & PF_R))
			continue;
		uintptr_t first = view->bias + header->p_vaddr, last = first + header->p_memsz;
		if (address >= first && address < last && first >= view->start && last <= view->end) {
			*start = first;
			*end = last;
			return true;
		}
	}
	return false;
}

/* The build id in one note segment. */
static size_t find_build_id(uintptr_t note, uintptr_t end, uintptr_t align, uint8_t *id, size_t room)
{
	while (note < end && end - note >= sizeof(ElfW(Nhdr))) {
		const ElfW(Nhdr) *header = (const ElfW(Nhdr) *)note;
		uintptr_t name = note + sizeof(*header);
		uintptr_t description = name + ((header->n_namesz + align - 1) & ~(align - 1));
		uintptr_t next = description + ((header->n_descsz + align - 1) & ~(align - 1));
		if (description > end || next > end)
			break;
		if (header->n_type == NT_GNU_BUILD_ID && header->n_namesz == sizeof("GNU") &&
		    memcmp((void *)name, "GNU", sizeof("GNU")) == 0) {
			size_t size = header->n_descsz < room ? header->n_descsz : room;
			memcpy(id, (void *)description, size);
			return size;
		}
		note = next;
	}
	return 0;
}

size_t elf_view_build_id(const struct elf_view *view, uint8_t *id, size_t room)
{
	for (size_t i = 0; i < view->count; i++) {
		const ElfW(Phdr) *header = &view->headers[i];
		uintptr_t start, end, note = view->bias + header->p_vaddr;
		if (header->p_type != PT_NOTE || note % 4 != 0 || !elf_view_segment(view, note, &start, &end))
			continue;
		if (header->p_memsz > end - note)
			continue;
		size_t size = find_build_id(note, note + header->p_memsz, header->p_align == 8 ? 8 : 4, id, room);
		if (size > 0)
			return size;
	}
	return 0;
}
