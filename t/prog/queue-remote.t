#!/usr/bin/env python3
"""queue-remote through its socket: jobs as queue-send gives them, a dnsd of ours
that knows what each test needs, and servers that misbehave (t/lib/fakesmtp.py)."""
import base64, os, shutil, socket, ssl, struct, subprocess, sys, tempfile, time

sys.path.insert(0, os.path.join(os.environ.get('top_srcdir', '.'), 't/lib'))
from doors import Door
from fakesmtp import CLOSE, EXTENSIONS, RESET, SILENT, FakeSMTP, make_cert
from ipc import pair, parse, record, send_fds
from posthorn import PASSWORD, Server
from ports import free_port
from tap import BUILD, Tap, sanitized

tap = Tap()
ok, eq = tap.ok, tap.eq
REMOTE = os.path.join(BUILD, 'libexec/queue-remote/queue-remote')
TIME = 60       # how long anything may take on a loaded machine


def wire_name(name):
    return b''.join(bytes([len(x)]) + x.encode() for x in name.rstrip('.').split('.') if x) + b'\0'


class Dnsd(Door):
    """Answers from `zone`: {(type, name): [values] or 'nxdomain', 'nodata', 'temp', 'bogus'}. What is not there is NXDOMAIN."""

    def __init__(self, path):
        self.zone, self.asked = {}, []
        super().__init__(path)

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
LETTER = (b'From: <user@localhost>\r\nDate: Sat, 21 Nov 2026 01:00:00 +0000\r\nMessage-ID: <x@localhost>\r\n'
          b'Subject: hello\r\n\r\nhello\r\n')


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
        for k in ('ASAN_OPTIONS', 'POSTHORN_CA_FILE'):
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


def several():
    mx.reply = {'RCPT': ['250 2.1.5 ok', '550 5.1.1 no such user', '450 4.2.0 later', '452 4.5.3 too many', '250 2.1.5 ok']}
    names = ['a@example.org', 'b@example.org', 'c@example.org', 'd@example.org']
    head, res, log = one(names, params=[{'notify': 2, 'orcpt': 'rfc822;a@x'}], ret='hdrs', envid='abc', body='8bitmime')
    eq([r.got for r in res], ['ok', 'perm', 'temp', 'ok'], 'each recipient has its own result')
    eq([r.code for r in res], ['250', '550', '450', '250'], 'and code')
    eq(res[1].text, '550 5.1.1 no such user', 'and text')
    eq([m['to'] for m in mx.mails], [['a@example.org'], ['d@example.org']], 'the one too many came in a second transaction')
    eq(len(mx.sessions), 1, 'on the same connection')
    eq(mx.mails[0]['params'], 'SIZE=%d BODY=8BITMIME RET=HDRS ENVID=abc' % len(MESSAGE), 'parameters of MAIL')
    eq(mx.mails[0]['rcpt_params'], ['NOTIFY=SUCCESS ORCPT=rfc822;a@x'], 'and of RCPT')
    eq([r.dsn for r in res], ['1', '', '', '1'], 'the server took the wishes about notifications over')
    mx.clear()
    mx.extensions = ['PIPELINING', 'LIMITS RCPTMAX=40 MAILMAX=2']
    head, res, log = one(['u%d@example.org' % i for i in range(100)])
    eq([r.got for r in res], ['ok'] * 100, 'a hundred recipients')
    eq([len(m['to']) for m in mx.mails], [40, 40, 20], 'no more in a transaction than LIMITS says')
    eq(len(mx.sessions), 2, 'nor transactions on a connection')
    mx.extensions = list(EXTENSIONS)
    mx.clear()


