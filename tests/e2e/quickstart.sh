#!/bin/bash
# SPDX-License-Identifier: MIT
# scripts/quickstart, as on a fresh clone: asks before it installs, gives up with the packages' names where it cannot, builds, tells a story.
. "$(dirname "$0")/tap.sh"

# A machine with no more than a shell: tools by name, and an apt-get that only notes what it was asked.
mkdir tools bare
for tool in sh dirname cat env id mktemp rm tail sleep; do ln -s "$(command -v "$tool")" bare/; done
cp -a bare/. tools/
printf '#!/bin/sh\nexit 1\n' >tools/dpkg-query
printf '#!/bin/sh\necho "$@" >>%s\n' "$scratch/asked" >tools/apt-get
printf '#!/bin/sh\nexec "$@"\n' >tools/sudo
chmod +x tools/dpkg-query tools/apt-get tools/sudo
packages=$(awk '$1 == "build" { printf "%s%s", separator, $2; separator = " " }' "$top/scripts/packages")

PATH=$PWD/bare "$top/scripts/install-deps" build >out 2>&1 </dev/null
equal 'another distribution: it stops' 1 $?
contains 'with the names of the packages' "$packages" out
: >asked
PATH=$PWD/tools "$top/scripts/install-deps" -y build >out 2>&1 </dev/null
equal '-y: no question' 0 $?
contains 'the packages are installed' "install --no-install-recommends $packages" asked
if need python3; then
	# answer TEXT: on a terminal; the status, what was on it is in out
	answer()
	{
		: >asked
		python3 - "$top/scripts/install-deps" "$1" "$PWD/tools" >out <<-'P'
			import os, pty, sys
			pid, terminal = pty.fork()
			if pid == 0:
			    os.environ['PATH'] = sys.argv[3]
			    os.execv(sys.argv[1], [sys.argv[1], 'build'])
			screen = b''
			while b'[Y/n]' not in screen:
			    screen += os.read(terminal, 4096)
			os.write(terminal, sys.argv[2].encode() + b'\n')
			try:
			    while True:
			        data = os.read(terminal, 4096)
			        screen += data
			        if not data:
			            break
			except OSError:
			    pass
			print(screen.decode())
			sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
		P
	}
	answer n
	equal 'a terminal: it asks, and takes no for an answer' '1 0' "$? $(wc -l <asked)"
	contains 'with the command that it would run' "Missing: $packages. Install with '" out
	answer ''
	equal 'the return key is a yes' '0 1' "$? $(grep -c '^.*install --no-install-recommends' asked)"
else
	skip 'a terminal: it asks, and takes no for an answer' 'no python3'
fi

# The whole of it, in a copy: what is being tested must not be built again under our feet.
mkdir clone && (cd "$top" && cp -R Makefile analyzer include preload scripts tests "$scratch/clone")
(cd / && timeout 900 "$scratch/clone/scripts/quickstart" </dev/null) >out 2>err
equal 'quickstart: status' 0 $?
contains 'the story: the first guilty line' 'tests/scenarios/cache-leaky.c:' out
equal 'both guilty lines, and no third' 2 "$(grep -c 'tests/scenarios/cache-leaky.c:[0-9]*: size=' out)"
equal 'the last lines' "heapdelta is built: $scratch/clone/build/heapdelta
Try: $scratch/clone/build/heapdelta run ./your-program        (built with -g; install: make install PREFIX=~/.local)" "$(tail -2 out)"
check 'what it says to try works' "$scratch/clone/build/heapdelta" run -q -o tried.hds "$programs/targets/known-heap"
(cd clone && scripts/quickstart -- sh -c 'exit 3' </dev/null) >out 2>err
equal 'quickstart -- COMMAND: its status' 3 $?
contains 'and what lives' 'heapdelta is built: ' out
finish
