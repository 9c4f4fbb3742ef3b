#!/bin/bash
# SPDX-License-Identifier: MIT
# run: names and places of its files, children, series, survivors, what a dead run leaves.
. "$(dirname "$0")/tap.sh"
targets=$programs/targets
run() { "$heapdelta" run "$@"; }
files() { find . -path ./traces -prune -o \( -name '*.hds' -o -name '*.d' -o -name '*.json' \) -print | sed 's|^\./||' | sort | tr '\n' ' '; }
traces() { find "$HEAPDELTA_DIR" -name '*.hdt' -o -name '*.lock' | wc -l; }
# masked: files with process numbers replaced
masked() { files | sed -E 's/\.[0-9]+\.(hds|d)/.PID.\1/g; s/\.[0-9]+\.([0-9]{4})\.hds/.PID.\1.hds/g'; }
fresh() { rm -rf work && mkdir work && cd work || exit 1; }
fresh

# ---- Names -----------------------------------------------------------------------------------------------------------------------
run -q "$targets/exit-kinds" exit
equal 'default name' 'heapdelta.exit-kinds.PID.hds ' "$(masked)"
equal 'live at exit' '1 123 1 123 0' "$(totals heapdelta.*.hds)"
equal 'no trace file, no lock is left' 0 "$(traces)"
# A process number that comes again: the name of a file that lies there is not taken.
cd .. && fresh
# shellcheck disable=SC2016
printf '%s\n' '#!/bin/bash' ': >"heapdelta.taken.$$.hds"' >taken && chmod +x taken && run -q ./taken
equal 'a default name never overwrites' 'heapdelta.taken.PID.2.hds heapdelta.taken.PID.hds ' "$(files | sed -E 's/taken\.[0-9]+/taken.PID/g')"
check 'what lay there is untouched' test ! -s "$(files | sed -E 's/.* (heapdelta.*) $/\1/')"
cd .. && fresh
run -q -o x.hds "$targets/exit-kinds"
run -q -o x.hds "$targets/exit-kinds"
equal '-o replaces' 'x.hds ' "$(files)"
FLAVOUR=hot run -q -o '%q{FLAVOUR}-%e-100%%.hds' "$targets/exit-kinds"
equal 'conversions' 'hot-exit-kinds-100%.hds x.hds ' "$(files)"
cd .. && fresh
mkdir sub
run -q -o sub "$targets/exit-kinds"
equal '-o DIRECTORY' 'sub/heapdelta.exit-kinds.PID.hds ' "$(masked)"
cd .. && fresh
printf '#!/bin/sh\ntrue\n' >tool.sh && chmod +x tool.sh
run -q ./tool.sh
equal 'a script is named by itself' 'heapdelta.tool.sh.PID.hds ' "$(masked)"
cd .. && fresh
if [ "$(id -u)" -ne 0 ]; then
	chmod 555 . && TMPDIR=$scratch run -q "$targets/exit-kinds"
	equal 'an unwritable directory: TMPDIR' 1 "$(find "$scratch" -maxdepth 1 -name 'heapdelta.exit-kinds.*.hds' | wc -l)"
	chmod 755 .
else
	skip 'an unwritable directory: TMPDIR' 'root can write everywhere'
fi

# ---- Children --------------------------------------------------------------------------------------------------------------------
cd .. && fresh
run -q "$targets/leave-child" wait 0
equal 'a directory for the child, with a link to the root'\''s' \
	'heapdelta.leave-child.PID.d heapdelta.leave-child.PID.d/heapdelta.leave-child.PID.hds heapdelta.leave-child.PID.d/heapdelta.leave-child.PID.hds heapdelta.leave-child.PID.d/index.json heapdelta.leave-child.PID.hds ' "$(masked)"
equal 'the link' 1 "$(find . -type l | wc -l)"
check 'the link leads to a file' test -s "$(find . -type l)"
equal 'the directory sums both' '11 3100 11 3100 0' "$(totals heapdelta.*.d)"
equal 'the index has both' 'exited exited' "$(jq -r '[.processes[].state] | join(" ")' heapdelta.*.d/index.json)"
mkdir short && cd short || exit
for _ in 1 2 3; do
	"$heapdelta" run -q -- "$programs/targets/known-metrics" >/dev/null 2>>err
