# SPDX-License-Identifier: MIT
# shellcheck shell=bash disable=SC2154
# grow-on-demand under a test's hands: sourced after tap.sh.
mkfifo server-in server-out
# serve PROGRAM VARIABLE=VALUE…: starts it, preloaded; sets pid and server (the shell's number of it).  Descriptors 8 and 9 talk to it.
# shellcheck disable=SC2034
serve()
{
	local program=$1
	shift
	env LD_PRELOAD="$shim" HEAPDELTA_OUTPUT="$scratch/end.%p.hds" "$@" "$program" <server-in >server-out &
	server=$!
	exec 8>server-in 9<server-out
	read -r pid <&9
}
# tell_server LETTERS: each is done when this returns.
tell_server()
{
	local i
	for ((i = 0; i < ${#1}; i++)); do
		printf '%s' "${1:i:1}" >&8
		read -r _ <&9
	done
}
end_server()
{
	exec 8>&-
	wait "$server"
	exec 9<&-
}
# until_said FILE PATTERN: a file gets a line like this.
until_said()
{
	for _ in $(seq 6000); do
		grep -qsE -e "$2" "$1" && return
		sleep 0.02
	done
	not_ok "waiting for '$2'" "$(cat "$1")"
	finish
}
