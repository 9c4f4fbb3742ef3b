#!/bin/bash
# SPDX-License-Identifier: MIT
# What a bare LD_PRELOAD leaves behind for each way to start children and to end, and what every entry point of libc counts as.
. "$(dirname "$0")/tap.sh"

targets=$programs/targets
# preloaded NAME COMMAND…: the snapshots are NAME.*.hds; returns the command's status.
preloaded()
{
	local name=$1
	shift
	env LD_PRELOAD="$shim" HEAPDELTA_OUTPUT="$scratch/$name.%p.hds" "$@"
}
# all NAME: totals of every snapshot of a test, sorted, one per line.
all() { for file in "$1".*.hds; do [ -e "$file" ] && totals "$file"; done | sort; }
trace_files() { find "$HEAPDELTA_DIR" -name '*.hdt' | wc -l; }

# ---- Entry points ------------------------------------------------------------------------------------------------------------------
check 'entry-points: as libc' preloaded entry "$targets/entry-points"
# beside the 10 blocks that stay: 5 bytes, the 10^8 block, 100 and 200 bytes of the realloc test
equal 'entry-points: 10 blocks, 16368 bytes live; 14 allocated' '10 16368 14 100016673 0' "$(all entry)"

# ---- Ways to end -------------------------------------------------------------------------------------------------------------------
for kind in return exit _exit _Exit quick_exit; do
	preloaded "end-$kind" "$targets/exit-kinds" "$kind"
	equal "$kind: status" 3 $?
	equal "$kind: leaves a snapshot" '1 123' "$(all "end-$kind" | cut -d' ' -f1,2)"
