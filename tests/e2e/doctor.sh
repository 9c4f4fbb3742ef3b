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
says 'interpreters in a circle' 3 "cannot run './a': its interpreters go in a circle" ./a
printf '#!./d -x\n' >c && printf '#!/usr/bin/env -S sh -e\n' >d && chmod +x c d
says 'nested scripts' 0 '/sh can be traced' ./c
: >empty && chmod +x empty
says 'an empty file' 0 "'./empty' is empty: as a script for /bin/sh it does nothing" ./empty
# cannot_run NAME TEXT COMMAND STATUS: the same line from doctor, with status 3, and from run, with the status that a shell has for it
cannot_run()
{
	local name=$1 text="heapdelta: $2"
	"$heapdelta" doctor "$3" >out 2>err
	equal "$name: doctor" "3 $text" "$? $(cat out err)"
	"$heapdelta" run -o cannot.hds -- "$3" >out 2>err
	equal "$name: run" "$4 $text" "$? $(cat out err)"
	check "$name: no snapshot" test ! -e cannot.hds
}
printf 'true\n' >plain
printf '#!/no/such/interpreter\n' >orphan && chmod +x orphan
cannot_run 'not executable' "cannot run './plain': it is not executable (chmod +x)" ./plain 126
cannot_run 'a directory' "cannot run '/': it is a directory" / 126
cannot_run 'a script without its interpreter' "cannot run './orphan': its interpreter '/no/such/interpreter' is missing" ./orphan 127
compiles 'int main(void) { return 0; }' -Wl,--dynamic-linker=/no/such/ld.so -o loaderless
cannot_run 'a program without its loader' "cannot run './loaderless': its loader '/no/such/ld.so' is missing" ./loaderless 127
says 'the installation' 0 "library: $(readlink -f "$shim")" 
says 'the places for trace files' 0 "trace files: $HEAPDELTA_DIR, "
says 'a trial' 0 'trial: /bin/true was traced'
says 'the C library' 0 'C library: glibc '
(ulimit -v 40000000 && "$heapdelta" doctor) >out 2>&1
contains 'limits that matter' 'limit: the address space (ulimit -v): 38.1 GiB' out
cp /bin/true not-elf.so && HEAPDELTA_LIBRARY=$PWD/not-elf.so "$heapdelta" doctor >out 2>err
equal 'a library that does not work: the trial fails' '3 1' "$? $(grep -c 'trial: /bin/true left no snapshot' err)"
says 'a process that is not traced' 3 'is not traced, and heapdelta cannot attach' $$
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
# refused NAME WORDS COMMAND: doctor and run say the same, run does not start it
refused()
{
	says "$1" 3 "heapdelta: error: $2" "$3"
	"$heapdelta" run "$3" >out 2>err
	equal "$1: run does not start it" "125 heapdelta: error: $2" "$? $(cat out err)"
}
# unseen NAME WORDS COMMAND: doctor and run say the same, run starts it, and there is no snapshot of nothing
unseen()
{
	says "$1" 3 "heapdelta: warning: $2" "$3"
	"$heapdelta" run -o unseen.hds "$3" >out 2>err
	equal "$1: run starts it" "5 heapdelta: warning: $2" "$? $(head -1 err)"
	contains "$1: said at the end" 'nothing was traced' err
	check "$1: no empty snapshot" test ! -e unseen.hds
}
five='int main(void) { return 5; }'
if compiles "$five" -fsanitize=address -o asan; then
	refused 'AddressSanitizer' \
		'./asan is built with AddressSanitizer, which aborts under any other preload: not started. LeakSanitizer is already in it.' ./asan
	compiles "$five" -fsanitize=address -static-libasan -o asan-inside && unseen 'AddressSanitizer linked in' \
		'./asan-inside defines malloc itself (AddressSanitizer): its calls never reach us. Rebuild it without -fsanitize.' ./asan-inside
else
	skip 'AddressSanitizer' 'no libasan'
fi
if compiles "$five" -fsanitize=thread -o tsan; then
	refused 'ThreadSanitizer' \
		'./tsan is built with ThreadSanitizer, which crashes under any other preload: not started. Rebuild it without.' ./tsan
else
	skip 'ThreadSanitizer' 'no libtsan'
fi
if compiles "$five" -fsanitize=undefined -o ubsan; then
	says 'UBSan is no obstacle' 0 'can be traced' ./ubsan
else
	skip 'UBSan is no obstacle' 'no libubsan'
fi
own='#include <stddef.h>
static char pool[1 << 20]; static size_t used;
void *malloc(size_t n) { void *p = pool + used; used += (n + 15) & ~15ul; return p; }
void free(void *p) { (void)p; }
void *calloc(size_t n, size_t m) { return malloc(n * m); }
void *realloc(void *p, size_t n) { (void)p; return malloc(n); }
int main(void) { return malloc(3) ? 5 : 1; }'
if compiles "$own" -o own-malloc; then
	unseen 'a malloc of its own' \
		"./own-malloc defines malloc itself: its calls never reach us. Rebuild it with the C library's malloc." ./own-malloc
	compiles "${own}
