#!/bin/bash
# SPDX-License-Identifier: MIT
# The snapshot that a process writes itself and the one that is taken from outside say the same about the same moment.
. "$(dirname "$0")/tap.sh"

mkfifo input
env LD_PRELOAD="$shim" HEAPDELTA_OUTPUT="$scratch/own.hds" "$programs/targets/api-wait" <input >pid &
exec 3>input
for _ in $(seq 1200); do [ -s pid ] && break; sleep 0.05; done
check 'taken from outside' "$heapdelta" snapshot "$(cat pid)" -o outside.hds
exec 3>&-
wait
check 'taken from inside' test -s own.inside.hds

# What differs by nature: the moment, the label and number, how full the tracer's tables are, and the highest state seen, which only those
# know who look more than once.
known='del(.file, .kind, .process.taken, .process.up_ns, .process.peak_ns, .recording.label, .recording.sequence, .recording.trace_bytes, .recording.symbolised, .recording.source_root, .recording.commit)'
for name in own.inside outside; do
	"$heapdelta" info --format json "$name.hds" | jq -S "$known" >"$name.info"
	"$heapdelta" export --format json "$name.hds" | jq -cS '.traces[] | del(.peak_count, .peak_size)' | sort >"$name.traces"
	"$heapdelta" stats --format json -k lineno "$name.hds" | jq -S '.totals, .stats' >"$name.stats"
	"$heapdelta" stats --format json -k traceback --metric total "$name.hds" | jq -S '.totals, .stats' >"$name.totals"
	"$heapdelta" stats --format json -k traceback --metric temporary "$name.hds" | jq -S '.totals, .stats' >"$name.temporary"
done
same_files 'info is the same' outside.info own.inside.info
equal 'a mark that the program has set' 'filled?and ready' "$("$heapdelta" info --format json outside.hds | jq -r '.marks[].name')"
for view in traces stats totals temporary; do
	check "$view: there is something to compare" test "$(wc -l <outside.$view)" -ge 10
	same_files "$view are the same" "outside.$view" "own.inside.$view"
done
equal 'nothing lost' 0 "$(totals own.inside.hds | cut -d' ' -f5)"
finish
