# Before and after a change: the fix did not fix it, and lines have moved.
% project app
$ heapdelta run -q -o ../old.hds ./app 100
% sed -i 's|^char .lines.*|/* One of these per job: a comment that moves\n * all that follows.\n */\nchar *lines[2000];|' src/leak.c && make -s
$ heapdelta run -q -o ../new.hds ./app 200
$ heapdelta diff ../old.hds ../new.hds
old: ../old.hds  ./app 100  TIME  4096 B live in 1 block   build ID
new: ../new.hds  ./app 200  TIME  4096 B live in 1 block   build ID
different builds: a line whose number changed is shown as gone and new
[ Top 10 differences by lineno ]
… 1 line unchanged
Total: size=4096 B (+0 B), count=1 (+0)        lost: nothing
next: heapdelta diff ../old.hds ../new.hds -k traceback -n 1
$ heapdelta diff ../new.hds ../old.hds
old: ../new.hds  ./app 200  TIME  4096 B live in 1 block   build ID
new: ../old.hds  ./app 100  TIME  4096 B live in 1 block   build ID
different builds: a line whose number changed is shown as gone and new
[ Top 10 differences by lineno ]
… 1 line unchanged
Total: size=4096 B (+0 B), count=1 (+0)        lost: nothing
next: heapdelta diff ../new.hds ../old.hds -k traceback -n 1
2> heapdelta: note: '../old.hds' is older than '../new.hds'
# Unchanged code, another build and another optimisation: no difference.
% sed -i '1a/* only a comment */' src/main.c src/leak.c && make -sB CFLAGS='-g -O0'
$ heapdelta run -q -o ../third.hds ./app 200
$ heapdelta diff ../new.hds ../third.hds
old: ../new.hds  ./app 200  TIME  4096 B live in 1 block   build ID
new: ../third.hds  ./app 200  TIME  8096 B live in 201 blocks   build ID
different builds: a line whose number changed is shown as gone and new
[ Top 10 differences by lineno ]
src/main.c:13: size=4096 B (+4096 B), count=1 (+1), average=4096 B                 new
    table = malloc(4096);
src/main.c:12: size=0 B (-4096 B), count=0 (-1)                                    gone
src/leak.c:15: size=4000 B (+4000 B), count=200 (+200), average=20 B               new
    lines[job] = malloc(20);
Total: size=8096 B (+4000 B), count=201 (+200)        lost: nothing
next: heapdelta diff ../new.hds ../third.hds -k traceback -n 1
