#!/bin/bash
# SPDX-License-Identifier: MIT
# --older-than and --newer-than: a leak from one look, in processes and files, exact and sampled.  Ages pass while states are waited for; no
# test knows how long that takes.
. "$(dirname "$0")/tap.sh"
. "$top/tests/e2e/server.sh"
grows=$(marked tests/targets/grow-on-demand.c GROWS)

# count ARGUMENT…: blocks
count() { ask stats "$@" -- .totals.count; }
# count_at_line SNAP ARGUMENT…: blocks of the growing line, 0 if there are none
# shellcheck disable=SC2016  # jq's text
count_at_line()
{
	ask stats "$@" -k lineno --source-root "$top" -- --arg at "$grows" \
		'[.stats[] | select("\(.frames[0].file):\(.frames[0].line)" == $at)][0] // {count: 0} | .count'
}
# until_old N: the growing line has N blocks that are as old as 3 seconds
until_old()
{
	local tries
	for ((tries = 0; tries < 1200; tries++)); do
		[ "$(count_at_line "$pid" --older-than 3)" = "$1" ] && return
		sleep 0.1
	done
	echo "no $1 blocks have become 3 s old" >&2
	return 1
}

# ---- A process
serve "$programs/targets/grow-on-demand" && tell_server g
all=$(count "$pid")
equal 'a day ago it was not there' '0' "$(count "$pid" --older-than 1d)"
equal 'all came within a day' "$all" "$(count "$pid" --newer-than 1d)"
check 'blocks become old' until_old 1000
tell_server g

# ---- A file: what was 3 s old before the others came is so at some age between.  Of these, at most 64 may be taken for older, because a busy
# thread looks at the clock that rarely.
"$heapdelta" snapshot "$pid" -o ages.hds >/dev/null
equal 'a file has them all' "2000 0" "$(count_at_line ages.hds --newer-than 1d) $(count_at_line ages.hds --older-than 1d)"
found='' sums=''
for ((age = 1; age < 400 && ${#found} == 0; age++)); do
	old=$(count_at_line ages.hds --older-than "${age}s") new=$(count_at_line ages.hds --newer-than "${age}s")
	[ $((old + new)) -eq 2000 ] || sums+=" $age: $old + $new"
	((old >= 1000 && old <= 1064)) && found=$age
done
equal 'older and newer are all' '' "$sums"
check 'one age tells old from new' [ -n "$found" ]
equal 'between two ages' 0 "$(count_at_line ages.hds --older-than "${found}s" --newer-than "${found}s")"
"$heapdelta" stats ages.hds --older-than "${found}s" --source-root "$top" >out
check 'the heading says it' grep -Eq '^\[ Top 10 live blocks older than [0-9 minsh]+ at [0-9:]{8} by lineno \]$' out
check 'the next command works' eval "$(sed -n 's/^next: //p' out)"
"$heapdelta" stats ages.hds --older-than 1d >out
contains 'nothing is that old' 'no live block is of that age' out
equal 'the next command is without the age' "next: $heapdelta stats ages.hds" "$(tail -1 out)"
equal 'diff' "0 $(count ages.hds)" "$(ask diff ages.hds "$pid" --newer-than 1d -- '"\(.totals.count_diff) \(.totals.count)"')"
"$heapdelta" export ages.hds --format json --older-than "${found}s" -o old.json
equal 'export' "$(count ages.hds --older-than "${found}s") $(count ages.hds --older-than "${found}s")" \
	"$(count old.json) $(ask info old.json -- .totals.live_blocks)"
tell_server f
end_server

# ---- Who does not know
"$heapdelta" stats old.json --older-than 1m >out 2>err
equal 'interchange JSON: one line, status 2' "2 0 heapdelta: 'old.json' does not say how old its blocks are: interchange JSON does not" \
	"$? $(wc -c <out) $(cat err)"
"$heapdelta" export old.json --format json --newer-than 1m >out 2>err
equal 'export of it' '2 1' "$? $(wc -l <err)"
"$heapdelta" stats ages.hds --metric total --older-than 1m >out 2>err
equal 'other metrics: status 2' "2 heapdelta: only blocks that live have an age, not those of metric 'total'" "$? $(head -1 err)"
"$heapdelta" stats ages.hds --older-than 1x >out 2>err
equal 'no time' 2 $?

# ---- Several processes, and sampled ones
"$heapdelta" run -q -o sum.hds -- "$programs/targets/fork-child" >/dev/null 2>&1
all=$(count sum.hds)
equal 'a run has ages' "0 $all" "$(count sum.hds --older-than 1d) $all"
if [ -d sum.d ]; then
	equal 'a sum of processes' "$(count sum.d) 0" "$(count sum.d --newer-than 1d) $(count sum.d --older-than 1d)"
fi
"$heapdelta" run -q --sample 4K -o sampled.hds -- "$programs/targets/known-heap" >/dev/null 2>&1
equal 'sampled: all within a day' "$(ask stats sampled.hds -- '"\(.totals.size) \(.totals.size_error)"')" \
	"$(ask stats sampled.hds --newer-than 1d -- '"\(.totals.size) \(.totals.size_error)"')"
equal 'sampled: none before' '0' "$(ask stats sampled.hds --older-than 1d -- .totals.size)"
finish
