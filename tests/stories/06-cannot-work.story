# What cannot be traced is said before the start, by name, and by doctor; there is no empty report.
% mkdir cannot && cd cannot && printf 'int main(void) { return 4; }\n' >t.c
% gcc -static -o static t.c && gcc -fsanitize=address -o asan t.c
% printf '#include <stddef.h>\nvoid *malloc(size_t n) { static char pool[65536]; static size_t used; n = (n + 15) & ~15ul; used += n; return pool + used - n; }\nvoid free(void *p) { (void)p; }\nint main(void) { return malloc(10) == 0; }\n' >own.c && gcc -fno-builtin -o own own.c
% printf '#!/usr/bin/env sh\nexit 0\n' >script && chmod +x script && cp /bin/true setuid && chmod u+s setuid
$ heapdelta run ./static
$ heapdelta doctor ./static
$ heapdelta run ./asan
$ heapdelta doctor ./asan
$ heapdelta doctor ./own
$ heapdelta doctor ./setuid
$ heapdelta doctor ./script
$ heapdelta run ./no-such-program
$ ls *.hds