int mallctl(void) { return 0; }" -rdynamic -o redis-server
	says 'jemalloc, and how redis does without' 3 "./redis-server defines malloc itself (jemalloc): its calls never reach us. Rebuild with 'make MALLOC=libc'." ./redis-server
fi
# A Go program has this note and no loader.
if [ -e static ] && printf x >note && objcopy --add-section .note.go.buildid=note static go-app; then
	unseen 'Go' "./go-app is a Go program (static, Go runtime heap): nothing will be traced. Use 'go tool pprof'." ./go-app
else
	skip 'Go' 'no static libc'
fi
# The header of a 32-bit program, e_machine 3; and one whose e_machine is that of AArch64.
printf '\177ELF\1\1\1\0\0\0\0\0\0\0\0\0\2\0\3\0\1\0\0\0%032d' 0 >thirty-two && chmod +x thirty-two
says '32-bit' 3 'heapdelta: warning: ./thirty-two is 32-bit; there is no 32-bit libheapdelta.so.' ./thirty-two
cp /bin/true foreign && printf '\267' | dd of=foreign bs=1 seek=18 conv=notrunc 2>/dev/null
says 'another machine' 3 'heapdelta: warning: ./foreign is for another machine (AArch64); libheapdelta.so is for x86-64.' ./foreign
# The C library's loader under the name of musl's; the real one would not start a program with a library of another C library.
cp "$(readelf -l /bin/true | sed -n 's/.*interpreter: \(.*\)]/\1/p')" ld-musl-x86_64.so.1
compiles '#include <stdlib.h>
int main(void) { return getenv("LD_PRELOAD") ? 1 : 5; }' -Wl,--dynamic-linker="$PWD/ld-musl-x86_64.so.1" -o musl
unseen 'musl, started without the library' \
	'./musl is linked against musl, libheapdelta.so against glibc: nothing can be traced. Build heapdelta in the same image.' ./musl

# Rights that a file gives: the loader drops preloads when some are gained, and only then.
# privileged NAME COMMAND…: run by a user without rights
privileged()
{
	local name=$1 status=$2 text=$3
	shift 3
	says_as "$name" "$status" "$text" setpriv --reuid=65534 --regid=65534 --clear-groups "$heapdelta" doctor "$@"
}
# says_as NAME STATUS TEXT COMMAND…
says_as()
{
	local name=$1 status=$2 text=$3 got
	shift 3
	"$@" >out 2>err
	got=$?
	if [ "$got" -eq "$status" ] && cat out err | grep -qF -e "$text"; then ok "$name"; else not_ok "$name" "status $got" "$(cat out err)"; fi
}
names=('setuid to another user' 'setuid to who we are' 'setuid root' 'setgid' 'file capabilities' 'no_new_privs: nothing is gained')
chmod 755 .
if [ "$(id -u)" -eq 0 ] && need setpriv && id nobody >/dev/null 2>&1 && ! findmnt -no OPTIONS -T . | grep -q nosuid; then
	cp /bin/true setuid-true && chown nobody setuid-true && chmod 4755 setuid-true
	says "${names[0]}" 3 './setuid-true is setuid: the loader ignores preloads. Run it as root or copy it without the bit.' ./setuid-true
	chown 0:0 setuid-true && chmod 4755 setuid-true
	says "${names[1]}" 0 'can be traced' ./setuid-true
	# Who has no rights must be able to get there.
	cp "$heapdelta" "$shim" . 2>/dev/null
	plain_heapdelta=$heapdelta heapdelta=$PWD/heapdelta
	export HEAPDELTA_LIBRARY=$PWD/libheapdelta.so
	privileged "${names[2]}" 3 './setuid-true is setuid: the loader ignores preloads.' ./setuid-true
	cp /bin/true setgid-true && chmod 2755 setgid-true
	privileged "${names[3]}" 3 './setgid-true is setgid: the loader ignores preloads.' ./setgid-true
	if need setcap && cp /bin/true cap-true && setcap cap_net_raw+ep cap-true 2>/dev/null; then
		privileged "${names[4]}" 3 './cap-true has file capabilities: the loader ignores preloads. Run it as root or copy it without them.' ./cap-true
	else
		skip "${names[4]}" 'no setcap'
	fi
	says_as "${names[5]}" 0 'can be traced' setpriv --reuid=65534 --regid=65534 --clear-groups --no-new-privs "$heapdelta" doctor ./setuid-true
	heapdelta=$plain_heapdelta
	unset HEAPDELTA_LIBRARY
else
	for name in "${names[@]}"; do skip "$name" 'needs root, setpriv and a place without nosuid'; done
fi
finish
