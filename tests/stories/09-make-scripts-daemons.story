# make -j, a script and a daemon: every process has its file, the run has one name.
%mask s/[0-9]+ processes/N processes/; s/\b[0-9]{2,}\b/N/g
% project app && cp app worker && printf '#!/bin/sh\nfor i in 1 2 3; do ./worker 10$i; done\n./app 50\n' >run-tests.sh && chmod +x run-tests.sh
$ heapdelta run ./run-tests.sh
$ heapdelta stats -k process --filter process:worker
$ heapdelta run --only 'cc1*' -o make.hds -- make -sBj2
$ ls | grep -c '^make'
% printf '#include <unistd.h>\n#include <stdlib.h>\nint main(void) { if (daemon(1, 1)) return 1; char *p = malloc(4321); p[0] = 1; while (access("stop", F_OK)) usleep(20000); return 0; }\n' >daemon.c && gcc -g -o daemon daemon.c
$ heapdelta run -o daemon.hds ./daemon
% touch stop
