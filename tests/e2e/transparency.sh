#!/bin/bash
# SPDX-License-Identifier: MIT
# Real programs do and say the same under `heapdelta run` as without it: standard output, standard error, exit status, descriptors,
# signals, and the order in which the loader binds what C++ needs for exceptions.
. "$(dirname "$0")/tap.sh"

# same NAME COMMAND…: runs it alone and traced, compares, and demands a snapshot with events and no losses.
same()
{
	local name=$1 status traced lost
	shift
	"$@" >alone.out 2>alone.err </dev/null
	status=$?
	"$heapdelta" run -q -o traced.hds -- "$@" >traced.out 2>traced.err </dev/null
	traced=$?
	equal "$name: status" "$status" "$traced"
	same_files "$name: standard output" alone.out traced.out
	same_files "$name: standard error" alone.err traced.err
	read -r _ _ blocks _ lost < <(totals traced.hds)
	if [ "${blocks:-0}" -gt 0 ] && [ "${lost:-1}" -eq 0 ]; then ok "$name: traced"; else not_ok "$name: traced" "$(totals traced.hds 2>&1)"; fi
	rm -rf traced.hds traced.hds.d
}

if need sqlite3; then
	same sqlite3 sqlite3 :memory: "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 20000)
		SELECT i % 97, count(*), group_concat(i, ',') FROM n GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT 3;"
	same 'sqlite3, an error' sqlite3 :memory: 'SELECT * FROM nowhere;'
else
	skip sqlite3 'not installed'
fi

if need git; then
	export GIT_CONFIG_GLOBAL=/dev/null GIT_CONFIG_NOSYSTEM=1 GIT_AUTHOR_DATE='2024-01-01T00:00:00Z' GIT_COMMITTER_DATE='2024-01-01T00:00:00Z'
	export GIT_AUTHOR_NAME=a GIT_AUTHOR_EMAIL=a@example.org GIT_COMMITTER_NAME=a GIT_COMMITTER_EMAIL=a@example.org
	git init -q -b main repository
	for n in $(seq 30); do
		seq "$n" 200 >repository/numbers
		git -C repository add numbers
		git -C repository commit -q -m "commit $n"
	done
	same 'git log' git -C repository log --stat --graph
	same 'git blame' git -C repository blame numbers
else
	skip git 'not installed'
fi

cat >unit.c <<'C'
#include <stdio.h>
#include <stdlib.h>
int main(void) { int unused; printf("%zu\n", strtoul("12", 0, 10)); return 0; }
C
if need gcc; then
	same 'gcc -c' gcc -Wall -g -c unit.c -o unit.o
	cp unit.o traced.o
	gcc -Wall -g -c unit.c -o unit.o 2>/dev/null
	same_files 'gcc -c: the object file' unit.o traced.o
else
	skip 'gcc -c' 'not installed'
fi

python=$(command -v /usr/bin/python3 || command -v python3)
if [ -n "$python" ]; then
	cat >threads.py <<'PY'
import json, threading
results = [None] * 4
def work(n):
    rows = [{"k": i, "v": "x" * (i % 700)} for i in range(3000)]
    results[n] = len(json.dumps(rows)), sum(r["k"] for r in json.loads(json.dumps(rows)))
threads = [threading.Thread(target=work, args=(n,)) for n in range(4)]
[t.start() for t in threads]
[t.join() for t in threads]
print(results)
PY
	cat >processes.py <<'PY'
import multiprocessing, sys
def square(n):
    return n, len(bytearray(n * 1000))
if __name__ == "__main__":
    multiprocessing.set_start_method(sys.argv[1])
    with multiprocessing.Pool(3) as pool:
        print(pool.map(square, range(20)))
PY
	same 'python3 with threads' "$python" threads.py
	for method in fork spawn forkserver; do same "python3 multiprocessing, $method" "$python" processes.py "$method"; done
	same 'python3 subprocess' "$python" -c 'import subprocess; print(subprocess.run(["/bin/echo", "hello"], env={"A": "b"}, capture_output=True))'
	same 'python3, status 3' "$python" -c 'raise SystemExit(3)'
