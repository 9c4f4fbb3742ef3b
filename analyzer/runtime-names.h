/* SPDX-License-Identifier: MIT */
/*
 * What belongs to the C, C++ and Rust runtimes and to well-known allocation wrappers, told by name.  Function names are demangled ones.
 */
#ifndef ANALYZER_RUNTIME_NAMES_H
#define ANALYZER_RUNTIME_NAMES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* libc, ld.so, libstdc++ and their like, whatever the directory. */
bool is_runtime_module(const char *path);

/* A file that came with a compiler or a distribution's headers: /usr/include, /usr/lib/gcc/…, /rustc/…. */
bool is_system_file(const char *path);

/* libstdc++, which is part of that too. */
bool is_cplusplus_module(const char *path);

/* What a function is, as far as its name tells. */
enum name_kind {
	NAME_ENTRY = 1 << 0,         /* malloc, strdup, operator new: what the runtime itself offers to allocate with */
	NAME_WRAPPER = 1 << 1,       /* xmalloc, g_malloc: exists to allocate for its caller */
	NAME_LIBRARY = 1 << 2,       /* in std::, __gnu_cxx::, boost::, fmt::, Rust's core::, alloc::, std::, hashbrown:: */
	NAME_START = 1 << 3,         /* runs before main and at the start of a thread */
	NAME_ONE_TIME = 1 << 4,      /* of the runtime; its blocks live once per process (the table says why) */
	NAME_STREAM = 1 << 5,        /* printf, puts: writes to stdout or reads stdin, whose buffer lives once */
	NAME_STREAM_BUFFER = 1 << 6, /* allocates the buffer of a stdio stream */
};
uint32_t function_kinds(const char *function);

/* The qualified name alone, without return type and parameters.  *length: of the name. */
const char *qualified_name(const char *function, size_t *length);
/* Length of what stands after the word "operator" and has brackets that are no brackets: "()", "<<"; 0: no such thing. */
size_t operator_symbol(const char *at);

#endif
