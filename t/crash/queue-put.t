#!/usr/bin/env python3
"""queue-put with every system call failing in turn, and killed at it.

strace makes the k-th call of a kind fail (EIO, ENOSPC) or kills the process there, for every
kind and every k that a session with two messages makes. After each, the table of states of
lib/store/spool.h holds: what was answered with 250 is whole in msg/, what was refused is not
there, and nothing half is; and the next session works. Then the order of calls is looked
at: before 250 is said the file is synced, renamed, and its directory synced.
"""
import concurrent.futures
import functools
import os
import re
import shutil
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.environ.get('top_srcdir', '.'), 't/lib'))
import ipc
from tap import BUILD, Tap, skip_all

tap = Tap()
PUT = os.path.join(BUILD, 'libexec/queue-put/queue-put')
POSTHORN = os.path.join(BUILD, 'bin/posthorn')
STRACE = shutil.which('strace')
SECONDS = 60
CALLS = ('openat write pwrite64 pread64 read lseek fsync renameat renameat2 unlinkat unlink link mkdirat newfstatat fstat lstat '
         'ftruncate fallocate fcntl getrandom sendmsg recvmsg recvfrom close mmap munmap brk rt_sigprocmask').split()
# the others cannot fail, or (brk) not in the way that strace makes them
KILL_ONLY = ('sendmsg', 'recvmsg', 'recvfrom', 'close', 'munmap', 'rt_sigprocmask', 'brk')
BODY = b'0123456789abcdef\r\n' * 20000


class Home:
    def __init__(self, template=None):
        self.dir = tempfile.mkdtemp(prefix='posthorn-crash.')
        self.var = os.path.join(self.dir, 'var')
        if template:
            shutil.copytree(template.var, self.var)
        else:
            os.makedirs(self.var)

    def session(self, inject=None, trace=None):
        """Two messages: what was answered to each (None: nothing)."""
        argv = [PUT]
        if inject or trace:
            argv = [STRACE, '-qq', '-y', '-s', '4000', '-o', os.path.join(self.dir, 'trace'),
                    '-e', 'trace=' + (trace or inject.split(':')[0]), '-e', 'signal=none'] + (
                        ['-e', 'inject=' + inject] if inject else []) + argv
        mine, theirs = ipc.pair()
        env = dict(os.environ, POSTHORN_VAR=self.var, PEER_ACCOUNT='user', PEER_LOGIN='user@localhost', PEER_ID='c')
        proc = subprocess.Popen(argv, stdin=theirs, stderr=subprocess.DEVNULL, env=env)
        theirs.close()
        mine.settimeout(SECONDS)
        codes = [self.put(mine, b'one', b'x\r\n'), self.put(mine, b'two', BODY)]
        mine.close()
        proc.wait(SECONDS)
        return codes

    @staticmethod
    def put(s, ident, body):
        try:
            s.send(ipc.record('put', cmd='mail', **{'from': 'user@localhost'}))
            for r in ('a@there.example', 'b@there.example'):
                s.send(ipc.record('put', cmd='rcpt', rcpt=r))
            with tempfile.TemporaryFile() as f:
                f.write(b'From: user@localhost\r\nMessage-ID: <' + ident + b'>\r\n\r\n' + body + b'end of ' + ident + b'\r\n')
                f.flush()
                ipc.send_fds(s, ipc.record('put', cmd='data'), [f.fileno()])
            return ipc.parse(s.recv(65536)).get('code')
        except (OSError, IndexError):
            return None

    def look(self):
        """Message-IDs in msg/; raises for what is not whole."""
        found = []
        top = os.path.join(self.var, 'queue/msg')
        for name in os.listdir(top) if os.path.isdir(top) else []:
            with open(os.path.join(top, name), 'rb') as f:
                data = f.read()
            n = int(data[17:27])
            parts = data[:n].split(b'\0')
            assert data.startswith(b'queue\x001\0envelope\0') and parts[-1] == b'' and len(parts) % 2 == 1, 'envelope of ' + name
            d = dict(zip(parts[:-1:2], parts[1:-1:2]))
            assert d[b'id'] == name.encode() and d[b'rcpt'] == b'b@there.example', 'envelope of ' + name
            ident = d[b'message-id'].strip(b'<>')
            want = (BODY if ident == b'two' else b'x\r\n') + b'end of ' + ident + b'\r\n'
            assert data[n:].split(b'\r\n\r\n', 1)[1] == want, 'message %s is not whole' % name
            found.append(ident.decode())
        return sorted(found)

    def remove(self):
        shutil.rmtree(self.dir, ignore_errors=True)


def template():
    h = Home()
    etc = os.path.join(h.dir, 'etc')
    for d in ('domains', 'accounts'):
        os.makedirs(os.path.join(etc, d))
    for name, text in (('posthorn.conf', 'hostname = mail.example\n'), ('domains/localhost.conf', ''),
                       ('accounts/user.conf', 'address user@localhost {}\n')):
        with open(os.path.join(etc, name), 'w') as f:
            f.write(text)
    p = subprocess.run([POSTHORN, '-C', h.dir, 'config', 'build'], capture_output=True, text=True)
    if p.returncode != 0:
        print('Bail out! config build:', p.stderr)
        sys.exit(1)
    return h


