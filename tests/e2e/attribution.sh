#!/bin/bash
# SPDX-License-Identifier: MIT
# Whose line is it, on real programs: C++ in containers, smart pointers and futures, C with wrappers, Rust, GLib; with and without
# optimisation, with the compilers that are here.  A copy of the programs' sources is the source root; lines are named by the remarks in them.
. "$(dirname "$0")/tap.sh"

mkdir project
cp -r "$top/tests/targets/include" "$top"/tests/targets/{containers.cpp,containers.rs,own-new.cpp,wrappers.c,glib-calls.c,runtime-once.c} project
cd project || exit 1

# record NAME COMMAND…: its snapshot at exit becomes NAME.hds.
record() { local name=$1; shift; timeout 120 "$heapdelta" run -q --source-root "$PWD" -o "$name.hds" -- "$@" >"$name.out" 2>&1; }
# lines NAME OPTION…: every line with bytes, "file:line size count", as the text shows them but all of them, from JSON.
lines()
{
	local name=$1
	shift
	ask stats "$name.hds" -n 0 -k lineno "$@" -- '.stats[] | "\(.frames[0].file):\(.frames[0].line) \(.size) \(.count)"'
}
# remarks FILE: "file:line remark" of every line with one at its end.
remarks() { sed -n '/;/!{/{$/!d}; s|.*[;{] */\* \(.*\) \*/$|\1|p' "$1" | while read -r remark; do echo "$(line_of "$1" "$remark") $remark"; done; }
line_of() { printf '%s:%s\n' "$1" "$(grep -nF -- "/* $2 */" "$1" | cut -d: -f1)"; }
# without_bytes FILE LINES: the remarks of lines that nothing is charged to.
without_bytes()
{
	remarks "$1" | while read -r place remark; do
		grep -q "^$place [1-9]" "$2" || echo "$place $remark"
	done
}

# exact FILE LINES: the lines whose remark ends in a number and that do not have that many bytes.
exact()
{
	remarks "$1" | grep -E ' [0-9]+$' | while read -r place remark; do
		grep -q "^$place ${remark##* } " "$2" || echo "$place $remark"
	done
}
# ---- C++ -------------------------------------------------------------------------------------------------------------------------
# The bytes on the program's own lines, in percent rounded down, of all that live at the end but libstdc++'s emergency pool: the one block
# that was there before main.
# shellcheck disable=SC2016
own_share()
{
	ask stats "$1.hds" -n 0 -k lineno -- '([.stats[] | select(.frames[0].file == "containers.cpp" or .frames[0].file == "include/ring.hpp") | .size] | add) as $own
		| ([.stats[] | select(.count == 1 and (.frames[0].module | test("/libstdc\\+\\+.so"))) | .size] | add // 0) as $pool
		| "\((100 * $own / (.totals.size - $pool)) | floor) \(.totals.size - $pool >= 500000)"'
}

for compiler in g++ clang++; do
	need "$compiler" || { skip "C++ in containers, $compiler" "no $compiler"; continue; }
	for level in -O0 -O2; do
		name=containers-$compiler$level
		"$compiler" -std=c++17 -g "$level" -o "$name" containers.cpp -pthread || { not_ok "$name: does not compile"; continue; }
		check "$name: runs" record "$name" "./$name"
		share=$(own_share "$name")
		[ "${share% *}" -ge 95 ] && [ "${share#* }" = true ]
		check "$name: at least 95 % of 500 kB on the program's own lines" test $? -eq 0 -a -n "$share"
		lines "$name" >"$name.lines"
		equal "$name: every remark's line has bytes" '' "$(without_bytes containers.cpp "$name.lines"; without_bytes include/ring.hpp "$name.lines")"
	done
done
for compiler in g++ clang++; do
	for level in -O0 -O2; do
		name=own-new-$compiler$level
		need "$compiler" || { skip "$name: its callers" "no $compiler"; continue; }
		"$compiler" -std=c++17 -g "$level" -o "$name" own-new.cpp || { not_ok "$name: does not compile"; continue; }
		check "$name: runs" record "$name" "./$name"
		lines "$name" >"$name.lines"
		equal "$name: its callers" '' "$(exact own-new.cpp "$name.lines")"
	done
done
contains 'the sizes of what a line has called' 'via std::make_shared<Session> ' <("$heapdelta" stats containers-g++-O0.hds -n 0)
contains 'what a line has called' '/* a unique session */  via std::make_unique<Admin>' <("$heapdelta" stats containers-g++-O0.hds -n 0)
"$heapdelta" stats containers-g++-O0.hds -n 0 >text
equal 'nobody has written these' '' "$(grep -E '__cxx11|std::allocator<|basic_string<|std::less<|std::char_traits' text)"
contains '--full-names' 'std::__cxx11::basic_string<char, std::char_traits<char>, std::allocator<char> >' <("$heapdelta" stats containers-g++-O0.hds -n 0 --full-names)
# All frames are in JSON, and which of them is meant.
equal 'JSON keeps all frames' 'containers.cpp true' "$(ask stats containers-g++-O0.hds -n 1 -k traceback -- \
	'.stats[0] | "\(.frames[.attributed].file) \(.attributed > 0 and (.frames | length) > .attributed + 1)"')"
equal 'library: the same lines where everything else is the library'"'"'s' "$(lines containers-g++-O0)" "$(lines containers-g++-O0 --attribute library)"
equal 'raw: everything is where it is asked for, in libraries' '' "$(lines containers-g++-O0 --attribute raw | grep -E '^(containers.cpp|include/ring)')"
equal '--skip none is raw' "$(lines containers-g++-O0 --attribute raw)" "$(lines containers-g++-O0 --skip none)"
total() { ask stats "$@" -n 0 -- '"\(.totals.size) \(.totals.count) \([.stats[].size] | add)"'; }
equal 'threads are told apart by what they were given' '(anonymous namespace)::worked main threads::{unnamed}::operator()' \
	"$(ask stats containers-g++-O0.hds -k thread -- -r '[.stats[] | select(.frames[0].file == "containers.cpp") | .frames[0].function |
		split("(int")[0]] | sort | join(" ")')"
