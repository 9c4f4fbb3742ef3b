# SPDX-License-Identifier: MIT
# ^C on a terminal, which everybody in the foreground gets: it ends the wait of diff and the list of ps -w, not their output.
# Arguments: the command heapdelta, the PID of a traced process.  Prints "ok NAME" or "not ok NAME: what was on the screen".
import os
import pty
import re
import select
import sys
import time

heapdelta, pid = sys.argv[1:3]


def session(name, arguments, seen, last):
    """Press ^C as soon as `seen` is on the screen; `last` has to follow, and status 0."""
    child, terminal = pty.fork()
    if child == 0:
        os.environ['TERM'] = 'xterm'
        os.execv(heapdelta, ['heapdelta'] + arguments)
    screen, pressed, end = '', False, time.time() + 120
    while time.time() < end:
        ready, _, _ = select.select([terminal], [], [], 0.1)
        try:
            screen += os.read(terminal, 65536).decode(errors='replace') if ready else ''
        except OSError:  # the other end is closed: it has ended
            break
        if not pressed and re.search(seen, screen):
            os.write(terminal, b'\x03')
            pressed = True
    _, status = os.waitpid(child, 0) if pressed else (0, -1)
    good = status == 0 and re.search(last, screen, re.S)
    print('ok' if good else 'not ok', name + ('' if good else ': %s %r' % (status, screen[-500:])))


session('^C on a terminal ends the wait', ['diff', pid, '--wait', '1h'], 'looking at process', r'differences by lineno.*Total: size=.*next: ')
session('^C on a terminal ends ps -w, which clears the screen for each list', ['ps', '-w', '--interval', '0.1s'],
        r'(?s)\x1b\[H\x1b\[2J.*\x1b\[H\x1b\[2J.*\b%s\b' % pid, 'next: ')
