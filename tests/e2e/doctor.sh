#!/bin/bash
# SPDX-License-Identifier: MIT
# doctor, and run before the start: why something cannot be traced, with the same words and early.
. "$(dirname "$0")/tap.sh"

# says NAME STATUS TEXT COMMAND: doctor's status and words
says()
{
	local name=$1 status=$2 text=$3 got
	shift 3
	"$heapdelta" doctor "$@" >out 2>err
	got=$?
	if [ "$got" -eq "$status" ] && cat out err | grep -qF -e "$text"; then ok "$name"; else not_ok "$name" "status $got" "$(cat out err)"; fi
}
compiles() { printf '%s\n' "$1" >program.c && cc "${@:2}" program.c >/dev/null 2>&1; }

says 'an ordinary program' 0 '/true can be traced' true
says 'by path' 0 '/bin/true can be traced' /bin/true
says 'not found' 2 "cannot find 'no-such-program'" no-such-program
if head -c 4 /usr/bin/python3 2>/dev/null | grep -q ELF; then
	printf '#!/usr/bin/env -S /usr/bin/python3 -u\n' >script.py && chmod +x script.py
	says 'a script: its interpreter, and what stays unseen' 0 'serves objects up to 512 bytes from its own pools' ./script.py
	PYTHONMALLOC=malloc says 'unless that is switched off' 0 'can be traced' ./script.py
	equal 'without a note' '' "$(cat err)"
else
	skip 'a script: its interpreter, and what stays unseen' 'no /usr/bin/python3'
fi
printf '#!./b\n' >a && printf '#!./a\n' >b && chmod +x a b
says 'interpreters in a circle' 2 'go in a circle' ./a
says 'the installation' 0 "library: $(readlink -f "$shim")" 
says 'the places for trace files' 0 "trace files: $HEAPDELTA_DIR, "
"$heapdelta" doctor one two >out 2>err
equal 'misuse' '2 2' "$? $(wc -l <err)"

if compiles 'int main(void) { return 5; }' -static -o static; then
	words="./static is statically linked, so no library can be preloaded: nothing will be traced. Link it dynamically (without -static)."
	says 'static' 3 "heapdelta: warning: $words" ./static
	"$heapdelta" run -o static.hds ./static 2>err
	equal 'run warns before the start, and starts' "5 heapdelta: warning: $words" "$? $(head -1 err)"
	contains 'and says at the end that nothing was traced' ': exit status 5 after ' err
	contains 'loudly' 'nothing was traced' err
	check 'no empty snapshot' test ! -e static.hds
	printf '#!./static\n' >static-script && chmod +x static-script
	says 'a script with a static interpreter' 3 './static, the interpreter of ./static-script, is statically linked' ./static-script
else
	skip 'static programs' 'no static libc'
fi
if compiles 'int main(void) { return 0; }' -fsanitize=address -o asan; then
	words='./asan is built with AddressSanitizer, which aborts under any other preload: not started. LeakSanitizer is already in it.'
	says 'AddressSanitizer' 3 "heapdelta: error: $words" ./asan
	"$heapdelta" run ./asan 2>err
	equal 'run does not start it' "125 heapdelta: error: $words" "$? $(cat err)"
else
	skip 'AddressSanitizer' 'no libasan'
fi
own='#include <stddef.h>
static char pool[1 << 20]; static size_t used;
void *malloc(size_t n) { void *p = pool + used; used += (n + 15) & ~15ul; return p; }
void free(void *p) { (void)p; }
void *calloc(size_t n, size_t m) { return malloc(n * m); }
void *realloc(void *p, size_t n) { (void)p; return malloc(n); }
int main(void) { return malloc(3) == NULL; }'
if compiles "$own" -o own-malloc; then
	says 'a malloc of its own' 3 "./own-malloc defines malloc itself: its calls never reach us." ./own-malloc
	compiles "${own}
int mallctl(void) { return 0; }" -rdynamic -o redis-server
	says 'jemalloc, and how redis does without' 3 "./redis-server defines malloc itself (jemalloc): its calls never reach us. Rebuild with 'make MALLOC=libc'." ./redis-server
fi
if compiles 'int main(void) { return 0; }' -m32 -nostdlib -shared -o thirty-two && chmod +x thirty-two; then
	says '32-bit' 3 './thirty-two is 32-bit; there is no 32-bit libheapdelta.so.' ./thirty-two
else
	skip '32-bit' 'no 32-bit compiler'
fi
compiles 'int main(void) { return 0; }' -Wl,--dynamic-linker=/lib/ld-musl-x86_64.so.1 -o musl
says 'musl' 3 './musl is linked against musl, libheapdelta.so against glibc' ./musl

# setuid: the loader drops preloads when rights are gained, and only then.
if [ "$(id -u)" -eq 0 ] && need setpriv && id nobody >/dev/null 2>&1; then
	cp /bin/true setuid-true && chown nobody setuid-true && chmod 4755 setuid-true
	if [ "$(findmnt -no OPTIONS -T . | grep -c nosuid)" -eq 0 ]; then
		says 'setuid to another user' 3 './setuid-true is setuid: the loader ignores preloads.' ./setuid-true
		chown 0:0 setuid-true && chmod 4755 setuid-true
		says 'setuid to who we are' 0 'can be traced' ./setuid-true
	else
		skip 'setuid to another user' 'mounted nosuid' && skip 'setuid to who we are' 'mounted nosuid'
	fi
else
	skip 'setuid to another user' 'needs root and setpriv' && skip 'setuid to who we are' 'needs root and setpriv'
fi
finish
