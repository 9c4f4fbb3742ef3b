#!/bin/bash
# SPDX-License-Identifier: MIT
# Code without lines: what a frame is called then, what the hint says to install, debug information that comes later, and files that were
# replaced or removed since.  And the distribution's own programs, which are all stripped: no frame of theirs is a bare address in any format.
. "$(dirname "$0")/tap.sh"

# ---- A stripped library ----------------------------------------------------------------------------------------------------------
mkdir build-place source empty debug
cat >build-place/foo.c <<'C'
#include <stdlib.h>
void *kept[4];
static void __attribute__((noinline)) inner(void) { kept[0] = malloc(4000); }
void foo_open(void) { inner(); kept[1] = malloc(2000); }
C
cat >source/main.c <<'C'
#include <stdlib.h>
#include <unistd.h>
void foo_open(void);
void *own;
int main(void) { foo_open(); own = malloc(30); _exit(0); }
C
# build_library: debug/libfoo.debug has what the library has not.
build_library()
{
	gcc -g -O0 -fPIC -shared -Wl,-soname,libfoo.so.3 -Wl,--build-id=sha1 -o libfoo.full build-place/foo.c &&
		objcopy --only-keep-debug libfoo.full libfoo.debug && objcopy --strip-all libfoo.full libfoo.so.3
}
check 'the library compiles' build_library
check 'the program compiles' gcc -g -O0 -o app source/main.c -L. -l:libfoo.so.3 "-Wl,-rpath,$scratch"
build_id=$(readelf -n libfoo.so.3 | sed -n 's/ *Build ID: //p')
"$heapdelta" run -q --source-root "$scratch/empty" -o foo.hds ./app
# rows FILE OPTION…: the attributed places and their bytes
rows() { ask stats "$1" -n 0 --attribute library "${@:2}" -- '.stats[] | "\(.frames[0].file):\(.frames[0].line) \(.size)"'; }
equal 'a symbol and its offset, or the module and the offset' 'libfoo.so.3+0xN:0 4000 libfoo.so.3(foo_open+0xN):0 2000' \
	"$(rows foo.hds | grep libfoo | sed 's/0x[0-9a-f]*/0xN/' | paste -sd' ')"

# hint FILE OPTION…: the hint, if there is one
hint() { "$heapdelta" stats "$1" --attribute library "${@:2}" 2>&1 | grep '^hint: '; }
export -n DEBUGINFOD_URLS
unset DEBUGINFOD_URLS
mkdir -p root/etc root/var/lib/dpkg/info "root$scratch"
cp libfoo.so.3 app "root$scratch"
printf 'ID=debian\n' >root/etc/os-release
printf '/.\n%s\n' "$scratch/libfoo.so.3" >root/var/lib/dpkg/info/libfoo3:amd64.list
equal "Debian's package" \
	"hint: 99 % of the bytes have no line: libfoo.so.3 (build id ${build_id:0:6}…, no debug information): apt install libfoo3-dbgsym, --debug-dir or --debuginfod with DEBUGINFOD_URLS set" \
	"$(hint foo.hds --sysroot "$scratch/root")"
equal 'a server is known' "apt install libfoo3-dbgsym, --debug-dir or --debuginfod (DEBUGINFOD_URLS is set)" \
	"$(DEBUGINFOD_URLS=http://127.0.0.1:1 hint foo.hds --sysroot "$scratch/root" | sed 's/.*information): //')"
rm "root/var/lib/dpkg/info/libfoo3:amd64.list"
equal 'nobody owns it' "install its debug symbols, --debug-dir or --debuginfod with DEBUGINFOD_URLS set" \
	"$(hint foo.hds --sysroot "$scratch/root" | sed 's/.*information): //')"
printf 'ID=fedora\n' >root/etc/os-release
equal 'Fedora asks itself' "dnf debuginfo-install \$(rpm -qf $scratch/libfoo.so.3), --debug-dir or --debuginfod with DEBUGINFOD_URLS set" \
	"$(hint foo.hds --sysroot "$scratch/root" | sed 's/.*information): //')"
check 'our own: compile it with -g' grep -qF ': compile it with -g, --debug-dir' <(hint foo.hds --source-root "$scratch")

