#!/usr/bin/env python3
"""spawnd through its socket: sessions, the ceiling, slow callers, the end."""
import array
import os
import select
import signal
import socket
import subprocess
import sys
import tempfile
import time

BUILD = os.environ.get('top_builddir', '.')
SPAWND = os.path.join(BUILD, 'libexec/spawnd')
count = failed = 0


def ok(good, name):
    global count, failed
    count += 1
    if not good:
        failed += 1
    print('%sok %d - %s' % ('' if good else 'not ', count, name), flush=True)
    return good


def record(proto, **attrs):
    parts = [proto, '1'] + [x for kv in attrs.items() for x in kv]
    return b''.join(p.encode() + b'\0' for p in parts)


def parse(rec):
    parts = rec.split(b'\0')[:-1]
    return dict(zip((p.decode() for p in parts[::2]), (p.decode() for p in parts[1::2])))


class Spawnd:
    """A spawnd on a socket of its own, running SCRIPT for each session."""

    def __init__(self, top, ceiling, script):
        self.path = os.path.join(top, 'sock')
        self.prog = os.path.join(top, 'session')
        self.log = open(os.path.join(top, 'log'), 'w+')
        with open(self.prog, 'w') as f:
            f.write(script)
        os.chmod(self.prog, 0o755)
        if os.path.exists(self.path):
            os.unlink(self.path)
        self.listener = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.listener.bind(self.path)
        self.listener.listen(100)
        fd = self.listener.fileno()

        def become():
            os.dup2(fd, 3)
            os.set_inheritable(3, True)
            os.closerange(4, 1000)
            os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS='1', LISTEN_FDNAMES='accept',
                              SECRET='x', NOTIFY_SOCKET='/nowhere', POSTHORN_ETC='/etc/x')
            os.execv(SPAWND, [SPAWND, '-n', str(ceiling), self.prog, 'argument'])

        self.pid = os.fork()
        if self.pid == 0:
            try:
                os.dup2(self.log.fileno(), 2)
                become()
            finally:
                os._exit(99)

    def connect(self):
        s = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        s.settimeout(30)
        s.connect(self.path)
        return s

    def session(self, **attrs):
        """Ask for a session: (answer, data socket, control socket)."""
        s = self.connect()
        data, data2 = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
        control, control2 = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        data.settimeout(30)
        send(s, record('conn', **attrs), [data2.fileno(), control2.fileno()])
        data2.close()
        control2.close()
        rep = parse(s.recv(65536))
        s.close()
        return rep, data, control

    def stop(self, sig=signal.SIGTERM):
        os.kill(self.pid, sig)
        status = os.waitpid(self.pid, 0)[1]
        self.listener.close()
        return status

    def text(self):
        self.log.seek(0)
        return self.log.read()


def send(s, rec, fds):
    s.sendmsg([rec], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array('i', fds))])


def read_all(s):
    got = b''
    while True:
        part = s.recv(65536)
        if not part:
            return got.decode()
        got += part


def few_descriptors(pid, most):
    """Its descriptors, once there are few: it answers before it closes what it was given."""
    for _ in range(600):
        left = os.listdir('/proc/%d/fd' % pid)
        if len(left) <= most:
            break
        time.sleep(0.05)
    return left


def gone(pid):
    for _ in range(600):
        try:
            with open('/proc/%d/stat' % pid) as f:
                if f.read().rsplit(')', 1)[1].split()[0] == 'Z':
                    return True
        except OSError:
            return True
        time.sleep(0.05)
    return False


