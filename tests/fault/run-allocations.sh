#!/bin/bash
# SPDX-License-Identifier: MIT
# Allocations of `run` itself fail, one per run: before the start it is refused with status 125 and one line, afterwards the command's status
# wins, and what the command recorded is in a snapshot, its own or a rescued one.
. "$(dirname "$0")/../e2e/tap.sh"
limit=${SWEEP_LIMIT:-150}
mkdir work && cd work || exit 1
traced() { env "$@" LD_PRELOAD="$build/tests/fault/fail-nth.so" "$heapdelta" run -o made.hds "$programs/targets/exec-chain" s; }

traced FAIL_NTH=0 FAIL_COUNT="$scratch/count" >/dev/null 2>&1
total=$(cat "$scratch/count")
check 'allocations are counted' test "$total" -gt 100
refused=0 bads=0 bad='' runs=0
for n in $(seq 1 $((total / limit + 1)) "$total"); do
	rm -rf made.* heapdelta.*
	traced FAIL_NTH="$n" >out 2>err
	status=$?
	runs=$((runs + 1))
	if [ "$status" -eq 125 ] && [ "$(wc -l <err)" -eq 1 ] && [ ! -e made.hds ]; then
		refused=$((refused + 1))
	elif [ "$status" -ne 0 ] || [ "$(find . -type f -name '*.hds' | wc -l)" -ne 2 ] || [ ! -s err ]; then
		bads=$((bads + 1))
		bad="$bad allocation $n: status $status $(head -2 err | tr '\n' '|') files: $(find . -name '*.hds' | tr '\n' ' ');"
	fi
done
equal "$runs of $total allocations fail in turn, $refused before the start" '0 wrong:' "$bads wrong:${bad:0:600}"
check 'some of them before the start' test "$refused" -gt 0
equal 'no trace file, no lock is left' 0 "$(find "$HEAPDELTA_DIR" -type f | wc -l)"
cd "$scratch" || exit 1
finish