done
equal 'a child that ends before anybody looked at its parent' '3 6 0' \
	"$(find . -name '*.d' | wc -l) $(find . -path './*.d/*.hds' | wc -l) $(wc -l <err)"
cd .. && rm -rf short
cd .. && fresh
run -q -o '%e.%p.hds' "$targets/leave-child" wait 0
equal 'a pattern with %p names every process' 'leave-child.PID.hds leave-child.PID.hds ' "$(masked)"
cd .. && fresh
run -q -o x.hds "$targets/leave-child" wait 0
equal '-o without %p' 'x.d x.d/heapdelta.leave-child.PID.hds x.d/heapdelta.leave-child.PID.hds x.d/index.json x.hds ' "$(masked)"
run -q -o x.hds "$targets/leave-child" wait 0
equal 'a second run replaces the first one'\''s children' 2 "$(find x.d -name '*.hds' | wc -l)"
run -q -o x.hds "$targets/exit-kinds"
equal 'a run without children leaves none of an earlier one' 'x.hds ' "$(files)"
cd .. && fresh
run -q -o x.hds sh -c "true; $targets/exec-chain e v; exec $targets/exit-kinds"
equal 'exec: only last images count' '1 123 1 20' "$(for f in x.d/*.hds; do totals "$f" | cut -d' ' -f1,2; done | sort -n | tr '\n' ' ' | sed 's/ $//')"
equal 'exec: the index has two processes' 2 "$(jq '.processes | length' x.d/index.json)"
cd .. && fresh
run -q -o x.hds "$targets/exec-chain" s
equal 'posix_spawn with an environment of its own' '1 10 1 20' "$(for f in x.d/*.hds; do totals "$f" | cut -d' ' -f1,2; done | sort -n | tr '\n' ' ' | sed 's/ $//')"
cd .. && fresh
run -q --no-follow -o x.hds "$targets/leave-child" wait 0
equal '--no-follow' 'x.hds ' "$(files)"
cd .. && fresh
run -q --only 'exit-*' -o '%e.hds' sh -c "$targets/exit-kinds; ls >/dev/null; true"
equal '--only' 'exit-kinds' "$(jq -r '.processes[].name' sh.d/index.json 2>/dev/null || files | sed 's/.*\(exit-kinds\).*/\1/')"
cd .. && fresh
run -q --not ls -o x.hds sh -c 'ls >/dev/null; true'
equal '--not' 'x.hds ' "$(files)"
cd .. && fresh
run -o x.hds sh -c 'for i in 1 2 3; do /bin/true; done' 2>err
contains 'children with nothing live are counted' '3 processes ended with nothing live' err
equal 'and not written' 1 "$(find x.d -name '*.hds' | wc -l)"
equal 'nothing is left in the trace directory' 0 "$(traces)"

# ---- Series ----------------------------------------------------------------------------------------------------------------------
cd .. && fresh
run -q --interval 0.1s --keep 2 -o series.hds sh -c 'sleep 0.75; true'
numbered() { find . -maxdepth 1 -name 'series.[0-9][0-9][0-9][0-9].hds' | sort; }
equal '--interval, --keep: the last two' 2 "$(numbered | wc -l)"
check 'and the end' test -s series.hds
check 'those of a child are told apart' test -n "$(find . -maxdepth 1 -name 'series.sleep.*.000*.hds')"
check 'numbers go on' test "$(numbered | head -1)" != ./series.0001.hds
check 'each can be read' totals "$(numbered | tail -1)"

# ---- The peak ------------------------------------------------------------------------------------------------------------------------
cd .. && fresh
run -q --source-root "$top" -o peak.hds "$targets/peak-and-free"
line=$(marked tests/targets/peak-and-free.c HELD)
equal 'who held the memory at the peak' '2000000 20' "$("$heapdelta" stats peak.hds --metric peak --format json --source-root "$top" |
	jq -r --arg at "$line" '.stats[] | select("\(.frames[0].file):\(.frames[0].line)" == $at) | "\(.size) \(.count)"')"
equal 'and nothing of it at the end' '1 100 21 2000100 0' "$(totals peak.hds)"

