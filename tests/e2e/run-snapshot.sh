#!/bin/bash
# SPDX-License-Identifier: MIT
# snapshot PID|NAME: found by number, name, through namespaces; numbered; what cannot be looked at is said in one line.
. "$(dirname "$0")/tap.sh"
targets=$programs/targets
mkfifo ready

# start NAME: keep-and-wait (or a copy of it under another name) under run; sets run and pid
start()
{
	"$heapdelta" run -q -o end.hds "$1" >ready 2>/dev/null &
	run=$!
	exec 3<ready
	read -r pid <&3
	exec 3<&-
}
stop()
{
	kill -TERM "$pid"
	wait "$run"
}
# enough FILE: the 1001 blocks of keep-and-wait are in it
enough() { totals "$1" | awk '{ exit !($1 >= 1001 && $2 >= 105000 && $5 == 0) }'; }
# refuses NAME TEXT ARGUMENT…
refuses()
{
	local name=$1 text=$2 status
	shift 2
	"$heapdelta" snapshot "$@" >out 2>err
	status=$?
	if [ "$status" -eq 2 ] && [ ! -s out ] && [ "$(wc -l <err)" -eq 1 ] && grep -qF -e "$text" err; then
		ok "$name"
	else
		not_ok "$name" "status $status" "$(cat out err)"
	fi
}

cp "$targets/keep-and-wait" only-one-of-these
start ./only-one-of-these
path=$("$heapdelta" snapshot "$pid" 2>err)
equal 'by PID: the path alone' "0 heapdelta.only-one-of-these.$pid.0001.hds " "$? $path $(cat err)"
check 'everything is in it' enough "$path"
equal 'numbers go on' "heapdelta.only-one-of-these.$pid.0002.hds" "$("$heapdelta" snapshot -q "$pid")"
equal 'by name' "heapdelta.only-one-of-these.$pid.0003.hds" "$("$heapdelta" snapshot only-one-of-these)"
equal 'by the 15 characters of ps' "heapdelta.only-one-of-these.$pid.0004.hds" "$("$heapdelta" snapshot only-one-of-the)"
"$heapdelta" snapshot -o named.hds "$pid" >out && "$heapdelta" snapshot -o named.hds "$pid" >out
equal '-o replaces' named.hds "$(cat out)"
"$heapdelta" snapshot --blocks -o blocks.hds "$pid" >out
check '--blocks lists them' test "$(stat -c %s blocks.hds)" -gt $(($(stat -c %s named.hds) + 24 * 1000))
equal 'the process runs on' 0 "$(kill -0 "$pid"; echo $?)"
contains 'doctor: it is traced' "is traced in $HEAPDELTA_DIR/" <("$heapdelta" doctor "$pid")
# Without its directory in the environment: the mapping names the file.
equal 'wherever the trace file is' "heapdelta.only-one-of-these.$pid.0005.hds" "$(env -u HEAPDELTA_DIR "$heapdelta" snapshot "$pid")"
mkdir unwritable
refuses 'no such directory' "cannot write to 'no/where'" -o no/where/x.hds "$pid"
# The trace file is gone, as when a login manager empties /dev/shm.
if [ "$(id -u)" -eq 0 ]; then
	mv "$HEAPDELTA_DIR"/*.hdt away.hdt && rm away.hdt
	check 'a deleted trace file: root reads it through the mapping' enough "$("$heapdelta" snapshot "$pid")"
else
	skip 'a deleted trace file: root reads it through the mapping' 'needs root'
fi
stop

cp "$targets/keep-and-wait" twin
start ./twin && first=$pid first_run=$run && start ./twin
refuses 'a name that two have' "2 traced processes are named 'twin'" twin
kill -TERM "$first" && wait "$first_run"
stop

sleep 60 &
sleeper=$!
until [ "$(cat "/proc/$sleeper/comm")" = sleep ]; do sleep 0.02; done
refuses 'not traced' "process $sleeper (sleep) is not traced, and heapdelta cannot attach; restart it with 'heapdelta run …'" "$sleeper"
"$heapdelta" doctor "$sleeper" >out 2>err
equal 'doctor: not traced' '3 1' "$? $(grep -c 'is not traced' err)"
kill "$sleeper"
refuses 'no such process' 'there is no process 4194305' 4194305
refuses 'no such name' "there is no process named 'no-such-name'" no-such-name
refuses 'a number that is none' "'99999999999999999999' is not a process number" 99999999999999999999

# Another user's process.
other() { setpriv --reuid=nobody --regid="$(id -g nobody)" --clear-groups -- "$@"; }
if [ "$(id -u)" -eq 0 ] && need setpriv && id nobody >/dev/null 2>&1 && other test -x "$heapdelta"; then
	chmod 711 "$scratch" && start ./twin
	(cd / && other env TMPDIR=/tmp "$heapdelta" snapshot "$pid") >out 2>err
	equal 'a process of another user: one line' "2 1 1" "$? $(wc -l <err) $(grep -c "cannot look at process $pid (twin): Permission denied; it belongs to user 'root'" err)"
	stop
else
	skip 'a process of another user: one line' 'needs root, setpriv and a command that nobody can reach'
fi

# Namespaces: another pid.  run is the init process there.
below() { pgrep -P "$1" | head -1; } # nobody else's process of the same name
if [ "$(id -u)" -eq 0 ] && unshare --pid --fork --mount true 2>/dev/null; then
	unshare --pid --fork --mount-proc "$heapdelta" run -q -o inside.hds "$targets/keep-and-wait" >inside-ready &
	outer=$!
	for _ in $(seq 1200); do [ -s inside-ready ] && break; sleep 0.05; done
	init=$(below "$outer")
	program=$(below "$init")
	check 'another pid namespace' enough "$("$heapdelta" snapshot "$program")"
	check 'its number is the one outside' test -e "heapdelta.keep-and-wait.$program.0001.hds"
	kill -TERM "$init"
	wait "$outer"
	equal 'as init, run passes signals on' 143 $?
	check 'and leaves the snapshot' enough inside.hds
	unshare --pid --fork --mount-proc "$heapdelta" run -q -o daemon.hds "$targets/leave-child" daemon 30
	equal 'what dies with init is written before' '10 3000' "$(for f in daemon.d/*.hds; do totals "$f" | cut -d' ' -f1,2; done | sort -n | tail -1)"
	equal 'and leaves no trace file' '' "$(find "$HEAPDELTA_DIR" -name '*.hdt')"
	# shellcheck disable=SC2016
	zombies='for i in 1 2 3; do sh -c "sleep 0.1 &"; done
		sleep 0.5
		for i in $(seq 600); do
			left=$(cat /proc/[0-9]*/comm 2>/dev/null | grep -cx sleep)
			[ "$left" = 0 ] && break
			sleep 0.1
		done
		echo "$left"'
	equal 'and init reaps orphans' 0 "$(unshare --pid --fork --mount-proc "$heapdelta" run -q -o reap.hds sh -c "$zombies")"
else
	skip 'another pid namespace' 'needs unshare'
fi
finish
