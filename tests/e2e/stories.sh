#!/bin/bash
# SPDX-License-Identifier: MIT
# What people come for, each as one session at a terminal (transcript.sh): tests/stories/*.story, in a directory of its own that is a git
# work tree, with the programs of tests/stories/ at hand.
. "$(dirname "$0")/tap.sh"
# shellcheck source=tests/e2e/transcript.sh
. "$top/tests/e2e/transcript.sh"
stories=$top/tests/stories
PATH=$build:$PATH
unset COLUMNS

# For the sessions -----------------------------------------------------------------------------------------------------------------

# project NAME: a work tree of that program's sources, built.
project()
{
	cp -r "$stories/$1" . && cd "$1" && git init -q . && make -s "${@:2}"
}

# until_true COMMAND…: waits for a state, not for a time.
until_true()
{
	local i
	for ((i = 0; i < 1200; i++)); do
		"$@" >/dev/null 2>&1 && return
		sleep 0.05
	done
	return 1
}

# serve COUNT: the server of story 2 has answered so many requests, in all.
has_served() { [ "$(tail -n 1 served)" = "$1" ]; }
serve()
{
	echo "$1" >&9
	all_served=$((${all_served:-0} + $1))
	until_true has_served "$all_served"
}
start_server()
{
	mkfifo requests && : >served
	"$@" &
	server=$!
	exec 9>requests
	serve 10
}
stop_server()
{
	exec 9>&-
	wait "$server"
}

for file in "$stories"/*.story; do
	name=$(basename "$file" .story)
	mkdir "$scratch/$name" && cd "$scratch/$name" || exit 1
	compare_session "$name" "$file"
	cd "$scratch" || exit 1
done
finish