done
preloaded end-thread "$targets/exit-kinds" thread
equal 'exit by a second thread: status' 3 $?
equal 'exit by a second thread: leaves a snapshot' 123 "$("$heapdelta" stats end-thread.*.hds --format json -k lineno | jq '.stats[] | select(.frames[0].function == "main") | .size' | sort -n | head -1)"
equal 'no trace file stays behind' 0 "$(trace_files)"
for kind in abort segv kill; do
	preloaded "end-$kind" "$targets/exit-kinds" "$kind" 2>/dev/null
	equal "$kind: leaves its trace file" 1 "$(trace_files)"
	equal "$kind: the trace file names the block" '1 123' "$(totals "$HEAPDELTA_DIR"/*.hdt | cut -d' ' -f1,2)"
	rm -f "$HEAPDELTA_DIR"/*.hdt
done

# ---- Forks -------------------------------------------------------------------------------------------------------------------------
for how in fork _Fork clone; do
	check "$how: runs" preloaded "fork-$how" "$targets/fork-child" "$how"
	equal "$how: the child has its own two blocks, the parent its three" '2 1000 3 1500 0
3 3000 3 3000 0' "$(all "fork-$how")"
done
check 'vfork: runs' preloaded fork-vfork "$targets/fork-child" vfork
equal 'vfork: one process' '3 3000 3 3000 0' "$(all fork-vfork)"
check 'fork beside an allocating thread: runs' timeout 60 env LD_PRELOAD="$shim" HEAPDELTA_OUTPUT="$scratch/fork-thread.%p.hds" "$targets/fork-child" thread
equal 'fork beside an allocating thread: the child has its own two blocks' '2 1000 3 1500 0' "$(all fork-thread | head -1)"

# ---- exec --------------------------------------------------------------------------------------------------------------------------
for how in v V L P e l p f at; do
	check "exec $how: runs" preloaded "exec-$how" "$targets/exec-chain" "$how"
	equal "exec $how: only the last image leaves a snapshot" '1 20 1 20 0' "$(all "exec-$how")"
done
check 'exec chain of six: runs' preloaded exec-chain "$targets/exec-chain" e l p f at v
equal 'exec chain of six: only the last image leaves a snapshot' '1 20 1 20 0' "$(all exec-chain)"
check 'exec chain of lists: runs' preloaded exec-lists "$targets/exec-chain" L P L V
equal 'exec chain of lists: only the last image leaves a snapshot' '1 20 1 20 0' "$(all exec-lists)"
# A number of a file that is gone is given out again.
for chain in 'v' 'v v' 'v v v' 'v v v v' 'v v v v v'; do
	# shellcheck disable=SC2086
	preloaded exec-numbers "$targets/exec-chain" $chain
	equal "exec chain '$chain': no trace file stays behind" 0 "$(trace_files)"
done
check 'fork and exec with an environment of its own: runs' preloaded spawn-fork "$targets/exec-chain" k
equal 'fork and exec with an environment of its own: parent and child' '1 10
1 20' "$(all spawn-fork | cut -d' ' -f1,2)"
check 'posix_spawn with an environment of its own: runs' preloaded spawn "$targets/exec-chain" s
equal 'posix_spawn with an environment of its own: parent and child' '1 10
1 20' "$(all spawn | cut -d' ' -f1,2)"
check 'HEAPDELTA_FOLLOW=0: runs' env HEAPDELTA_FOLLOW=0 LD_PRELOAD="$shim" HEAPDELTA_OUTPUT="$scratch/nofollow.%p.hds" "$targets/exec-chain" s
equal 'HEAPDELTA_FOLLOW=0: the parent alone' '1 10' "$(all nofollow | cut -d' ' -f1,2)"
equal 'no trace file stays behind after execs and forks' 0 "$(trace_files)"

# ---- Signal handlers inside the tracer ---------------------------------------------------------------------------------------------
safe=$programs/targets/lib/signal-safe-malloc.so
check 'handlers that allocate: runs' env LD_PRELOAD="$shim:$safe" HEAPDELTA_OUTPUT="$scratch/signals.hds" "$targets/storm-signals" 5000
equal 'handlers that allocate: exactly 0 live, 0 lost' '0 0 0' "$(totals signals.hds | cut -d' ' -f1,2,5)"
check 'handlers that leave by longjmp: runs' env LD_PRELOAD="$shim:$safe" HEAPDELTA_OUTPUT="$scratch/longjmp.hds" "$targets/longjmp-from-handler"
for round in 1 2 3 4 5 6; do
	check "handlers that fork, round $round: every child gets through" timeout 120 env LD_PRELOAD="$shim:$safe" \
		HEAPDELTA_OUTPUT="$scratch/forks$round.%p.hds" "$targets/fork-in-handler" "$((round * 60))"
	# The block that a child was just being given when it was made is its own.
	equal "handlers that fork, round $round: 201 processes, at most that one block each, nothing lost" '201 0' \
		"$(all "forks$round" | awk '{ n++; bad += $1 > 1 || $5 > 0 } END { print n, bad + 0 }')"
	rm -f "forks$round".*.hds
done
line=$(marked tests/targets/longjmp-from-handler.c KEPT)
equal 'handlers that leave by longjmp: a later block has its line' '77 1' "$(at_line longjmp.hds "$line")"

# ---- Sandboxes ---------------------------------------------------------------------------------------------------------------------
preloaded sandbox "$targets/sandbox"
equal 'a program that closes itself in behind a filter: status' 5 $?
equal 'a program that closes itself in behind a filter: its trace file stays' '5001 0' "$(totals "$HEAPDELTA_DIR"/*.hdt | cut -d' ' -f1,5)"
rm -f "$HEAPDELTA_DIR"/*.hdt

# ---- Environment -------------------------------------------------------------------------------------------------------------------
env LD_PRELOAD="$shim" HEAPDELTA_NFRAME=many HEAPDELTA_OUTPUT="$scratch/bad.hds" /bin/true 2>said
equal 'a bad value: one line, and the program runs' "0 heapdelta: warning: HEAPDELTA_NFRAME='many' is not valid, ignored" "$? $(cat said)"
env LD_PRELOAD="$shim" HEAPDELTA_DIR=/nonexistent/place HEAPDELTA_OUTPUT="$scratch/elsewhere.hds" "$targets/exit-kinds" 2>said
equal 'no such directory: another place is found' '3 1 123' "$? $(totals elsewhere.hds | cut -d' ' -f1,2)"
env LD_PRELOAD="$shim" HEAPDELTA_START=0 HEAPDELTA_OUTPUT="$scratch/off.hds" "$targets/exit-kinds"
equal 'HEAPDELTA_START=0: nothing is recorded' '0 0 0 0 0' "$(totals off.hds)"
finish
