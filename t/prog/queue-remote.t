#!/usr/bin/env python3
"""queue-remote through its socket: jobs as queue-send gives them, a dnsd of ours
that knows what each test needs, and servers that misbehave (t/lib/fakesmtp.py)."""
import base64, os, select, shutil, signal, socket, struct, subprocess, sys, tempfile, threading, time

sys.path.insert(0, os.path.join(os.environ.get('top_srcdir', '.'), 't/lib'))
from fakesmtp import CLOSE, RESET, SILENT, FakeSMTP, make_ca, make_cert
from ipc import listener, pair, parse, record, send_fds
from tap import BUILD, Tap

tap = Tap()
ok, eq = tap.ok, tap.eq
REMOTE = os.path.join(BUILD, 'libexec/queue-remote/queue-remote')
TIME = 60       # how long anything may take on a loaded machine


def wire_name(name):
    return b''.join(bytes([len(x)]) + x.encode() for x in name.rstrip('.').split('.') if x) + b'\0'


class Dnsd:
    """Answers from `zone`: {(type, name): [values] or 'nxdomain', 'nodata', 'temp', 'bogus'}. What is not there is NXDOMAIN."""

    def __init__(self, path):
        self.zone, self.asked = {}, []
        self.sock = listener(path)
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            c, _ = self.sock.accept()
            threading.Thread(target=self.serve, args=(c,), daemon=True).start()

    def data(self, kind, value):
        if kind == 'MX':
            return struct.pack('>H', value[0]) + wire_name(value[1])
        return socket.inet_pton(socket.AF_INET6 if kind == 'AAAA' else socket.AF_INET, value)

    def answer(self, q):
        kind, name = q['type'], q['name'].rstrip('.').lower()
        self.asked.append((kind, name))
        got = self.zone.get((kind, name))
        if got is None:
            got = 'nodata' if any(n == name for _, n in self.zone) else 'nxdomain'
        if isinstance(got, str):
            return record('answer', id=q['id'], got=got, canonical=name, why='the test says ' + got)
        rec = record('answer', id=q['id'], got='ok', canonical=name, ttl=60)
        for v in got:
            rec += b'rr\0' + base64.b64encode(self.data(kind, v)) + b'\0'
        return rec

    def serve(self, c):
        while True:
            rec = c.recv(65536)
            if not rec:
                return c.close()
            c.send(self.answer(parse(rec)))


class Result(dict):
    def __getattr__(self, name):
        return self.get(name, '')


def parse_done(rec):
    """The record's own attributes, and a list of results."""
    parts = rec.split(b'\0')[:-1]
    head, results = {}, []
    for k, v in zip(parts[::2], parts[1::2]):
        k, v = k.decode(), v.decode()
        if k == 'result':
            results.append(Result(got=v))
        elif not results:
            head[k] = v
        elif k == 'again':
            before = results[-2]
            results[-1] = Result(before)
        else:
            results[-1][k] = v
    return head, results


MESSAGE = b'Subject: hello\r\n\r\n.dots\r\n..\r\nlast line\r\n'


class Remote:
    """A worker; job() gives it one and returns (head, results)."""

    def __init__(self, *args, idle=2000):
        self.s, theirs = pair()
        control, theirs3 = pair()
        fd, cfd = theirs.fileno(), theirs3.fileno()
        self.errors = tempfile.TemporaryFile()

        def pass_it():
            a, b = os.dup(fd), os.dup(cfd)
            os.dup2(a, 0)
            os.dup2(a, 1)
            os.dup2(b, 3, inheritable=True)
            os.closerange(4, 64)
        e = {'PATH': os.environ['PATH'], 'POSTHORN_VAR': var}
        for k in ('ASAN_OPTIONS', 'SSL_CERT_FILE'):
            if k in os.environ:
                e[k] = os.environ[k]
        self.p = subprocess.Popen([REMOTE, '-i', str(idle), *args], preexec_fn=pass_it, close_fds=False, env=e, stderr=self.errors)
        theirs.close()
        theirs3.close()
        control.close()
        self.s.settimeout(TIME)

    def give(self, rcpts=('joe@example.org',), domain='example.org', ports=(), message=MESSAGE, kind='direct', attempt=1,
             params=(), size=None, **attrs):
        a = {'id': 'm1', 'kind': kind, 'hostname': 'us.example.net'}
        if domain:
            a['domain'] = domain
        a.update({k.replace('_', '-'): v for k, v in attrs.items()})
        a.setdefault('from', 'ann@example.net')
        rec = record('job', **a)
        for p in ports or (port,):
            rec += b'port\0%d\0' % p
        pad = b'envelope\0' * 3
        rec += b'attempt\0%d\0content\0%d\0size\0%d\0' % (attempt, len(pad), len(message) if size is None else size)
        for i, r in enumerate(rcpts):
            rec += b'rcpt\0' + r.encode() + b'\0'
            for k, v in (params[i] if i < len(params) else {}).items():
                rec += k.encode() + b'\0' + str(v).encode() + b'\0'
        f = tempfile.TemporaryFile()
        f.write(pad + message)
        f.flush()
        send_fds(self.s, rec, [f.fileno()])
        f.close()

    def take(self):
        rec = self.s.recv(65536)
        return parse_done(rec) if rec else None

    def job(self, *args, **kw):
        self.give(*args, **kw)
        return self.take()

    def log(self):
        self.errors.seek(0)
        return self.errors.read().decode()

    def end(self):
        self.s.close()
        return self.p.wait(TIME)


def one(*args, options=(), **kw):
    """One job for a worker of its own: head, results, log."""
    r = Remote(*options)
    head, res = r.job(*args, **kw)
    r.end()
    return head, res, r.log()


top = tempfile.mkdtemp(prefix='queue-remote.')
var = top + '/var'
os.makedirs(var + '/run')
dnsd = Dnsd(var + '/run/dnsd')
servers = []


def server(ip='127.0.0.1', same=True, **kw):
    """A server; all have one port, at addresses of their own."""
    global port
    s = FakeSMTP(ip, port if same else 0, **kw)
    port = port or s.port
    servers.append(s)
    return s


port = 0
mx = server()
zone = dnsd.zone
zone[('MX', 'example.org')] = [(10, 'mx.example.org')]
zone[('A', 'mx.example.org')] = ['127.0.0.1']


def plain():
    head, res, log = one(domain='example.org')
    eq([r.got for r in res], ['ok'], 'a message is delivered')
    eq(res[0].code, '250', 'with the code of the reply')
    eq(res[0].text, '250 2.0.0 queued', 'and its text')
    eq((res[0].host, res[0].ip, res[0].status), ('mx.example.org', '127.0.0.1', '2.0.0'), 'host, address and status are told')
    eq(head, {'done': '1', 'dialed': 'mx.example.org=127.0.0.1', 'more': '1'}, 'the address is remembered, the worker stays')
    eq(mx.mails[0]['body'], MESSAGE, 'the message arrives as it is')
    eq((mx.mails[0]['from'], mx.mails[0]['to']), ('ann@example.net', ['joe@example.org']), 'with its envelope')
    eq(mx.commands(), ['EHLO us.example.net', 'MAIL FROM:<ann@example.net> SIZE=%d' % len(MESSAGE),
                       'RCPT TO:<joe@example.org>', 'DATA', 'QUIT'], 'in so many commands')
    ok('connected msg=m1 host=mx.example.org' in log, 'a connection is a line in the log', log)
    mx.clear()


try:
    plain()
finally:
    for s in servers:
        s.stop()
    shutil.rmtree(top)
tap.done()