equal 'totals are the same for every choice' "$(total containers-g++-O0.hds)" "$(total containers-g++-O0.hds --attribute raw)"

# ---- C ---------------------------------------------------------------------------------------------------------------------------
for level in -O0 -O2; do
	name=wrappers$level
	gcc -D_GNU_SOURCE -g "$level" -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=$((${level#-O} > 0 ? 2 : 0)) -o "$name" wrappers.c || not_ok "$name: does not compile"
	check "$name: runs" record "$name" "./$name"
	lines "$name" --skip my_alloc --skip 'pool_*' >"$name.lines"
	equal "$name: every wrapper's caller" '' "$(exact wrappers.c "$name.lines")"
	equal "$name: whatever libc allocates for a line" '' "$(without_bytes wrappers.c "$name.lines" | grep -vE 'my_alloc itself|the pool')"
	# Optimised, it jumps to malloc and is not on the stack.
	[ "$level" != -O0 ] || equal "$name: without --skip, the program's own wrapper has it all" "$(line_of wrappers.c 'my_alloc itself') 980 3" \
		"$(lines "$name" | grep "^$(line_of wrappers.c 'my_alloc itself') ")"
	lines "$name" --skip my_alloc >"$name.lines"
	equal "$name: --skip of a link of a chain: the next one" "$(line_of wrappers.c 'the pool') 480 2" \
		"$(grep "^$(line_of wrappers.c 'the pool') " "$name.lines")"
done
"$heapdelta" stats wrappers-O0.hds -n 0 >text
contains 'via a wrapper' 'via xcalloc' text
equal 'optimised and fortified: via the same' '' "$(diff <(grep -o 'via .*' text | grep -v my_alloc | sort -u) \
	<("$heapdelta" stats wrappers-O2.hds -n 0 | grep -o 'via .*' | grep -vE 'my_alloc|pool_' | sort -u))"

# GLib itself, which is stripped: its wrappers are passed over by name.
gcc -D_GNU_SOURCE -g -O0 -o glib-calls glib-calls.c -ldl || not_ok 'glib-calls: does not compile'
if ./glib-calls >glib.out 2>&1; then
	check 'GLib: runs' record glib ./glib-calls
	lines glib >glib.lines
	equal 'GLib: its callers' '' "$(exact glib-calls.c glib.lines; without_bytes glib-calls.c glib.lines)"
	lines glib --attribute library >glib.lines
	equal 'GLib: and where everything is the library'"'"'s' '' "$(exact glib-calls.c glib.lines)"
else
	skip 'GLib: its callers' 'not installed'
fi

# ---- Rust ------------------------------------------------------------------------------------------------------------------------
# Both ways to mangle names, where the compiler offers them.
for option in '' '-C symbol-mangling-version=v0' '-C symbol-mangling-version=legacy'; do
	for level in 0 3; do
		mangling=${option##*=}
		name=rust-${mangling:-default}-$level
		# shellcheck disable=SC2086
		if ! { need rustc && rustc --edition 2021 -g -C opt-level=$level $option -o "$name" containers.rs; } >rust.out 2>&1; then
			skip "$name: at least 95 % on the program's own lines" 'no such compiler'
			continue
		fi
		check "$name: runs" record "$name" "./$name"
		check "$name: at least 95 % on the program's own lines" test "$(ask stats "$name.hds" -n 0 -k lineno -- \
			'([.stats[] | select(.frames[0].file == "containers.rs") | .size] | add) * 100 >= 95 * .totals.size')" = true
		lines "$name" >"$name.lines"
		equal "$name: every remark's line has bytes" '' "$(without_bytes containers.rs "$name.lines")"
		"$heapdelta" stats "$name.hds" -n 0 -k traceback >text
		equal "$name: no mangled name" '' "$(grep -E '_ZN|_R[NIMXYC]|17h[0-9a-f]{16}E|::h[0-9a-f]{16}' text | head -3)"
		[ "$level" = 3 ] || check "$name: what a line has called" grep -qE 'a ring \*/ +via .*VecDeque<.*push_back' <("$heapdelta" stats "$name.hds" -n 0)
	done
done

# ---- What lives once -------------------------------------------------------------------------------------------------------------
gcc -D_GNU_SOURCE -g -O0 -o runtime-once runtime-once.c -ldl -pthread || not_ok 'runtime-once: does not compile'
for count in 0 10 20 100; do
	check "$count times: runs" record "once$count" ./runtime-once "$count"
done
# Some of it has names in libc's debug information only: without that, its lines are shown, which is not wrong.
hidden='the time zone|exit handlers'
[ -z "$(ask stats once0.hds -n 0 -k traceback -- '.stats[].frames[] | select(.function == "__tz_convert") | .function')" ] || hidden=none
# shown COMMAND…: the remarks of the lines that a text has.
shown()
{
	"$heapdelta" "$@" -n 0 >text 2>/dev/null
	remarks runtime-once.c | while read -r place remark; do ! grep -q "^$place: " text || echo "$remark"; done | grep -vE "$hidden"
}
equal 'folded: nothing of it is a line' '' "$(shown stats once0.hds)"
check 'folded: all of it' grep -qE '^libc and runtime, one-time: size=.*, count=[1-9]' text
equal 'a few more per process' '' "$(shown stats once10.hds)"
too_many=$(printf '%s\n' 'exit handlers' 'threads that stay' | grep -vE "$hidden")
equal 'too many to live once' "$too_many" "$(shown stats once100.hds)"
equal 'new in a comparison' '' "$(shown diff once0.hds once10.hds)"
equal 'grown in a comparison' "$too_many" "$(shown diff once10.hds once20.hds)"
equal 'nothing is lost from the sum' "$(total once10.hds)" "$(total once10.hds --attribute raw)"
"$heapdelta" stats once0.hds --attribute raw >text
equal 'raw: nothing is folded' '' "$(grep one-time text)"
finish