def baseline(t):
    """(first, last) number of each call from the opening of the configuration on."""
    h = Home(t)
    codes = h.session(trace=','.join(CALLS))
    counts, first = {}, {}
    begun = False
    for line in open(os.path.join(h.dir, 'trace'), errors='replace'):
        m = re.match(r'(\w+)\(', line)
        if not m:
            continue
        call = m.group(1)
        counts[call] = counts.get(call, 0) + 1
        begun = begun or 'config.tdb' in line
        if begun:
            first.setdefault(call, counts[call])
    h.remove()
    return codes, {c: (first[c], counts[c]) for c in first}


def one(t, case):
    """None when all is well, or what is wrong."""
    call, k, how = case
    h = Home(t)
    try:
        codes = h.session(inject='%s:%s:when=%d' % (call, how, k))
        there = h.look()
        for ident, code in zip(('one', 'two'), codes):
            n = there.count(ident)
            if code == '250' and n != 1:
                return '%s was accepted and is there %d times' % (ident, n)
            if code not in ('250', None) and n != 0:
                return '%s was refused with %s and is there' % (ident, code)
            if n > 1:
                return '%s is there %d times' % (ident, n)
            if code not in ('250', '451', '452', None):
                return '%s was answered with %s' % (ident, code)
        if how.startswith('error') and codes[0] is None and codes[1] is not None:
            return 'an answer is missing'
        # a kill may leave one file there, a removal that fails too
        tmp = os.path.join(h.var, 'queue/tmp')
        left = len(os.listdir(tmp)) if os.path.isdir(tmp) else 0
        if left > (how.startswith('signal') or call == 'unlinkat'):
            return '%d files are left in tmp/' % left
        again = h.session()
        if again != ['250', '250'] or len(h.look()) != len(there) + 2:
            return 'the next session: %s' % again
        return None
    except Exception as e:  # what look() finds, or a fault of the test: shown with its case
        return repr(e)
    finally:
        h.remove()


def cases_of(ranges):
    cases = []
    for call, (first, last) in ranges.items():
        hows = ['signal=SIGKILL']
        if call not in KILL_ONLY:
            hows += ['error=EIO']
        if call in ('openat', 'write', 'pwrite64', 'fsync', 'renameat', 'mkdirat', 'fallocate', 'link'):
            hows += ['error=ENOSPC']
        cases += [(call, k, how) for k in range(first, last + 1) for how in hows
                  # locks and reads of the counters are many and alike
                  if call not in ('fcntl', 'pread64') or last - first < 20 or k % 4 == 0 or k > last - 3]
    return cases


def faults(t, ranges):
    cases = cases_of(ranges)
    tap.note('%d faults' % len(cases))
    bad = {}
    with concurrent.futures.ProcessPoolExecutor(3) as pool:
        for case, wrong in zip(cases, pool.map(functools.partial(one, t), cases, chunksize=4)):
            if wrong:
                bad.setdefault(case[0], []).append('%s %d %s: %s' % (*case, wrong))
    for call, (first, last) in ranges.items():
        tap.ok(call not in bad, '%s: %d calls, each failed and killed' % (call, last - first + 1), *bad.get(call, [])[:10])


def order(t):
    """What a power cut would take: nothing of what was said to be queued."""
    h = Home(t)
    codes = h.session(trace='openat,write,fsync,renameat,sendmsg,unlinkat')
    synced, promised, wrong, said = {}, {}, [], 0
    for line in open(os.path.join(h.dir, 'trace'), errors='replace'):
        m = re.match(r'(\w+)\(\d+<([^>]*)>(?:, "([^"]*)", \d+<([^>]*)>, "([^"]*)")?', line)
        if not m:
            continue
        call, path = m.group(1), m.group(2)
        if call == 'write' and '/queue/tmp/' in path:
            synced[path] = False
        elif call == 'fsync' and '/queue/tmp/' in path:
            synced[path] = True
        elif call == 'renameat':
            old = path + '/' + m.group(3)
            if not synced.get(old):
                wrong.append('renamed before it was synced: ' + old)
            promised[m.group(5)] = False
        elif call == 'fsync' and path.endswith('/queue/msg'):
            promised = {k: True for k in promised}
        elif call == 'sendmsg' and 'queued as ' in line:
            said += 1
            ident = re.search(r'queued as (\w{16})', line).group(1)
            if not promised.get(ident):
                wrong.append('said before it was durable: ' + ident)
    tap.eq((codes, said), (['250', '250'], 2), 'two messages, traced')
    tap.none(wrong, 'file, name, directory, and then the answer')
    h.remove()


def main():
    if STRACE is None or subprocess.run([STRACE, '-o', '/dev/null', 'true'], capture_output=True).returncode != 0:
        skip_all('strace is not there or may not trace')
    t = template()
    try:
        codes, ranges = baseline(t)
        tap.eq(codes, ['250', '250'], 'a traced session')
        faults(t, ranges)
        order(t)
    finally:
        t.remove()
    tap.done()


if __name__ == '__main__':
    main()
