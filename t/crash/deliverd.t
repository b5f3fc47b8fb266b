#!/usr/bin/env python3
"""deliverd with every system call failing in turn, and killed at it.

strace makes the k-th call of a kind fail (ENOSPC, EIO) or kills the worker
there, for every kind and every k that one delivery makes. After each, what
the client was told and what a reader finds agree: nothing accepted is lost,
nothing refused is left, index and files agree. Then the power is cut: of the
traced calls only what was synced counts, and every accepted message is there.
"""
import concurrent.futures
import functools
import os
import re
import select
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

BUILD = os.environ.get('top_builddir', '.')
DELIVERD = os.path.join(BUILD, 'libexec/deliverd/deliverd')
LOOK = os.path.join(BUILD, 't/crash/look')
POSTHORN = os.path.join(BUILD, 'bin/posthorn')
STRACE = shutil.which('strace')

# calls of a delivery that can fail, or where a process may die
CALLS = ('openat write pwrite64 pread64 read lseek fsync renameat unlinkat newfstatat fstat ftruncate '
         'fcntl utimensat getrandom sendmsg recvmsg close sync_file_range getdents64').split()
KILL_ONLY = ('sendmsg', 'recvmsg', 'close', 'sync_file_range')
tests = 0
failed = 0


def ok(good, name):
    global tests, failed
    tests += 1
    print(('ok' if good else 'not ok'), tests, '-', name)
    if not good:
        failed += 1
    sys.stdout.flush()
    return good


