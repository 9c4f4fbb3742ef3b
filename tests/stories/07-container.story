# In a container (/mnt is its volume): little shared memory, then a root that cannot be written, by process 1.
%mask s/app\.[0-9]+/app.PID/
% project app
$ contained 'shm 20m; heapdelta run -o app.hds ./app 100; ls *.hds'
app.hds
2> heapdelta: note: /dev/shm has 20.0 MiB left, using /var/tmp for the trace file (docker run --shm-size=1g keeps it in memory)
2> heapdelta: ./app 100: exit status 0 after TIME , 1 process
2>   live at exit   6096 B in 101 blocks            peak 6096 B at TIME
2>   allocated      6096 B in 101 blocks, 0 % of them freed before the thread's next allocation
2>   lost           nothing
2> [ Top 3 live at exit by lineno ]
2> SCRATCH/07-container/app/src/main.c:12: size=4096 B, count=1, average=4096 B
2>     table = malloc(4096);
2> SCRATCH/07-container/app/src/leak.c:11: size=2000 B, count=100, average=20 B
2>     lines[job] = malloc(20);
2> Live at exit is not yet a leak: compare two moments.
2> wrote app.hds
2> next: heapdelta stats app.hds -k traceback -n 1        # who calls SCRATCH/07-container/app/src/main.c:12
$ contained 'read_only; cd /; heapdelta run /mnt/app 100'
2> heapdelta: cannot write to '/' (Read-only file system); give -o a writable place: … -v "$PWD:/out" … -o /out/%e.%p.hds
status 125
$ contained 'read_only; cd /; exec heapdelta run -q -o /mnt/%e.%p.hds sh -c "/mnt/app 100; ls /mnt"'
app
app.PID.hds