def steps():
    """Whatever the server does at each step: what is told, and nothing is sent twice."""
    endless = (b'250-and so on\r\n' * 2000,)
    acts = {'CLOSE': CLOSE, 'RESET': RESET, 'SILENT': SILENT, '451': '451 4.3.2 later\nmuch later', '550': '550 5.7.0 no', '421': ('421 4.3.2 bye', CLOSE),
            'garbage': b'\x16\x03\x01 nonsense\r\n', 'endless': endless, 'long': (b'250 ' + b'x' * 5000 + b'\r\n',)}
    for step in ('accept', 'GREETING', 'EHLO', 'MAIL', 'RCPT', 'DATA', 'BODY', 'END'):
        for name, act in acts.items():
            if step in ('accept', 'BODY') and name not in ('CLOSE', 'RESET'):
                continue
            for pipe in (True, False):
                mx.extensions = EXTENSIONS if pipe else EXTENSIONS[1:]
                mx.reply = {step: act}
                if step == 'EHLO' and name == '550':
                    mx.reply['HELO'] = act
                _, res, log = one(options=('-t', '700', '-e', '700'))
                r = res[0]
                want = 'perm' if name == '550' else 'temp'
                what = '%s%s: %s' % (step, '' if pipe else ', no PIPELINING', name)
                good = r.got == want and not mx.mails and r.status[:1] == ('5' if want == 'perm' else '4') and r.text and r.host == 'mx.example.org'
                if name in ('451', '550', '421'):
                    good = good and r.code == name
                    if name == '451':
                        good = good and r.text == '451 4.3.2 later\nmuch later' if step not in ('GREETING', 'EHLO') else good
                else:
                    good = good and not r.code and 'mx.example.org [127.0.0.1]' in r.text
                good = good and ('may have it' in r.text) == (step in ('BODY', 'END') and name not in ('451', '550', '421'))
                ok(good, what, dict(r), log)
                mx.clear()
    mx.extensions = list(EXTENSIONS)


def liars():
    mx.flush = True
    _, res, log = one(options=('-t', '700',))
    eq(res[0].got, 'ok', 'a server that throws pipelined commands away gets them one by one')
    eq(len(mx.mails), 1, 'and the message once')
    mx.flush = False
    mx.clear()
    mx.extensions = ['SIZE 10']
    _, res, log = one()
    eq((res[0].got, res[0].status, res[0].code), ('perm', '5.3.4', ''), 'too large for what SIZE says')
    eq(len(mx.ended), 0, 'is not sent')
    mx.clear()
    mx.extensions = ['SIZE 1000000', 'ENHANCEDSTATUSCODES']
    mx.reply = {'END': '552 5.3.4 I was lying'}
    _, res, log = one()
    eq((res[0].got, res[0].status), ('perm', '5.3.4'), 'and when SIZE lied')
    mx.clear()
    mx.extensions = []
    _, res, log = one(smtputf8='1')
    eq((res[0].got, res[0].status), ('perm', '5.6.7'), 'SMTPUTF8 that no host offers is permanent')
    _, res, log = one(body='8bitmime')
    eq(res[0].got, 'ok', '8bit is sent all the same')
    mx.extensions = list(EXTENSIONS) + ['CHUNKING', 'BINARYMIME']
    mx.clear()
    _, res, log = one(body='binarymime', message=b'a\n\r\0.\r\n.\r\n')
    eq((res[0].got, mx.mails[0]['body']), ('ok', b'a\n\r\0.\r\n.\r\n'), 'a binary message')
    mx.extensions = list(EXTENSIONS)
    mx.clear()


def large():
    body = b'Subject: large\r\n\r\n' + b''.join(b'.%d line that is not short at all\r\n' % i for i in range(300000))
    _, res, log = one(message=body)
    eq(res[0].got, 'ok', 'a message of %d bytes' % len(body))
    ok(mx.mails and mx.mails[0]['body'] == body, 'is what arrives')
    mx.clear()
    mx.reply = {'BODY': [None, ('552 5.3.4 stop', 0.3, CLOSE)]}
    _, res, log = one(message=body)
    eq((res[0].got, res[0].code, len(mx.ended)), ('perm', '552', 0), 'a refusal in the middle of it is heard')
    mx.clear()


