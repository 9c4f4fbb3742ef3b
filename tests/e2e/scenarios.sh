#!/bin/bash
# SPDX-License-Identifier: MIT
# The leak stories of tests/scenarios/ through the real tool, with exact lines, bytes and counts.
# The line numbers are found by the marker comments, so that a story can be edited.
. "$(dirname "$0")/tap.sh"

calls=1000000 shots=5 share=200000

# A story under its own name.
story() { tell "$1" "$@"; }
# flat NAME SOURCE:LINE "SIZE COUNT": the same at every moment after the start.
flat()
{
	local moment got=''
	for moment in 1 2 3 4 after; do
		[ "$(at_line "$1.$moment.hds" "$2")" = "$3" ] || got="$got $moment: $(at_line "$1.$moment.hds" "$2")"
	done
	equal "$1: ${2#tests/scenarios/} stays at $3" '' "$got"
}
# linear NAME SOURCE:LINE BYTES: at each of the equally spaced moments exactly as many blocks of BYTES as calls were made.
linear()
{
	local moment n=0 got='' want
	for moment in before 1 2 3 4 after; do
		want="$((n * share * $3)) $((n * share))"
		[ "$(at_line "$1.$moment.hds" "$2")" = "$want" ] || got="$got $moment: $(at_line "$1.$moment.hds" "$2"), not $want;"
		n=$((n + 1))
	done
	equal "$1: ${2#tests/scenarios/} grows by $share blocks of $3 bytes from each moment to the next" '' "$got"
}

# ---- DataProcessor: two leaks, four cures ------------------------------------------------------------------------------------------
check 'cache-leaky: a million calls' story cache-leaky "$calls" "$shots"
entry=$(marked tests/scenarios/cache-leaky.c 'LEAK: cache entry') node=$(marked tests/scenarios/cache-leaky.c 'LEAK: list node')
linear cache-leaky "$entry" 80
linear cache-leaky "$node" 72
equal 'cache-leaky: nothing lost' "2000000 152000000 2000000 152000000 0" "$(totals cache-leaky.after.hds)"

check 'cache-lru: a million calls' story cache-lru "$calls" "$shots"
flat cache-lru "$(marked tests/scenarios/cache-lru.c 'FIXED: cache entry')" '96000 1000'
check 'cache-bounded: a million calls' story cache-bounded "$calls" "$shots"
flat cache-bounded "$(marked tests/scenarios/cache-bounded.c 'FIXED: cache entry')" '80000 1000'
check 'cache-weak: a million calls' story cache-weak "$calls" "$shots"
flat cache-weak "$(marked tests/scenarios/cache-weak.c 'FIXED: result')" '1280 16'
flat cache-weak "$(marked tests/scenarios/cache-weak.c 'FIXED: cache entry')" '384 16'
check 'cache-complete: a million calls' story cache-complete "$calls" "$shots"
flat cache-complete "$(marked tests/scenarios/cache-complete.c 'FIXED: cache entry')" '88000 1000'
equal 'cache-complete: empty after clear_cache' '0 0 1000000 88000000 0' "$(totals cache-complete.cleared.hds)"

# ---- The first answer a user sees --------------------------------------------------------------------------------------------------
check 'cache-leaky: ten thousand calls' story cache-leaky 10000
"$heapdelta" diff cache-leaky.before.hds cache-leaky.after.hds --source-root "$top" >top10 2>&1
equal 'diff before after: heading' '[ Top 10 differences by lineno ]' "$(grep -F '[ Top' top10)"
equal 'diff before after: the two guilty lines first' "$entry: size=781 KiB (+781 KiB), count=10000 (+10000), average=80 B
$node: size=703 KiB (+703 KiB), count=10000 (+10000), average=72 B" "$(grep -E '^[^ ].*: size=' top10 | head -2 | sed 's/ *new$//')"
"$heapdelta" diff cache-leaky.before.hds cache-leaky.after.hds --source-root "$top" --format lines >shown
equal 'diff --format lines: these two and nothing else' "$entry: size=781 KiB (+781 KiB), count=10000 (+10000), average=80 B
$node: size=703 KiB (+703 KiB), count=10000 (+10000), average=72 B" "$(cat shown)"

