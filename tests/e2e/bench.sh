#!/bin/bash
# SPDX-License-Identifier: MIT
# The benchmark runs, what it writes has the documented shape, and files can be compared.  Says nothing about how long anything takes.
. "$(dirname "$0")/tap.sh"

# bench CASES OUT: one small round.
bench() { (cd "$top" && BUILD=$build QUICK=1 BENCH=$1 OUT=$2 CORE='' ROUNDS='' tests/bench/run); }

check 'a small round' bench 'pairs-20 sites-8 threads-2 git-log tables-true snapshot' "$scratch/small.json"
# The text is jq's, not the shell's.
# shellcheck disable=SC2016
shape='.format == "heapdelta-bench" and .version == 1 and (.versions.heapdelta | startswith("heapdelta")) and .settings.quick
	and (.machine | .cores > 0 and (.load.after | length) == 3)
	and ([.cases[].name] == ["pairs-20", "sites-8", "threads-2", "git-log", "tables-true", "snapshot-1M-blocks"])
	and all(.cases[]; .rounds.heapdelta[0] as $round | .medians.heapdelta == $round)'
equal 'its JSON' true "$(jq "$shape" small.json)"
equal 'the tracer traced: allocations on record' true "$(jq '[.cases[] | .medians.heapdelta.seen // 1e9] | min > 10000' small.json)"
equal 'figures against native' true "$(jq '.cases[0] | .figures["heapdelta.cpu_ns.added"] == .medians.heapdelta.cpu_ns - .medians.native.cpu_ns' small.json)"
equal 'targets name a figure of their case' true "$(jq 'all(.cases[]; . as $case | all(.targets[]; $case.figures[.figure] == .value))' small.json)"
equal 'nothing of heapdelta is skipped' 0 "$(jq '[.skipped[] | select(.tracer == null or .tracer == "heapdelta" or .tracer == "run")] | length' small.json)"

jq '(.cases[0].rounds.heapdelta[0].cpu_ns, .cases[0].medians.heapdelta.cpu_ns) *= 2' small.json >slower.json
"$top/tests/bench/compare" small.json slower.json >said
equal 'compare: one change' '1 +100.0%' "$(grep -c '→' said) $(grep -o '+100.0%' said)"
check 'an unknown case is named' grep -q "no case is named nonsense" <(bench nonsense "$scratch/none.json" 2>&1)
finish
