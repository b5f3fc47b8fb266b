"""queue-send with doors of our own: every job comes to a function of the test.

    with Queue() as q:
        q.remote.policy = lambda job, worker: [('ok', 250, 'taken')]
        q.start()
        q.put('a@example.net')

A policy gives a result for each recipient (or one for all), or an Answer to say more; it
may raise Die. Jobs are kept in the order they came: q.remote.jobs.
"""
import os
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time

import ipc
from tap import BUILD

QUEUE_SEND = os.path.join(BUILD, 'libexec/queue-send/queue-send')
MKSPOOL = os.path.join(BUILD, 't/prog/mkspool')
POSTHORN = os.path.join(BUILD, 'bin/posthorn')

OK = ('ok', 250, '2.0.0 taken')
TEMP = ('temp', 451, '4.3.0 later')
PERM = ('perm', 550, '5.1.1 nobody of that name')

CONF = 'hostname = mail.example\npostmaster { account = joe }\n'
FILES = {
    'domains/ours.example.conf': '',
    'accounts/joe.conf': 'address joe@ours.example { }\n',
    'accounts/ann.conf': 'address ann@ours.example { }\n',
}


class Die(Exception):
    """The worker ends without an answer."""


class Answer:
    def __init__(self, results, more=True, unreached=False, dialed='', raw=None, delay=0):
        self.results, self.more, self.unreached, self.dialed = results, more, unreached, dialed
        self.raw, self.delay = raw, delay


class Job:
    """A job record: attributes of the message by name, and rcpts."""

    def __init__(self, rec, fd):
        parts = [p.decode('utf-8', 'replace') for p in rec.split(b'\0')[:-1]]
        self.attrs, self.rcpts, self.ports = {}, [], []
        for k, v in zip(parts[::2], parts[1::2]):
            if k == 'rcpt':
                self.rcpts.append({'rcpt': v})
            elif self.rcpts:
                self.rcpts[-1][k] = v
            elif k == 'port':
                self.ports.append(int(v))
            else:
                self.attrs[k] = v
        self.time = time.time()
        self.to = [r['rcpt'] for r in self.rcpts]
        self.body = os.pread(fd, int(self.attrs['size']), int(self.attrs['content'])) if fd is not None else b''

    def __getattr__(self, name):
        return self.attrs.get(name.replace('_', '-'), '')

    def __repr__(self):
        return 'Job(%s %s to %s, attempt %s)' % (self.id, self.kind, self.to, self.attempt)


def done(answer, n):
    results = answer.results if isinstance(answer.results, list) else [answer.results] * n
    if len(results) == 1:
        results *= n
    parts = ['done', '1']
    if answer.dialed:
        parts += ['dialed', answer.dialed]
    if answer.unreached:
        parts += ['unreached', '1']
    if answer.more:
        parts += ['more', '1']
    for r in results:
        got, code, text = r[:3]
        parts += ['result', got]
        if code:
            parts += ['code', str(code), 'host', 'mx.example.net', 'ip', '192.0.2.1']
        m = re.match(r'([245]\.\d+\.\d+) (.*)', text, re.S)
        parts += ['status', m.group(1) if m else got == 'ok' and '2.0.0' or got == 'temp' and '4.0.0' or '5.0.0',
                  'text', text]
        for k in r[3:]:
            parts += [k, '1']
    return b''.join(p.encode() + b'\0' for p in parts)


class Door:
    """A spawnd and its workers: a thread each."""

    def __init__(self, path):
        self.path = path
        self.policy = lambda job, worker: OK
        self.jobs, self.opened, self.now, self.most = [], 0, 0, 0
        self.refuse = 0         # so many are told error=
        self.lock = threading.Lock()
        self.closing = False
        self.socks = []
        self.open()

    def open(self):
        self.closing = False
        self.listener = ipc.listener(self.path)
        self.thread = threading.Thread(target=self.accept, args=(self.listener,), daemon=True)
        self.thread.start()

    def close(self):
        self.closing = True
        try:
            self.listener.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self.listener.close()
        if os.path.exists(self.path):
            os.unlink(self.path)

    def cut(self):
        """All workers die."""
        with self.lock:
            socks, self.socks = self.socks, []
        for s in socks:
            try:
                s.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def accept(self, listener):
        while True:
            try:
                c, _ = listener.accept()
                rec, fds = ipc.recv_fds(c)
            except OSError:
                return
            if self.refuse > 0:
                self.refuse -= 1
                for fd in fds:
                    os.close(fd)
                c.send(ipc.record('spawned', error='Resource temporarily unavailable'))
                c.close()
                continue
            if len(fds) == 2:
                os.close(fds[1])
                s = socket.socket(fileno=fds[0])
                with self.lock:
                    self.opened += 1
                    self.now += 1
                    self.most = max(self.most, self.now)
                    self.socks.append(s)
                threading.Thread(target=self.work, args=(s, self.opened), daemon=True).start()
                try:
                    c.send(ipc.record('spawned', ok='1'))
                except OSError:
                    pass
            c.close()

    def work(self, s, worker):
        try:
            while True:
                rec, fds = ipc.recv_fds(s)
                if not rec:
                    break
                job = Job(rec, fds[0] if fds else None)
                for fd in fds:
                    os.close(fd)
                with self.lock:
                    self.jobs.append(job)
                job.worker = worker
                a = self.policy(job, worker)
                if not isinstance(a, Answer):
                    a = Answer(a)
                if a.delay:
                    time.sleep(a.delay)
                s.send(done(a, len(job.rcpts)) if a.raw is None else a.raw)
                if not a.more and a.raw is None:
                    break
        except (Die, OSError):
            pass
        finally:
            with self.lock:
                self.now -= 1
                if s in self.socks:
                    self.socks.remove(s)
            s.close()