class Home:
    """A var directory with one account and a message in it."""

    def __init__(self, template=None):
        self.dir = tempfile.mkdtemp(prefix='posthorn-crash.')
        self.var = os.path.join(self.dir, 'var')
        if template:
            shutil.copytree(template.var, self.var, symlinks=True,
                            ignore=lambda d, names: [n for n in names if n == 'run'])
        os.makedirs(os.path.join(self.var, 'run'), exist_ok=True)
        self.sock = os.path.join(self.var, 'run/deliverd')
        self.proc = None
        self.trace = os.path.join(self.dir, 'trace')

    def start(self, inject=None, trace=None):
        s = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        if os.path.exists(self.sock):
            os.unlink(self.sock)
        s.bind(self.sock)
        s.listen(8)
        argv = [DELIVERD, '-n', '1']
        if inject or trace:
            argv = [STRACE, '-f', '-qq', '-y', '-s', '200', '-o', self.trace,
                    '-e', 'trace=' + (trace or inject.split(':')[0]), '-e', 'signal=none'] + (
                        ['-e', 'inject=' + inject] if inject else []) + argv
        # the pid must be deliverd's own: strace runs it in a child
        shell = 'LISTEN_PID=$$ exec "$@"'
        if inject or trace:
            at = argv.index(DELIVERD)
            argv = argv[:at] + ['/bin/sh', '-c', shell, 'sh'] + argv[at:]
        else:
            argv = ['/bin/sh', '-c', shell, 'sh'] + argv

        self.alive, held = os.pipe()

        def child():
            os.set_inheritable(held, True)
            if s.fileno() != 3:
                os.dup2(s.fileno(), 3, True)
            os.set_inheritable(3, True)
        env = dict(os.environ, LISTEN_FDS='1', LISTEN_FDNAMES='deliverd', POSTHORN_VAR=self.var)
        self.err = open(os.path.join(self.dir, 'log'), 'ab')
        self.proc = subprocess.Popen(argv, preexec_fn=child, env=env, stderr=self.err,
                                     close_fds=False, start_new_session=True)
        os.close(held)
        s.close()

    def stop(self):
        if self.proc is None:
            return
        try:
            os.killpg(self.proc.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        self.proc.wait()
        # the end of the pipe that all of them hold: now they are dead
        select.select([self.alive], [], [], 10)
        os.close(self.alive)
        self.err.close()
        self.err = self.proc = None

    def deliver(self, line, patience=8):
        """(result, record) of one message; result None when there was no answer."""
        c = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        c.settimeout(patience)
        rec = {}
        try:
            c.connect(self.sock)
            with tempfile.TemporaryFile() as f:
                f.write(b'Subject: crash\r\n\r\n' + line.encode() + b'\r\n')
                f.flush()
                req = ['deliver', '1', 'account', 'user', 'rcpt', 'user@localhost', 'mailbox', 'INBOX',
                       'mailfrom', 'a@b', 'prefix', 'Return-Path: <a@b>\r\n', 'conn', 'x']
                socket.send_fds(c, ['\0'.join(req).encode() + b'\0'], [f.fileno()])
                got = c.recv(65536)
            parts = got.split(b'\0')[:-1]
            rec = {k.decode(): v.decode() for k, v in zip(parts[::2], parts[1::2])}
        except (OSError, socket.timeout):
            pass
        finally:
            c.close()
        return rec.get('result'), rec

    def look(self, var=None):
        """Last lines of all messages, and problems; None when a reader fails."""
        p = subprocess.run([LOOK, 'accounts/user'], cwd=var or self.var, capture_output=True, text=True,
                           errors='replace')
        lines = p.stdout.splitlines()
        if p.returncode != 0 or not lines or lines[-1] != 'end':
            return None, [p.stderr.strip() or 'no end']
        bodies = [x.split(' ', 2)[2] for x in lines[:-1] if not x.startswith('problem ')]
        return bodies, [x for x in lines if x.startswith('problem ')]

    def remove(self):
        self.stop()
        shutil.rmtree(self.dir, ignore_errors=True)


def template():
    h = Home()
    os.makedirs(os.path.join(h.var, 'accounts'))
    os.makedirs(os.path.join(h.dir, 'etc/domains'))
    os.makedirs(os.path.join(h.dir, 'etc/accounts'))
    with open(os.path.join(h.dir, 'etc/posthorn.conf'), 'w') as f:
        f.write('hostname = mail.example\n')
    for args in (['domain', 'add', 'localhost'], ['account', 'add', 'user', 'user@localhost'],
                 ['config', 'build']):
        p = subprocess.run([POSTHORN, '-C', h.dir] + args, capture_output=True, text=True)
        if p.returncode != 0:
            print('# posthorn', *args, ':', p.stderr)
    h.start()
    for i in range(3):
        result, rec = h.deliver('old %d' % i)
        if result != 'ok':
            print('Bail out! no delivery at all:', rec)
            h.stop()
            sys.stdout.flush()
            print(open(os.path.join(h.dir, 'log')).read())
            sys.exit(1)
    h.stop()
    return h


def baseline(t):
    """How many calls of each kind the worker makes for one delivery, from its start on."""
    h = Home(t)
    h.start(trace=','.join(CALLS))
    result, _ = h.deliver('new')
    time.sleep(0.1)
    h.stop()
    pids = {}
    worker = None
    for line in open(h.trace, errors='replace'):
        m = re.match(r'(\d+) +(\w+)\(', line)
        if not m:
            continue
        pids.setdefault(m.group(1), {}).setdefault(m.group(2), 0)
        pids[m.group(1)][m.group(2)] += 1
        if 'renameat(' in line and '/INBOX/tmp' in line:
            worker = m.group(1)
    counts = pids.get(worker, {})
    text = open(h.trace, errors='replace').read()
    h.remove()
    return result, counts, text


def one(t, call, k, how):
    """None when all is well, or what is wrong."""
    h = Home(t)
    try:
        h.start(inject='%s:%s:when=%d' % (call, how, k))
        result, _ = h.deliver('new')
        h.stop()
        bodies, problems = h.look()
        if bodies is None:
            return 'a reader fails: %s' % problems
        n = bodies.count('new')
        if sorted(b for b in bodies if b != 'new') != ['old 0', 'old 1', 'old 2']:
            return 'old mail: %s' % bodies
        if problems:
            return ' '.join(problems)
        if result == 'ok' and n != 1:
            return 'accepted, but there %d times' % n
        if result in ('temp', 'perm') and n != 0:
            return 'refused, but there %d times' % n
        if n > 1:
            return 'there %d times' % n
        return None
    except Exception as e:  # a fault of the test: shown with the case it came in
        return repr(e)
    finally:
        h.remove()


def one_case(t, case):
    return one(t, *case)


def faults(t, counts):
    cases = []
    for call in CALLS:
        for k in range(1, counts.get(call, 0) + 1):
            hows = ['signal=SIGKILL']
            if call not in KILL_ONLY:
                hows += ['error=EIO']
                if call in ('openat', 'write', 'pwrite64', 'fsync', 'renameat', 'ftruncate'):
                    hows += ['error=ENOSPC']
            # reads of the index are many and alike
            if call in ('pread64', 'fcntl') and k % 5 and how_many(counts, call) > 40:
                continue
            cases += [(call, k, how) for how in hows]
    print('# %d faults' % len(cases))
    bad = {}
    with concurrent.futures.ProcessPoolExecutor(4) as pool:
        for case, wrong in zip(cases, pool.map(functools.partial(one_case, t), cases, chunksize=4)):
            if wrong:
                bad.setdefault(case[0], []).append('%s %d %s: %s' % (*case, wrong))
    for call in CALLS:
        if call in counts:
            for b in bad.get(call, [])[:10]:
                print('#', b)
            ok(call not in bad, '%s: %d calls, each failed and killed' % (call, counts[call]))


def how_many(counts, call):
    return counts.get(call, 0)


def main():
    if STRACE is None:
        print('1..0 # SKIP strace is not installed')
        return 0
    p = subprocess.run([STRACE, '-o', '/dev/null', 'true'], capture_output=True)
    if p.returncode != 0:
        print('1..0 # SKIP strace may not trace here')
        return 0
    t = template()
    try:
        result, counts, text = baseline(t)
        ok(result == 'ok', 'a traced delivery')
        print('#', counts)
        faults(t, counts)
        power(t)
    finally:
        t.remove()
    print('1..%d' % tests)
    return failed != 0


class Disk:
    """What of traced calls is on disk: contents when the file was synced,
    entries when their directory was synced after the change. A rename that was
    not synced has not happened."""

    def __init__(self, text, var):
        self.files = {}     # path -> [synced]
        self.pending = []   # (op, ...) in order
        self.synced = []    # ops that are durable
        for line in text.splitlines():
            self.event(line, var)

    def event(self, line, var):
        m = re.match(r'\d+ +(\w+)\((.*)\) += 0$|\d+ +(\w+)\((.*)\) += \d+<', line)
        if not m:
            return
        call, args = m.group(1) or m.group(3), m.group(2) or m.group(4)
        if call == 'openat' and 'O_CREAT' in args:
            a = re.match(r'(?:\d+<(.*?)>|AT_FDCWD<(.*?)>), "(.*?)"', args)
            path = os.path.join(a.group(1) or a.group(2), a.group(3))
            self.pending.append(('create', os.path.dirname(path), path))
            self.files.setdefault(path, False)
        elif call == 'renameat':
            a = re.match(r'(?:\d+|AT_FDCWD)<(.*?)>, "(.*?)", (?:\d+|AT_FDCWD)<(.*?)>, "(.*?)"', args)
            old, new = os.path.join(a.group(1), a.group(2)), os.path.join(a.group(3), a.group(4))
            self.pending.append(('rename', a.group(3), old, new))
            self.files[new] = self.files.get(old, True)
        elif call == 'fsync':
            path = re.match(r'\d+<(.*)>', args).group(1)
            if os.path.isdir(path) or path.endswith(('/new', '/cur', '/tmp')):
                keep = []
                for op in self.pending:
                    if op[1] == path:
                        self.synced.append(op)
                    else:
                        keep.append(op)
                self.pending = keep
            else:
                self.files[path] = True


def power(t):
    """Deliver ten messages, then go back to what was synced; the index in four states."""
    h = Home(t)
    trace = 'openat,renameat,fsync,write'
    h.start(trace=trace)
    accepted = [('new %d' % i) for i in range(10) if h.deliver('new %d' % i)[0] == 'ok']
    time.sleep(0.1)
    text = open(h.trace, errors='replace').read()
    ok(len(accepted) == 10, 'ten are accepted')
    disk = Disk(text, h.var)
    index = os.path.join(h.var, 'accounts/user/index.tdb')
    newest = open(index, 'rb').read()
    oldest = open(os.path.join(t.var, 'accounts/user/index.tdb'), 'rb').read()
    mixed = b''.join((newest if i // 4096 % 2 else oldest)[i:i + 4096] for i in range(0, len(newest), 4096))
    h.stop()
    contents = {}
    for top, _, names in os.walk(os.path.join(h.var, 'accounts/user/mail')):
        for n in names:
            m = re.match(r'\d+\.(\w{16})\.posthorn', n)
            if m:
                contents[m.group(1)] = open(os.path.join(top, n), 'rb').read()
    for name, data in (('current', newest), ('old', oldest), ('empty', b''), ('mixed', mixed), ('none', None)):
        r = Home(t)
        replay(disk, h.var, r.var, contents)
        path = os.path.join(r.var, 'accounts/user/index.tdb')
        os.unlink(path)
        if data is not None:
            with open(path, 'wb') as f:
                # another boot: the record keeps the id of the machine's start as text
                f.write(data.replace(open('/proc/sys/kernel/random/boot_id', 'rb').read().strip(), b'-' * 36))
        bodies, problems = r.look()
        if bodies is None or problems:
            print('#', bodies, problems)
        ok(bodies is not None and sorted(bodies) == sorted(['old 0', 'old 1', 'old 2'] + accepted),
           'power cut, %s index: every accepted message, once' % name)
        ok(not problems, 'power cut, %s index: index and files agree' % name)
        r.remove()
    h.remove()


def replay(disk, was, var, contents):
    """Apply what was synced to a copy of the state before."""
    for op in disk.synced:
        if not op[-1].startswith(was):
            continue
        new = var + op[-1][len(was):]
        if op[0] == 'create':
            if not os.path.exists(new):
                open(new, 'wb').close()
            continue
        old = var + op[2][len(was):]
        m = re.match(r'\d+\.(\w{16})\.posthorn', os.path.basename(new))
        if m:
            with open(new, 'wb') as f:
                if disk.files.get(op[3]):
                    f.write(contents.get(m.group(1), b''))
        elif os.path.exists(was + op[3][len(was):]):
            shutil.copyfile(was + op[3][len(was):], new)
        if os.path.exists(old) and old != new:
            os.unlink(old)


if __name__ == '__main__':
    sys.exit(main())
