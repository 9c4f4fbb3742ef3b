#!/bin/bash
# SPDX-License-Identifier: MIT
# Counts and bytes against an oracle that nobody here wrote: on deterministic single-threaded programs, allocations, bytes in total, and
# blocks and bytes live at exit equal Valgrind's "total heap usage" and "in use at exit", to the byte, with no correction.
#
# Both see the same environment, because interpreters copy it to their heap: Valgrind's is asked for, and its LD_PRELOAD replaced by
# ours of the same length.
# perl expands its own variables.
# shellcheck disable=SC2016
. "$(dirname "$0")/tap.sh"
if ! need valgrind; then
	skip 'valgrind' 'not installed'
	finish
fi
export HEAPDELTA_OUTPUT=$scratch/traced.hds LC_ALL=C PERL_HASH_SEED=0 PERL_PERTURB_KEYS=0

# "live_blocks live_bytes total_blocks total_bytes" as Valgrind counts
oracle()
{
	valgrind --run-libc-freeres=no --run-cxx-freeres=no --log-file=valgrind.log "$@" >/dev/null 2>&1 </dev/null
	tr -d , <valgrind.log | sed -nE 's/.*in use at exit: ([0-9]+) bytes in ([0-9]+) blocks/\2 \1/p; s/.*total heap usage: ([0-9]+) allocs [0-9]+ frees ([0-9]+) bytes.*/\1 \2/p' | xargs
}
# The environment in which Valgrind runs a program, with our library preloaded.
mapfile -d '' -t environment < <(valgrind -q --log-file=/dev/null env -0)
ln -s "$shim" l.so
for i in "${!environment[@]}"; do
	case ${environment[i]} in
	LD_PRELOAD=*)
		theirs=${environment[i]#LD_PRELOAD=} ours=$scratch/l.so
		slashes=$(printf '%*s' "$((${#theirs} - ${#ours}))" '' | tr ' ' /)
		environment[i]=LD_PRELOAD=$scratch/$slashes"l.so"
		;;
	esac
done
equal 'both see an environment of the same size' "${#theirs}" "$((${#scratch} + ${#slashes} + 5))"

# like_valgrind NAME COMMAND…
like_valgrind()
{
	local name=$1 want got
	shift
	want=$(oracle "$@")
	rm -f traced.hds
	env -i "${environment[@]}" "$@" >/dev/null 2>&1 </dev/null
	got=$(totals traced.hds)
	equal "$name: $want (live blocks, bytes; all blocks, bytes)" "$want 0" "$got"
}

like_valgrind true /bin/true
equal '/bin/true is 0 / 0 / 0 / 0' '0 0 0 0 0' "$(totals traced.hds)"
like_valgrind 'cache-leaky' "$programs/scenarios/cache-leaky" 1000
like_valgrind 'cache-lru' "$programs/scenarios/cache-lru" 3000
like_valgrind 'players-cycle' "$programs/scenarios/players-cycle" 10 100
like_valgrind 'players-weak' "$programs/scenarios/players-weak" 10 100
like_valgrind 'resources' "$programs/scenarios/pattern-resources" leaky 20
like_valgrind 'ls' ls -lR "$top/preload" "$top/tests"
like_valgrind 'sort' sort -r "$top/Makefile"
like_valgrind 'sed' sed -e 's/a\(b*\)c/\1/g' "$top/Makefile"
like_valgrind 'grep' grep -E '^[a-z]+(x|y)*' "$top/Makefile"
like_valgrind 'date' date -u -d 2020-01-01
if need sqlite3; then
	like_valgrind 'sqlite3' sqlite3 -init /dev/null :memory: 'CREATE TABLE t(a, b); INSERT INTO t VALUES (1, 2), (3, 4); SELECT sum(a * b) FROM t;'
else
	skip sqlite3 'not installed'
fi
if need file; then like_valgrind 'file' file "$top/Makefile"; else skip file 'not installed'; fi
if need gcc objdump as; then
	echo 'int f(int x) { return x * 2; }' >unit.c
	gcc -S unit.c
	like_valgrind 'assembler' as unit.s -o unit.o
	like_valgrind 'objdump' objdump -d unit.o
	like_valgrind 'readelf' readelf -a unit.o
else
	skip assembler 'not installed'
fi
if need perl; then
	like_valgrind 'perl' perl -e 'my %h; $h{$_ % 1000} .= "x$_" for 1 .. 5000; print scalar keys %h'
else
	skip perl 'not installed'
fi
if [ -x /usr/bin/python3 ]; then
	like_valgrind 'python3' /usr/bin/python3 -I -S -c 'print(sum(range(1000)))'
else
	skip python3 'not installed'
fi
finish