class Queue:
    def __init__(self, conf=CONF, files=FILES):
        self.dir = tempfile.mkdtemp(prefix='posthorn-queue.')
        self.var = os.path.join(self.dir, 'var')
        self.proc = None
        for d in ('var/run', 'etc/domains', 'etc/accounts'):
            os.makedirs(os.path.join(self.dir, d))
        self.configure(conf, files)
        self.remote = Door(os.path.join(self.var, 'run/queue-remote'))
        self.local = Door(os.path.join(self.var, 'run/queue-local'))
        self.ctl = os.path.join(self.var, 'run/queue-send')
        self.logname = os.path.join(self.dir, 'log')

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.kill()
        self.remote.close()
        self.local.close()
        self.remote.cut()
        self.local.cut()
        said = [l for l in self.log().splitlines() if 'Sanitizer' in l or 'runtime error:' in l]
        if said:
            raise RuntimeError('\n'.join(said))
        shutil.rmtree(self.dir, ignore_errors=True)

    def configure(self, conf, files):
        for name, text in dict(files, **{'posthorn.conf': conf}).items():
            with open(os.path.join(self.dir, 'etc', name), 'w') as f:
                f.write(text)
        p = subprocess.run([POSTHORN, '-C', self.dir, 'config', 'build'], capture_output=True, text=True)
        if p.returncode != 0:
            raise RuntimeError(p.stdout + p.stderr)

    # --- its life

    def start(self, *args, wrap=(), env=(), wait=True):
        if os.path.exists(self.ctl):
            os.unlink(self.ctl)
        s = ipc.listener(self.ctl)

        def child():
            if s.fileno() != 3:
                os.dup2(s.fileno(), 3, True)
            os.set_inheritable(3, True)
        e = dict(os.environ, LISTEN_FDS='1', LISTEN_FDNAMES='ctl', POSTHORN_VAR=self.var, **dict(env))
        before = self.log().count(' started ')
        with open(self.logname, 'a') as log:
            self.proc = subprocess.Popen([*wrap, '/bin/sh', '-c', 'LISTEN_PID=$$ exec "$@"', 'sh', QUEUE_SEND, *args],
                                         preexec_fn=child, env=e, stderr=log, close_fds=False, start_new_session=True)
        s.close()
        if wait:
            self.wait(lambda: self.log().count(' started ') > before or self.proc.poll() is not None)

    def kill(self, sig=signal.SIGKILL):
        if self.proc is None:
            return None
        try:
            os.killpg(self.proc.pid, sig)
        except ProcessLookupError:
            pass
        code = self.proc.wait(60)
        self.proc = None
        return code

    def stop(self):
        return self.kill(signal.SIGTERM)

    def wait(self, true, seconds=30):
        end = time.time() + seconds
        while True:
            v = true()
            if v or time.time() > end:
                return v
            time.sleep(0.005)

    def log(self):
        try:
            return open(self.logname, errors='replace').read()
        except OSError:
            return ''

    def lines(self, event):
        return [l for l in self.log().splitlines() if re.match(r'\S+\[\d+\] %s ' % event, l)]

    # --- its mail

    def mkspool(self, *args, data=b''):
        p = subprocess.run([MKSPOOL, *args], cwd=self.var, capture_output=True, input=data)
        if p.returncode != 0:
            raise RuntimeError(p.stderr.decode())
        return p.stdout

    def put(self, *rcpts, sender='joe@ours.example', account='joe', data=b'Subject: hello\r\n\r\nbody\r\n', opts=()):
        """Ids of messages put into the queue (one, without -c)."""
        out = self.mkspool('put', '-f', sender, '-a', account, *opts, *rcpts, data=data).decode().split()
        return out[0] if len(out) == 1 else out

    def show(self):
        """{(id, rcpt): {state, attempts, held, next, code, text}} of all that is in the files."""
        found = {}
        for line in self.mkspool('show').decode('utf-8', 'replace').splitlines():
            f = line.split(' ', 8)
            if f[1] == 'unreadable':
                continue
            found[f[0], f[2]] = dict(sender=f[1], state=f[3], attempts=int(f[4]), held=f[5] == '1',
                                     next=int(f[6]), code=int(f[7]), text=f[8])
        return found

    def ids(self):
        d = os.path.join(self.var, 'queue/msg')
        return sorted(os.listdir(d)) if os.path.isdir(d) else []

    def logs(self):
        d = os.path.join(self.var, 'queue/log')
        return sorted(os.listdir(d)) if os.path.isdir(d) else []

    def empty(self, seconds=30):
        return self.wait(lambda: not self.ids() and not self.logs(), seconds)

    def command(self, cmd, seconds=30, **filters):
        """(last record, [message records as lists of pairs])."""
        c = ipc.connect(self.ctl, seconds)
        parts = ['queue', '1', 'cmd', cmd]
        for k, v in filters.items():
            for one in v if isinstance(v, list) else [v]:
                parts += [k, str(one)]
        c.send(b''.join(p.encode() + b'\0' for p in parts))
        messages = []
        while True:
            rec = c.recv(65536)
            if not rec:
                c.close()
                return None, messages
            if rec.startswith(b'queue\0'):
                c.close()
                return ipc.parse(rec), messages
            p = [x.decode() for x in rec.split(b'\0')[:-1]]
            messages.append(list(zip(p[::2], p[1::2])))