def hosts():
    a, b = server('127.0.0.2', name='a.example'), server('127.0.0.3', name='b.example')
    zone[('MX', 'two.example')] = [(20, 'b.two.example'), (10, 'a.two.example')]
    zone[('A', 'a.two.example')], zone[('A', 'b.two.example')] = ['127.0.0.2'], ['127.0.0.3']

    def go(**kw):
        for x in (a, b):
            x.mails, x.sessions, x.ended = [], [], []
        return one(['joe@two.example'], domain='two.example', **kw)

    _, res, _ = go()
    eq((res[0].host, len(b.sessions)), ('a.two.example', 0), 'the preferred host first')
    a.reply = {'GREETING': '554 5.7.1 not from you'}
    _, res, _ = go()
    eq((res[0].got, res[0].host), ('ok', 'b.two.example'), 'one that greets with a refusal: the next')
    b.reply = {'GREETING': '554 5.7.1 not from you either'}
    _, res, _ = go()
    eq((res[0].got, res[0].code, res[0].text), ('perm', '554', '554 5.7.1 not from you either'), 'all of them: permanent')
    b.reply = {'GREETING': '421 4.3.2 busy'}
    _, res, _ = go()
    eq((res[0].got, res[0].status[:2]), ('temp', '4.'), 'unless one is only busy')
    a.reply = b.reply = {'GREETING': SILENT}
    start = time.time()
    _, res, _ = go(options=('-s', '800'))
    ok(res[0].got == 'temp' and time.time() - start < 20 and not b.sessions, 'all of a job has its time', dict(res[0]))
    a.reply, b.reply = {'RCPT': '451 4.7.1 greylisted'}, {}
    _, res, _ = go()
    eq((res[0].got, res[0].host), ('ok', 'b.two.example'), 'a temporary refusal: the next')
    a.reply = {'RCPT': '550 5.1.1 no'}
    _, res, _ = go()
    eq((res[0].got, len(b.sessions)), ('perm', 0), 'a permanent one is the end')
    a.reply = {'END': CLOSE}
    _, res, _ = go()
    eq((res[0].got, len(b.sessions), len(a.ended)), ('temp', 0, 1), 'a connection that breaks after the message: no other host before the next attempt')
    ok('may have it' in res[0].text, 'as the server may have it', res[0].text)
    a.reply = {'RCPT': '451 4.7.1 greylisted'}
    b.reply = {'GREETING': CLOSE}
    _, res, _ = go()
    eq((res[0].got, res[0].text), ('temp', '451 4.7.1 greylisted'), 'what a server said is told, not what the next did not say')
    a.reply = b.reply = {}
    a.extensions = []
    _, res, _ = go(smtputf8='1')
    eq((res[0].got, res[0].host), ('ok', 'b.two.example'), 'a host that cannot SMTPUTF8: the next')
    zone[('A', 'a.two.example')] = 'temp'
    _, res, _ = go()
    eq((res[0].got, res[0].host), ('ok', 'b.two.example'), 'a host whose address is not found: the next')
    b.stop()
    head, res, log = go()
    eq((res[0].got, res[0].status, head.get('unreached')), ('temp', '4.4.1', '1'), 'nobody there')
    ok('127.0.0.3' in res[0].text and 'refused' in res[0].text and 'problem' in log, 'where and why is told', res[0].text, log)
    head, res, log = go(require_tls='1')
    eq((res[0].status, head.get('unreached')), ('5.7.30', None), 'what is wrong with one message says nothing about the host')
    a.stop()


def names():
    def go(domain, **kw):
        head, res, log = one(['joe@' + domain], domain=domain, **kw)
        return res[0].got, res[0].status
    zone[('MX', 'null.example')] = [(0, '.')]
    zone[('MX', 'bad.example')] = [(10, 'a b.example'), (20, '-')]
    zone[('MX', 'temp.example')] = 'temp'
    zone[('MX', 'bogus.example')] = 'bogus'
    zone[('A', 'direct.example')] = ['127.0.0.1']
    zone[('MX', 'nohost.example')] = [(10, 'gone.nohost.example')]
    eq(go('nowhere.example'), ('perm', '5.1.2'), 'no such domain')
    eq(go('null.example'), ('perm', '5.1.10'), 'null MX')
    eq(go('bad.example'), ('perm', '5.4.4'), 'MX records that name no host')
    eq(go('temp.example'), ('temp', '4.4.3'), 'no answer about the domain')
    eq(go('bogus.example'), ('temp', '4.4.3'), 'a forged answer about it')
    for name, words in (('temp', 'temp.example: the domain cannot be looked up: the test says temp'), ('bogus', 'is not to be trusted (DNSSEC): the test says bogus')):
        _, res, _ = one(['joe@%s.example' % name], domain=name + '.example')
        ok(words in res[0].text, '%s: in words for people' % name, res[0].text)
    eq(go('nohost.example'), ('perm', '5.4.4'), 'a host without an address')
    eq(go('direct.example'), ('ok', '2.0.0'), 'no MX: the domain is its own host')
    eq(go('[127.0.0.1]'), ('ok', '2.0.0'), 'an address')
    eq(go('[IPv6:zzz]'), ('perm', '5.1.2'), 'one that is none')
    mx.clear()
    # ourselves
    zone[('MX', 'loop.example')] = [(5, 'better.example'), (10, 'us.example.net'), (10, 'mx.example.org'), (20, 'mx.example.org')]
    zone[('A', 'better.example')] = ['127.0.0.1']
    eq(go('loop.example'), ('ok', '2.0.0'), 'a host that is better than ourselves')
    zone[('A', 'better.example')] = ['127.0.0.99']
    eq(go('loop.example'), ('temp', '4.4.1'), 'but no other')
    zone[('MX', 'loop.example')] = [(10, 'US.example.net'), (20, 'mx.example.org')]
    eq(go('loop.example'), ('perm', '5.4.6'), 'we are the best one, and do not know it')
    n = len(mx.sessions)
    mx.name = 'us.example.net'
    eq(go('direct.example'), ('perm', '5.4.6'), 'a server that greets with our own name')
    mx.name = 'mx.fake.example'
    ok(len(mx.sessions) == n + 1 and not mx.sessions[-1].lines, 'is told nothing')
    mx.clear()


