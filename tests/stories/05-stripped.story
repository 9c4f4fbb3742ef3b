# Programs and libraries without debug information: a symbol or module+offset, never a bare address, and what to install.
%mask s/size=[0-9.]+ [KM]?i?B/size=SIZE/g; s/[0-9.]+ [KM]?i?B (live|in)/SIZE \1/; s/count=[0-9]+/count=N/g; s/average=[0-9.]+ [KM]?i?B/average=SIZE/; s/\+0x[0-9a-f]+/+0xOFFSET/g
% project app && cp app debug && strip app
$ heapdelta run -q -o app.hds ./app 100
$ heapdelta stats app.hds
# Lines later, where the symbols are.
% mkdir symbols && objcopy --only-keep-debug debug symbols/app.debug
$ heapdelta symbolize app.hds --debug-dir symbols -o full.hds
$ heapdelta stats full.hds
% heapdelta run -q -o perl.hds perl -e 'my %h = map { $_ => "x" x $_ } 1..100; sleep 0'
$ heapdelta stats perl.hds -n 0 -k traceback | grep -cE '^ *(0x)?[0-9a-f]{6,}'
