#!/bin/bash
# SPDX-License-Identifier: MIT
# The recorder scenarios observed on CPython's tracemalloc, on our recorder: each step's answers of the API, and each step's snapshot.
# In single quotes, $id is jq's.
# shellcheck disable=SC2016
. "$(dirname "$0")/tap.sh"

vectors=$top/tests/data/vectors/tracemalloc.json
# query ARGS… FILTER: one of api-scenarios.jq's functions on the vectors
query() { jq -r -L "$top/tests/e2e" "${@:1:$#-1}" "include \"api-scenarios\"; ${*: -1}" "$vectors"; }

# play ID NFRAME: leaves ID.answers and the snapshots ID.<step>.hds
play()
{
	query --arg id "$1" 'scenario($id).steps[] | command' >"$1.steps"
	env LD_PRELOAD="$shim" HEAPDELTA_NFRAME="$2" HEAPDELTA_OUTPUT="$scratch/$1.hds" "$programs/targets/scenario-player" \
		<"$1.steps" >"$1.answers"
}

# exported ID: what the snapshots hold, in the order of the steps
exported()
{
	local step=0
	while [ "$step" -lt "$(wc -l <"$1.steps")" ]; do
		[ ! -e "$1.$step.hds" ] || "$heapdelta" export --format json "$1.$step.hds" |
			jq -r -L "$top/tests/e2e" --arg n "$step" 'include "api-scenarios"; exported($n)'
		step=$((step + 1))
	done
}

count=0
while read -r id nframe; do
	count=$((count + 1))
	if ! play "$id" "$nframe"; then
		not_ok "$id: runs"
		continue
	fi
	query --arg id "$id" 'scenario($id) | expected($id) | answer' >"$id.expected"
	same_files "$id: the API's answers" "$id.expected" "$id.answers"
	query --arg id "$id" 'scenario($id) | expected($id) | blocks' >"$id.blocks"
	exported "$id" >"$id.exported"
	same_files "$id: the snapshots" "$id.blocks" "$id.exported"
done < <(query '.recorder_scenarios[] | "\(.id) \(.nframe)"')
equal 'all scenarios were played' "$(jq .counts.recorder_scenarios "$vectors")" "$count"
finish
