# SPDX-License-Identifier: MIT
# Drives an interactive shell on a pseudo-terminal, as a user would: ^C, ^Z, fg, bg, a program that reads the terminal, a window that changes
# its size, colours; and beside it, pipes that nobody reads any more.
# Arguments: the command heapdelta, the programs count-signals and cache-leaky.  Prints "ok NAME" or "not ok NAME: what was on the screen".
import fcntl
import os
import pty
import re
import select
import signal
import struct
import subprocess
import sys
import termios
import time

heapdelta, counter, story = sys.argv[1:4]
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
prompt()

# The window changes: the program is told, once, and sees the new size.
run(f"{heapdelta} run -q -o size.hds bash --norc -c 'trap \"stty size; kill $$\" WINCH; echo up; while :; do sleep 0.05; done'")
expect(r'up')
fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack('HHHH', 33, 99, 0, 0))
check('a new window size reaches the program', expect(r'33 99'))
prompt()

# SIGTERM from another terminal.
run(f'{heapdelta} run -q -o term.hds {counter}; echo "status=$?"')
child = expect(r'(\d+)\r?\n')
parent = int(open(f'/proc/{child.group(1)}/stat').read().rsplit(') ', 1)[1].split()[1])
os.kill(parent, signal.SIGTERM)
said = expect(r'TERM (\d+)')
check('SIGTERM to run reaches the program once', said and said.group(1) == '1')
check('and run has its status after that', expect(r'status=7'))
prompt()

# A second ^C, when the program has ended and run is at work on symbols and words: the snapshot that is there is whole.  run is held where its
# raw snapshot has just got its name, so that ^C finds it at work however quick it is.
def second_interrupt(number):
    run(f'{heapdelta} run -o twice{number}.hds {story} 20000')
    end = time.time() + 60
    while time.time() < end and not os.path.exists(f'twice{number}.hds'):
        pass
    for process in os.listdir('/proc'):
        try:
            line = open(f'/proc/{process}/cmdline').read() if process.isdigit() else ''
            if f'twice{number}.hds' in line and 'heapdelta' in line.split('\0')[0]:
                os.kill(int(process), signal.SIGSTOP)
                send('\x03')
                time.sleep(0.1)
                os.kill(int(process), signal.SIGCONT)
        except OSError:  # it has ended: too late, and as good
            continue
    # A shell whose command died of ^C does not go on with the line.
    run(f'echo "sync$((number+1{number}))"')
    reached = expect(rf'sync1{number}')
    prompt()
    info = subprocess.run([heapdelta, 'info', f'twice{number}.hds'], stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    return reached and info.returncode == 0 and b'40000' in info.stdout


check('a second ^C leaves a usable file', all([second_interrupt(number) for number in range(3)]))
check('and nothing beside it', not [name for name in os.listdir('.') if name.endswith('.tmp') and 'twice' in name])

# Colours are for terminals that have them, unless somebody does not want any.
def has_color(environment, option=''):
    run(f'{environment} {heapdelta} stats {option} twice0.hds; echo "status=$?"')
    global screen
    seen = ''
    end = time.time() + 60
    while time.time() < end and not re.search(r'status=\d+\s+PROMPT>', screen):
        read_for(0.05)
    seen, screen = screen, ''
    return '\x1b[' in seen and 'status=0' in seen


check('a terminal with colours gets them', has_color('TERM=xterm-256color'))
check('NO_COLOR', not has_color('TERM=xterm-256color NO_COLOR=1'))
check('TERM=dumb', not has_color('TERM=dumb'))
check('--color never', not has_color('TERM=xterm', '--color never'))
check('--color always', has_color('TERM=dumb NO_COLOR=1', '--color always'))
os.close(terminal)
color = {**os.environ, 'TERM': 'xterm'}
color.pop('NO_COLOR', None)
check('no colours in a file', b'\x1b' not in subprocess.run([heapdelta, 'stats', 'twice0.hds'], stdout=subprocess.PIPE, env=color).stdout)

# A reader that has gone: silence, and the status that every filter has then.
traced = subprocess.Popen([heapdelta, 'run', '-q', '-o', 'ps.hds', counter], stdout=subprocess.PIPE)
traced.stdout.readline()
silent = []
for command in ['stats twice0.hds', 'diff twice0.hds twice1.hds', 'info twice0.hds', 'info --format json twice0.hds', 'export twice0.hds --format json',
                'stats twice0.hds --format csv', 'env', 'env --systemd', 'doctor', 'doctor true', 'symbolize twice0.hds', 'ps', 'help', '--help',
                '--version', 'help --man', 'help --bash-completion', 'run --help']:
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run([heapdelta] + command.split(), stdout=writer, stderr=subprocess.PIPE)
    os.close(writer)
    said = [line for line in done.stderr.decode().splitlines() if ': note: ' not in line]
    if done.returncode != -signal.SIGPIPE or said:
        silent.append(f'{command}: {done.returncode} {done.stderr!r}')
traced.terminate()
traced.wait()
screen = '; '.join(silent)
check('a closed pipe ends every command without a word', not silent)
reader, writer = os.pipe()
os.close(reader)
done = subprocess.run([heapdelta, 'run', '-o', 'pipe.hds', 'sh', '-c', 'exit 6'], stderr=writer)
screen = str(done.returncode)
check('run survives when its words go nowhere', done.returncode == 6 and os.path.exists('pipe.hds'))