def addresses():
    b = server('127.0.0.4', same=False)
    _, res, _ = one(ports=(port, b.port), domain='[127.0.0.4]')
    eq((res[0].got, len(b.mails)), ('ok', 1), 'where nobody listens the next port is tried')
    b.stop()
    zone[('A', 'dual.example')] = ['127.0.0.98', '127.0.0.1']
    _, res, _ = one(domain='dual.example')
    eq((res[0].got, res[0].ip), ('ok', '127.0.0.1'), 'the next address')
    mx.clear()
    try:
        six = server('::1')
    except OSError:
        return tap.skip('IPv6', 'there is none')
    zone[('A', 'dual.example')], zone[('AAAA', 'dual.example')] = ['127.0.0.1'], ['::1']
    head, res, _ = one(domain='dual.example')
    eq((res[0].ip, head['dialed']), ('::1', 'dual.example=::1'), 'IPv6 comes first')
    head, res, _ = one(domain='dual.example', dialed=head['dialed'], attempt=2)
    eq((res[0].ip, head['dialed']), ('127.0.0.1', 'dual.example=::1,127.0.0.1'), 'the other family at the next attempt')
    head, res, _ = one(domain='dual.example', dialed='nonsense;=;dual.example=x,::1;' + 'h=1.2.3.4;' * 300)
    eq(res[0].ip, '127.0.0.1', 'what is remembered may be nonsense')
    head, res, _ = one(domain='dual.example', no_ipv6='1')
    eq(res[0].ip, '127.0.0.1', 'a transport without IPv6')
    head, res, _ = one(domain='dual.example', no_ipv6='1', no_ipv4='1')
    eq((res[0].got, res[0].status), ('temp', '4.4.4'), 'and with neither')
    for x in (mx, six):
        x.reply = {'MAIL': '550 5.7.26 not from this network'}
    head, res, _ = one(domain='dual.example')
    eq((res[0].got, res[0].status, res[0].code), ('temp', '4.7.26', '550'), 'a policy refuses the first attempt: the other family may be liked')
    head, res, _ = one(domain='dual.example', attempt=2, dialed=head['dialed'])
    eq((res[0].got, res[0].status), ('perm', '5.7.26'), 'but not for ever')
    head, res, _ = one(domain='example.org')
    eq(res[0].got, 'perm', 'a host of one family has no other')
    mx.clear()
    six.stop()
    head, res, _ = one(domain='dual.example')
    eq((res[0].got, res[0].ip), ('ok', '127.0.0.1'), 'IPv4 when nobody listens at IPv6')
    mx.clear()


