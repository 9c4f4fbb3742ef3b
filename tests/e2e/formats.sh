#!/bin/bash
# SPDX-License-Identifier: MIT
# The snapshot format is its specification: a second reader, written from FORMAT.md alone, finds in every kind of snapshot what ours finds.
. "$(dirname "$0")/tap.sh"

second() { python3 "$top/tests/e2e/read-hds.py" "$1"; }

# What ours finds, in the second reader's words.
ours()
{
	totals "$1"
	"$heapdelta" export --no-symbols "$1" --format json | jq -r '.traces[] |
		"\(.size) \(.count) \(.total_size // .size) \(.total_count // .count) " +
		([.frames[] | if .[1] == 0 then "?" else "\(.[0]):\(.[1])" end] | join(" < "))' | LC_ALL=C sort
}

# agree NAME FILE
agree()
{
	ours "$2" >ours.txt 2>&1
	second "$2" >second.txt 2>&1
	same_files "$1" second.txt ours.txt
}

if ! need python3 jq; then
	skip 'second reader' 'no python3 or jq'
	finish
fi

"$heapdelta" run -q --source-root "$top" -o run.hds -- "$programs/scenarios/cache-leaky" 50
agree 'symbolised, by run' run.hds
check 'it has lines' grep -q 'cache.*\.c:' second.txt
"$heapdelta" run -q --no-symbols --blocks -o raw.hds -- "$programs/scenarios/players-cycle" 2 3
agree 'raw, with blocks, by run' raw.hds
HEAPDELTA_OUTPUT=$scratch/own.hds LD_PRELOAD=$shim "$programs/scenarios/cache-leaky" 50
agree 'raw, by the process itself' own.hds
HEAPDELTA_OUTPUT=$scratch/sh.hds LD_PRELOAD=$shim bash -c 'x=$(seq 1000); exit 3'
agree 'raw, of a shell' sh.hds
for file in run raw own; do
	"$heapdelta" export --no-symbols "$file.hds" --format json -o "$file.json"
	equal "$file: JSON has the totals" "$(totals "$file.hds")" "$(totals "$file.json")"
	"$heapdelta" export --no-symbols "$file.json" --format json -o again.json
	same_files "$file: JSON to JSON changes nothing" "$file.json" again.json
done
for case in "$top"/tests/data/valid/hds-*/input; do
	second "$case" >/dev/null 2>why.txt || not_ok "second reader: $case" "$(tail -1 why.txt)"
done
ok 'the second reader takes every valid case'
finish