# ---- Game and players --------------------------------------------------------------------------------------------------------------
player=$(marked tests/scenarios/players.h PLAYER) inventory=$(marked tests/scenarios/players.h INVENTORY)
check 'players-cycle: one game of seven' story players-cycle 1 7
equal 'players-cycle: the dropped game keeps its players' '224 224 7 7' "$(diff_at_line players-cycle.before.hds players-cycle.after.hds "$player")"
check 'players-weak: one game of seven' story players-weak 1 7
equal 'players-weak: +0' '0 0 0 0' "$(diff_at_line players-weak.before.hds players-weak.after.hds "$player")"
equal 'players-weak: everything is freed' '0 0 16 7304 0' "$(totals players-weak.after.hds)"

check 'players-cycle: ten rounds of a hundred' story players-cycle 10 100
"$heapdelta" diff players-cycle.before.hds players-cycle.after.hds --source-root "$top" --format lines >shown
contains 'players-cycle: player line' "$player: size=31.2 KiB (+31.2 KiB), count=1000 (+1000), average=32 B" shown
contains 'players-cycle: inventory line' "$inventory: size=977 KiB (+977 KiB), count=1000 (+1000), average=1000 B" shown
check 'players-weak: ten rounds of a hundred' story players-weak 10 100
"$heapdelta" diff players-weak.before.hds players-weak.after.hds --source-root "$top" --format lines >shown
equal 'players-weak: the comparison is empty' '' "$(cat shown)"

# ---- Patterns ----------------------------------------------------------------------------------------------------------------------
# pattern NAME MARKER BYTES COUNT-PER-CALL LEFT: 400 calls; leaky grows by COUNT-PER-CALL blocks of BYTES a call, fixed keeps LEFT blocks.
# A pattern whose cure allocates at a line of its own marks that with FIXED instead of LEAK.
pattern()
{
	local name=pattern-$1 line blocks=$((400 * $4))
	line=$(marked "tests/scenarios/$name.c" "$2")
	check "$name: leaky" story "$name" leaky 400 2
	equal "$name: half of it half way" "$((blocks * $3 / 2)) $((blocks / 2))" "$(at_line "$name.1.hds" "$line")"
	equal "$name: exactly ${line#tests/scenarios/}" "$((blocks * $3)) $((blocks * $3)) $blocks $blocks" \
		"$(diff_at_line "$name.before.hds" "$name.after.hds" "$line")"
	check "$name: fixed" story "$name" fixed 400 2
	! grep -qF "${2/LEAK/FIXED}" "$top/tests/scenarios/$name.c" || line=$(marked "tests/scenarios/$name.c" "${2/LEAK/FIXED}")
	equal "$name: flat when fixed" "$(($5 * $3)) $5 $(($5 * $3)) $5" "$(at_line "$name.1.hds" "$line") $(at_line "$name.after.hds" "$line")"
}
pattern unbounded 'LEAK: log line' 64 1 50
pattern unneeded 'LEAK: body' 4000 1 0
pattern circular 'LEAK: node' 48 4 0
pattern global-cache 'LEAK: session' 64 1 0
pattern create-and-cache 'LEAK: object' 1024 1 0

# Resources: the bytes are libc's affair, the count is one per call, and the line is the caller's.
check 'pattern-resources: leaky' story pattern-resources leaky 300 2
for resource in file directory addresses; do
	line=$(marked tests/scenarios/pattern-resources.c "LEAK: $resource")
	read -r size count < <(at_line pattern-resources.after.hds "$line")
	equal "pattern-resources: 300 × $resource at ${line#tests/scenarios/}" "300 0" "$count $((size % 300))"
	equal "pattern-resources: half of it half way" "$((size / 2)) 150" "$(at_line pattern-resources.1.hds "$line")"
done
check 'pattern-resources: fixed' story pattern-resources fixed 300 2
read -r live _ < <(totals pattern-resources.after.hds)
equal 'pattern-resources: nothing lives when all is closed' 0 "$live"
finish
