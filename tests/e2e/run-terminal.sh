#!/bin/bash
# SPDX-License-Identifier: MIT
# run on a terminal: ^C, ^Z, fg, bg, programs that read the terminal or take it.
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
done < <(timeout 600 python3 "$top/tests/e2e/run-terminal.py" "$heapdelta" "$programs/targets/count-signals" 2>&1)
equal 'all of the script has run' 16 "$tests"
finish
