# Hello world keeps nothing: the tool says so and what to do next.
%mask s/hello\.[0-9]+/hello.PID/
% mkdir hello && cd hello && git init -q . && printf '#include <stdio.h>\nint main(void)\n{\n\tputs("hello");\n}\n' >hello.c && gcc -g -o hello hello.c
$ heapdelta run ./hello
hello
2> heapdelta: ./hello: exit status 0 after TIME , 1 process
2>   live at exit   4096 B in 1 block               peak 4096 B at TIME
2>   allocated      4096 B in 1 block, 0 % of them freed before the thread's next allocation
2>   lost           nothing
2> [ Top 3 live at exit by lineno ]
2> nothing of the program's own, only what libc and runtimes allocate once
2> libc and runtime, one-time: 4096 B in 1 block
2> wrote heapdelta.hello.PID.hds
2> next: heapdelta stats --attribute raw        # what libc and runtimes keep
$ heapdelta stats
heapdelta.hello.PID.hds  ./hello  TIME  4096 B live in 1 block   build ID
[ Top 10 live at exit by lineno ]
nothing of the program's own, only what libc and runtimes allocate once
libc and runtime, one-time: size=4096 B, count=1
Total: size=4096 B, count=1        lost: nothing
next: heapdelta stats --attribute raw
