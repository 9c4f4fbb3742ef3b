# For scripts: paths alone, JSON, pipes, and the commit that brought the growth.
% project app && git add -A && git -c user.name=t -c user.email=t@t commit -qm 'no leak yet'
$ f=$(heapdelta run -q -o a.hds ./app 100; echo a.hds) && heapdelta stats --format json "$f" | jq -r '.stats[] | select(.size > 1000) | "\(.frames[0].file):\(.frames[0].line) \(.size)"'
src/main.c:12 4096
src/leak.c:11 2000
$ heapdelta export a.hds --format json | heapdelta stats -
-  ./app 100  TIME  6096 B live in 101 blocks
[ Top 10 live at exit by lineno ]
src/main.c:12: size=4096 B, count=1, average=4096 B
    table = malloc(4096);
src/leak.c:11: size=2000 B, count=100, average=20 B
    lines[job] = malloc(20);
Total: size=6096 B, count=101        lost: nothing
$ heapdelta stats a.hds | head -2
a.hds  ./app 100  TIME  6096 B live in 101 blocks   build ID
[ Top 10 live at exit by lineno ]
$ heapdelta stats a.hds --format csv | cut -d, -f1-4 | head -3
file,line,function,module
src/main.c,12,main,SCRATCH/10-scripting/app/app
src/leak.c,11,remember,SCRATCH/10-scripting/app/app
# Which commit brought the growth?
% commit() { git -c user.name=t -c user.email=t@t commit -qam "$1"; }; cp src/leak.c ../leak.c
% sed -i 's/malloc(20)/lines[0] ? lines[0] : malloc(20)/' src/leak.c && commit 'one buffer for all jobs'
% echo '/* a comment */' >>src/main.c && commit 'explain'
% cp ../leak.c src/leak.c && commit 'a buffer for each job'
% echo '/* and another */' >>src/main.c && commit 'explain more'
$ git bisect start HEAD HEAD~3 >../bisect.txt
$ git bisect run sh -c 'make -sB && heapdelta run -q -o ../try.hds ./app 100 && heapdelta stats ../try.hds --format json | jq -e ".totals.count < 10"' >../bisect.txt 2>&1; git log -1 --format=%s refs/bisect/bad
a buffer for each job
