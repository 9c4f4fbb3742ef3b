# From a clone to two guilty lines: one command.  What is installed and built already takes no time.
% cd "$top"
$ scripts/quickstart -y | sed 's/^[$] /> /'
> heapdelta diff before.hds after.hds        # in BUILD/quickstart
old: before.hds  build/tests/scenarios/cache-leaky 10000  TIME  0 B live in 0 blocks
new: after.hds  build/tests/scenarios/cache-leaky 10000  TIME  1484 KiB live in 20000 blocks   build ID
[ Top 10 differences by lineno ]
tests/scenarios/cache-leaky.c:26: size=781 KiB (+781 KiB), count=10000 (+10000), average=80 B  new
    struct entry *entry = malloc(sizeof(*entry)); /* LEAK: cache entry */
tests/scenarios/cache-leaky.c:34: size=703 KiB (+703 KiB), count=10000 (+10000), average=72 B  new
    struct node *node = malloc(sizeof(*node)); /* LEAK: list node */
Total: size=1484 KiB (+1484 KiB), count=20000 (+20000)        lost: nothing
next: BUILD/heapdelta diff before.hds after.hds -k traceback -n 1

heapdelta is built: BUILD/heapdelta
Try: BUILD/heapdelta run ./your-program        (built with -g; install: make install PREFIX=~/.local)
