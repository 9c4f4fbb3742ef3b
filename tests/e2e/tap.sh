# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# What the end-to-end tests share: TAP lines, the built command and library, a scratch directory that is removed at the end.
# Sourced first by every tests/e2e/*.sh; the last line of a test is `finish`.
set -u
top=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
build=${BUILD:-build}
case $build in /*) ;; *) build=$top/$build ;; esac
# The tests use these three.
# shellcheck disable=SC2034
heapdelta=$build/heapdelta shim=$build/libheapdelta.so programs=$build/tests
scratch=$(mktemp -d "${TMPDIR:-/tmp}/heapdelta-test.XXXXXX")
trap 'rm -rf "$scratch"' EXIT
# Nothing of the caller's may change what the tests see.
unset LD_PRELOAD NO_COLOR MAKEFLAGS MAKELEVEL MFLAGS "${!HEAPDELTA_@}"
export XDG_CONFIG_HOME=$scratch/config
export LC_ALL=C.UTF-8 TERM=dumb PYTHONHASHSEED=0
# Trace files of a test that is killed must not stay in /dev/shm, and a sweep of another user's run must not take ours.
export HEAPDELTA_DIR=$scratch/traces
mkdir "$HEAPDELTA_DIR" && chmod 700 "$HEAPDELTA_DIR"
cd "$scratch" || exit 1
tests=0 failures=0

ok() { tests=$((tests + 1)); printf 'ok %d - %s\n' "$tests" "$1"; }
skip() { tests=$((tests + 1)); printf 'ok %d - %s # SKIP %s\n' "$tests" "$1" "$2"; }
# not_ok NAME TEXT…: the texts explain, one line each.
not_ok()
{
	tests=$((tests + 1)) failures=$((failures + 1))
	printf 'not ok %d - %s\n' "$tests" "$1"
	shift
	[ $# -eq 0 ] || printf '%s\n' "$@" | sed 's/^/# /'
}
# check NAME COMMAND…: passes if the command succeeds; what it says explains a failure.
check()
{
	local name=$1 said
	shift
	if said=$("$@" 2>&1); then ok "$name"; else not_ok "$name" "command: $*" "$said"; fi
}
# equal NAME EXPECTED GOT
equal() { if [ "$2" = "$3" ]; then ok "$1"; else not_ok "$1" "expected: $2" "got:      $3"; fi; }
# same_files NAME EXPECTED-FILE GOT-FILE
same_files() { if cmp -s "$2" "$3"; then ok "$1"; else not_ok "$1" "$(diff -u "$2" "$3" 2>&1 | head -40)"; fi; }
# contains NAME TEXT FILE
contains() { if grep -qF -e "$2" "$3"; then ok "$1"; else not_ok "$1" "no line has: $2" "$(head -30 "$3")"; fi; }
# need COMMAND…: each exists
need() { local command; for command; do command -v "$command" >/dev/null || return 1; done; }
# marked FILE MARKER: "file:line" of the line that carries the comment MARKER, relative to the top of the sources.
marked()
{
	local line
	line=$(grep -nF -- "/* $2 */" "$top/$1" | cut -d: -f1)
	printf '%s:%s\n' "$1" "${line:?no line of $1 is marked $2}"
}

# tell NAME STORY ARGUMENT…: runs a story of tests/scenarios/; its snapshots are $scratch/NAME.before.hds, …, NAME.after.hds and, of its
# exit, NAME.hds.  From the top of the sources, as a user would, and by its bare name: a report cuts a long command, and how long a path
# to it is depends on where the sources are.
tell()
{
	local name=$1 story=$2 file pid
	shift 2
	mkdir -p "$scratch/told"
	(cd "$top" && PATH=$programs/scenarios:$PATH "$heapdelta" run -q -o "$scratch/told/%p.hds" -- "$story" "$@") || return
	for file in "$scratch"/told/*.hds; do
		pid=${file##*/}
		pid=${pid%%.*}
		mv "$file" "$scratch/$name${file##*/"$pid"}"
	done
}

# ---- What a snapshot says, as numbers --------------------------------------------------------------------------------------------
# ask COMMAND ARGUMENT… -- JQ-ARGUMENT…: what jq makes of a command's JSON.  A command that fails is named in place of an answer.
ask()
{
	local command=() answer=$scratch/answer.$BASHPID
	while [ "$1" != -- ]; do
		command+=("$1")
		shift
	done
	shift
	"$heapdelta" "${command[@]}" --format json >"$answer" || echo "heapdelta ${command[*]}: status $?"
	jq -r "$@" "$answer" || echo "jq: status $?"
	rm -f "$answer"
}
# totals FILE: "live_blocks live_bytes total_blocks total_bytes lost_events"
totals()
{
	ask info "$1" -- '.totals | "\(.live_blocks) \(.live_bytes) \(.total_blocks) \(.total_bytes) \(.lost_events)"'
}
# The texts below are jq's, not the shell's.
# shellcheck disable=SC2016
# at_line FILE SOURCE:LINE: "size count" of that line, "0 0" if nothing lives there.
at_line()
{
	ask stats "$1" -k lineno --source-root "$top" -- --arg at "$2" \
		'[.stats[] | select("\(.frames[0].file):\(.frames[0].line)" == $at)][0] // {size: 0, count: 0} | "\(.size) \(.count)"'
}
# shellcheck disable=SC2016
# diff_at_line OLD NEW SOURCE:LINE: "size size_diff count count_diff" of that line, zeros if it is in neither.
diff_at_line()
{
	ask diff "$1" "$2" -k lineno --match exact --source-root "$top" -- --arg at "$3" \
		'[.stats[] | select("\(.frames[0].file):\(.frames[0].line)" == $at)][0]
			// {size: 0, size_diff: 0, count: 0, count_diff: 0} | "\(.size) \(.size_diff) \(.count) \(.count_diff)"'
}

finish()
{
	printf '1..%d\n' "$tests"
	[ "$failures" -eq 0 ]
	exit
}
