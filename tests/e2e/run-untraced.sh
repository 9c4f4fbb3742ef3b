#!/bin/bash
# SPDX-License-Identifier: MIT
# run: descendants that cannot be traced are counted, with the reason, and run as they would without us.
. "$(dirname "$0")/tap.sh"
targets=$programs/targets
compiles() { printf '%s\n' "$1" >program.c && cc "${@:2}" program.c >/dev/null 2>&1; }
# counted NAME EXPECTED COMMAND…: what the summary's first line says of processes
counted()
{
	local name=$1 expected=$2
	shift 2
	"$heapdelta" run -o counted.hds -- "$@" >out 2>err
	equal "$name" "$expected" "$(sed -n 's/^heapdelta: .*: exit status [0-9]* after [^,]*, //p' err)"
}
notes() { find "$HEAPDELTA_DIR" -name '*.note' -o -name '*.lock' | wc -l; }

compiles 'int main(void) { return 5; }' -o dynamic
counted 'all traced: nothing is said of others' '2 processes' sh -c './dynamic; :'
if compiles 'int main(void) { return 5; }' -static -o hello; then
	counted 'static' '1 process traced, 1 not (hello: static)' sh -c './hello; :'
	counted 'static, three times' '1 process traced, 3 not (hello: static x3)' sh -c './hello; ./hello; ./hello; :'
	counted 'found in PATH' '1 process traced, 1 not (hello: static)' env PATH="$PWD:$PATH" sh -c 'hello; :'
	counted 'env: execvp' 'nothing was traced' env ./hello
	printf '#!%s/hello\n' "$PWD" >script && chmod +x script
	counted 'a script with a static interpreter' '1 process traced, 1 not (script: static)' sh -c './script; :'
	if compiles 'int main(void) { return 5; }' -static-pie -o moved; then
		counted 'static, and movable' '1 process traced, 1 not (moved: static)' sh -c './moved; :'
	else
		skip 'static, and movable' 'no static-pie'
	fi
	counted 'by posix_spawn, and what make starts to do so' '2 processes traced, 1 not (hello: static)' make -s -f <(printf 'all:\n\t@./hello || true\n')
	chmod -x hello
	counted 'an exec that fails is none' '1 process' sh -c './hello; exec 2>&-; ./no-such; :'
	chmod +x hello
	rm -f none.hds && cp hello only
	"$heapdelta" run -o none.hds ./only 2>err
	contains 'the command alone' 'nothing was traced' err
	# A static program hands the environment on.
	"$heapdelta" run -q -o indexed.hds sh -c './hello; ./dynamic; ./hello; cat /dev/null; :'
	equal 'the index has them, too' 'hello: static 2' "$(jq -r '.untraced[] | "\(.what) \(.count)"' indexed.d/index.json)"
	if compiles '#include <unistd.h>
int main(void) { execl("./dynamic", "dynamic", (char *)0); return 1; }' -static -o launcher; then
		counted 'what an untraced program starts is traced' '2 processes traced, 1 not (launcher: static)' sh -c './launcher; :'
	fi
else
	skip 'static programs' 'no static libc'
fi
counted 'a cleared environment' '1 process traced, 1 not (env: LD_PRELOAD was cleared)' sh -c 'env -i ./dynamic; :'
counted 'the loader by name is no static program' '2 processes' sh -c "$(readelf -l /bin/true | sed -n 's/.*interpreter: \(.*\)]/\1/p') ./dynamic; :"

# A preload would break these: they get none.
if compiles '#include <stdio.h>
#include <stdlib.h>
int main(void) { puts(getenv("LD_PRELOAD") ? getenv("LD_PRELOAD") : "none"); return 0; }' -fsanitize=address -o checked; then
	counted 'AddressSanitizer' '1 process traced, 1 not (checked: AddressSanitizer)' sh -c './checked; echo $?'
	equal 'AddressSanitizer: it runs as without us' 'none 0' "$(tr '\n' ' ' <out | sed 's/ $//')"
	compiles 'int main(void) { return 5; }' -shared -o other.so
	LD_PRELOAD=$PWD/other.so ASAN_OPTIONS=verify_asan_link_order=0 counted "AddressSanitizer: the user's own preload stays" \
		'1 process traced, 1 not (checked: AddressSanitizer)' sh -c './checked'
	equal 'AddressSanitizer: and only ours goes' "$PWD/other.so" "$(cat out)"
	env LD_PRELOAD="$shim" HEAPDELTA_OUTPUT="$scratch/bare.%p.hds" sh -c './checked; :' >out 2>&1
	equal 'AddressSanitizer: a bare preload does it no harm either' none "$(cat out)"
else
	skip 'AddressSanitizer' 'no libasan'
fi
if compiles '#include <stdio.h>
int main(void) { puts("ran"); return 0; }' -fsanitize=thread -o raced; then
	counted 'ThreadSanitizer' '1 process traced, 1 not (raced: ThreadSanitizer)' sh -c './raced; :'
	equal 'ThreadSanitizer: it runs' ran "$(cat out)"
else
	skip 'ThreadSanitizer' 'no libtsan'
fi
cp "$(readelf -l /bin/true | sed -n 's/.*interpreter: \(.*\)]/\1/p')" ld-musl-x86_64.so.1
compiles '#include <stdlib.h>
int main(void) { return getenv("LD_PRELOAD") ? 1 : 0; }' -Wl,--dynamic-linker="$PWD/ld-musl-x86_64.so.1" -o small
counted 'musl' '1 process traced, 1 not (small: musl)' sh -c './small && echo without; :'
equal 'musl: it runs without the library' without "$(cat out)"

if [ "$(id -u)" -eq 0 ] && need setpriv && id nobody >/dev/null 2>&1 && ! findmnt -no OPTIONS -T . | grep -q nosuid; then
	mkdir open && chmod 755 . && chmod 1777 open && cp "$heapdelta" "$shim" open && cp /bin/true open/sudo && chmod 4755 open/sudo
	(cd open && env -u HEAPDELTA_DIR HEAPDELTA_DIR="$PWD/traces" HEAPDELTA_LIBRARY="$PWD/libheapdelta.so" \
		setpriv --reuid=65534 --regid=65534 --clear-groups ./heapdelta run -o x.hds sh -c './sudo; :') 2>err
	contains 'setuid' ', 1 process traced, 1 not (sudo: setuid)' err
else
	skip 'setuid' 'needs root, setpriv and a place without nosuid'
fi

# What children write into the notes is theirs: it is counted as text, and cleaned.
# shellcheck disable=SC2016
counted 'hostile notes' '1 process traced, 1 not (a\x1b[31mb: c)' \
	sh -c 'printf "1 a\033[31mb c\nnonsense\n\n99999999999999999999 x\n" >"${HEAPDELTA_LOCK%.lock}.note"; :'
# shellcheck disable=SC2016
counted 'missing notes' '2 processes' sh -c 'rm "${HEAPDELTA_LOCK%.lock}.note"; :'
equal 'no notes, no locks are left' 0 "$(notes)"
"$heapdelta" run -q -o x.hds "$targets/exec-chain" k
equal 'fork and exec with an environment of its own is followed' 2 "$(find x.d -name '*.hds' | wc -l)"
finish