def tls():
    good = make_cert(top, 'mx.example.org', '127.0.0.1')
    mx.tls = good
    _, res, log = one()
    ok(res[0].got == 'ok' and res[0].tls == 'TLSv1.3' and mx.mails[0]['tls'], 'STARTTLS when it is offered', dict(res[0]), log)
    ok('tls=TLSv1.3' in log and 'verified=no' in log, 'and told', log)
    eq(mx.commands()[:3], ['EHLO us.example.net', 'STARTTLS', 'EHLO us.example.net'], 'with EHLO again')
    mx.clear()
    old = make_cert(top, 'other.example')
    old.maximum_version = ssl.TLSVersion.TLSv1_2
    mx.tls = old
    _, res, log = one()
    eq((res[0].got, res[0].tls), ('ok', 'TLSv1.2'), 'of another host, and older')
    mx.clear()
    mx.half_tls = True
    _, res, log = one()
    ok(res[0].got == 'ok' and not res[0].tls and len(mx.sessions) == 2 and 'no-tls' in log,
       'a handshake that fails: in plain text, on a new connection', dict(res[0]), log)
    mx.clear()
    mx.half_tls = False
    for what, act in (('refused', '454 4.7.0 no'), ('answered with garbage', ('220 go', b'hello\r\n', CLOSE)), ('answered with silence', ('220 go', SILENT))):
        mx.reply = {'STARTTLS': act}
        mx.tls = good if what == 'refused' else None
        mx.extensions = EXTENSIONS + ([] if mx.tls else ['STARTTLS'])
        _, res, log = one(options=('-t', '700'))
        eq((res[0].got, res[0].tls), ('ok', ''), 'STARTTLS is ' + what)
        mx.clear()
    mx.extensions, mx.tls = list(EXTENSIONS), good
    _, res, log = one(require_tls='1')
    eq((res[0].got, res[0].status), ('perm', '5.7.30'), 'REQUIRETLS, and the domain has no policy')
    _, res, log = one(require_tls='1', **{'from': ''})
    eq(res[0].got, 'ok', 'but a notification goes')
    mx.clear()


def smarthost():
    good = make_cert(top, 'smart.example', '127.0.0.5')
    s = server('127.0.0.5', same=False, tls=good, auth_names='PLAIN LOGIN', users={'us': 'secret'})
    zone[('A', 'smart.example')] = ['127.0.0.5']
    a = dict(kind='smarthost', host='smart.example', domain='', ports=(s.port,), tls='starttls', ca_file=top + '/ca.pem')

    def go(**kw):
        s.clear()
        return one(['joe@anywhere.example', 'ann@elsewhere.example'], **{**a, **kw})

    _, res, log = go()
    eq([r.got for r in res], ['ok', 'ok'], 'a smart host with verified TLS')
    ok('verified=yes' in log, 'is told', log)
    _, res, log = go(user='us', password='secret')
    ok(res[0].got == 'ok' and s.sessions[0].login, 'with a login')
    ok('secret' not in log and base64.b64encode(b'\0us\0secret').decode() not in log, 'whose password is in no log', log)
    s.auth_names = 'LOGIN'
    _, res, log = go(user='us', password='secret')
    ok(res[0].got == 'ok' and s.sessions[0].login, 'by LOGIN')
    s.auth_names = 'PLAIN'
    _, res, log = go(user='us', password='wrong')
    ok(res[0].got == 'temp' and 'unable to log in: 535 5.7.8 wrong' in res[0].text and not res[0].code, 'a wrong password is temporary, and told', dict(res[0]))
    _, res, log = go(user='us', password='secret', mechanisms='SCRAM-SHA-256')
    ok(res[0].got == 'temp' and 'no mechanism' in res[0].text and not s.ended, 'a mechanism that is not allowed', dict(res[0]))
    _, res, log = go(host='127.0.0.5')
    eq(res[0].got, 'ok', 'by address')
    _, res, log = go(host='nowhere.example')
    eq((res[0].got, res[0].status), ('temp', '4.4.4'), 'a relay that the DNS does not know: who configures it may mend that')
    _, res, log = go(ca_file=top + '/nothing')
    ok(res[0].got == 'temp' and 'authorities' in res[0].text and 'no-authorities' in log, 'no authorities', dict(res[0]), log)
    s.tls = make_cert(top, 'other.example')
    _, res, log = go()
    ok(res[0].got == 'temp' and res[0].status == '4.7.5' and 'certificate' in res[0].text and 'mismatch' in res[0].text, 'another name', dict(res[0]))
    ok(len(s.sessions) == 1 and not s.ended, 'is not tried in plain text')
    _, res, log = go(tls='unverified', user='us', password='secret')
    eq((res[0].got, res[0].tls), ('ok', 'TLSv1.3'), 'unless nobody looks')
    _, res, log = go(tls='unverified', require_tls='1')
    eq((res[0].got, res[0].status), ('perm', '5.7.30'), 'REQUIRETLS wants somebody to look')
    os.makedirs(top + '/strange')
    s.tls = make_cert(top + '/strange', 'smart.example')
    _, res, log = go()
    ok(res[0].got == 'temp' and 'certificate' in res[0].text, 'an unknown authority', dict(res[0]))
    s.tls = good
    s.half_tls = True
    _, res, log = go()
    eq((res[0].got, len(s.sessions)), ('temp', 1), 'half a handshake')
    s.half_tls = False
    s.tls = None
    _, res, log = go()
    ok(res[0].got == 'temp' and res[0].status == '4.7.10' and 'STARTTLS' in res[0].text, 'no STARTTLS', dict(res[0]))
    s.auth_names, s.auth_plain = 'PLAIN LOGIN', True
    _, res, log = go(tls='off')
    eq(res[0].got, 'ok', 'plain text, when the transport says so')
    _, res, log = go(tls='off', user='us', password='secret')
    ok(res[0].got == 'temp' and not any(x.startswith('AUTH') for x in s.commands()), 'but no password in plain text', s.commands())
    s.tls, s.implicit = good, True
    _, res, log = go(tls='implicit', user='us', password='secret')
    ok(res[0].got == 'ok' and s.mails[0]['tls'], 'TLS from the first byte')
    _, res, log = go(tls='implicit', require_tls='1')
    eq((res[0].got, res[0].status), ('perm', '5.7.30'), 'REQUIRETLS is not offered')
    s.extensions_tls = ['REQUIRETLS']
    _, res, log = go(tls='implicit', require_tls='1')
    ok(res[0].got == 'ok' and 'REQUIRETLS' in s.mails[0]['params'], 'REQUIRETLS')
    os.environ['POSTHORN_CA_FILE'] = top + '/ca.pem'
    _, res, log = go(tls='implicit', ca_file='')
    eq(res[0].got, 'ok', "the system's authorities")
    del os.environ['POSTHORN_CA_FILE']
    _, res, log = go(tls='implicit', ca_file='')
    eq(res[0].got, 'temp', 'which do not know this one')
    s.stop()


