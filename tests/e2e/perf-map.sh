#!/bin/bash
# SPDX-License-Identifier: MIT
# Code that a program writes itself and names in /tmp/perf-PID.map: of a process that has ended, of one that runs, of one that has another /tmp
# and another number than we see, from maps that somebody has made to hurt; and what node and Python write.  The names are in the snapshot, so
# the maps are gone before it is read.
. "$(dirname "$0")/tap.sh"
target=$programs/targets/perf-map
case $(uname -m) in
x86_64 | aarch64) ;;
*)
	skip 'perf maps' 'no code for this processor'
	finish
	;;
esac

# frames FILE BYTES: files and functions of the stack with one block of so many bytes, from the program's callback outwards to main.
# shellcheck disable=SC2016
frames()
{
	ask stats "$1" -n 0 -k traceback --source-root "$top" -- --argjson bytes "$2" \
		'.stats[] | select(.size == $bytes and .count == 1) | [.frames[] | "\(.file | split("/") | last) \(.function // "-")"] | .[1:3] | join(", ")'
}
named='server.py) py::handle:/app/server.py, perf-map.c main'
place='page js.js render, perf-map.c main'

pid=$("$heapdelta" run -q -o ended.hds "$target")
rm "/tmp/perf-$pid.map"
equal 'a function, at a place that had another name' "$named" "$(frames ended.hds 100)"
equal 'a script: where the function begins' "$place" "$(frames ended.hds 200)"
equal 'no name, and no address' '[anon] -, perf-map.c main' "$(frames ended.hds 300)"
"$heapdelta" stats ended.hds -n 0 -k traceback >text
check 'in text' grep -qF 'py::handle:/app/server.py  [jit](py::handle:/app/server.py)' text
equal 'a script in the source root is whose line it is' '/app/page js.js:10 200' \
	"$(ask stats ended.hds -n 0 --attribute mine --skip 'tests/*' --skip perf-map.c --skip two_hundred -- \
		'.stats[] | select(.size == 200) | "\(.frames[0].file):\(.frames[0].line) \(.size)"')"
pid=$("$heapdelta" run -q -o again.hds "$target")
rm "/tmp/perf-$pid.map"
equal 'two runs differ in nothing' '' "$(ask diff ended.hds again.hds -n 0 -k traceback -- '.stats[] | select(.size_diff != 0)')"
pid=$("$heapdelta" run -q --no-symbols -o raw.hds "$target")
rm "/tmp/perf-$pid.map"
equal 'a raw snapshot has the names, and gets its symbols later' "$named" "$(frames raw.hds 100)"

# ---- A process that runs -------------------------------------------------------------------------------------------------------
"$heapdelta" run -q -o running-end.hds "$target" '' wait >ready &
run=$!
for _ in $(seq 1200); do [ -s ready ] && break; sleep 0.05; done
pid=$(cat ready)
"$heapdelta" snapshot -o running.hds "$pid" >snapshot-name
equal 'a process itself' "$named" "$(frames "$pid" 100)"
kill "$pid"
wait "$run"
rm "/tmp/perf-$pid.map"
equal 'a process that runs' "$named" "$(frames running.hds 100)"
equal 'and when it was killed' "$named" "$(frames running-end.hds 100)"

# Its own /tmp, its own numbers: what it says about itself is found through /proc.
if [ "$(id -u)" -eq 0 ] && unshare --pid --fork --mount true 2>/dev/null && own=$(mktemp -d /dev/shm/heapdelta-test.XXXXXX); then
	trap 'rm -rf "$scratch" "$own"' EXIT
	cp "$shim" "$target" "$own"
	mkdir -m 700 "$own/traces"
	# shellcheck disable=SC2016
	HEAPDELTA_DIR=$own/traces unshare --pid --fork --mount-proc --mount sh -c 'mount -t tmpfs none /tmp && LD_PRELOAD=$0/libheapdelta.so exec "$0/perf-map" "" wait 2>/dev/null' \
		"$own" >own-ready 2>/dev/null &
	outer=$!
	for _ in $(seq 1200); do [ -s own-ready ] && break; sleep 0.05; done
	pid=$(pgrep -P "$outer" | head -1)
	HEAPDELTA_DIR=$own/traces "$heapdelta" snapshot -o own.hds "$pid" >snapshot-name
	equal 'and when it is looked at itself' "$named" "$(HEAPDELTA_DIR=$own/traces frames "$pid" 100)"
	kill -KILL "$pid"
	wait "$outer" 2>/dev/null
	equal 'another /tmp and another number' "$named" "$(frames own.hds 100)"
