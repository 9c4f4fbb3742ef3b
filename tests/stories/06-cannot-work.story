# What cannot be traced is said before the start, by name, and by doctor; there is no empty report.
% mkdir cannot && cd cannot && printf 'int main(void) { return 4; }\n' >t.c
% gcc -static -o static t.c && gcc -fsanitize=address -o asan t.c
% printf '#include <stddef.h>\nvoid *malloc(size_t n) { static char pool[65536]; static size_t used; n = (n + 15) & ~15ul; used += n; return pool + used - n; }\nvoid free(void *p) { (void)p; }\nint main(void) { return malloc(10) == 0; }\n' >own.c && gcc -fno-builtin -o own own.c
% printf '#!/usr/bin/env sh\nexit 0\n' >script && chmod +x script && cp /bin/true setuid && chmod u+s setuid
$ heapdelta run ./static
2> heapdelta: warning: ./static is statically linked, so no library can be preloaded: nothing will be traced. Link it dynamically (without -static).
2> heapdelta: ./static: exit status 4 after TIME , nothing was traced
status 4
$ heapdelta doctor ./static
2> heapdelta: warning: ./static is statically linked, so no library can be preloaded: nothing will be traced. Link it dynamically (without -static).
status 3
$ heapdelta run ./asan
2> heapdelta: error: ./asan is built with AddressSanitizer, which aborts under any other preload: not started. LeakSanitizer is already in it.
status 125
$ heapdelta doctor ./asan
2> heapdelta: error: ./asan is built with AddressSanitizer, which aborts under any other preload: not started. LeakSanitizer is already in it.
status 3
$ heapdelta doctor ./own
2> heapdelta: warning: ./own defines malloc itself: its calls never reach us. Rebuild it with the C library's malloc.
status 3
$ heapdelta doctor ./setuid
./setuid can be traced
$ heapdelta doctor ./script
/usr/bin/sh can be traced
$ heapdelta run ./no-such-program
2> heapdelta: cannot run './no-such-program': No such file or directory
status 127
$ ls *.hds
2> ls: cannot access '*.hds': No such file or directory
status 2