def reuse():
    r = Remote()
    for i in range(3):
        head, res = r.job(['u%d@example.org' % i])
        ok(res[0].got == 'ok' and head['more'] == '1', 'job %d' % (i + 1), head, res)
    eq((len(mx.sessions), len(mx.mails)), (1, 3), 'three jobs on one connection')
    ok('RSET' not in mx.commands(), 'without RSET')
    mx.reply = {'RCPT': ['550 5.1.1 no', None]}
    eq(r.job()[1][0].got, 'perm', 'a refusal')
    eq(r.job()[1][0].got, 'ok', 'does not spoil the next one')
    ok('RSET' in mx.commands() and len(mx.sessions) == 1, 'after RSET')
    head, res = r.job(['joe@direct.example'], domain='direct.example')
    eq((res[0].got, res[0].host, len(mx.sessions)), ('ok', 'direct.example', 2), 'another destination: another connection')
    eq(mx.commands(0)[-1], 'QUIT', 'and the old one is left politely')
    for what, act in (('closed', CLOSE), ('said 421', '421 4.4.2 idle too long')):
        mx.clear()
        eq(r.job()[1][0].got, 'ok', 'a job')
        old = mx.sessions[-1] if mx.sessions else old
        n = len(mx.sessions)
        try:
            old.say(act)
        except Exception:
            old.sock.shutdown(socket.SHUT_RDWR)
        head, res = r.job()
        eq((res[0].got, len(mx.mails), len(mx.sessions)), ('ok', 2, n + 1), 'a server that has %s meanwhile is called again' % what)
        old = mx.sessions[-1]
    for step in ('MAIL', 'RCPT', 'DATA'):
        mx.clear()
        eq(r.job()[1][0].got, 'ok', 'a job')
        mx.reply = {step: [CLOSE, None]}
        head, res = r.job()
        eq((res[0].got, len(mx.mails)), ('ok', 2), 'the same when it closes at %s' % step)
    mx.clear()
    eq(r.job()[1][0].got, 'ok', 'a job')
    mx.reply = {'END': [CLOSE, None]}
    head, res = r.job()
    eq((res[0].got, len(mx.ended)), ('temp', 2), 'but not when it closes after the message')
    eq(r.end(), 0, 'the end')
    mx.clear()
    mx.tls = make_cert(top, 'x.example')
    r = Remote()
    eq([r.job()[1][0].tls for i in range(2)], ['TLSv1.3'] * 2, 'two jobs with TLS')
    eq(len(mx.sessions), 1, 'on one connection')
    with open('/proc/%d/status' % r.p.pid) as f:
        status = f.read()
    ok('Seccomp:\t2' in status or sanitized(), 'in a sandbox')
    with open('/proc/%d/smaps_rollup' % r.p.pid) as f:
        tap.note('with TLS: ' + ' '.join(x for x in f.read().split('\n') if x.startswith(('Pss:', 'Private_Dirty'))))
    eq(r.end(), 0, 'the end')
    mx.tls = None
    mx.clear()


