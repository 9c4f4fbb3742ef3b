#!/bin/bash
# SPDX-License-Identifier: MIT
# run: signals reach the command once, whoever sends them; run stays until the command has ended.
. "$(dirname "$0")/tap.sh"
targets=$programs/targets
mkfifo ready

# start ARGUMENT…: count-signals under run, in the background; sets run and pid.  Monitor mode gives it a process group of its own.
start()
{
	set -m
	"$heapdelta" run -q -o counted.hds -- "$targets/count-signals" "$@" >ready 2>err &
	run=$!
	set +m
	exec 3<ready
	read -r pid <&3
}
# finished: what the program counted, one line; sets status
finished()
{
	counted=$(tr '\n' ' ' <&3)
	exec 3<&-
	wait "$run"
	status=$?
}

start
kill -HUP "$run" && sleep 0.1 && kill -USR1 "$run" && sleep 0.1 && kill -USR2 "$run" && sleep 0.1 && kill -TERM "$run"
finished
equal 'signals to run are passed on, once each' 'TERM 1 HUP 1 USR1 1 USR2 1 ' "$counted"
equal 'and the status is the command'\''s' 7 "$status"
check 'the snapshot is there' test -s counted.hds

start
kill -INT "$pid" && kill -QUIT "$pid" && sleep 0.1 && kill -TERM "$pid"
finished
equal 'signals to the command are its own' 'INT 1 QUIT 1 TERM 1 ' "$counted"

start
kill -INT "$run" && kill -QUIT "$run" && sleep 0.1
check 'run ignores INT and QUIT' kill -0 "$run"
kill -TERM "$pid"
finished
equal 'and does not pass them on' 'TERM 1 ' "$counted"

start
kill -INT -- "-$run" && sleep 0.1 && kill -TERM "$pid"
finished
equal '^C to the group reaches the command once' 'INT 1 TERM 1 ' "$counted"

start group
kill -TERM "$pid"
finished
equal 'what the command sends to its own group is not sent back' 'TERM 1 USR1 1 ' "$counted"

# Stop and continue.
state() { sed "s/.*) \(.\).*/\1/" "/proc/$1/stat" 2>/dev/null; }
# continuing PID: it has been continued, and has not taken the signal yet; a stop would take it back
continuing() { local pending; pending=$(sed -n 's/^ShdPnd:[[:space:]]*//p' "/proc/$1/status") && [ $((16#$pending >> 17 & 1)) -eq 1 ]; }
# become PID STATE: waits for it
become()
{
	for _ in $(seq 3000); do
		[ "$(state "$1")" = "$2" ] && { [ "$2" = T ] || ! continuing "$1"; } && return
		sleep 0.02
	done
	return 1
}
start
kill -STOP "$pid"
check 'run stops with the command' become "$run" T
kill -CONT "$run"
check 'who continues run continues the command' become "$pid" S
check 'and run itself' become "$run" S
kill -STOP "$pid"
check 'a second time' become "$run" T
kill -CONT -- "-$run"
check 'the group is continued' become "$pid" S
kill -TERM "$pid"
finished
equal 'each continue arrived once' 'TERM 1 CONT 2 ' "$counted"
equal 'status after stops' 7 "$status"

# A signal that would end a process in the state it is in when run starts: SIGCHLD ignored would lose the status.
(trap '' CHLD && exec "$heapdelta" run -q -o chld.hds -- sh -c 'exit 9')
equal 'SIGCHLD inherited as ignored' 9 $?
timeout -s TERM 0.3 "$heapdelta" run -q -o timeout.hds -- sleep 100
equal 'timeout(1) works as without' 124 $?
finish