else
	skip 'another /tmp and another number' 'needs unshare'
fi

# ---- Maps that are none ----------------------------------------------------------------------------------------------------------
# hostile NAME: the map in ./map has no name for it, or none that hurts, and the report comes.
hostile()
{
	local pid
	pid=$("$heapdelta" run -q -o hostile.hds "$target" "$scratch/map")
	rm "/tmp/perf-$pid.map"
	equal "$1" "$2" "$(frames hostile.hds 100)"
}
printf 'START' >map
hostile 'the beginning of a line' '[anon] -, perf-map.c main'
printf 'START 40 \n0 ffffffffffffffff \n\n 40 x\n%s' 'START 40 no end' >map
hostile 'lines without names' '[anon] -, perf-map.c main'
head -c 300000 /dev/urandom >map
hostile 'noise' '[anon] -, perf-map.c main'
printf '0 ffffffffffffffff all\n' >map
hostile 'one name for all' '[jit](all) all, perf-map.c main'
{ printf 'START 40 '; head -c 1000000 /dev/zero | tr '\0' 'x'; printf '\nSTART 40 x\033[31m\\"\xff</script>\n'; } >map
pid=$("$heapdelta" run -q -o hostile.hds "$target" "$scratch/map")
rm "/tmp/perf-$pid.map"
check 'JSON stays JSON' jq -e '.stats | length > 2' <("$heapdelta" stats hostile.hds -n 0 -k traceback --format json)
equal 'text has no control characters of theirs' 0 "$("$heapdelta" stats hostile.hds -n 0 -k traceback | tr -d '\n\t' | grep -c '[[:cntrl:]]')"

# ---- Those that write them -------------------------------------------------------------------------------------------------------
if need node && pid=$(node --perf-basic-prof -e 'console.log(process.pid)' 2>/dev/null); then
	rm -f "/tmp/perf-$pid.map"
	cat >keep.js <<-'JS'
		const kept = [];
		function keepBuffers(count) { for (let i = 0; i < count; i++) kept.push(Buffer.allocUnsafeSlow(5000)); }
		for (let i = 0; i < 300; i++) keepBuffers(10);
		console.log(process.pid);
		process.exit(0);
	JS
	pid=$("$heapdelta" run -q -o node.hds -- node --perf-basic-prof keep.js)
	rm -f "/tmp/perf-$pid.map"
	read -r size rest < <(ask stats node.hds -n 0 --source-root "$scratch" -- '[.stats[] | select(.frames[0].file == "keep.js")] | "\([.[].size] | add // 0) keepBuffers"')
	check 'node: at least 10 MB of 15 are on lines of the script' test "${size:-0}" -gt 10000000
	[ -n "$rest" ] || not_ok 'node: no answer'
else
	skip 'node: at least 10 MB of 15 are on lines of the script' 'not installed'
fi
# The path of python3 may be a script's.
python=$(python3 -c 'import sys; print(sys.executable if sys.version_info >= (3, 12) else "")' 2>/dev/null)
if [ -n "$python" ] && "$python" -X perf -c 0 2>/dev/null; then
	cat >keep.py <<-'PY'
		import os
		kept = []
		def keep_bytes(count):
		    kept.extend(bytes(5000) for _ in range(count))
		keep_bytes(100)
		print(os.getpid(), flush=True)
		os._exit(0)
	PY
	pid=$("$heapdelta" run -q -o python.hds -- "$python" -X perf keep.py)
	rm -f "/tmp/perf-$pid.map"
	check 'python3 -X perf: a function of the script is a frame' test -n "$(ask stats python.hds -n 0 -k traceback -- '.stats[].frames[].function // empty' | grep -m 1 'py::.*keep.py')"
else
	skip 'python3 -X perf: a function of the script is a frame' 'no Python 3.12'
fi
finish