# ---- The command to type next ---------------------------------------------------------------------------------------------------------
cd .. && fresh
next() { sed -n "s|^next: $heapdelta stats||p" err; }
run -o alone.hds --source-root "$top" "$targets/line-of-many-stacks" 2>err
equal 'the largest line is of several stacks: it is asked for by name' \
	" alone.hds --filter $(marked tests/targets/line-of-many-stacks.c SHARED) -k traceback -n 1        # who calls $(
		marked tests/targets/line-of-many-stacks.c SHARED)" "$(next)"
equal 'and shown when that is pasted' "$(marked tests/targets/line-of-many-stacks.c SHARED): size=600 B, count=1, average=600 B" \
	"$(sh -c "'$heapdelta' stats$(next) --source-root '$top'" | sed -n 3p)"
objcopy --strip-debug "$targets/line-of-many-stacks" bare
run -o bare.hds ./bare 2>err
equal 'a row without a line cannot be: what is shown is said' ' bare.hds -k traceback -n 1        # the largest stack' "$(next)"

# ---- A limit on the tables -----------------------------------------------------------------------------------------------------------
cd .. && fresh
run -o full.hds --trace-limit 1M "$programs/scenarios/cache-leaky" 100000 2>err
equal '--trace-limit: the program is not concerned' 0 $?
# Each of its 200000 blocks is recorded or counted.
equal '--trace-limit: recorded and lost blocks are all of them' yes \
	"$(ask info full.hds -- '.totals | if .lost_events > 0 and .live_blocks > 1000 and .live_blocks + .lost_events >= 200000 then "yes" else . end')"
contains '--trace-limit: said at the end' ' allocations not recorded (no room)' err
run -q -o roomy.hds --trace-limit 64M "$programs/scenarios/cache-leaky" 100000
equal '--trace-limit: room enough, nothing is lost' '200000 0' "$(totals roomy.hds | cut -d' ' -f1,5)"

# ---- Survivors -------------------------------------------------------------------------------------------------------------------
cd .. && fresh
run -o x.hds "$targets/leave-child" daemon "$PWD/go" 2>err
equal 'run ends with the command' 0 $? # and not with the daemon, which waits for the next line
touch go
contains 'survivors are listed, with the command' "snapshot" err
contains 'by name' '1 descendant still runs and is traced: leave-child ' err
for _ in $(seq 600); do [ -n "$(find . -maxdepth 1 -name 'heapdelta.leave-child.*.hds')" ] && break; sleep 0.1; done
equal 'and write their own file' '10 3000' "$(totals heapdelta.leave-child.*.hds | cut -d' ' -f1,2)"
for _ in $(seq 600); do [ "$(traces)" = 0 ] && break; sleep 0.1; done
equal 'nothing is left' 0 "$(traces)"
cd .. && fresh
run -q --wait -o x.hds "$targets/leave-child" daemon 0.5
equal '--wait: the daemon is part of the run' '10 3000' "$(for f in x.d/*.hds; do totals "$f" | cut -d' ' -f1,2; done | sort -n | tail -1)"

# ---- A run that dies ---------------------------------------------------------------------------------------------------------------
cd .. && fresh
mkfifo ready
"$heapdelta" run -q -o x.hds "$targets/keep-and-wait" >ready 2>/dev/null &
supervisor=$!
exec 3<ready
read -r pid <&3
kill -9 "$supervisor"
wait "$supervisor" 2>/dev/null
kill -0 "$pid"
equal 'the command survives its supervisor' 0 $?
kill -9 "$pid"
for _ in $(seq 3000); do grep -qs '^State:[[:space:]]*[^Z]' "/proc/$pid/status" || break; sleep 0.02; done
run -o y.hds true 2>err
contains 'the next run rescues what the killed one left' '1 trace file of a run that died became snapshots: heapdelta.keep-and-wait.' err
equal 'with every block' yes "$(totals heapdelta.keep-and-wait.*.hds | awk '{ print ($1 >= 1001 && $2 >= 105000) ? "yes" : $0 }')"
equal 'and tidies up' 0 "$(traces)"
cd "$scratch" || exit 1
finish
