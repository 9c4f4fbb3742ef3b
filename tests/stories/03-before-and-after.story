# Before and after a change: the fix did not fix it, and lines have moved.
% project app
$ heapdelta run -q -o ../old.hds ./app 100
% sed -i 's|^char .lines.*|/* One of these per job: a comment that moves\n * all that follows.\n */\nchar *lines[2000];|' src/leak.c && make -s
$ heapdelta run -q -o ../new.hds ./app 200
$ heapdelta diff ../old.hds ../new.hds
old: ../old.hds  ./app 100  TIME  6096 B live in 101 blocks   build ID
new: ../new.hds  ./app 200  TIME  8096 B live in 201 blocks   build ID
different builds, lines matched by function and text: 1 same, 1 moved, 0 new, 0 gone
[ Top 10 differences by lineno ]
src/leak.c:14: size=4000 B (+2000 B), count=200 (+100), average=20 B               was src/leak.c:11
    lines[job] = malloc(20);
… 1 line unchanged
Total: size=8096 B (+2000 B), count=201 (+100)        lost: nothing
next: heapdelta diff ../old.hds ../new.hds -k traceback -n 1
2> heapdelta: note: another command: OLD is of './app 100', NEW of './app 200'
$ heapdelta diff ../new.hds ../old.hds
old: ../new.hds  ./app 200  TIME  8096 B live in 201 blocks   build ID
new: ../old.hds  ./app 100  TIME  6096 B live in 101 blocks   build ID
different builds, lines matched by function and text: 1 same, 1 moved, 0 new, 0 gone
[ Top 10 differences by lineno ]
src/leak.c:11: size=2000 B (-2000 B), count=100 (-100), average=20 B               was src/leak.c:14
… 1 line unchanged
Total: size=6096 B (-2000 B), count=101 (-100)        lost: nothing
next: heapdelta diff ../new.hds ../old.hds -k traceback -n 1
2> heapdelta: note: NEW (../old.hds, TIME) was taken before OLD (../new.hds, TIME); arguments swapped?
2> heapdelta: note: another command: OLD is of './app 200', NEW of './app 100'
# Unchanged code, another build and another optimisation: no difference.
% sed -i '1a/* only a comment */' src/main.c src/leak.c && make -sB CFLAGS='-g -O0'
$ heapdelta run -q -o ../third.hds ./app 200
$ heapdelta diff ../new.hds ../third.hds
old: ../new.hds  ./app 200  TIME  8096 B live in 201 blocks   build ID
new: ../third.hds  ./app 200  TIME  8096 B live in 201 blocks   build ID
different builds, lines matched by function and text: 0 same, 2 moved, 0 new, 0 gone
[ Top 10 differences by lineno ]
no difference
… 2 lines unchanged
Total: size=8096 B (+0 B), count=201 (+0)        lost: nothing
next: heapdelta stats ../third.hds
