#!/bin/bash
# SPDX-License-Identifier: MIT
# For scripts: every member of the JSON that reports promise, what is lost in every format, and that the recipes of README and of the help
# work as they stand there.
. "$(dirname "$0")/tap.sh"

if ! need jq; then
	skip 'scripting' 'no jq'
	finish
fi
tell story cache-leaky 2000 2
mv story.before.hds old.hds
mv story.after.hds new.hds
cp story.1.hds middle.hds
cp new.hds app.hds

# holds NAME FILE JQ-EXPRESSION
holds() { check "$1" jq -e "$3" "$2"; }

# ---- Members -------------------------------------------------------------------------------------------------------------------------
# The texts are jq's.
# shellcheck disable=SC2016
{
	snapshot='(keys | contains(["build_ids","command","file","lost_events","pid","sample_bytes","time"])) and (.file | type == "string")
		and (.pid | type == "number") and (.command | type == "string") and (.time | test("^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:]{8}Z$"))
		and (.build_ids | type == "array" and all(type == "string")) and .lost_events == 0 and .sample_bytes == 0'
	frame='(keys == ["file","function","line","module"]) and (.file | type == "string") and (.line | type == "number")
		and (.function | type == "string" or . == null) and (.module | type == "string" or . == null)'
	integer='type == "number" and . == floor'
	row='(.attributed | '$integer') and (.frames | length > 0) and (.attributed as $at | .frames | length > $at) and (.frames | all('$frame'))
		and (.size | '$integer') and (.count | '$integer') and .size_error == 0'
	diff_row="$row and (.size_diff | $integer) and (.count_diff | $integer)"
	head='.format == "heapdelta-stats" and .version == 1 and .limit == 0 and (.totals.size | '$integer') and (.totals.count | '$integer')
		and .totals.rows == (.stats | length)'
}
for key in lineno filename function module traceback thread process; do
	"$heapdelta" stats new.hds -k "$key" --format json >stats.json
	holds "stats -k $key: head" stats.json "$head and .key == \"$key\""
	holds "stats -k $key: the snapshot" stats.json ".new | $snapshot"
	holds "stats -k $key: rows" stats.json ".stats | length > 0 and all($row)"
	holds "stats -k $key: sums" stats.json '([.stats[].size] | add) == .totals.size and ([.stats[].count] | add) == .totals.count'
	"$heapdelta" diff old.hds new.hds -k "$key" --format json >diff.json
	holds "diff -k $key: head" diff.json "$head and .key == \"$key\" and (.totals.size_diff | $integer) and (.totals.count_diff | $integer)"
	holds "diff -k $key: the snapshots" diff.json "[.old, .new] | all($snapshot)"
	holds "diff -k $key: rows" diff.json ".stats | length > 0 and all($diff_row)"
	holds "diff -k $key: differences" diff.json '([.stats[].size_diff] | add) == .totals.size_diff'
done
"$heapdelta" diff old.hds middle.hds new.hds --format json >series.json
holds 'a series: its snapshots' series.json "(.series | length == 3 and all($snapshot)) and .old == .series[0] and .new == .series[2]"
holds 'a series: rows' series.json '.stats | all((.sizes | length == 3) and .size == .sizes[2] and .size_diff == .sizes[2] - .sizes[0]
	and (.counts | length == 3) and .count_diff == .counts[2] - .counts[0])'
equal 'limit is what was asked for' '1 1' "$(ask stats new.hds -n 1 -- '"\(.limit) \(.stats | length)"')"
"$heapdelta" info new.hds --format json >info.json
holds 'info' info.json ".format == \"heapdelta-info\" and .version == 1 and (.totals | [.live_blocks, .live_bytes, .total_blocks, .total_bytes,
	.temporary_blocks, .peak_bytes, .lost_events] | all($integer))"
"$heapdelta" export new.hds --format json >export.json
holds 'export' export.json '.format == "heapdelta-snapshot" and .version == 1 and (.traces | length > 0
	and all((.size, .count, .domain, .total_nframe | type == "number") and (.frames | all(.[0] | type == "string"))))'

# ---- Losses --------------------------------------------------------------------------------------------------------------------------
printf '{"format":"heapdelta-snapshot","version":1,"traceback_limit":9,"info":{"lost_blocks":3,"lost_frees":1},"traces":[%s]}' \
	'{"size":20,"frames":[["a.c",1,"one"]]}' >lossy.json
equal 'losses in stats' 4 "$(ask stats lossy.json -- .new.lost_events)"
equal 'losses in diff' '4 4' "$(ask diff lossy.json lossy.json -- '"\(.old.lost_events) \(.new.lost_events)"')"
equal 'losses in info' '4 3 1' "$(ask info lossy.json -- '"\(.totals.lost_events) \(.losses.block) \(.losses.missed_free)"')"
equal 'losses in an export' '3 1' "$(ask export lossy.json -- '"\(.info.lost_blocks) \(.info.lost_frees)"')"
equal 'losses in CSV' 4 "$("$heapdelta" stats lossy.json --format csv 2>/dev/null | tr -d '\r' | tail -1 | awk -F, '{ print $NF }')"
equal 'losses in CSV of info' 'totals,lost_events,4' "$("$heapdelta" info lossy.json --format csv | tr -d '\r' | grep lost_events)"
for format in text markdown; do
	check "losses in $format" grep -q 'lost: 3 allocations not recorded, 1 free not seen' <<<"$("$heapdelta" stats lossy.json --format "$format")"
done
for format in lines json csv traceback; do
	"$heapdelta" stats lossy.json --format "$format" >/dev/null 2>err
	contains "losses are said beside $format" "'lossy.json' lost: 3 allocations not recorded, 1 free not seen" err
done

# ---- Recipes -------------------------------------------------------------------------------------------------------------------------
PATH=$build:$PATH
recipes()
{
	sed -n '/^## Scripting$/,/^## /p' "$top/README.md" | grep '^heapdelta [a-z]* .*[-|]'
	for name in stats diff info; do
		heapdelta help "$name" | sed -n 's/^  \(heapdelta .*jq.*\)/\1/p'
	done
}
recipes >typed
check 'there are recipes' test "$(wc -l <typed)" -ge 9
while IFS= read -r recipe; do
	(set -o pipefail; eval "$recipe") >out 2>err </dev/null
	equal "${recipe:0:70}" '0 ' "$? $(cat err)"
	check 'it answers' test -s out
done <typed
equal 'lines that grew' 2 "$(eval "$(head -1 typed)" | grep -c '^tests/scenarios/cache-leaky.c:[0-9]* [0-9]*$')"

# ---- Pipes ---------------------------------------------------------------------------------------------------------------------------
equal 'through a pipe and back' "$(heapdelta stats new.hds --format lines --attribute raw -k traceback)" \
	"$(heapdelta export new.hds --format json | heapdelta stats - --format lines --attribute raw -k traceback)"
equal 'a pipe that is closed early' '3 ' "$( (heapdelta stats new.hds -n 0 2>err | head -3) | wc -l) $(cat err)"
finish