def answered():
    """A host that has said no for now, over the connection that was open, is not asked again in the same attempt."""
    r = Remote()
    for step in ('MAIL', 'RCPT', 'DATA', 'END'):
        eq(r.job()[1][0].got, 'ok', 'a job')
        mx.reply = {step: ['451 4.7.1 greylisted', None]}
        n = len(mx.commands())
        head, res = r.job()
        eq((res[0].got, res[0].code, res[0].host), ('temp', '451', 'mx.example.org'), '451 at %s on a connection that was open' % step)
        eq([x.split(':')[0] for x in mx.commands()[n:] if x.split()[0] in ('MAIL', 'RCPT')].count('MAIL FROM'), 1, 'is asked for once')
        eq(len(mx.sessions), 1, 'and no other connection is made')
        mx.reply = {}
    mx.reply = {'RCPT': [None, '451 4.2.0 later', None, '452 4.5.3 too many', None]}
    head, res = r.job()
    eq(res[0].got, 'ok', 'a job')
    head, res = r.job(['a@example.org', 'b@example.org', 'c@example.org'])
    eq([x.got for x in res], ['temp', 'ok', 'ok'], 'a recipient that is refused for now beside one too many')
    eq([x for x in mx.commands() if x.startswith('RCPT TO:<a@')], ['RCPT TO:<a@example.org>'], 'is not named again')
    eq(r.end(), 0, 'the end')
    mx.clear()
    a, b = server('127.0.0.2', name='a.example'), server('127.0.0.3', name='b.example')
    zone[('MX', 'two.example')] = [(10, 'a.two.example'), (20, 'b.two.example')]
    zone[('A', 'a.two.example')], zone[('A', 'b.two.example')] = ['127.0.0.2'], ['127.0.0.3']
    r = Remote()
    go = lambda: r.job(['joe@two.example'], domain='two.example')[1][0]
    eq(go().host, 'a.two.example', 'a job')
    a.reply = {'RCPT': '451 4.7.1 greylisted'}
    res = go()
    eq((res.got, res.host, len(a.sessions)), ('ok', 'b.two.example', 1), 'but the next host is')
    b.reply = {'RCPT': '452 4.2.2 full'}
    res = go()
    eq((res.got, res.text, len(a.sessions), len(b.sessions)), ('temp', '451 4.7.1 greylisted', 2, 1), 'and a better one that was not asked in this attempt')
    a.reply = b.reply = {}
    eq(go().host, 'a.two.example', 'a job')
    a.reply = {'RCPT': '550 5.1.1 no'}
    res = go()
    eq((res.got, res.code, len(b.sessions)), ('perm', '550', 1), 'a permanent refusal is the end')
    eq(r.end(), 0, 'the end')
    a.stop()
    b.stop()


