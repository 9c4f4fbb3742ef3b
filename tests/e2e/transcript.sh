# SPDX-License-Identifier: MIT
# shellcheck shell=bash disable=SC2154
# Sessions as text: "$ command" and what it prints (stdout, then stderr behind "2>", then a status other than 0), compared as a whole.  What
# differs from run to run is masked.  Sourced by golden.sh and stories.sh, after tap.sh.
#
# In a session's file a line "# …" is for its reader, "% command" is run and not shown (what happens beside the user: a server is started,
# work comes in), and "%mask EXPRESSION" is one more expression for sed.  All commands of a session run in one shell.

# Commands and masks stay as they are written.
mask()
{
	sed -E -e '/^([$%#] |%mask)/b' -e "s|$scratch|SCRATCH|g; s|$build|BUILD|g; s|$top|TOP|g" \
		-e 's/[0-9]{4}-[0-9]{2}-[0-9]{2}/DATE/g; s/[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]+)?/TIME/g' \
		-e 's/\b(after|at|for|up) +([0-9.]+ (ms|s|min|h|us|ns) ?)+/\1 TIME /g; s/ +$//' \
		-e 's/"commit":(null|"[0-9a-f]{40}")/"commit":COMMIT/g; s/, commit [0-9a-f]{7}//g' \
		-e 's/\b(build|build id) [0-9a-f]{6,}/\1 ID/g; s/"[0-9a-f]{40}"/"ID"/g' \
		-e 's/(pid|process|PID)([ :])[0-9]+/\1\2PID/g; s/"pid": *[0-9]+/"pid":PID/g' \
		-e "s/\\b$(uname -n)\\b/HOST/g" \
		-e 's/([a-z_-]+\+0x)[0-9a-f]+/\1OFFSET/g; /__libc_start|libc\.so\.6/d; /^      [^ ]/s/([^ ]) +/\1  /g' "$@"
}

# shown COMMAND: runs it and prints what it says.
shown()
{
	eval "$1" >"$scratch/out" 2>"$scratch/err" </dev/null
	local status=$?
	cat "$scratch/out"
	sed -n 's/^next: //p' "$scratch/out" "$scratch/err" >>"$scratch/nexts"
	[ ! -s "$scratch/err" ] || sed 's/^/2> /' "$scratch/err"
	[ "$status" -eq 0 ] || echo "status $status"
}

# unseen COMMAND: runs it; says something only if it fails.
unseen()
{
	eval "$1" >"$scratch/unseen" 2>&1 </dev/null || { echo "failed: $1"; cat "$scratch/unseen"; }
}

# session FILE SED-ARGUMENT…: the file as it is now; the arguments mask more.
session()
{
	grep -E '^(\$ |# |%)' "$1" | run_session | masked "$@"
}

# Lines of stdin, which the commands do not see.
run_session()
{
	local line
	while IFS= read -r line <&3; do
		printf '%s\n' "$line"
		case $line in
		'$ '*)
			line=${line#\$ }
			shown "${line//BUILD/$build}"
			;;
		'% '*) unseen "${line#% }" ;;
		esac
	done 3<&0
}

masked()
{
	local file=$1 expressions=() expression
	shift
	while IFS= read -r expression; do
		expressions+=(-e "${expression#%mask }")
	done < <(grep '^%mask ' "$file")
	mask "$@" "${expressions[@]}"
}

# compare_session NAME FILE SED-ARGUMENT…: GOLDEN_UPDATE=1 writes the file anew; read the difference before committing it.
compare_session()
{
	local name=$1 file=$2
	shift 2
	session "$file" "$@" >"$scratch/got"
	[ -z "${GOLDEN_UPDATE:-}" ] || cp "$scratch/got" "$file"
	same_files "$name" "$file" "$scratch/got"
}

# check_nexts LEAST: what the sessions so far said to type next, at least LEAST different commands, works when it is pasted.  What stands
# behind two spaces explains it.
check_nexts()
{
	local line
	check "$1 commands to type next" test "$(sort -u "$scratch/nexts" | wc -l)" -ge "$1"
	while IFS= read -r line; do
		(eval "${line%%  *}") >"$scratch/out" 2>"$scratch/err" </dev/null
		equal "next: ${line%%  *}" '0 ' "$? $(grep -v '^heapdelta: note:' "$scratch/err")"
		check 'and it says something' test -s "$scratch/out"
	done < <(sort -u "$scratch/nexts")
}
