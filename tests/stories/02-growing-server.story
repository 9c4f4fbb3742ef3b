# A server grows.  Which line?  The first command is the whole answer, without files and without stopping it.
%mask /^ +(PID|[0-9]+) /s/ +/ /g; s/^ [0-9]+ bookshop [0-9.]+ (ms|s|min [0-9]+ s) / PID bookshop UP /; s/traces \([0-9.]+ KiB\)$/traces (SIZE)/; /strdup\.c/d
% project bookshop
% start_server heapdelta run -q -o bookshop.hds ./bookshop
# Others may be traced on this machine, too.
$ heapdelta ps | grep -E '^ +(PID|[0-9]+ +bookshop) '
 PID COMMAND UP LIVE BLOCKS RATE/min LOST TRACE FILE
 PID bookshop UP 10024 B 25 +0 B 0 SCRATCH/traces (SIZE)
% { until_true grep -q 'looking at' "$scratch/err"; serve 12000; pkill -INT -f 'diff bookshop --wait'; } & all_served=12010
$ heapdelta diff bookshop --wait 60s
old: bookshop  ./bookshop  TIME  10024 B live in 25 blocks   build ID
new: bookshop  ./bookshop  TIME  1041 KiB live in 24025 blocks   build ID
[ Top 10 differences by lineno ]
src/cache.c:26: size=844 KiB (+844 KiB), count=12010 (+12000), average=72 B
    entry->key = strdup(key);
src/cache.c:24: size=188 KiB (+188 KiB), count=12010 (+12000), average=16 B
    struct entry *entry = malloc(sizeof(*entry));
… 4 lines unchanged
Total: size=1041 KiB (+1031 KiB), count=24025 (+24000)        lost: nothing
next: heapdelta diff bookshop --wait 60s -k traceback -n 1
2> heapdelta: note: looking at process PID (bookshop) for TIME ; ^C ends that early
$ heapdelta snapshot -o now.hds bookshop
now.hds
$ heapdelta stats now.hds -k traceback -n 1
now.hds  ./bookshop  TIME  1041 KiB live in 24025 blocks   build ID
[ Top 1 live by traceback ]
src/cache.c:26: size=844 KiB, count=12010, average=72 B
    entry->key = strdup(key);
      cache_put  src/cache.c:26
      handle_request  src/bookshop.c:14
      main  src/bookshop.c:26
      _start  bookshop(_start+0xOFFSET)
… 5 more stacks (197 KiB)
Total: size=1041 KiB, count=24025        lost: nothing
next: heapdelta info now.hds
% stop_server
$ heapdelta diff now.hds bookshop.hds | tail -3
… 6 lines unchanged
Total: size=1041 KiB (+0 B), count=24025 (+0)        lost: nothing
next: heapdelta stats bookshop.hds
