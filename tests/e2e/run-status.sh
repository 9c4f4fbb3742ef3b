#!/bin/bash
# SPDX-License-Identifier: MIT
# run: exit statuses, what the command inherits, what is refused before the start, and that nothing is said while it runs.
. "$(dirname "$0")/tap.sh"
targets=$programs/targets

# status NAME EXPECTED COMMAND…
status()
{
	local name=$1 expected=$2
	shift 2
	"$heapdelta" run -q -o status.hds -- "$@" >out 2>err </dev/null
	equal "$name" "$expected" $?
}
status 'status 0' 0 true
status 'status 1' 1 false
status 'status 200' 200 sh -c 'exit 200'
status 'killed by SEGV' 139 sh -c 'kill -SEGV $$'
status 'killed by KILL' 137 sh -c 'kill -KILL $$'
status 'not found' 127 ./nope
equal 'not found: said' "heapdelta: cannot run './nope': No such file or directory" "$(cat err)"
status 'not found in PATH' 127 no-such-command-anywhere
touch plain
status 'not executable' 126 ./plain
status 'a directory' 126 /
printf '#!/no/such/interpreter\n' >bad-script && chmod +x bad-script
status 'a script without its interpreter' 127 ./bad-script
printf 'exit 4\n' >no-magic && chmod +x no-magic
status 'a script without #!' 4 ./no-magic
equal 'nothing is left in the trace directory' '' "$(ls -A "$HEAPDELTA_DIR")"

# ---- Refused before the start ----------------------------------------------------------------------------------------------------
# refused NAME TEXT ARGUMENT…: status 125, one line with TEXT, and the command has not run.
refused()
{
	local name=$1 text=$2 got
	shift 2
	rm -f ran
	"$heapdelta" run "$@" touch ran >out 2>err
	got=$?
	if [ "$got" -eq 125 ] && [ ! -e ran ] && grep -qF -e "$text" err; then ok "$name"; else not_ok "$name" "status $got" "$(cat err)"; fi
}
refused 'output in a missing directory' "cannot write to 'no/where': No such file or directory" -o no/where/x.hds
refused 'output that is a device' "'/dev/null' is not a regular file" -o /dev/null
refused 'unknown conversion' "unknown conversion '%z'" -o 'x.%z.hds'
refused 'variable that is not set' "'NO_SUCH_THING'" -o 'x.%q{NO_SUCH_THING}.hds'
refused 'directory that differs between processes' 'differs between processes' -o '%p/x.hds'
refused 'unknown option' "'--intervall'" --intervall 5s
refused 'bad time' "'soon'" --interval soon
"$heapdelta" run >out 2>err
equal 'no command' '125 heapdelta: no command to run' "$? $(head -1 err)"
HEAPDELTA_LIBRARY=/no/such.so "$heapdelta" run touch ran 2>err
equal 'no library' 125 $?
HEAPDELTA_DIR=nowhere "$heapdelta" run touch ran 2>err
equal 'a relative trace directory that is missing' '125 1' "$? $(grep -c "HEAPDELTA_DIR='nowhere'" err)"
HEAPDELTA_DIR=traces "$heapdelta" run -q -o relative.hds sh -c 'cd /; true'
equal 'one that is there is found from everywhere' '0 0' "$? $(find "$HEAPDELTA_DIR" -name '*.hdt' | wc -l)"
rm -f ran
mkdir 'with space' && cp "$shim" 'with space/libheapdelta.so'
HEAPDELTA_LIBRARY="with space/libheapdelta.so" "$heapdelta" run touch ran 2>err
equal 'a library that the loader cannot be told' '125 1' "$? $(grep -c 'splits LD_PRELOAD' err)"

# ---- What it inherits ------------------------------------------------------------------------------------------------------------
"$targets/inherited" >plain.txt 2>&1 </dev/null
"$heapdelta" run -q -o inherited.hds -- "$targets/inherited" >traced.txt 2>&1 </dev/null
same_files 'descriptors, signals, group, environment' plain.txt traced.txt
(trap '' INT USR1 && exec "$targets/inherited") >plain.txt 2>&1 </dev/null
(trap '' INT USR1 && exec "$heapdelta" run -q -o inherited.hds -- "$targets/inherited") >traced.txt 2>&1 </dev/null
same_files 'ignored signals stay ignored' plain.txt traced.txt
"$targets/inherited" >plain.txt 2>&- <&-
"$heapdelta" run -q -o inherited.hds -- "$targets/inherited" >traced.txt 2>&- <&-
same_files 'closed descriptors stay closed' plain.txt traced.txt
"$heapdelta" run -q -o env.hds env LD_PRELOAD= true
equal 'a command that clears the environment' 0 $?
# shellcheck disable=SC2016
LD_PRELOAD='/lib/x86_64-linux-gnu/libm.so.6' "$heapdelta" run -q -o preload.hds sh -c 'echo "$LD_PRELOAD"' >out
equal "the user's own preload stays, behind ours" "$(readlink -f "$shim"):/lib/x86_64-linux-gnu/libm.so.6" "$(cat out)"
# shellcheck disable=SC2016
LD_PRELOAD="/elsewhere/libheapdelta.so:$shim" "$heapdelta" run -q -o preload.hds sh -c 'echo "$LD_PRELOAD"' >out 2>/dev/null
equal 'the library is there once' "$(readlink -f "$shim")" "$(cat out)"

# ---- What is said ----------------------------------------------------------------------------------------------------------------
"$heapdelta" run -q -o quiet.hds sh -c 'echo out; echo err >&2' >out 2>err
equal '-q: the program speaks alone' 'out err' "$(cat out) $(cat err)"
"$heapdelta" run -o loud.hds sh -c 'echo first >&2' 2>err
equal 'nothing before the first byte' first "$(head -1 err)"
contains 'the command and its status' ': exit status 0 after ' err
contains 'the lines of the summary: live' '  live at exit   ' err
contains 'the lines of the summary: lost' '  lost           nothing' err
contains 'the file' 'wrote loud.hds' err
"$heapdelta" run -o loud.hds -- sh -c 'kill -9 $$' 2>err
contains 'the signal is named' ': killed by signal 9 (Killed) after ' err
finish
