/* SPDX-License-Identifier: MIT */
/*
 * Program headers of a loaded object, read where the loader mapped them.  Every range is checked against the object's readable segments
 * before it is used.  Async-signal-safe, any thread, no locks.
 */
#ifndef PRELOAD_ELF_VIEW_H
#define PRELOAD_ELF_VIEW_H

#include <dlfcn.h>
#include <link.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* glibc 2.35 and later; without it no object is ever found. */
extern int _dl_find_object(void *address, struct dl_find_object *result) __attribute__((weak));

struct elf_view {
	uintptr_t start, end; /* of all segments */
	uintptr_t bias;
	uintptr_t eh_frame_hdr; /* 0: none */
	const struct link_map *map;
	const ElfW(Phdr) * headers;
	size_t count; /* 0: the headers are not where they can be read safely */
};

/* The object that is mapped at `pc`; false: none. */
bool elf_view_find(uintptr_t pc, struct elf_view *view);

bool elf_view_is_main(const struct elf_view *view);

/* The readable segment that holds `address`: [*start, *end).  False: none. */
bool elf_view_segment(const struct elf_view *view, uintptr_t address, uintptr_t *start, uintptr_t *end);

/* The GNU build id: its size, 0 when there is none, at most `room` bytes copied. */
size_t elf_view_build_id(const struct elf_view *view, uint8_t *id, size_t room);

#endif
