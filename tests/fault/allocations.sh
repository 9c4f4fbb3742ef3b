#!/bin/bash
# SPDX-License-Identifier: MIT
# Every allocation of the analyzer fails once: for each command, the N-th for every N, until it makes no more than N.
# A command may end as if nothing had happened or with status 2 and its one line; no crash, no half output.
# SWEEP_LIMIT (default 150) runs per command are spread evenly over longer ones.
. "$(dirname "$0")/../e2e/tap.sh"
. "$top/tests/e2e/server.sh"

limit=${SWEEP_LIMIT:-150}
"$heapdelta" run -q -o a.hds -- "$programs/scenarios/cache-leaky" 20
"$heapdelta" run -q -o b.hds -- "$programs/scenarios/players-cycle" 2 3
HEAPDELTA_OUTPUT=$scratch/raw.hds LD_PRELOAD=$shim "$programs/scenarios/cache-leaky" 20
"$heapdelta" run -q --no-symbols -o sort.hds -- sort /etc/passwd >/dev/null
"$heapdelta" export a.hds --format json -o a.json
# Lines with several callees, whose names are long.
string='std::__cxx11::basic_string<char, std::char_traits<char>, std::allocator<char> >'
callees=$(for name in "std::vector<$string >::resize(int)" "std::make_shared<$string, int>(int)" '<alloc::vec::Vec<u8>>::push'; do
	printf '{"size":7,"frames":[["/x/new.h",1,"%s"],["%s/a.cc",7,"f"]]},' "$name" "$scratch"
done)
printf '{"format":"heapdelta-snapshot","version":1,"traces":[%s]}' "${callees%,}" >via.json

# sweep NAME COMMAND…
sweep()
{
	local name=$1 total n step status bad='' bads=0 runs=0 refused=0
	shift
	check "$name: goes well when nothing fails" "$@"
	FAIL_NTH=0 FAIL_COUNT=$scratch/count LD_PRELOAD=$build/tests/fault/fail-nth.so "$@" >out 2>err
	total=$(cat count 2>/dev/null || echo 0)
	if [ "$total" -lt 10 ]; then
		not_ok "$name: allocations are counted" "$total" "$(head -3 err)"
		return
	fi
	step=$((total / limit + 1))
	for n in $(seq 1 "$step" "$total"); do
		rm -f made
		timeout 30 env FAIL_NTH="$n" LD_PRELOAD="$build/tests/fault/fail-nth.so" "$@" >out 2>err </dev/null
		status=$?
		runs=$((runs + 1))
		[ "$status" -ne 2 ] || refused=$((refused + 1))
		[ "$status" -ne 0 ] || continue
		[ "$status" -eq 2 ] && [ "$(wc -l <err)" -eq 1 ] && [ ! -e made ] && continue
		bads=$((bads + 1))
		[ "$bads" -gt 5 ] || bad="$bad allocation $n: status $status $(head -2 err | tr '\n' '|') made: $(ls made 2>/dev/null);"
	done
	equal "$name: $runs of $total allocations fail in turn, $refused are fatal and said" '0 wrong:' "$bads wrong:$bad"
	# A sweep in which nothing ever failed would not have looked.
	if [ "$refused" -gt 0 ]; then ok "$name: it was noticed"; else not_ok "$name: it was noticed"; fi
}

sweep 'stats, a snapshot' "$heapdelta" stats a.hds -n 0
sweep 'stats, a raw snapshot' "$heapdelta" stats raw.hds -k traceback --source-root "$top"
sweep 'stats, JSON' "$heapdelta" stats a.json --format csv
sweep 'stats, a stripped program' "$heapdelta" stats sort.hds -n 0
sweep 'stats, several callees' "$heapdelta" stats via.json --source-root "$scratch"
sweep 'diff' "$heapdelta" diff a.hds b.hds --format json
sweep 'diff, markdown' "$heapdelta" diff a.hds a.json --format markdown --filter '*cache-leaky.c' -k function
sweep 'info' "$heapdelta" info a.hds
sweep 'export' "$heapdelta" export a.hds --format json -o made
serve "$programs/targets/grow-on-demand" && tell_server g
sweep 'diff --wait' "$heapdelta" diff -q "$pid" --wait 0
sweep 'a mark' "$heapdelta" mark -q here "$pid"
end_server
finish
