#!/bin/bash
# SPDX-License-Identifier: MIT
# Whole texts: every file of tests/e2e/golden/ is a session (transcript.sh).  The commands run in a directory with the snapshots that are made
# below.  Masked besides are the line numbers of the stories, which stand there as the names of their markers.  Frames of libc are left out: what is known
# about them depends on whether its debug information is installed.
#
# GOLDEN_UPDATE=1 writes the files anew; read the difference before committing it.
. "$(dirname "$0")/tap.sh"
# shellcheck source=tests/e2e/transcript.sh
. "$top/tests/e2e/transcript.sh"

entry=$(marked tests/scenarios/cache-leaky.c 'LEAK: cache entry') node=$(marked tests/scenarios/cache-leaky.c 'LEAK: list node')
places=(
	-e "s|$entry\b|tests/scenarios/cache-leaky.c:ENTRY|g; s|$node\b|tests/scenarios/cache-leaky.c:NODE|g"
	-e "s/\"line\": *${entry##*:}\b/\"line\":ENTRY/g; s/\"line\": *${node##*:}\b/\"line\":NODE/g"
	-e 's/(tests\/scenarios\/[a-z-]+\.[ch]):[0-9]+/\1:LINE/g; s/"line": *[0-9]+/"line":LINE/g'
	-e 's/(tests\/scenarios\/[a-z-]+\.[ch]),[0-9]+,/\1,LINE,/; s/^[0-9]+ (players-cycle)/PID \1/'
)

PATH=$build:$PATH
# The sessions write plain `heapdelta`; the sources are found from their root.
unset COLUMNS
tell story cache-leaky 100 2
tell players players-cycle 2 5
mv story.before.hds before.hds
mv story.1.hds middle.hds
mv story.after.hds after.hds
(cd "$top" && PATH=$programs/targets:$PATH "$heapdelta" run -q -o "$scratch/hello.hds" -- hello >/dev/null)

for file in "$top"/tests/e2e/golden/*.txt; do
	compare_session "$(basename "$file" .txt)" "$file" "${places[@]}"
done
check_nexts 15
finish
