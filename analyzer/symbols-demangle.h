/* SPDX-License-Identifier: MIT */
#ifndef ANALYZER_SYMBOLS_DEMANGLE_H
#define ANALYZER_SYMBOLS_DEMANGLE_H

#include <stdbool.h>

/* Does it look like a mangled name? */
bool symbols_is_mangled(const char *linkage_name);

/* Demangled name (C++ and Rust), or NULL when it is not mangled; free() it. */
char *symbols_demangle(const char *linkage_name);

#endif