def ends():
    r = Remote(idle=300)
    eq(r.job()[1][0].got, 'ok', 'a job')
    eq(r.s.recv(1), b'', 'who gets no other job goes')
    eq(r.p.wait(TIME), 0, 'well')
    eq(mx.commands()[-1], 'QUIT', 'and politely')
    mx.clear()
    # queue-send goes, or spawnd stops it, while the server is silent
    for what in ('queue-send goes', 'SIGTERM'):
        for step, sent in (('RCPT', False), ('DATA', False), ('END', True)):
            mx.reply = {step: (1.5, '354 go' if step == 'DATA' else '250 ok') if sent else SILENT}
            r = Remote()
            start = time.time()
            r.give()
            if sent:
                mx.wait(1, what='ended')
            else:
                while not (mx.sessions and any(x.startswith(step) for x in mx.sessions[0].lines)):
                    time.sleep(0.01)
            if what == 'SIGTERM':
                r.p.terminate()
                head, res = r.take()
                eq(res[0].got, 'ok' if sent else 'temp', '%s at %s: what is known is told' % (what, step))
            else:
                r.s.close()
            eq(r.p.wait(TIME), 0, '%s at %s: it ends' % (what, step))
            ok(time.time() - start < 20, 'soon')
            eq(len(mx.mails), 1 if sent else 0, 'the message was %s' % ('through' if sent else 'not sent'))
            mx.clear()
    r = Remote()
    r.s.send(record('nonsense'))
    eq(r.p.wait(TIME), 100, 'what is no job is refused')
    for args in (['-t', 'x'], ['-z'], ['file'], ['-i', '0']):
        p = subprocess.run([REMOTE, *args], stdin=subprocess.DEVNULL, stderr=subprocess.PIPE)
        eq(p.returncode, 100, 'wrong use: ' + ' '.join(args))


def sink():
    """Somebody else's server."""
    prog = shutil.which('smtp-sink') or '/usr/sbin/smtp-sink'
    if not os.path.exists(prog):
        return tap.skip('smtp-sink', 'it is not here')
    p = free_port('127.0.0.6')
    sinkd = subprocess.Popen([prog, *(['-u', 'root'] if os.getuid() == 0 else []), '-d', top + '/sunk.', '127.0.0.6:%d' % p, '100'], stderr=subprocess.DEVNULL)
    try:
        for i in range(500):
            try:
                socket.create_connection(('127.0.0.6', p)).close()
                break
            except OSError:
                time.sleep(0.05)
        r = Remote()
        start = time.time()
        res = [r.job(domain='[127.0.0.6]', ports=(p,))[1][0] for i in range(50)]
        tap.note('50 messages to smtp-sink: %.0f ms' % ((time.time() - start) * 1000))
        eq({x.got for x in res}, {'ok'}, 'fifty messages to smtp-sink')
        r.end()
    finally:
        sinkd.terminate()
        sinkd.wait()
    got = [open(top + '/' + f, 'rb').read() for f in os.listdir(top) if f.startswith('sunk.')]
    ok(len(got) >= 1 and b'..\n' in got[0].replace(b'\r', b''), 'arrive', got[:1])


def ourselves():
    """Our own submission as the smart host, by each mechanism."""
    with Server() as home:
        def go(mech, tls, port, **kw):
            a = dict(kind='smarthost', host='127.0.0.1', domain='', ports=(port,), tls=tls, user='user@localhost', password=PASSWORD,
                     mechanisms=mech)
            a.update(kw)
            head, res, log = one(['friend@localhost'], **{'from': 'user@localhost'}, message=LETTER, **a)
            return res[0]
        for mech in ('PLAIN', 'LOGIN', 'CRAM-MD5', 'SCRAM-SHA-1', 'SCRAM-SHA-256', 'SCRAM-SHA-1-PLUS', 'SCRAM-SHA-256-PLUS', ''):
            r = go(mech, 'unverified', home.submission_port)
            eq((r.got, r.tls), ('ok', 'TLSv1.3'), 'our own server takes %s' % (mech or 'the best there is'))
            wrong = go(mech, 'unverified', home.submission_port, password='wrong password')
            ok(wrong.got == 'temp' and wrong.status == '4.7.8', 'but not with a wrong password', dict(wrong))
        eq(go('SCRAM-SHA-256', 'off', home.submission_port).got, 'ok', 'SCRAM without TLS')
        eq(go('SCRAM-SHA-256-PLUS', 'off', home.submission_port).got, 'temp', 'which cannot be bound to')
        eq(go('', 'implicit', home.submissions_port, ca_file=home.dir + '/var/tls/nothing.pem').got, 'temp', 'a certificate that nobody vouches for')
        used = {x.split('mechanism=')[1].split()[0] for x in home.log().splitlines() if 'authd[' in x and 'result=ok' in x and 'mechanism=' in x}
        eq(len(used), 7, 'seven mechanisms were used')


try:
    for t in (plain, several, steps, liars, large, hosts, names, addresses, tls, smarthost, reuse, answered, ends, sink, ourselves):
        t()
finally:
    for s in servers:
        s.stop()
    shutil.rmtree(top)
tap.done()
