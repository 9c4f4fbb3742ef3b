#!/bin/bash
# SPDX-License-Identifier: MIT
# Whole texts: every file of tests/e2e/golden/ is a session, "$ command" and what it prints (stdout, then stderr behind "2>", then a status
# other than 0).  The commands run in a directory with the snapshots that are made below.  What differs from run to run is masked: paths,
# process ids, times, build ids, and the line numbers of the stories, which stand there as the names of their markers.  Frames of libc are left
# out: what is known about them depends on whether its debug information is installed.
#
# GOLDEN_UPDATE=1 writes the files anew; read the difference before committing it.
. "$(dirname "$0")/tap.sh"
golden=$top/tests/e2e/golden

entry=$(marked tests/scenarios/cache-leaky.c 'LEAK: cache entry') node=$(marked tests/scenarios/cache-leaky.c 'LEAK: list node')
mask()
{
	sed -E -e "s|$scratch|SCRATCH|g; s|$build|BUILD|g; s|$top|TOP|g" \
		-e "s|$entry\b|tests/scenarios/cache-leaky.c:ENTRY|g; s|$node\b|tests/scenarios/cache-leaky.c:NODE|g" \
		-e "s/\"line\": *${entry##*:}\b/\"line\":ENTRY/g; s/\"line\": *${node##*:}\b/\"line\":NODE/g" \
		-e 's/(tests\/scenarios\/[a-z-]+\.[ch]):[0-9]+/\1:LINE/g; s/"line": *[0-9]+/"line":LINE/g' \
		-e 's/[0-9]{4}-[0-9]{2}-[0-9]{2}/DATE/g; s/[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]+)?/TIME/g' \
		-e 's/\b(after|at|for|up) +([0-9.]+ (ms|s|min|h|us|ns) ?)+/\1 TIME /g; s/ +$//' \
		-e 's/\b(build|build id) [0-9a-f]{6,}/\1 ID/g; s/"[0-9a-f]{40}"/"ID"/g' \
		-e 's/(pid|process|PID) [0-9]+/\1 PID/g; s/"pid": *[0-9]+/"pid":PID/g' \
		-e "s/\\b$(uname -n)\\b/HOST/g" \
		-e 's/(tests\/scenarios\/[a-z-]+\.[ch]),[0-9]+,/\1,LINE,/; s/^[0-9]+ (players-cycle)/PID \1/' \
		-e 's/([a-z_-]+\+0x)[0-9a-f]+/\1OFFSET/g; /__libc_start|libc\.so\.6/d; /^      [^ ]/s/([^ ]) +/\1  /g'
}

session()
{
	local line status
	while IFS= read -r line; do
		printf '%s\n' "$line"
		case $line in
		'$ '*)
			line=${line#\$ } && (eval "${line//BUILD/$build}") >out 2>err </dev/null
			status=$?
			cat out
			[ ! -s err ] || sed 's/^/2> /' err
			[ "$status" -eq 0 ] || echo "status $status"
			;;
		esac
	done < <(grep -E '^(\$ |# )' "$1") | mask
}

PATH=$build:$PATH
# The sessions write plain `heapdelta`; the sources are found from their root.
unset COLUMNS
tell story cache-leaky 100 2
tell players players-cycle 2 5
mv story.before.hds before.hds
mv story.1.hds middle.hds
mv story.after.hds after.hds

for file in "$golden"/*.txt; do
	name=$(basename "$file" .txt)
	session "$file" >got
	[ -z "${GOLDEN_UPDATE:-}" ] || cp got "$file"
	same_files "$name" "$file" got
done
finish
