#!/bin/bash
# SPDX-License-Identifier: MIT
# A process that is killed in the middle of its work leaves everything behind; snapshots from outside see a running one.
. "$(dirname "$0")/tap.sh"

many=$(marked tests/targets/keep-and-wait.c 'KEPT: many') one=$(marked tests/targets/keep-and-wait.c 'KEPT: one')

# Starts keep-and-wait under run; sets supervisor and pid, returns when the blocks stand.
start()
{
	mkfifo ready 2>/dev/null
	"$heapdelta" run -q -o "$1" -- "$programs/targets/keep-and-wait" >ready 2>"$1.err" &
	supervisor=$!
	read -r pid <ready
}

start killed.hds
kill -9 "$pid"
wait "$supervisor"
equal 'run ends with 128 + 9' 137 "$?"
equal 'the killed program'\''s thousand blocks' '100000 1000' "$(at_line killed.hds "$many")"
equal 'and the big one' '5000 1' "$(at_line killed.hds "$one")"
equal 'nothing is left in the trace directory' '' "$(find "$HEAPDELTA_DIR" -name '*.hdt')"

# Again and again: wherever the signal meets it, every block is there.
whole=0 rounds=${KILL_ROUNDS:-20}
for _ in $(seq "$rounds"); do
	start again.hds
	kill -9 "$pid"
	wait "$supervisor"
	[ "$(at_line again.hds "$many") $(at_line again.hds "$one")" = '100000 1000 5000 1' ] && whole=$((whole + 1))
	rm -f again.hds
done
equal "$rounds times killed in mid-event, nothing missing" "$rounds" "$whole"

# From outside, while it runs, without a word to it.
start living.hds
path=$("$heapdelta" snapshot -o outside.hds "$pid" 2>snapshot.err)
equal 'snapshot PID: status' 0 "$?"
equal 'snapshot PID prints the path' outside.hds "$path"
equal 'snapshot PID: the blocks' '100000 1000' "$(at_line outside.hds "$many")"
equal 'the process was not stopped' 0 "$(kill -0 "$pid"; echo $?)"
kill -TERM "$pid"
wait "$supervisor"
equal 'run ends with 128 + 15' 143 "$?"

# A program that nobody supervises and that is killed leaves its trace file, and every command reads it.
mkdir traces-alone && chmod 700 traces-alone
HEAPDELTA_DIR=$scratch/traces-alone LD_PRELOAD=$shim "$programs/targets/keep-and-wait" >ready &
pid=$!
read -r _ <ready
kill -9 "$pid"
wait "$pid" 2>/dev/null
trace=$(find traces-alone -name '*.hdt')
equal 'one trace file is left' 1 "$(printf '%s\n' "$trace" | grep -c .)"
equal 'stats reads it' '100000 1000' "$(at_line "$trace" "$many")"
finish
