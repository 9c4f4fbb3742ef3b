#!/bin/bash
# SPDX-License-Identifier: MIT
# Storms of threads that free everything, also each other's blocks, end at exactly 0 blocks, 0 bytes, 0 losses; and a reader from outside
# sees each of a set of permanent blocks exactly once, at any moment.       STORMS=100 (default 10) for more of them.
. "$(dirname "$0")/tap.sh"

# Joined threads' stacks would stay in libc's cache, with their thread vectors.
export GLIBC_TUNABLES=glibc.pthread.stack_cache_size=0
rounds=${STORMS:-10}

# calm NAME COMMAND…: `rounds` times, always at zero in the end.
calm()
{
	local name=$1 round blocks bytes all lost bad=''
	shift
	for round in $(seq "$rounds"); do
		rm -f storm.hds
		HEAPDELTA_OUTPUT=$scratch/storm.hds LD_PRELOAD=$shim "$@" >/dev/null 2>storm.err || bad="$bad round $round: status $?;"
		read -r blocks bytes all _ lost < <(totals storm.hds)
		[ "$blocks $bytes $lost" = '0 0 0' ] && [ "${all:-0}" -gt 1000 ] || bad="$bad round $round: $(totals storm.hds);"
	done
	equal "$name: $rounds storms end at 0 blocks, 0 bytes, 0 lost" '' "$bad"
}
calm 'two threads' "$programs/targets/storm" 2 30000 7 3
calm 'eight threads, short lives' "$programs/targets/storm" 8 2000 9 20

# An outside reader, as often as it can while the storm lasts.
line=$(marked tests/targets/storm.c PERMANENT)
mkfifo ready
"$heapdelta" run -q -o storm.hds -- "$programs/targets/storm" 3 "${STORM_OPERATIONS:-300000}" 1 12 20000 >ready &
supervisor=$!
read -r pid <ready
looks=0 bad=''
while [ "$looks" -lt 40 ] && "$heapdelta" snapshot -q -o look.hds "$pid" >/dev/null 2>&1; do
	kill -0 "$pid" 2>/dev/null || break
	seen=$(at_line look.hds "$line")
	# A look at the very end may meet the frees.
	[ "$seen" = '960000 20000' ] || { kill -0 "$pid" 2>/dev/null && bad="$bad look $looks: $seen;"; }
	looks=$((looks + 1))
done
wait "$supervisor"
equal 'the storm ends well' 0 "$?"
equal 'an outside reader misses and doubles none of 20000 permanent blocks' '' "$bad"
if [ "$looks" -ge 3 ]; then ok "it looked more than twice"; else not_ok 'it looked more than twice' "$looks looks"; fi
read -r blocks bytes _ _ lost < <(totals storm.hds)
equal 'this storm, too, ends at zero' '0 0 0' "$blocks $bytes $lost"
finish
