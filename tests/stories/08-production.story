# A big bookshop, sampled, recorded only while somebody looks; its binary is stripped, the symbols are elsewhere.
% project bookshop && cp bookshop bookshop.debug && strip bookshop
$ basename "$(heapdelta env --path)"
libheapdelta.so
% start_server env HEAPDELTA_START=0 HEAPDELTA_SAMPLE=4K LD_PRELOAD="$(heapdelta env --path)" HEAPDELTA_OUTPUT="$PWD/exit.hds" ./bookshop
% serve 1000
$ heapdelta start bookshop
% serve 40000
$ heapdelta snapshot -q -o now.hds bookshop
now.hds
$ heapdelta stop bookshop
% stop_server
$ heapdelta info now.hds --format json | jq '.totals.live_blocks > 40000 and .totals.live_blocks < 120000'
true
% mkdir ../elsewhere && cp now.hds bookshop.debug ../elsewhere && cd ../elsewhere && mkdir symbols && objcopy --only-keep-debug bookshop.debug symbols/bookshop.debug
$ heapdelta symbolize now.hds --debug-dir symbols
now.hds: 3 more places got lines, 6 of 7 have them
$ heapdelta stats now.hds --format json | jq -r '.stats[0].frames[0] | "\(.file):\(.line) \(.function)"'
src/cache.c:26 cache_put
2> heapdelta: note: 'now.hds' was sampled every 4096 B: its numbers are estimates
