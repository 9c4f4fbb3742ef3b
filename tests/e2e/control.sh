#!/bin/bash
# SPDX-License-Identifier: MIT
# start, stop and mark: a process that waits to be recorded, is stopped and goes on; moments with names.
. "$(dirname "$0")/tap.sh"
. "$top/tests/e2e/server.sh"
name=control-$$ # nobody else's on this machine
target=./$name
cp "$programs/targets/grow-on-demand" "$name"
# now: "live_blocks total_blocks" of the process
now() { totals "$pid" | cut -d' ' -f1,3; }
# does COMMAND…: nothing is said and the status is 0
does()
{
	"$heapdelta" "$@" >out 2>&1
	equal "$*" '0 ' "$? $(cat out)"
}

serve "$target" HEAPDELTA_START=0 && tell_server g
equal 'HEAPDELTA_START=0: nothing is recorded' '0 0' "$(now)"
"$heapdelta" stats "$pid" >out 2>err
equal 'an empty list is explained' "heapdelta: note: recording is off in process $pid; '$heapdelta start $pid' changes that" "$(cat err)"
equal 'for machines, too' off "$(ask info "$pid" -- .recording.state)"
does start "$pid"
equal 'it is on' on "$(ask info "$pid" -- .recording.state)"
tell_server g
equal 'started: the next blocks are' '1000 1000' "$(now)"
does stop "$name"
tell_server gh
equal 'stopped: no new ones' '1000 1000' "$(now)"
file=$("$heapdelta" snapshot "$pid")
equal 'stopped: a snapshot as before, which says so' '1000 stopped' "$(ask info "$file" -- '"\(.totals.live_blocks) \(.recording.state)"')"
contains 'for people, too' 'recording   stopped: no new blocks' <("$heapdelta" info "$file")
tell_server f
equal 'stopped: frees are honoured' '0 1000' "$(now)"
"$heapdelta" stop "$pid" 2>err
equal 'stopped already' "0 heapdelta: note: process $pid ($name) records nothing already" "$? $(cat err)"
"$heapdelta" start -q "$pid" && tell_server g
equal 'and on again' '1000 2000' "$(now)"
"$heapdelta" start "$pid" 2>err
equal 'on already' "0 heapdelta: note: process $pid ($name) records already" "$? $(cat err)"
does stop "$pid"
tell_server r
equal 'stopped: a realloc is a free' '999 2000' "$(now)"
equal 'nothing is lost or unknown by that' '0 0' "$(ask info "$pid" -- '"\(.totals.lost_events) \(.totals.ignored_frees)"')"

# ---- Marks
does mark 'before the test' "$pid"
does mark 2 "$name"
tell_server m
equal 'marks' 'before the test,2,from inside' "$(ask info "$pid" -- '[.marks[].name] | join(",")')"
contains 'info shows them' 'mark        before the test: ' <("$heapdelta" info "$pid")
file=$("$heapdelta" snapshot "$pid")
equal 'a snapshot carries them' 'before the test,2,from inside' "$(ask info "$file" -- '[.marks[].name] | join(",")')"
"$heapdelta" export "$file" --format json >marks.json
equal 'so does interchange JSON' 3 "$(ask info marks.json -- '.marks | length')"
for n in $(seq 20); do "$heapdelta" mark "n$n" "$pid"; done
equal 'the last 16 are kept' '16 n5 n20' "$(ask info "$pid" -- '"\(.marks | length) \(.marks[0].name) \(.marks[-1].name)"')"
does mark "$(printf '%047d' 0)" "$pid"
# refuses NAME TEXT ARGUMENT…
refuses()
{
	local name=$1 text=$2 status
	shift 2
	"$heapdelta" "$@" >out 2>err
	status=$?
	if [ "$status" -eq 2 ] && [ ! -s out ] && head -1 err | grep -qF -e "$text"; then ok "$name"; else not_ok "$name" "status $status" "$(cat out err)"; fi
}
refuses 'too long a name' 'at most 47 bytes, not 48' mark "$(printf '%048d' 0)" "$pid"
refuses 'no name' 'a mark needs a name' mark '' "$pid"
refuses 'a name that a terminal would obey' 'no control characters' mark $'a\nb' "$pid"
refuses 'no process' 'a mark needs a name and a process' mark name
refuses 'none to start' 'which process?' start

# ---- Children go on as their parent is; other ends
tell_server c >/dev/null && parent=$pid && pid=$(pgrep -P "$parent")
equal 'a child of a stopped process records nothing' '0 0' "$(now)"
does start "$pid"
tell_server g >/dev/null
read -r _ <&9
equal 'until it is started' '1000 1000' "$(now)"
end_server
equal 'it leaves its snapshot' 1000 "$(totals end."$pid".hds | cut -d' ' -f1)"

serve "$target" && tell_server gs
equal 'stopped by its own API: forgotten' '0 1000' "$(now)"
does start "$pid"
tell_server fh
equal 'and started from outside: what is new' '500 1500' "$(now)"
kill -KILL "$pid"
end_server 2>/dev/null
refuses 'one that has ended' "process $pid ($name) has ended" start "$pid"
rm -f "$HEAPDELTA_DIR"/*.hdt

serve "$target" HEAPDELTA_START=0 HEAPDELTA_SAMPLE=1K && tell_server g
equal 'sampled: nothing' '0 0' "$(now)"
does start "$pid"
tell_server ggggg
check 'sampled, and started' test "$(now | awk '{ print ($1 > 3000 && $1 < 7000) }')" = 1
does stop "$pid"
recorded=$(now)
tell_server h
equal 'sampled, and stopped' "$recorded" "$(now)"
tell_server f
equal 'sampled, and freed' 0 "$(now | cut -d' ' -f1)"
end_server

# Switched again and again under threads that free everything, also each other's blocks: what was recorded comes off to the last block.
mkfifo storm-ready
GLIBC_TUNABLES=glibc.pthread.stack_cache_size=0 HEAPDELTA_OUTPUT=$scratch/storm.hds LD_PRELOAD=$shim \
	"$programs/targets/storm" 3 100000 5 6 1000 >storm-ready &
storm=$!
read -r pid <storm-ready
switches=0
while "$heapdelta" stop -q "$pid" 2>/dev/null && "$heapdelta" start -q "$pid" 2>/dev/null; do switches=$((switches + 1)); done
wait "$storm"
equal 'a storm while switched: nothing is left, nothing lost' '0 0 0' "$(totals storm.hds | cut -d' ' -f1,2,5)"
check 'and it was switched' test "$switches" -ge 1

# Only the owner and root.
other() { setpriv --reuid=nobody --regid="$(id -g nobody)" --clear-groups -- "$@"; }
if [ "$(id -u)" -eq 0 ] && need setpriv && id nobody >/dev/null 2>&1 && other test -x "$heapdelta"; then
	chmod 711 "$scratch" && serve "$target"
	(cd / && other "$heapdelta" stop "$pid") >out 2>err
	equal 'a process of another user: refused' '2 1' "$? $(wc -l <err)"
	tell_server g
	equal 'a process of another user: unchanged' '1000 1000' "$(now)"
	end_server
else
	skip 'a process of another user: refused' 'needs root, setpriv and a command that nobody can reach'
fi
finish
