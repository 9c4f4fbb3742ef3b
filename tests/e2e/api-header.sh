#!/bin/bash
# SPDX-License-Identifier: MIT
# heapdelta.h in every kind of program: each compiler, language and way of linking compiles it without a warning; without the library it is a
# no-op, with it the same functions answer.
. "$(dirname "$0")/tap.sh"

source=$top/tests/targets/api-all.c
absent='available=0 tracing=0 limit=0 malloc=-2:0:0 traceback=-2 frame=0 unknown=-2 track=-2 tracked=-2:0:0 untrack=-2 reset=-2:0:0 tracer=0 snapshot=-61 stopped=0 toomany=-2 start=-2 limit=0 '
present='available=1 tracing=1 limit=65535 malloc=0:1000:1000 traceback=1 frame=1 unknown=-3 track=0 tracked=0:1500:1500 untrack=0 reset=0:0:0 tracer=1 snapshot=0 stopped=0 toomany=-22 start=0 limit=5 '

# try COMPILER STANDARD LINK FLAG…: LINK static expects the no-op even under the preload
try()
{
	local compiler=$1 language=c standard=$2 link=$3 expected=$present
	case $standard in *++*) language=c++ ;; esac
	rm -f ./*.hds api-all
	if ! "$compiler" -x "$language" -std="$standard" -pedantic -Wall -Wextra -Wshadow -Wconversion -Werror -g -I "$top/include" \
		"${@:4}" "$source" -o api-all >compiler.out 2>&1; then
		not_ok "$compiler $standard $link: compiles" "$(head -20 compiler.out)"
		return
	fi
	[ "$link" != static ] || expected=$absent
	equal "$compiler $standard $link: no-op without the library" "$absent" "$(./api-all)"
	equal "$compiler $standard $link: under the preload" "$expected" "$(LD_PRELOAD=$shim ./api-all)"
}

# every way to link with one compiler and standard
try_links()
{
	try "$1" "$2" pie -O0 -fPIE -pie
	try "$1" "$2" no-pie -O2 -fno-pie -no-pie
	try "$1" "$2" static -O2 -static
	try "$1" "$2" dlsym -O2 -DHEAPDELTA_USE_DLSYM -Wl,-z,nodynamic-undefined-weak
}

for compiler in gcc clang; do
	if need "$compiler"; then
		try_links "$compiler" c99
		try_links "$compiler" c11
	else
		skip "$compiler: C" "no $compiler here"
	fi
done
for compiler in g++ clang++; do
	if need "$compiler"; then
		try_links "$compiler" c++11
		try_links "$compiler" c++17
	else
		skip "$compiler: C++" "no $compiler here"
	fi
done
finish