# Debug information that comes later: the snapshot has its symbols already, and is looked at again.
store=debug/.build-id/${build_id:0:2}
mkdir -p "$store"
cp libfoo.debug "$store/${build_id:2}.debug"
equal '--debug-dir: lines, also in a snapshot that had been looked up' "foo.c:3 4000 foo.c:4 2000" \
	"$(rows foo.hds --debug-dir debug | sed 's|.*/||' | grep foo | paste -sd' ')"
equal 'and no hint' '' "$(hint foo.hds --debug-dir debug)"

# A symbol with all its parameters is wider than a screen: text leaves them out.
if need g++; then
	cat >build-place/shop.cc <<-'C'
		#include <cstdlib>
		namespace shop { struct Item { int price; }; void *kept[2];
		void *put(const Item &, unsigned long) { kept[0] = std::malloc(700); kept[1] = std::malloc(50); return kept; } }
		extern "C" void shop_open() { shop::put(shop::Item{1}, 2); }
	C
	printf '#include <unistd.h>\nvoid shop_open(void);\nint main(void) { shop_open(); _exit(0); }\n' >source/shop.c
	check 'a C++ library compiles' g++ -O0 -s -fPIC -shared -o libshop.so build-place/shop.cc
	check 'and its program' gcc -g -O0 -o shop source/shop.c -L. -l:libshop.so "-Wl,-rpath,$scratch"
	"$heapdelta" run -q --source-root "$scratch/empty" -o shop.hds ./shop
	check 'text: no parameters' grep -qE '^libshop\.so\(shop::put\+0x[0-9a-f]+\): size=700 B' <("$heapdelta" stats shop.hds)
	check '--full-names: all of it' grep -qE '^libshop\.so\(shop::put\(shop::Item const&, unsigned long\)\+0x[0-9a-f]+\): size=700 B' \
		<("$heapdelta" stats shop.hds --full-names)
	check 'a function is one, wherever in it' grep -qE '^shop::put\(.*\) \(libshop\.so\): size=750 B, count=2' <("$heapdelta" stats shop.hds -k function)
	check 'a file is one' grep -qE '^libshop\.so: size=750 B, count=2' <("$heapdelta" stats shop.hds -k filename)
	check 'a stack in text, too' grep -qE ' libshop\.so\(shop::put\+0x[0-9a-f]+\)$' <("$heapdelta" stats shop.hds -k traceback)
	equal 'data: all of it' 'libshop.so(shop::put(shop::Item const&, unsigned long)+0xN)' \
		"$(rows shop.hds | sed -n 's/0x[0-9a-f]*/0xN/; s/:0 700$//p')"
else
	skip 'text: no parameters' 'no C++ compiler'
fi

# ---- Symbols in .gnu_debugdata ---------------------------------------------------------------------------------------------------
if need xz; then
	# As rpmbuild does it: the symbols that are not dynamic, compressed.
	nm -D libfoo.full --format=posix --defined-only | cut -d' ' -f1 | sort >dynamic
	nm libfoo.full --format=posix --defined-only | awk '$2 ~ /^[Tt]$/ { print $1 }' | sort >functions
	comm -13 dynamic functions >keep
	objcopy -S --remove-section .comment --keep-symbols=keep libfoo.debug mini
	xz -c mini >mini.xz
	cp libfoo.so.3 libfoo.plain
	objcopy --add-section .gnu_debugdata=mini.xz libfoo.plain libfoo.so.3
	"$heapdelta" run -q --source-root "$scratch/empty" -o mini.hds ./app
	equal 'a static function, from .gnu_debugdata' 'libfoo.so.3(inner+0xN):0 4000' "$(rows mini.hds | sed 's/0x[0-9a-f]*/0xN/' | grep ' 4000')"
	cp libfoo.plain libfoo.so.3
else
	skip 'a static function, from .gnu_debugdata' 'no xz'
fi

