# A big server, sampled, recorded only while somebody looks; its binary is stripped, the symbols are elsewhere.
% project server && cp server server.debug && strip server
$ basename "$(heapdelta env --path)"
% start_server env HEAPDELTA_START=0 HEAPDELTA_SAMPLE=4K LD_PRELOAD="$(heapdelta env --path)" HEAPDELTA_OUTPUT="$PWD/exit.hds" ./server
% serve 1000
$ heapdelta start server
% serve 40000
$ heapdelta snapshot -q -o now.hds server
$ heapdelta stop server
% stop_server
$ heapdelta info now.hds --format json | jq '.totals.live_blocks > 40000 and .totals.live_blocks < 120000'
% mkdir ../elsewhere && cp now.hds server.debug ../elsewhere && cd ../elsewhere && mkdir symbols && objcopy --only-keep-debug server.debug symbols/server.debug
$ heapdelta symbolize now.hds --debug-dir symbols
$ heapdelta stats now.hds --format json | jq -r '.stats[0].frames[0] | "\(.file):\(.line) \(.function)"'
