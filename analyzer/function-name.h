/* SPDX-License-Identifier: MIT */
/*
 * Names of functions as people write them: demangled C++ and Rust names without what nobody has written.
 */
#ifndef ANALYZER_FUNCTION_NAME_H
#define ANALYZER_FUNCTION_NAME_H

#include "strbuf.h"

/* Without default and overlong template arguments, a long name without return type and parameters, too: "std::vector<int>::resize(unsigned
 * long)", "std::map<…>::operator[]". */
void function_name_short(struct strbuf *out, const char *function);

/* The same, always without return type and parameters, and a function of the standard library without the template arguments that follow
 * from its parameters: "std::make_shared<Session>". */
void function_name_bare(struct strbuf *out, const char *function);

#endif
