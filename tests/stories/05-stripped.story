# Programs and libraries without debug information: a symbol or module+offset, never a bare address, and what to install.
%mask s/size=[0-9.]+ [KM]?i?B/size=SIZE/g; s/[0-9.]+ [KM]?i?B (live|in)/SIZE \1/; s/count=[0-9]+/count=N/g; s/average=[0-9.]+ [KM]?i?B/average=SIZE/; s/\+0x[0-9a-f]+/+0xOFFSET/g
% project app && cp app debug && strip app
$ heapdelta run -q -o app.hds ./app 100
$ heapdelta stats app.hds
app.hds  ./app 100  TIME  SIZE live in 101 blocks   build ID
[ Top 10 live at exit by lineno ]
app+0xOFFSET: size=SIZE, count=N, average=SIZE
app+0xOFFSET: size=SIZE, count=N, average=SIZE
Total: size=SIZE, count=N        lost: nothing
hint: 100 % of the bytes have no line: app (build id ID…, no debug information): compile it with -g, --debug-dir or --debuginfod with DEBUGINFOD_URLS set
next: heapdelta stats app.hds -k traceback -n 1
# Lines later, where the symbols are.
% mkdir symbols && objcopy --only-keep-debug debug symbols/app.debug
$ heapdelta symbolize app.hds --debug-dir symbols -o full.hds
app.hds: 3 more places got lines, 5 of 6 have them
$ heapdelta stats full.hds
full.hds  ./app 100  TIME  SIZE live in 101 blocks   build ID
[ Top 10 live at exit by lineno ]
src/main.c:12: size=SIZE, count=N, average=SIZE
    table = malloc(4096);
src/leak.c:11: size=SIZE, count=N, average=SIZE
    lines[job] = malloc(20);
Total: size=SIZE, count=N        lost: nothing
next: heapdelta stats full.hds -k traceback -n 1
% heapdelta run -q -o perl.hds perl -e 'my %h = map { $_ => "x" x $_ } 1..100; sleep 0'
$ heapdelta stats perl.hds -n 0 -k traceback | grep -cE '^ *(0x)?[0-9a-f]{6,}'
0
status 1
