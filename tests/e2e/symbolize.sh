#!/bin/bash
# SPDX-License-Identifier: MIT
# symbolize: snapshots of a stripped program get their lines later, from debug files with the same build id, and from no others.
. "$(dirname "$0")/tap.sh"

cat >app.c <<'C'
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>
static void *keep(void) { return malloc(1000); /* KEPT */ }
int main(int argc, char **argv)
{
	(void)argv;
	if (argc > 1 && fork())
		wait(NULL);
	return keep() == NULL;
}
C
kept="app.c:$(grep -n KEPT app.c | cut -d: -f1)"
# build NAME: app, stripped, and its debug file in NAME/.build-id
build()
{
	cc -g -O0 -Wl,--build-id "${@:2}" -o app app.c || return
	local id
	cp app "$1.full"
	id=$(readelf -n app | sed -n 's/.*Build ID: //p')
	mkdir -p "$1/.build-id/${id:0:2}" && objcopy --only-keep-debug app "$1/.build-id/${id:0:2}/${id:2}.debug" && strip -s app
}
# line FILE: where the 1000 bytes are, and how many blocks
line() { ask stats "$1" --source-root "$scratch" --no-symbols -- '[.stats[] | select(.size >= 1000)][0] | "\(.frames[0].file):\(.frames[0].line) \(.count)"' | sed -E 's/(app\+0x)[0-9a-f]+/\1/'; }
# symbolize STATUS ARGUMENT…: what it says is in out; the status is checked by name
symbolize() { "$heapdelta" symbolize "$@" >out 2>err; }

build other -DOTHER=1 -O1
build symbols
"$heapdelta" run -q --no-symbols -o raw.hds ./app
cp raw.hds kept.hds && chmod 640 raw.hds
symbolize raw.hds --debug-dir other
equal 'a debug file of another build is not used' '0 app+0x:0 1' "$? $(line raw.hds)"
contains 'what has no lines is named' 'without lines:' out
contains 'with its build id' "build id $(readelf -n app | sed -n 's/.*Build ID: //p')" out
symbolize raw.hds --debug-dir symbols
equal 'the right one is' "0 $kept 1" "$? $(line raw.hds)"
contains 'how many places got lines is said' ' got lines, ' out
check 'nothing is left beside it' test -z "$(find . -name '*.tmp')"
cp raw.hds done.hds
symbolize raw.hds --debug-dir symbols
equal 'a second time' 0 $?
contains 'finds nothing new' 'raw.hds: nothing new found, ' out
same_files 'and touches nothing' done.hds raw.hds
symbolize raw.hds
equal 'lines that are there stay without the debug file' "0 $kept 1" "$? $(line raw.hds)"

symbolize kept.hds -o made.hds --debug-dir symbols
equal '-o: the lines are in the new file' "0 $kept 1" "$? $(line made.hds)"
equal '-o: the old one is as it was' 'app+0x:0 1' "$(line kept.hds)"
# A plain folder, as a build server keeps it: debug files or unstripped programs by their names.
mkdir folder unstripped stale && cp symbols/.build-id/*/*.debug folder/app.debug && cp other/.build-id/*/*.debug stale/app.debug
cp symbols.full unstripped/app
for directory in folder unstripped; do
	symbolize kept.hds -o made.hds --debug-dir stale --debug-dir "$directory"
	equal "a folder of debug files: $directory" "0 $kept 1" "$? $(line made.hds)"
done
mv app away
symbolize kept.hds -o made.hds --debug-dir folder
equal 'without the program' "0 $kept 1" "$? $(line made.hds)"
mv away app
symbolize kept.hds -o made.hds --debug-dir stale
equal 'never that of another build' '0 app+0x:0 1' "$? $(line made.hds)"
symbolize - -o piped.hds --debug-dir symbols <kept.hds
equal 'standard input' "0 $kept 1" "$? $(line piped.hds)"
symbolize - --debug-dir symbols <kept.hds
equal 'which cannot be replaced' '2 1' "$? $(grep -c 'cannot be replaced' err)"

# Looked up already, while nothing could be found.
"$heapdelta" run -q -o partly.hds ./app
equal 'a snapshot with symbols, but without that line' 'app+0x:0 1' "$(line partly.hds)"
symbolize partly.hds --debug-dir symbols
equal 'is completed' "0 $kept 1" "$? $(line partly.hds)"

# On another machine, where the program itself is missing.
mv app moved && symbolize kept.hds -o elsewhere.hds --debug-dir symbols
equal 'the debug file alone is enough' "0 $kept 1" "$? $(line elsewhere.hds)"
mv moved app

"$heapdelta" run -q --no-symbols -o pair.hds ./app twice
symbolize pair.d --debug-dir symbols
equal 'the directory of a run: every process' "0 $kept 2" "$? $(line pair.d)"
check 'the link to the root stays one' test -L "$(find pair.d -type l)"
equal 'and leads to a file with lines' "$kept 1" "$(line pair.hds)"
mkdir empty && cp pair.d/*.hds empty && printf 'HDSNAP' >empty/zz.hds
symbolize empty --debug-dir symbols
equal 'a file that cannot be read costs the others nothing' "2 $kept 2" "$? $(rm empty/zz.hds && line empty)"

"$heapdelta" export kept.hds --format json -o kept.json
symbolize kept.json
equal 'another format is not replaced by ours' '2 1' "$? $(grep -c 'is not a snapshot file; -o FILE makes one of it' err)"
symbolize no-such.hds
equal 'no such file' "2 1" "$? $(grep -c 'no-such.hds' err)"
symbolize pair.d -o x.hds
equal '-o is for one file' '2 1' "$? $(grep -c 'is a directory' err)"
symbolize one two
equal 'misuse' '2 2' "$? $(wc -l <err)"
finish
