#!/bin/bash
# SPDX-License-Identifier: MIT
# The API's functions in living programs: each target checks its own expectations; here are those that only show outside (names, files,
# what the snapshots hold).
. "$(dirname "$0")/tap.sh"

targets=$programs/targets
preloaded() { env LD_PRELOAD="$shim" "$@"; }
snapshots() { find . -maxdepth 1 -name '*.hds' | sort | sed 's|^\./||; s/\.[0-9][0-9]*\./.PID./'; }
clean() { rm -rf ./*.hds out other; }

for target in api-traced-memory api-traceback api-track; do
	check "$target" preloaded HEAPDELTA_OUTPUT="$scratch/exit.hds" "$targets/$target"
done
equal 'not preloaded: the targets notice' 77 "$("$targets/api-track"; echo $?)"

# ---- Environment -----------------------------------------------------------------------------------------------------------------
# said NAME…: these results of api-all
said() { local name; for name; do grep -o "\\b$name=[^ ]*" api-all.said | head -1; done | xargs; }
preloaded HEAPDELTA_OUTPUT="$scratch/exit.hds" HEAPDELTA_NFRAME=3 "$targets/api-all" >api-all.said
equal 'HEAPDELTA_NFRAME: the limit' 'limit=3 traceback=1' "$(said limit traceback)"
preloaded HEAPDELTA_OUTPUT="$scratch/exit.hds" HEAPDELTA_START=0 "$targets/api-all" >api-all.said
equal 'HEAPDELTA_START=0: off, but there' 'available=1 tracing=0 malloc=-2:0:0 track=-2 snapshot=-61 start=0' \
	"$(said available tracing malloc track snapshot start)"

# ---- Fork ----------------------------------------------------------------------------------------------------------------------
clean
check 'api-fork' preloaded HEAPDELTA_OUTPUT="$scratch/f.hds" "$targets/api-fork"
child=$(find . -name 'f.*.child.hds')
equal 'fork: the child writes beside its parent' 'f.PID.child.hds f.PID.hds f.hds f.parent.hds' "$(snapshots | sort -u | xargs)"
equal "fork: the child's snapshot holds its own block alone" '1 300' "$(totals "$child" | cut -d' ' -f1,2)"
equal "fork: the parent's holds its block" '1 1000' "$(totals f.parent.hds | cut -d' ' -f1,2)"

# ---- Names ---------------------------------------------------------------------------------------------------------------------
clean
preloaded "$targets/api-all" >/dev/null
equal 'default names: label sanitised, exit beside it' 'heapdelta.api-all.PID.api_all.hds
heapdelta.api-all.PID.hds' "$(snapshots)"
equal 'the label is kept in the snapshot' 'api all' "$("$heapdelta" info --format json heapdelta.api-all.*.api_all.hds | jq -r .recording.label)"
clean
preloaded HEAPDELTA_OUTPUT=own.hds "$targets/api-all" >/dev/null
equal 'a pattern gets the label in front of its extension' 'own.api_all.hds
own.hds' "$(snapshots)"
preloaded HEAPDELTA_OUTPUT=own.hds "$targets/api-all" >/dev/null
equal 'a pattern replaces' 'own.api_all.hds
own.hds' "$(snapshots)"
clean
mkdir out
preloaded HEAPDELTA_OUTPUT=out "$targets/api-all" >/dev/null
equal 'a directory takes default names' 2 "$(find out -name 'heapdelta.api-all.*.hds' | wc -l)"
clean
mkdir other
check 'api-chdir' env -C other LD_PRELOAD="$shim" "$targets/api-chdir"
equal 'a program that changes its directory: names are where it started, none replaces another' 'heapdelta.api-chdir.PID.0001.hds
heapdelta.api-chdir.PID.0002.hds
heapdelta.api-chdir.PID.hds
heapdelta.api-chdir.PID.same.2.hds
heapdelta.api-chdir.PID.same.hds' "$(cd other && snapshots)"

# ---- Places that cannot be written -----------------------------------------------------------------------------------------------
clean
equal 'no such directory: -ENOENT, nothing left' 'snapshot=-2 ' \
	"$(preloaded HEAPDELTA_OUTPUT="$scratch/missing/x.hds" "$targets/api-all" 2>/dev/null | grep -o 'snapshot=[^ ]* ')"
mkfifo pipe
preloaded HEAPDELTA_OUTPUT="$scratch/pipe" "$targets/api-chdir" 2>said
contains 'what is no file is not replaced: said' "cannot write '$scratch/pipe'" said
check 'what is no file is not replaced: it is still there' test -p pipe
clean
rm -f pipe*
equal 'file size limit: -EFBIG, no signal' 'snapshot=-27 ' \
	"$( (ulimit -f 1; preloaded "$targets/api-all" 2>/dev/null) | grep -o 'snapshot=[^ ]* ')"
clean
equal 'no room for a trace file: private memory leaves its snapshots, too' 'snapshot=0 ' \
	"$( (ulimit -f 64; preloaded "$targets/api-all" 2>said) | grep -o 'snapshot=[^ ]* ')"
contains 'no room for a trace file: said' 'no trace file can be made' said
equal 'no room for a trace file: they are whole' '0 0 2 1500 0' "$(totals heapdelta.api-all.*.api_all.hds)"
clean
equal 'nothing is left behind' '' "$(find . -name '*.tmp' -o -name '*.hds')"

# ---- Under a supervisor ----------------------------------------------------------------------------------------------------------
clean
mkdir out
"$heapdelta" run -q -o out/r.%p.hds -- "$targets/api-chdir" 2>said
equal 'run: status' 0 $?
equal 'run: the snapshots that the program takes are beside the one of the run' 'r.PID.0001.hds
r.PID.0002.hds
r.PID.hds
r.PID.same.hds' "$(cd out && snapshots)"

# ---- Storm ---------------------------------------------------------------------------------------------------------------------
clean
check 'api-race: switching, tracking, handlers and snapshots at once' preloaded HEAPDELTA_OUTPUT="$scratch/race.hds" timeout 120 "$targets/api-race" 200
for snapshot in race.main.hds race.handler.hds; do
	check "api-race: $snapshot is whole" "$heapdelta" info "$snapshot"
done
equal 'no temporary files stay' '' "$(find . -name '*.tmp')"
finish
