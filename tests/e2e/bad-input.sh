#!/bin/bash
# SPDX-License-Identifier: MIT
# Whatever is wrong with what a command is given: one line on stderr that says what and why, status 2, nothing on stdout, no output file
# left behind, bounded memory, and never a crash.
. "$(dirname "$0")/tap.sh"

# 2 GiB of address space is far more than any of these needs and far less than a believed size from a broken file would take.
limited() { (ulimit -v 2097152 && exec "$@"); }

# refuses NAME TEXT COMMAND…: TEXT must be in the one line.
refuses()
{
	local name=$1 text=$2 status
	shift 2
	limited "$@" >out 2>err </dev/null
	status=$?
	if [ "$status" -eq 2 ] && [ ! -s out ] && [ "$(wc -l <err)" -eq 1 ] && grep -qF -e "$text" err && grep -q '^heapdelta: ' err; then
		ok "$name"
	else
		not_ok "$name" "status $status, expected 2 and one line with: $text" "stdout: $(head -3 out)" "stderr: $(head -5 err)"
	fi
}
# usage NAME TEXT COMMAND…: misuse is one line and the hint at --help.
usage()
{
	local name=$1 text=$2 status
	shift 2
	limited "$@" >out 2>err </dev/null
	status=$?
	if [ "$status" -eq 2 ] && [ ! -s out ] && [ "$(wc -l <err)" -le 2 ] && grep -qF -e "$text" err && grep -q "^Try '.*--help'" err; then
		ok "$name"
	else
		not_ok "$name" "status $status, expected 2, a line with: $text and Try …" "stdout: $(head -3 out)" "stderr: $(head -5 err)"
	fi
}

"$heapdelta" run -q -o good.hds -- "$programs/scenarios/cache-leaky" 50
"$heapdelta" export good.hds --format json -o good.json
check 'a good snapshot to break' test -s good.hds
check 'and a good JSON file' test -s good.json

refuses 'missing file' "cannot open 'a.hds': No such file or directory" "$heapdelta" stats a.hds
refuses 'missing second file' "cannot open 'b.hds': No such file or directory" "$heapdelta" diff good.hds b.hds
mkdir empty-directory
refuses 'directory without a snapshot' "'empty-directory'" "$heapdelta" stats empty-directory
: >empty.hds
refuses 'empty file' "'empty.hds'" "$heapdelta" stats empty.hds
echo 'just some text' >text.hds
refuses 'text' "'text.hds'" "$heapdelta" stats text.hds
refuses 'a program' "'/bin/true'" "$heapdelta" stats /bin/true
refuses 'a device without end' "'/dev/zero'" "$heapdelta" info /dev/zero
printf '{"format":"heapdelta-snapshot","version":1,"traces":[{"size":-1}]}' >negative.json
refuses 'JSON with a negative size' "'negative.json'" "$heapdelta" stats negative.json
printf '{"format":"heapdelta-snapshot","version":99,"traces":[]}' >future.json
refuses 'JSON of a future version' 'version' "$heapdelta" stats future.json
head -c 100 good.json >half.json
refuses 'half a JSON file' "'half.json'" "$heapdelta" stats half.json
{ printf '%0.s[' $(seq 20000); } >deep.json
refuses 'JSON that is 20000 deep' "'deep.json'" "$heapdelta" stats deep.json
refuses 'nothing here' 'no snapshot here' env -C empty-directory "$heapdelta" stats

refuses 'a process that does not exist' '4194305' "$heapdelta" snapshot 4194305
sleep 100 &
sleeper=$!
refuses 'a process that is not traced' 'is not traced' "$heapdelta" snapshot "$sleeper"
kill "$sleeper"

usage 'unknown command' "'statz'" "$heapdelta" statz
usage 'unknown option' '--colour-me' "$heapdelta" stats --colour-me good.hds
usage 'a number that is none' "'ten'" "$heapdelta" stats -n ten good.hds
usage 'a key that is none' "'colour'" "$heapdelta" stats -k colour good.hds
usage 'no abbreviated options' '--form' "$heapdelta" stats --form json good.hds
"$heapdelta" run --no-such-option /bin/true >out 2>err
equal 'run: misuse is its own trouble, 125' 125 "$?"

