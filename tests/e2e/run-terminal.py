# SPDX-License-Identifier: MIT
# Drives an interactive shell on a pseudo-terminal, as a user would: ^C, ^Z, fg, bg, and a program that reads the terminal.
# Arguments: the command heapdelta, the program count-signals.  Prints "ok NAME" or "not ok NAME: what was on the screen".
import os
import pty
import re
import select
import sys
import time

heapdelta, counter = sys.argv[1:3]
screen = ''


def read_for(seconds):
    global screen
    ready, _, _ = select.select([terminal], [], [], seconds)
    if ready:
        screen += os.read(terminal, 65536).decode(errors='replace')


def expect(pattern, seconds=60):
    """Wait until the pattern is on the screen; forget the screen up to its end."""
    global screen
    end = time.time() + seconds
    while time.time() < end:
        found = re.search(pattern, screen)
        if found:
            screen = screen[found.end():]
            return found
        read_for(0.05)
    return None


def check(name, passed):
    print('ok' if passed else 'not ok', name + ('' if passed else ': ' + repr(screen[-300:])))


def send(text):
    os.write(terminal, text.encode())


def run(command):
    send(command + '\n')


def prompt():
    return expect(r'PROMPT>')


def becomes(process, states):
    """Wait until the process is in one of these states and has taken its signals: a ^Z takes back a continue that is still to come."""
    end = time.time() + 60
    while time.time() < end:
        status = open(f'/proc/{process}/status').read()
        pending = re.findall(r'^(?:Sig|Shd)Pnd:\s*(\w+)', status, re.M)
        if re.search(r'^State:\s*(\w)', status, re.M).group(1) in states and not any(int(mask, 16) for mask in pending):
            return True
        time.sleep(0.02)
    return False


pid, terminal = pty.fork()
if pid == 0:
    os.environ.update(PS1='PROMPT''>', TERM='dumb')
    os.environ.pop('PROMPT_COMMAND', None)
    os.execvp('bash', ['bash', '--norc', '--noprofile', '--noediting', '-i'])
run('stty -echo; set +m; set -m; echo "begin$((6*7))"')
expect(r'begin42')
prompt()

# ^C reaches the program once; run waits for it and ends with its status.
run(f'{heapdelta} run -q -o int.hds {counter}; echo "status=$?"')
child = expect(r'(\d+)\r?\n')
send('\x03')
time.sleep(0.3)
os.kill(int(child.group(1)), 15)
said = expect(r'INT (\d+)')
check('^C reaches the program once', said and said.group(1) == '1')
check('and run has its status', expect(r'status=7'))
prompt()

# ^Z stops both, the shell has the terminal; fg continues both.
run(f'{heapdelta} run -q -o stop.hds {counter}')
child = expect(r'(\d+)\r?\n')
send('\x1a')
check('^Z: the shell says Stopped', expect(r'Stopped'))
check('^Z: the shell has the terminal', prompt())
check('^Z: the program is stopped', becomes(child.group(1), 'T'))
run('fg')
expect(r'heapdelta run')
check('fg: the program runs', becomes(child.group(1), 'SR'))
send('\x1a')
check('^Z again', expect(r'Stopped') and prompt())
run('bg')
check('bg: the shell has the terminal', prompt())
check('bg: the program runs', becomes(child.group(1), 'SR'))
run('kill %1; wait %1; echo "status=$?"')
said = expect(r'CONT (\d+)')
check('each continue reached it once', said and said.group(1) == '2')
check('wait has its status', expect(r'status=(7|143)'))
prompt()

# In the background, a program that reads the terminal is stopped, and fg lets it read.
run(f'{heapdelta} run -q -o read.hds cat &')
prompt()
for attempt in range(60):
    run('jobs')
    stopped = expect(r'Stopped', 1)
    if stopped:
        break
check('background reader is stopped', stopped)
prompt()
run('fg')
expect(r'cat')
time.sleep(0.2)
run('a line')
check('fg: it reads the terminal', expect(r'a line'))
send('\x04')
check('end of input ends it', prompt())

# A program that takes the terminal for itself (job control of its own) gives it back.
run(f'{heapdelta} run -q -o shell.hds bash --norc --noprofile --noediting -i')
prompt()
run('echo inner=$((6*7))')
check('a shell under run works', expect(r'inner=42'))
prompt()
run('exit 5')
prompt()
run('echo "status=$?"')
check('and its status comes back', expect(r'status=5'))
os.close(terminal)
