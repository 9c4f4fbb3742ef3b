#!/bin/bash
# SPDX-License-Identifier: MIT
# ps: who is traced and what it holds, who grows, what dead ones left and how that becomes snapshots.  Other processes of this machine may be
# traced, too: only our own rows are looked at.
. "$(dirname "$0")/tap.sh"
. "$top/tests/e2e/server.sh"
target=$programs/targets/grow-on-demand
# row JQ-FILTER: of the server's row, from one look
# shellcheck disable=SC2016
row() { "$heapdelta" ps --interval 0 --format json | jq -r --argjson pid "$pid" ".processes[] | select(.pid == \$pid) | $1"; }
remains() { find "$HEAPDELTA_DIR" -name '*.hdt' | wc -l; }

serve "$target" && tell_server g
equal 'a row for machines' "$pid grow-on-demand running on 1000 100000 0 null $HEAPDELTA_DIR" \
	"$(row '"\(.inner_pid) \(.command) \(.state) \(.recording) \(.live_blocks) \(.live_bytes) \(.lost_events) \(.bytes_per_minute) \(.trace_file | sub("/[^/]*$"; ""))"')"
check 'what the tables take is told' test "$(row .trace_bytes)" -ge 32768
equal 'and the time since the start' true "$(row '.up_ns > 0')"
"$heapdelta" ps --interval 0 >out
contains 'columns for people' 'COMMAND' out
check 'a row for people' grep -qE "^ +$pid +grow-on-demand +[0-9.]+ (ms|s|min.*) +97.7 KiB +1000 +- +0 +$HEAPDELTA_DIR \([0-9.]+ [KM]iB\)$" out
check 'the next command can be typed' grep -qE "^next: $heapdelta diff [0-9]+ --wait 60s$" out
equal 'Markdown' 1 "$("$heapdelta" ps --interval 0 --format markdown | grep -c "^| .$pid. | grow-on-demand | ")"
equal 'names for completion' "$pid grow-on-demand" "$("$heapdelta" ps --names | grep -x -A1 "$pid" | tr '\n' ' ' | sed 's/ $//')"

"$heapdelta" help --bash-completion >completion.bash
# complete_words WORD…: what bash would offer for the last one
complete_words()
{
	PATH=$build:$PATH bash -c '. ./completion.bash; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _heapdelta; printf "%s\n" "${COMPREPLY[@]}"' - heapdelta "$@"
}
for command in start stop snapshot stats diff info 'mark here'; do
	# shellcheck disable=SC2086
	equal "completion of $command: PID and name" "$pid grow-on-demand" "$(complete_words $command "$pid" | grep -x "$pid") $(complete_words $command grow-on)"
done

# ---- Rates
equal 'of a server that rests' 0 "$("$heapdelta" ps --interval 0.1s --format json | jq --argjson pid "$pid" '.processes[] | select(.pid == $pid).bytes_per_minute')"
"$heapdelta" ps -w --interval 0.1s --format json >watched 8>&- 9<&- &
watcher=$!
until_said watched "^\{\"pid\":$pid,"
tell_server gg
until_said watched "^\{\"pid\":$pid,.*\"live_bytes\":300000,.*\}"
kill -INT "$watcher"
wait "$watcher"
equal '-w ends with ^C: status' 0 $?
check '-w: it grew' grep -qE "^\{\"pid\":$pid,.*\"live_bytes\":300000,.*\"bytes_per_minute\":[1-9]" watched
"$heapdelta" ps -w --interval 0.1s >watched 8>&- 9<&- &
watcher=$!
until_said watched 'over the last'
kill -INT "$watcher" && wait "$watcher"
check '-w in a pipe: an empty line between two lists, no escape sequences' eval 'grep -qx "" watched && ! grep -q $'"'\\033'"' watched'
equal '-w ends with its reader' 1 "$("$heapdelta" ps -w --interval 0.1s 8>&- 9<&- | head -1 | wc -l)"

# ---- Recording
"$heapdelta" stop "$pid"
equal 'stopped' stopped "$(row .recording)"
contains 'stopped, for people' ' stopped ' <("$heapdelta" ps --interval 0 | grep "$pid")
"$heapdelta" start "$pid"
equal 'on' on "$(row .recording)"