# ---- Output --------------------------------------------------------------------------------------------------------------------
refuses 'output in a directory that does not exist' 'no/where' "$heapdelta" stats good.hds -o no/where
# What fills the disk while writing: said, status 2, nothing half written left (a device is not ours to remove).
refuses 'a full disk' 'No space left on device' "$heapdelta" export good.hds --format json -o /dev/full
"$heapdelta" stats good.hds >/dev/full 2>err
equal 'a full disk behind standard output' '2 1' "$? $(grep -c 'No space left' err)"
"$heapdelta" stats good.hds -n 0 --format csv 2>err | head -c 1 >/dev/null
equal 'a closed pipe is silent' '' "$(cat err)"
# A limit on the size of files stops a write half way, as a disk that fills up does, and needs no rights.
mkdir small
(trap '' XFSZ && ulimit -f 1 && exec "$heapdelta" export good.hds --format json -o small/out.json) >out 2>err
equal 'an output that stops half way: status 2 and one line' '2 1' "$? $(grep -c 'File too large' err)"
equal 'nothing partial is left' '' "$(ls -A small)"

# ---- Broken in every place -----------------------------------------------------------------------------------------------------
# survives FILE: reads it or refuses it in one line; anything else, and every crash, is reported.
survives()
{
	local status
	limited timeout 120 "$heapdelta" stats "$1" --format csv --source-root "$top" >out 2>err </dev/null
	status=$?
	[ "$status" -eq 0 ] && return 0
	[ "$status" -eq 2 ] && [ ! -s out ] && [ "$(wc -l <err)" -eq 1 ] && return 0
	echo "$1: status $status: $(head -2 err)"
	return 1
}
size=$(stat -c %s good.hds)
bad='' accepted=0
for n in $(seq 0 59) $(seq $((size - 10)) $((size - 1))) $(seq 60 $((size / 150 + 1)) $((size - 1))); do
	head -c "$n" good.hds >cut.hds
	survives cut.hds >problem || bad="$bad at $n: $(cat problem);"
	[ -s out ] && accepted=$((accepted + 1))
done
equal 'a snapshot cut at 220 places: refused in one line' '' "$bad"
equal 'none of the cut ones is believed' 0 "$accepted"

# byte N of a file replaced by its complement
flip()
{
	local byte
	cp "$1" flipped
	byte=$(od -An -tu1 -j "$2" -N 1 "$1" | tr -d ' ')
	printf '%b' "\\$(printf '%03o' $((255 - byte)))" | dd of=flipped bs=1 seek="$2" conv=notrunc status=none
}
bad='' accepted=0
for n in $(seq 0 99) $(seq 100 $((size / 150 + 1)) $((size - 1))); do
	flip good.hds "$n"
	survives flipped >problem || bad="$bad at $n: $(cat problem);"
	[ -s out ] && ! cmp -s good.hds flipped && accepted=$((accepted + 1))
done
equal 'a snapshot with one byte changed at 250 places: no crash' '' "$bad"
equal 'the checksums let no changed byte through' 0 "$accepted"

# A trace file has no checksums: it may be read, with whatever numbers, or refused.
HEAPDELTA_DIR=$scratch/traces LD_PRELOAD=$shim "$programs/targets/keep-and-wait" >ready.out &
pid=$!
until [ -s ready.out ]; do sleep 0.05; done
kill -9 "$pid"
wait "$pid" 2>/dev/null
trace=$(find traces -name '*.hdt' | head -1)
size=$(stat -c %s "$trace")
bad=''
for n in $(seq 0 8 2000) $(seq 4096 $((size / 40 + 1)) $((size < 4000000 ? size : 4000000))); do
	[ "$n" -lt "$size" ] || break
	flip "$trace" "$n"
	survives flipped >problem || bad="$bad at $n: $(cat problem);"
done
equal 'a trace file with one byte changed: no crash' '' "$bad"
finish
