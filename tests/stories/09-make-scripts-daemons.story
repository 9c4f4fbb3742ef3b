# make -j, a script and a daemon: every process has its file, the run has one name.
%mask s/[0-9]+ processes/N processes/; s/\b[0-9]+\.[0-9]+ [KM]iB/SIZE/g; s/\b[0-9]{2,}\b/N/g
% project app && cp app worker && printf '#!/bin/sh\nfor i in 1 2 3; do ./worker 10$i; done\n./app 50\n' >run-tests.sh && chmod +x run-tests.sh
$ heapdelta run ./run-tests.sh
2> heapdelta: ./run-tests.sh: exit status 0 after TIME , N processes
2>   live at exit   SIZE in N blocks          peak SIZE in all, each at its own time
2>   allocated      SIZE in N blocks, 1 % of them freed before the thread's next allocation
2>   lost           nothing
2> [ Top 3 live at exit by lineno ]
2> src/main.c:N: size=SIZE, count=4, average=N B
2>     table = malloc(N);
2> src/leak.c:N: size=N B, count=N, average=N B
2>     lines[job] = malloc(N);
2> dash+0xOFFSET: size=N B, count=N, average=N B
2> … 2 more lines (N B). Live at exit is not yet a leak: compare two moments.
2> wrote heapdelta.run-tests.sh.N.hds and 4 more in heapdelta.run-tests.sh.N.d
2> next: heapdelta stats heapdelta.run-tests.sh.N.d -k traceback -n 1        # who calls src/main.c:N
$ heapdelta stats -k process --filter process:worker
heapdelta.run-tests.sh.N.d  /bin/sh ./run-tests.sh  TIME  SIZE live in N blocks  N processes
[ Top N live at exit by process ]
N ./worker N: size=N B, count=N, average=N B
N ./worker N: size=N B, count=N, average=N B
N ./worker N: size=N B, count=N, average=N B
Total: size=SIZE, count=N        lost: nothing
next: heapdelta stats --filter process:worker -k traceback -n 1
$ heapdelta run -q --only 'cc1*' -o make.hds -- make -sBj2
$ heapdelta stats make.d -k process --format csv | grep -c cc1
2
% printf '#include <unistd.h>\n#include <stdlib.h>\nint main(void)\n{\n\tint ready[2];\n\tchar byte;\n\tif (pipe(ready))\n\t\treturn 1;\n\tif (fork())\n\t\treturn read(ready[0], &byte, 1) != 1;\n\tsetsid();\n\tchar *kept = malloc(4321);\n\tkept[0] = 1;\n\tif (write(ready[1], kept, 1) != 1)\n\t\treturn 1;\n\twhile (access("stop", F_OK))\n\t\tusleep(20000);\n\treturn 0;\n}\n' >daemon.c && gcc -g -o daemon daemon.c
$ heapdelta run -o daemon.hds ./daemon
2> heapdelta: ./daemon: exit status 0 after TIME , N processes
2>   live at exit   0 B in 0 blocks                 peak 0 B in all, each at its own time
2>   allocated      0 B in 0 blocks
2>   lost           nothing
2> wrote daemon.hds
2> heapdelta: 1 descendant still runs and is traced: daemon N ('heapdelta snapshot N'; --wait stays until they end)
% touch stop
