/* SPDX-License-Identifier: MIT */
/*
 * libdw decompresses sections when it opens a file, in place: what libelf has of them then are the bytes that libdw itself reads.
 */
#include "symbols-bytes.h"

#include <gelf.h>

struct bytes bytes_section(Elf *elf, const char *name)
{
	GElf_Shdr header;
	GElf_Ehdr file;
	size_t names;

	if (!gelf_getehdr(elf, &file) || file.e_ident[EI_DATA] != ELFDATA2LSB || __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__ ||
	    elf_getshdrstrndx(elf, &names))
		return (struct bytes){0};
	for (Elf_Scn *scn = elf_nextscn(elf, NULL); scn; scn = elf_nextscn(elf, scn)) {
		const char *own = gelf_getshdr(scn, &header) ? elf_strptr(elf, names, header.sh_name) : NULL;
		Elf_Data *data = own && !strcmp(own, name) && !(header.sh_flags & SHF_COMPRESSED) ? elf_getdata(scn, NULL) : NULL;
		if (data && data->d_buf)
			return (struct bytes){data->d_buf, (const uint8_t *)data->d_buf + data->d_size};
	}
	return (struct bytes){0};
}
