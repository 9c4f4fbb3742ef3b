#!/bin/bash
# SPDX-License-Identifier: MIT
# What is counted, by what, in which order: every metric against what the program says that it did, sums of a run's processes against those
# of each, and every order on every key.
. "$(dirname "$0")/tap.sh"

if ! need jq; then
	skip 'metrics' 'no jq'
	finish
fi

"$heapdelta" run -q --source-root "$top" -o run.hds -- "$programs/targets/known-metrics" >said
mapfile -t pids < <(cut -d ' ' -f 1 said | sort -u)
equal 'two processes' 2 "${#pids[@]}"
keys=(lineno filename function module traceback thread process)
metrics=(live total temporary peak)

# shellcheck disable=SC2016
{
	of_function='[.stats[] | select(.frames[0].function == $function)] | "\(map(.size // 0) | add // 0) \(map(.count) | add // 0)"'
	sums='"\(.totals.size) \(.totals.count) \([.stats[].size // 0] | add // 0) \([.stats[].count] | add // 0)"'
}
function_of() { ask stats "$1" -k function --metric "$2" -- --arg function "$3" "$of_function"; }

# ---- Metrics -----------------------------------------------------------------------------------------------------------------------
while read -r pid function metric size count; do
	equal "$metric of $function in one process" "$size $count" \
		"$(ask stats run.d -k function --metric "$metric" --filter "process:$pid" -- --arg function "$function" "$of_function")"
done <said
for function in keep throw_away turn_over; do
	for metric in live total temporary; do
		equal "$metric of $function in all" \
			"$(awk -v f=$function -v m=$metric '$2 == f && $3 == m { size += $4; count += $5 } END { print size, count }' said)" \
			"$(function_of run.d "$metric" "$function")"
	done
done
info=$(ask info run.d -- '.totals | "\(.live_bytes) \(.live_blocks) \(.total_bytes) \(.total_blocks) \(.temporary_blocks)"')
equal 'info has the same sums' "$info" \
	"$(ask stats run.d -- '.totals | "\(.size) \(.count)"') $(ask stats run.d --metric total -- '.totals | "\(.size) \(.count)"') $(
		ask stats run.d --metric temporary -- '.totals.count')"

# ---- Directories -------------------------------------------------------------------------------------------------------------------
for metric in "${metrics[@]}"; do
	whole=$(ask stats run.d --metric "$metric" -- '"\(.totals.size) \(.totals.count)"')
	parts=$(for file in run.d/*.hds; do ask stats "$file" --metric "$metric" -- '"\(.totals.size // 0) \(.totals.count)"'; done |
		awk '{ size += $1; count += $2 } END { print size, count }')
	equal "$metric of the directory is that of its files" "$parts" "${whole/null/0}"
	for key in "${keys[@]}"; do
		equal "$metric by $key adds up" "$whole ${whole/null/0}" "$(ask stats run.d -k "$key" --metric "$metric" -- "$sums")"
	done
done
for pid in "${pids[@]}"; do
	# shellcheck disable=SC2016
	equal 'the row of a process is its file' "$(grep -l . run.d/*."$pid".hds | head -1 | xargs -I{} "$heapdelta" stats {} --format json |
		jq -r '"\(.totals.size) \(.totals.count)"')" "$(ask stats run.d -k process -- --arg pid "$pid " \
		'.stats[] | select(.frames[0].file | startswith($pid)) | "\(.size) \(.count)"')"
done
equal 'threads of both' 'main' "$(ask stats run.d -k thread -- -r '[.stats[].frames[0].function] | unique | join(" ")')"

# ---- Orders ------------------------------------------------------------------------------------------------------------------------
old=run.d/$(cd run.d && find . -name "*.${pids[1]}.hds" -printf '%P\n') new=run.d/$(cd run.d && find . -name "*.${pids[0]}.hds" -printf '%P\n')
measure()
{
	case $1 in
	diff) echo '(.size_diff // .count_diff) | if . < 0 then -. else . end' ;;
	growth) echo '.size_diff // .count_diff' ;;
	size) echo '.size // .count' ;;
	count) echo .count ;;
	count-growth) echo .count_diff ;;
	esac
}
for key in "${keys[@]}"; do
	for metric in live temporary; do
		for order in diff growth size count count-growth; do
			result=$(ask diff "$old" "$new" --match exact -k "$key" --metric "$metric" -s "$order" -- \
				"[.stats[] | $(measure "$order")] | \"\(. == (sort | reverse)) \(length > 0)\"")
			[ "$result" = 'true true' ] || not_ok "diff -k $key --metric $metric -s $order is sorted and has rows" "$result"
		done
		for order in diff growth size count count-growth; do
			of_one=${order/#diff/size}
			of_one=${of_one/#growth/size}
			result=$(ask stats run.d -k "$key" --metric "$metric" -s "$order" -- \
				"[.stats[] | $(measure "${of_one/#count-growth/count}")] | \"\(. == (sort | reverse)) \(length > 0)\"")
			[ "$result" = 'true true' ] || not_ok "stats -k $key --metric $metric -s $order is sorted and has rows" "$result"
		done
	done
done
ok 'every order on every key, by bytes and by blocks alone'
equal 'growth puts what grew before what shrank' '+ -' "$("$heapdelta" diff --match exact "$old" "$new" -k process -s growth --format json |
	jq -r '[.stats[] | if .size_diff > 0 then "+" else "-" end] | join(" ")')"
finish