def test_session(top):
    sd = Spawnd(top, 5, '#!/bin/sh\nexec 2>&1\necho "arg $1"\n'
                'for f in 0 1 2 3 4 5 6 7 8 9; do [ -e /proc/$$/fd/$f ] && echo "fd $f"; done\ntr "\\0" "\\n" </proc/$$/environ\n')
    rep, data, control = sd.session(id='c1', service='smtp', rip='192.0.2.1', evil='x', LD_PRELOAD='y',
                                    input='QQ==', trusted='1', seal='aa')
    ok(rep == {'spawned': '1', 'ok': '1'}, 'a session is started')
    lines = read_all(data).splitlines()
    ok('arg argument' in lines, 'with its arguments')
    fds = sorted(int(x[3:]) for x in lines if x.startswith('fd '))
    ok(fds == [0, 1, 2, 3], 'with its four descriptors and no other')
    env = {x.split('=')[0] for x in lines if '=' in x}
    ok({'PEER_ID', 'PEER_SERVICE', 'PEER_RIP', 'PEER_INPUT', 'PEER_TRUSTED', 'PEER_SEAL', 'POSTHORN_ETC', 'PATH'} <= env,
       'the facts are in the environment')
    ok(not env & {'SECRET', 'NOTIFY_SOCKET', 'PEER_EVIL', 'LD_PRELOAD', 'PEER_LD_PRELOAD', 'LISTEN_FDS'},
       'and nothing else')
    rep, data, control = sd.session(id='c2', rip='a\nb')
    ok(rep.get('error') == 'unfit values', 'a control byte in a value is refused')
    s = sd.connect()
    s.send(record('conn', id='c3'))
    ok('error' in parse(s.recv(65536)), 'a record without descriptors is refused')
    s = sd.connect()
    s.send(b'garbage')
    ok('error' in parse(s.recv(65536)), 'garbage is refused')
    os.unlink(sd.prog)
    rep, data, control = sd.session(id='c4')
    ok('No such file' in rep.get('error', ''), 'a program that cannot run is told')
    left = few_descriptors(sd.pid, 6)
    ok(len(left) <= 6, 'no descriptor is leaked (%d open)' % len(left))
    ok(sd.stop() == 0, 'stopped in order')


def still_open(s):
    return not select.select([s], [], [], 0)[0]


def test_slow_callers(top):
    sd = Spawnd(top, 40, '#!/bin/sh\necho hello\n')
    dead = [sd.connect() for _ in range(20)]
    good = False
    for _ in range(10):         # on a busy machine the silent ones may be dropped first
        rep, data, control = sd.session(id='x')
        good = read_all(data) == 'hello\n' and still_open(dead[-1])
        if good:
            break
        dead.append(sd.connect())
    ok(good, 'silent callers hold nobody up')
    dead[0].settimeout(30)
    try:
        end = dead[0].recv(10)
    except OSError:
        end = None
    ok(end == b'', 'and are dropped after a while')
    ok(sd.stop() == 0, 'stopped')


def test_ceiling(top):
    sd = Spawnd(top, 2, '#!/bin/sh\necho $$\nread x\n')
    pairs = [sd.session(id=str(i)) for i in range(2)]
    pids = [int(p[1].recv(100)) for p in pairs]
    s = sd.connect()
    data, data2 = socket.socketpair()
    send(s, record('conn', id='third'), [data2.fileno(), data2.fileno()])
    data2.close()
    s.settimeout(0.5)
    try:
        s.recv(100)
        waited = False
    except socket.timeout:
        waited = True
    ok(waited, 'past the ceiling a connection waits')
    pairs[0][1].close()
    s.settimeout(30)
    ok(parse(s.recv(1000)).get('ok') == '1', 'until a place is free')
    third = int(data.recv(100))
    begin = time.time()
    ok(sd.stop() == 0 and time.time() - begin < 4.5, 'SIGTERM ends children that listen at once')
    ok(gone(pids[1]) and gone(third), 'none is left')


def test_stubborn(top):
    sd = Spawnd(top, 2, '#!/bin/sh\ntrap "" TERM\necho $$\nwhile :; do sleep 0.1; done\n')
    rep, data, control = sd.session(id='deaf')
    pid = int(data.recv(100))
    begin = time.time()
    ok(sd.stop() == 0, 'a child that ignores SIGTERM does not keep it')
    ok(4 < time.time() - begin < 30 and gone(pid), 'it is killed after five seconds')


def test_killed(top):
    sd = Spawnd(top, 2, '#!/bin/sh\necho $$\nread x\n')
    rep, data, control = sd.session(id='a')
    pid = int(data.recv(100))
    sd.stop(signal.SIGKILL)
    ok(gone(pid), 'when spawnd is killed its sessions end')


def test_usage():
    def run(*args):
        return subprocess.run([SPAWND] + list(args), stderr=subprocess.PIPE, stdin=subprocess.DEVNULL)
    ok(run().returncode == 100, 'no program: 100')
    ok(run('-n', '0', '/bin/true').returncode == 100, 'no room at all: 100')
    ok(run('-n', 'x', '/bin/true').returncode == 100, 'not a number: 100')
    ok(run('/bin/true').returncode == 100, 'no socket: 100')
    ok(b'nowhere' in run('/nowhere').stderr, 'a program that is not there is named')


with tempfile.TemporaryDirectory() as top:
    test_usage()
    test_session(top)
    test_slow_callers(top)
    test_ceiling(top)
    test_stubborn(top)
    test_killed(top)
print('1..%d' % count)
sys.exit(failed != 0)
