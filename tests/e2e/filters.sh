#!/bin/bash
# SPDX-License-Identifier: MIT
# Filters by file, function, module, thread and process on a run of two processes, against what the program itself says that it holds: each
# SPEC selects that, --exclude the rest, and a filtered export has what a filtered view has.
. "$(dirname "$0")/tap.sh"

if ! need jq; then
	skip 'filters' 'no jq'
	finish
fi

"$heapdelta" run -q --source-root "$top" -o run.hds -- "$programs/targets/filter-subjects" \
	"$programs/targets/lib/reuse-one.so" >said
equal 'a run of two processes' 2 "$(ask info run.d -- '.processes | length')"

# total ARGUMENT…: "size count" of what a view is about.
total() { ask stats "$@" -- '.totals | "\(.size) \(.count)"'; }
whole=$(total run.d)

while IFS=$'\t' read -r spec size count; do
	name=${spec/%[0-9][0-9]*/N}
	equal "only $name" "$size $count" "$(total run.d --filter "$spec")"
	equal "all but $name" "$((${whole% *} - size)) $((${whole#* } - count))" "$(total run.d --exclude "$spec")"
	"$heapdelta" export run.d --format json --filter "$spec" -o filtered.json
	equal "an export of $name" "$size $count" "$(total filtered.json)"
	equal "info of that export" "$size $count" "$(ask info filtered.json -- '.totals | "\(.live_bytes) \(.live_blocks)"')"
done <said
equal 'all kinds were said' 10 "$(wc -l <said)"
"$heapdelta" export run.d --format json --filter thread:colector -o none.json 2>err
contains 'export says what is close' 'close: thread:collector' err
equal 'and is empty' '0 0' "$(total none.json)"
"$heapdelta" stats run.d --filter process:the-chidl >/dev/null 2>err
contains 'a process that is close' 'close: process:the-child' err
finish