# ---- What the dead leave
kill -KILL "$pid" && end_server 2>/dev/null
dead=$pid
equal 'a killed one stays in the list' 'killed 3000' "$(row '"\(.state) \(.live_blocks)"')"
file=$(row .trace_file)
contains 'for people: the file to give to other commands' "$file (" <("$heapdelta" ps --interval 0)
equal 'which read it' 3000 "$(totals "$file" | cut -d' ' -f1)"
serve "$target" && tell_server g
printf 'no trace file' >"$HEAPDELTA_DIR/garbage.hdt" && head -c 5000 "$file" >"$HEAPDELTA_DIR/cut.hdt"
mkdir rescued
equal '--clean prints what it makes' "heapdelta.grow-on-demand.$dead.hds" "$(cd rescued && "$heapdelta" ps --clean 2>/dev/null)"
equal 'and everything is in it' 3000 "$(totals "rescued/heapdelta.grow-on-demand.$dead.hds" | cut -d' ' -f1)"
check 'its trace file is gone' test ! -e "$file"
rm -f "$HEAPDELTA_DIR"/{garbage,cut}.hdt
equal 'that of the living stays' '1000 1' "$(row .live_blocks) $(remains)"
"$heapdelta" ps --clean >out 2>err
equal 'nothing to clean' '0  heapdelta: note: no trace file of a process that has ended' "$? $(cat out) $(cat err)"
kill -KILL "$pid" && end_server 2>/dev/null
equal '--clean -o' "$pid.rescued.hds" "$("$heapdelta" ps --clean -o %p.rescued.hds)"
serve "$target" && tell_server g
kill -KILL "$pid" && end_server 2>/dev/null
touch -d '8 days ago' "$HEAPDELTA_DIR"/*.hdt
"$heapdelta" ps --clean >out 2>err
equal 'older than a week: only removed' '0  heapdelta: note: removed 1 trace file older than 7 days 0' "$? $(cat out) $(cat err) $(remains)"
serve "$target"
kill -KILL "$pid" && end_server 2>/dev/null
"$heapdelta" ps --clean >out 2>err
equal 'nothing live: only removed' '0  heapdelta: note: removed 1 trace file of processes that left nothing live 0' "$? $(cat out) $(cat err) $(remains)"

# ---- Under a supervisor: nothing of what we do there disturbs it
"$heapdelta" run -q -o supervised.hds "$target" <server-in >server-out &
server=$!
exec 8>server-in 9<server-out
read -r pid <&9
tell_server g
"$heapdelta" mark here "$pid" && "$heapdelta" stop "$pid" && "$heapdelta" start "$pid"
equal 'under run' 1000 "$(row .live_blocks)"
tell_server g && end_server
equal 'under run, controlled: the snapshot of the end' '2000 here' "$(ask info supervised.hds -- '"\(.totals.live_blocks) \(.marks[0].name)"')"

# ---- Misuse
# refuses NAME TEXT ARGUMENT…
refuses()
{
	local name=$1 text=$2 status
	shift 2
	"$heapdelta" ps "$@" >out 2>err
	status=$?
	if [ "$status" -eq 2 ] && [ ! -s out ] && head -1 err | grep -qF -e "$text"; then ok "$name"; else not_ok "$name" "status $status" "$(cat out err)"; fi
}
refuses 'an operand' 'ps takes no operand' 1
refuses 'two at once' 'exclude each other' -w --clean
refuses 'a format for other things' "does not know 'csv', only text, json, markdown" --format csv
refuses 'no place for snapshots' "cannot write to 'no/where'" --clean -o no/where/x.hds

# ---- Namespaces
if [ "$(id -u)" -eq 0 ] && unshare --pid --fork --mount true 2>/dev/null; then
	unshare --pid --fork --mount-proc "$heapdelta" ps --interval 0 >out 2>err
	equal 'nothing is traced there: one line' "3  heapdelta: nothing is traced here (try '$heapdelta run COMMAND', or see '$heapdelta env --help')" "$? $(cat out) $(cat err)"
	unshare --pid --fork --mount-proc "$heapdelta" ps --interval 0 --format json >out 2>err
	equal 'for machines: an empty list' '3 0 0' "$? $(jq '.processes | length' out) $(wc -c <err)"
	unshare --pid --fork --mount-proc env LD_PRELOAD="$shim" HEAPDELTA_OUTPUT=none.hds "$target" <server-in >server-out &
	server=$!
	exec 8>server-in 9<server-out
	read -r inner <&9
	pid=$(pgrep -P "$server" | head -1)
	tell_server g
	equal 'from outside: both its numbers' "$inner 1000" "$(row '"\(.inner_pid) \(.live_blocks)"')"
	equal 'from outside: its tables' 1000 "$(totals "$pid" | cut -d' ' -f1)"
	tell_server g && end_server
	if [ -w /proc/sys/kernel/ns_last_pid ]; then
		# A number that is nobody's here, and for a while will not be: one that has just been passed over.
		number=$(($(cat /proc/sys/kernel/ns_last_pid) - 1))
		while [ -e "/proc/$number" ]; do number=$((number - 1)); done
		# shellcheck disable=SC2016
		unshare --pid --fork --mount-proc sh -c 'echo "$0" >/proc/sys/kernel/ns_last_pid; exec 3<&0; "$@" <&3 & wait' $((number - 1)) \
			env LD_PRELOAD="$shim" HEAPDELTA_OUTPUT=none.hds "$target" <server-in >server-out &
		server=$!
		exec 8>server-in 9<server-out
		read -r inner <&9
		equal 'it has a number of its own' "$number" "$inner"
		tell_server g
		equal 'which does as well' 1000 "$(totals "$inner" | cut -d' ' -f1)"
		check 'also for a snapshot' "$heapdelta" snapshot -o inner.hds "$inner"
		end_server
	else
		skip 'the number inside another pid namespace' 'needs /proc/sys/kernel/ns_last_pid'
	fi
else
	skip 'another pid namespace' 'needs unshare'
fi
finish
