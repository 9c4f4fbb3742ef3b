#!/bin/bash
# SPDX-License-Identifier: MIT
# run in what containers are made of: a small /dev/shm, a root that cannot be written, no other users' rights, being process 1.
. "$(dirname "$0")/tap.sh"
targets=$programs/targets
names=('a small /dev/shm: a note, and a roomier place' 'a small /dev/shm: nothing is lost' 'a small /dev/shm: nothing stays'
	'a small /dev/shm, nothing else: the place of the snapshots' 'a large /dev/shm: not a word'
	'a small /dev/shm: HEAPDELTA_DIR is the last word'
	'a read-only root: said before the start' 'a read-only root: not started' 'a read-only root: -o' 'a read-only directory: TMPDIR, said once'
	'another user, a read-only root: -o' 'process 1: orphans are reaped' 'process 1: SIGTERM is passed on, once'
	'process 1: the snapshot is there' 'process 1: who still runs has a snapshot')
if [ "$(id -u)" -ne 0 ] || ! need unshare setpriv || ! unshare -mpf --mount-proc mount -t tmpfs none /mnt 2>/dev/null; then
	for name in "${names[@]}"; do skip "$name" 'needs root and namespaces'; done
	finish
fi
next=0
# name: the next one, in `name`
name() { name=${names[next]}; next=$((next + 1)); }
# contained COMMANDS: in a container of its own, where /mnt is a roomy place of its own; what is said goes to out and err
contained()
{
	# shellcheck disable=SC2016
	timeout 300 env -u HEAPDELTA_DIR -u TMPDIR heapdelta="$heapdelta" targets="$targets" story="$programs/scenarios/cache-leaky" \
		unshare -mpf --mount-proc sh -c 'mount -t tmpfs -o mode=755 none /mnt && cd /mnt || exit 99
shm() { mount -t tmpfs -o size="$1",mode=1777 none /dev/shm; }
read_only() { for place in / /tmp /var/tmp /home; do mount --bind "$place" "$place" && mount -o remount,ro,bind "$place"; done 2>/dev/null; }
'"$1" >out 2>err
}
# shellcheck disable=SC2016
{
contained 'shm 20m; mkdir tmp; export TMPDIR=/mnt/tmp; "$heapdelta" run -o x.hds "$story" 300000; "$heapdelta" info x.hds --format json >&3
find /dev/shm /mnt/tmp -mindepth 1 ! -path /dev/shm/heapdelta-0 >&4' 3>info 4>left
name; contains "$name" 'heapdelta: note: /dev/shm has 20.0 MiB left, using /mnt/tmp for the trace file (docker run --shm-size=1g keeps it in memory)' err
name; equal "$name" '600000 0' "$(jq -r '.totals | "\(.live_blocks) \(.lost_events)"' info)"
name; equal "$name" '' "$(cat left)"
contained 'shm 20m; read_only; "$heapdelta" run -o /mnt/x.hds true; ls /mnt'
name; equal "$name" 'using /mnt for the trace file: x.hds' "$(grep -o 'using /mnt for the trace file' err): $(cat out)"
contained 'shm 1g; "$heapdelta" run -q -o x.hds true'
name; equal "$name" '' "$(cat out err)"
contained 'shm 20m; mkdir -m 700 /mnt/t; HEAPDELTA_DIR=/mnt/t "$heapdelta" run -o x.hds true'
name; equal "$name" '' "$(grep note: err)"

contained 'read_only; cd /; "$heapdelta" run touch /mnt/ran; echo $?; ls /mnt'
name; equal "$name" "125 heapdelta: cannot write to '/' (Read-only file system); give -o a writable place: … -v \"\$PWD:/out\" … -o /out/%e.%p.hds" \
	"$(head -1 out) $(cat err)"
name; equal "$name" 125 "$(cat out)"
contained 'read_only; cd /; HOME=/ "$heapdelta" run -q -o "/mnt/%e.hds" true; echo $?; ls /mnt'
name; equal "$name" '0 true.hds' "$(tr '\n' ' ' <out | sed 's/ $//')"
contained 'mkdir -m 777 tmp; read_only; cd /; TMPDIR=/mnt/tmp "$heapdelta" run sh -c "true; :"; ls /mnt/tmp | wc -l'
name; equal "$name" "1 1 heapdelta: note: '/' cannot be written (Read-only file system): snapshots go to '/mnt/tmp/'" \
	"$(cat out) $(grep -c 'cannot be written' err) $(grep 'cannot be written' err)"
contained 'shm 1g; mkdir -m 777 data; cp "$heapdelta" "${heapdelta%/*}/libheapdelta.so" .; chmod 755 heapdelta libheapdelta.so; read_only; cd /
setpriv --reuid=1000 --regid=1000 --clear-groups /mnt/heapdelta run -q -o /mnt/data/%e.%h.%p.hds cat /dev/null; echo $?; ls /mnt/data | wc -l'
name; equal "$name" '0 1' "$(tr '\n' ' ' <out | sed 's/ $//')"

# Orphans are handed to process 1; one that nobody waits for stays a zombie.
cat >orphan.sh <<'S'
sh -c 'sleep 0.1 & echo $! >/mnt/orphan'
for _ in $(seq 600); do [ -e "/proc/$(cat /mnt/orphan)" ] || { echo reaped; exit; }; sleep 0.1; done
S
contained "exec \"\$heapdelta\" run -q -o x.hds sh $scratch/orphan.sh"
name; equal "$name" reaped "$(cat out)"
mkfifo ready
unshare -mpf --mount-proc "$heapdelta" run -q -o x.hds "$targets/count-signals" >ready &
container=$!
exec 5<ready
read -r _ <&5
kill -TERM "$(pgrep -P "$container")"
counted=$(timeout 60 cat <&5)
wait "$container"
status=$?
name; equal "$name" 'TERM 1 7' "$counted $status"
name; check "$name" test -s x.hds
rm -f x.hds
unshare -mpf --mount-proc "$heapdelta" run -q -o last.hds "$targets/leave-child" orphan /mnt/never
name; equal "$name" '11 3100' "$(totals last.d | cut -d' ' -f1,2)"
}
finish
