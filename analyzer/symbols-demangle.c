/* SPDX-License-Identifier: MIT */
/*
 * Mangled names of C++ and Rust to what the programmer wrote.  The only user of libiberty.  Names without a mangling prefix are never
 * tried: libiberty would read some C names as types.
 */
#include "symbols-demangle.h"

#include <string.h>

#include <libiberty/demangle.h>

/* Longer ones are left as they are: a crafted name of that size can unfold to any length. */
#define LONGEST_NAME 16384

bool symbols_is_mangled(const char *linkage_name)
{
	return linkage_name[0] == '_' && (linkage_name[1] == 'Z' || linkage_name[1] == 'R');
}

char *symbols_demangle(const char *linkage_name)
{
	if (!symbols_is_mangled(linkage_name) || strnlen(linkage_name, LONGEST_NAME) == LONGEST_NAME)
		return NULL;
	return cplus_demangle(linkage_name, DMGL_PARAMS | DMGL_ANSI | DMGL_AUTO);
}
