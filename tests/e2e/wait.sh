#!/bin/bash
# SPDX-License-Identifier: MIT
# A living process as a snapshot: by PID and by name, in every command; two looks at it with diff --wait.
. "$(dirname "$0")/tap.sh"
. "$top/tests/e2e/server.sh"
grows=$(marked tests/targets/grow-on-demand.c GROWS)

# ---- As a snapshot
name=server-$$ # nobody else's on this machine
cp "$programs/targets/grow-on-demand" "$name"
serve "./$name" && tell_server g
equal 'stats PID' '100000 1000' "$(at_line "$pid" "$grows")"
equal 'stats NAME, beside the program of that name' '100000 1000' "$(at_line "$name" "$grows")"
equal 'info' 1000 "$(totals "$name" | cut -d' ' -f1)"
equal 'export' 1000 "$("$heapdelta" export "$pid" --format json | "$heapdelta" info - --format json | jq .totals.live_blocks)"
equal 'the text names it' "$pid " "$("$heapdelta" stats "$pid" | sed -n '1s/^\([0-9]* \).*/\1/p')"
before=$("$heapdelta" snapshot "$pid")
tell_server gg
equal 'a file and a process' '300000 200000 3000 2000' "$(diff_at_line "$before" "$pid" "$grows")"
"$heapdelta" diff "$pid" --source-root "$top" >out
contains 'a process alone is compared with the newest file here' "$grows: size=293 KiB (+195 KiB), count=3000 (+2000)" out
mkdir empty
(cd empty && "$heapdelta" diff "$pid") 2>err
equal 'or, where there is none, says what to do' "2 heapdelta: no snapshot here (try '$heapdelta run COMMAND' first); '$heapdelta diff $pid --wait 60s' compares two looks" "$? $(cat err)"

# ---- The peak: without a supervisor nobody looked at it
tell_server hf
"$heapdelta" stats "$("$heapdelta" snapshot "$pid")" --metric peak >out
contains 'a peak that nobody looked at is no peak of the blocks shown' 'the peak itself was 34' out
tell_server ggg
"$heapdelta" stats "$("$heapdelta" snapshot "$pid")" --metric peak >out
check 'the highest moment is now' eval '! grep -q "the peak itself" out'

# ---- Two looks: look ARGUMENT…: a diff in the background that has had its first look
look()
{
	rm -f looked said
	"$heapdelta" diff "$@" >looked 2>said 8>&- 9<&- & # it must not keep the server's input open
	diff=$!
	until_said said 'looking at process'
}
look "$pid" --wait 1h --source-root "$top"
tell_server gh
kill -INT "$diff"
wait "$diff"
equal '^C ends the wait: status' 0 $?
contains '^C ends the wait: the line' "$grows: size=391 KiB (+97.7 KiB), count=4000 (+1000)" looked
equal 'one note, no more' "heapdelta: note: looking at process $pid ($name) for 1 h 0 min; ^C ends that early" "$(cat said)"
equal 'the next command looks again' "next: $heapdelta diff $pid --wait 1h --source-root $top -k traceback -n 1" \
	"$(tail -1 looked | sed "s| --source-root '*$top'*| --source-root $top|")"
look "$name" --wait 3600 --format json
tell_server fh
kill -INT "$diff" && wait "$diff"
equal 'what grew comes first, whatever shrank more' '50000 -400000' "$(jq -r '"\(.stats[0].size_diff) \(.stats[-1].size_diff)"' looked)"
look "$pid" --wait 1h -s diff --format json
tell_server hgg
kill -INT "$diff" && wait "$diff"
equal 'unless another order is asked for' 200000 "$(jq -r '.stats[0].size_diff' looked)"
"$heapdelta" diff -q "$pid" --wait 0 >out 2>err
equal 'no time at all, quietly' '0 0' "$? $(wc -c <err)"
equal 'nothing has changed: the next command looks once' "next: $heapdelta stats $pid" "$(tail -1 out)"

before_terminal=$tests
while read -r word rest; do
	case $word in
	ok) ok "$rest" ;;
	*) not_ok "${rest#ok }" ;;
	esac
done < <(timeout 300 python3 "$top/tests/e2e/wait-terminal.py" "$heapdelta" "$pid" 2>&1 8>&- 9<&-)
equal 'all of the script for the terminal has run' 2 "$((tests - before_terminal))"

# ---- It ends, is killed, becomes another program
look "$pid" --wait 1h --source-root "$top"
tell_server g && end_server
wait "$diff"
contains 'it ends: what it left is compared' "count=3000 (+1000)" looked
contains 'it ends: that is said' "process $pid ($name) has ended meanwhile" said
check 'it ends: no command to look again' eval '! grep -q ^next: looked'
serve "./$name" && look "$pid" --wait 1h --source-root "$top"
tell_server g && kill -KILL "$pid"
wait "$diff" 2>/dev/null
contains 'it is killed' 'count=1000 (+1000)' looked
end_server 2>/dev/null
equal 'by its PID, what a killed process left' '100000 1000' "$(at_line "$pid" "$grows")"
rm -f "$HEAPDELTA_DIR"/*.hdt
serve "./$name" && look "$pid" --wait 1h --source-root "$top"
tell_server g && printf e >&8
wait "$diff"
contains 'it executes another program: what the first left' 'count=1000 (+1000)' looked
contains 'it executes another program: that is said' "process $pid ($name) has executed another program meanwhile" said
kill "$pid" && end_server 2>/dev/null

# ---- Misuse.  refuses NAME TEXT ARGUMENT…: status 2 and one line with this text, perhaps a hint
refuses()
{
	local name=$1 text=$2 status
	shift 2
	"$heapdelta" "$@" >out 2>err
	status=$?
	if [ "$status" -eq 2 ] && [ ! -s out ] && head -1 err | grep -qF -e "$text"; then ok "$name"; else not_ok "$name" "status $status" "$(cat out err)"; fi
}
sleep 1000 &
sleeper=$!
until [ "$(cat "/proc/$sleeper/comm")" = sleep ]; do sleep 0.02; done
for command in stats info 'diff --wait 60s' 'export --format json' snapshot start stop 'mark here'; do
	# shellcheck disable=SC2086
	refuses "$command: a process that is not traced" \
		"heapdelta: process $sleeper (sleep) is not traced, and heapdelta cannot attach; restart it with 'heapdelta run …' or see 'heapdelta env --help'" \
		$command "$sleeper"
done
kill "$sleeper"
refuses 'two operands and --wait' 'give its PID or name, and nothing else' diff "$before" 1 --wait 1s
refuses 'a file and --wait' "--wait needs a process, and '$before' is a file" diff "$before" --wait 1s
refuses 'no time' "option '--wait' needs a time such as 10s, 2m or 1h, not 'soon'" diff 1 --wait soon
refuses 'neither file nor process' "cannot open 'no-such-thing': No such file or directory; there is no process named 'no-such-thing'" stats no-such-thing
refuses 'no such process' 'there is no process 4194305' stats 4194305
check 'few keys to press' test "$(printf 'heapdelta diff 4194304 --wait 60s\n' | wc -c)" -le 35
finish
