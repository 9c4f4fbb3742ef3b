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

# contained COMMANDS: in what a container is made of, with a writable place mounted at /out.
# shellcheck disable=SC2016
contained()
{
	timeout 300 env -u HEAPDELTA_DIR -u TMPDIR app="$PWD/app" unshare -mpf --mount-proc sh -c '
shm() { mount -t tmpfs -o size="$1",mode=1777 none /dev/shm; }
read_only() { for place in / /tmp /var/tmp /home; do mount --bind "$place" "$place" && mount -o remount,ro,bind "$place"; done 2>/dev/null; }
mount -t tmpfs -o mode=755 none /mnt && cd /mnt && cp "$app" . || exit 99
'"$1"
}
can_contain() { [ "$(id -u)" -eq 0 ] && need unshare && unshare -mpf --mount-proc mount -t tmpfs none /mnt 2>/dev/null; }

for file in "$stories"/*.story; do
	name=$(basename "$file" .story)
	if [ "$name" = 07-container ] && ! can_contain; then
		skip "$name" 'needs root and namespaces'
		continue
	fi
	mkdir "$scratch/$name" && cd "$scratch/$name" || exit 1
	compare_session "$name" "$file"
	cd "$scratch" || exit 1
done
finish
