#!/bin/bash
# SPDX-License-Identifier: MIT
# On a terminal: ^C once and twice, ^Z, fg, bg, SIGTERM, window size, colours, programs that read the terminal or take it; closed pipes.
. "$(dirname "$0")/tap.sh"
if ! need python3; then
	skip 'terminal' 'no python3'
	finish
fi
while read -r word rest; do
	case $word in
	ok) ok "$rest" ;;
	*) not_ok "${rest#ok }" ;;
	esac
done < <(timeout 600 python3 "$top/tests/e2e/run-terminal.py" "$heapdelta" "$programs/targets/count-signals" "$programs/scenarios/cache-leaky" 2>&1)
equal 'all of the script has run' 29 "$tests"
finish