# ---- Files that changed ----------------------------------------------------------------------------------------------------------
"$heapdelta" run -q --no-symbols --source-root "$scratch/empty" -o raw.hds ./app
check 'it is the one that ran' grep -qF 'no debug information): ' <(hint foo.hds)
sed -i '1i\/* another build *\/\n\n' build-place/foo.c
gcc -g -O1 -fPIC -shared -Wl,-soname,libfoo.so.3 -Wl,--build-id=sha1 -o libfoo.so.3 build-place/foo.c
equal 'replaced: no line of another build' 'libfoo.so.3+0xN:0 4000 libfoo.so.3+0xN:0 2000' \
	"$(rows raw.hds | grep libfoo | sed 's/0x[0-9a-f]*/0xN/' | paste -sd' ')"
"$heapdelta" stats raw.hds --attribute library >text
equal 'said once' 1 "$(grep -c 'build id differs' text)"
check 'and what it means' grep -qF "(build id ${build_id:0:6}…, build id differs): the file has been replaced since, --debug-dir or" text
check 'said of a snapshot that had its symbols before, too' grep -qF 'build id differs): the file has been replaced since' <(hint foo.hds)
equal 'its debug file still helps' "foo.c:3 4000 foo.c:4 2000" "$(rows raw.hds --debug-dir debug | sed 's|.*/||' | grep foo | paste -sd' ')"
rm libfoo.so.3
equal 'removed: the same frames' 'libfoo.so.3+0xN:0 4000 libfoo.so.3+0xN:0 2000' \
	"$(rows raw.hds | grep libfoo | sed 's/0x[0-9a-f]*/0xN/' | paste -sd' ')"
check 'removed: said' grep -qF 'file not found' <(hint raw.hds)

# ---- The distribution's programs -------------------------------------------------------------------------------------------------
# The texts below are jq's and the programs'.
# shellcheck disable=SC2016
# bare FILE: frames that are none of: file of a source, MODULE(SYMBOL+0x…), MODULE+0x…, [remark].
bare()
{
	ask stats "$1" -n 0 -k traceback -- '.stats[].frames[] | select(.line == 0) | .file
		| select(test("^[^/ ]+\\(.+\\+0x[0-9a-f]+\\)$|^[^/ ]+\\+0x[0-9a-f]+$|^\\[(anon|jit|vdso|truncated|during tracing|deeper frames cut)\\]") | not)'
	local format
	for format in text lines csv markdown json; do
		"$heapdelta" stats "$1" -n 0 -k traceback --format "$format" | grep -vE 'build|"file":"program.hds"' |
			grep -E '(^|[][:space:]|,"`(])(0x[0-9a-f]{6,16}|[0-9a-f]*[a-f][0-9a-f]{7,})($|[][:space:]|,"`):])'
	done | head -3
}
# program NAME ARGUMENT…
program()
{
	local name=$1
	need "$name" || { skip "$name: no bare address" 'not installed'; return; }
	"$heapdelta" run -q -o program.hds -- "$@" >out 2>&1 </dev/null
	equal "$name: no bare address" '' "$(bare program.hds)"
	ask stats program.hds -n 0 -k traceback -- '[.stats[].frames[]] | length' >>frames
	rm -rf program.hds program.d
}
printf '{"format":"heapdelta-snapshot","version":1,"traces":[{"size":1,"frames":[["0x7f00deadbeef",0]]}]}' >bare.json
equal 'this would be one' 4 "$(bare bare.json | wc -l)"
printf '<a><b c="d">text</b></a>\n' >x.xml
printf 'int f(int a) { return a + 1; }\n' >x.c
program git -C "$top" log -2 --stat
program sqlite3 :memory: 'create table t(a); insert into t values(1); select * from t;'
# shellcheck disable=SC2016
program perl -e 'my %h = map { $_ => [$_ x 9] } 1 .. 100; exit'
program /usr/bin/python3 -c 'import json; json.dumps({"a": [1] * 100})'
program gcc -c x.c
program xmllint --noout x.xml
program redis-server --version
# shellcheck disable=SC2016
program bash -c 'declare -A a; for i in {1..100}; do a[$i]=$i; done; ls >/dev/null'
program jq -n '[range(100)]'
program man --version
program file /bin/ls
program sort x.c
check 'there was something to see' test "$(awk '{ n += $1 } END { print n + 0 }' frames)" -ge 500
finish