else
	skip python3 'not installed'
fi
# perl's own dollars
# shellcheck disable=SC2016
need perl && same perl perl -e 'my %h; $h{$_ % 1000} .= "x$_" for 1 .. 50000; print join(",", map { length $h{$_} } 1 .. 10), "\n"'
same 'sort' sort -n -r "$top/Makefile"
same 'a shell pipeline' sh -c 'seq 1000 | sort -r | head -3; exit 7'

# ---- How a program ends ----------------------------------------------------------------------------------------------------------
for signal in TERM KILL ABRT SEGV; do
	# The shell's word about the signal is not what is compared.
	"$heapdelta" run -q -o signal.hds -- sh -c "kill -$signal \$\$" >/dev/null 2>&1
	status=$?
	equal "death by SIG$signal: status" "$((128 + $(kill -l "$signal")))" "$status"
done
"$heapdelta" run -q -o none.hds -- ./no-such-command >/dev/null 2>&1
equal 'a command that does not exist: 127' 127 "$?"
echo text >not-executable
"$heapdelta" run -q -o none.hds -- ./not-executable >/dev/null 2>&1
equal 'a command that is not executable: 126' 126 "$?"
"$heapdelta" run -q -o no-such-directory/x.hds -- /bin/true >/dev/null 2>&1
equal 'output that cannot be written: 125' 125 "$?"

# ---- Descriptors -----------------------------------------------------------------------------------------------------------------
ls /proc/self/fd >alone.fds
"$heapdelta" run -q -o fds.hds -- ls /proc/self/fd >traced.fds
same_files 'no descriptor of ours in /proc/self/fd' alone.fds traced.fds
LD_PRELOAD=$shim HEAPDELTA_OUTPUT=$scratch/fds.hds ls /proc/self/fd >traced.fds
same_files 'nor with a bare preload' alone.fds traced.fds

# ---- Binding ---------------------------------------------------------------------------------------------------------------------
if need g++; then
	cat >throw.cc <<'CC'
#include <execinfo.h>
#include <stdexcept>
#include <string>
int main()
{
	void *frames[8];
	try {
		throw std::runtime_error(std::string(100, 'x'));
	} catch (const std::exception &error) {
		return backtrace(frames, 8) > 0 ? 0 : 1;
	}
}
CC
	g++ -O0 -g throw.cc -o throw
	LD_DEBUG=bindings LD_DEBUG_OUTPUT=$scratch/bindings LD_BIND_NOW=1 LD_PRELOAD=$shim HEAPDELTA_OUTPUT=$scratch/throw.hds ./throw
	equal 'a C++ program throws and catches' 0 "$?"
	cat bindings.* >bindings
	for symbol in _Unwind_RaiseException _Unwind_Resume; do
		equal "libstdc++ binds $symbol to libgcc_s" libgcc_s.so.1 \
			"$(sed -n "s|.*binding file [^ ]*libstdc++[^ ]* .* to [^ ]*/\([^ /]*\) \[0\]: normal symbol \`$symbol'.*|\1|p" bindings | head -1)"
	done
	equal 'backtrace is libc'\''s' libc.so.6 \
		"$(sed -n "s|.*binding file [^ ]*throw \[0\] to [^ ]*/\([^ /]*\) \[0\]: normal symbol \`backtrace'.*|\1|p" bindings | head -1)"
	equal 'libunwind binds nothing of the program'\''s' '' \
		"$(grep -v 'binding file [^ ]*libunwind' bindings | grep 'to [^ ]*libunwind' | grep -v 'binding file [^ ]*libheapdelta' | head -3)"
else
	skip 'C++ bindings' 'g++ is not installed'
fi

# ---- The first allocation comes from a constructor inside newlocale
timeout 60 env HEAPDELTA_OUTPUT=early.hds LD_PRELOAD="$shim:$programs/targets/lib/early-locale.so" "$programs/targets/hello" >/dev/null
equal 'newlocale before everything else does not wait for its own lock' 0 $?
finish
