# Native memory of a Python program.
%mask s/\b[0-9]+(\.[0-9]+)? [KM]iB/SIZE/g; s/\b[0-9]{2,}\b/N/g
$ heapdelta run -o plain.hds /usr/bin/python3 -c 'data = [bytes(100) for i in range(2000)]' 2>&1 | grep -E 'note:|exit status'
heapdelta: /usr/bin/python3 -c 'data = [bytes(N) for i in range(N)]': exit status 0 after TIME , 1 process
heapdelta: note: python3 serves objects up to N bytes from its own pools (mmap); only larger blocks and C extensions are seen. All of them: PYTHONMALLOC=malloc heapdelta run …
$ PYTHONMALLOC=malloc heapdelta run -q -o all.hds /usr/bin/python3 -c 'import os; data = [bytes(100) for i in range(20000)]; os._exit(0)'
$ heapdelta stats all.hds --format json -k function | jq -r '[.stats[] | select(.count >= 20000 and .count < 22000)] | length > 0'
true
