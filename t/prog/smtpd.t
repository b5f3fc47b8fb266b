#!/usr/bin/env python3
"""smtpd through its descriptors: a real smtpd on a socketpair, a real verifyd,
and a deliverd of ours that does what each test asks of it."""
import base64, calendar, os, resource, shutil, signal, socket, subprocess, sys, tempfile, threading, time

sys.path.insert(0, os.path.join(os.environ.get('top_srcdir', '.'), 't/lib'))
from doors import Deliverd, Door
from ipc import b64, listener, pair, parse, record, recv_fds, send_fds
from tap import BUILD, Tap

tap = Tap()
ok = tap.ok
SMTPD = os.path.join(BUILD, 'libexec/smtpd/smtpd')
VERIFYD = os.path.join(BUILD, 'libexec/verifyd')
CONFIG = os.path.join(BUILD, 'libexec/verbs/config')


class Verifyd:
    def __init__(self, var):
        self.path = os.path.join(var, 'run/verifyd')
        self.sock = listener(self.path)
        self.start()

    def start(self):
        fd = self.sock.fileno()

        def pass_it():
            os.dup2(fd, 3, inheritable=True)
        self.p = subprocess.Popen(['/bin/sh', '-c', 'LISTEN_PID=$$ LISTEN_FDS=1 LISTEN_FDNAMES=verifyd exec "$0"', VERIFYD],
                                  preexec_fn=pass_it, close_fds=False, stderr=log)

    def stop(self):
        self.p.terminate()
        return self.p.wait()


class Authd(Door):
    """As authd: a response tells what becomes of it; who is let in gets a socket into Queue."""

    def __init__(self, path):
        self.got = []           # the records
        self.queue = Queue()
        self.door = True        # queue-put can be reached
        self.key = 'fail'       # what becomes of a key
        super().__init__(path)

    def ok(self, account):
        return record('auth', result='ok', account=account, login=account + '@example.org', mechanism='X')

    def answer(self, q):
        said = base64.b64decode(q.get('initial', q.get('response', ''))).decode()
        if q['cmd'] == 'abort':
            return record('auth', result='fail', reason='aborted')
        if q.get('preauth'):
            return self.ok('joe') if self.key == 'ok' else record('auth', result='fail', reason=self.key)
        if q['cmd'] == 'start' and 'initial' not in q:
            return record('auth', result='continue', challenge=b64('who?'))
        if said in ('joe', 'ann'):
            return self.ok(said)
        if said == 'temp':
            return record('auth', result='temp')
        return record('auth', result='fail', reason=said or 'badcreds', text='moved away')

    def serve(self, c):
        while True:
            rec = c.recv(65536)
            if not rec:
                c.close()
                return
            q = parse(rec)
            self.got.append(q)
            if q['cmd'] != 'queue':
                c.send(self.answer(q))
                continue
            if self.door:
                send_fds(c, record('auth', result='queue'), [self.queue.connect()])
            else:
                c.send(record('auth', result='temp'))
            c.close()
            return


class Queue:
    """As queue-put: remembers each envelope and message, and answers as `answer` says."""

    def __init__(self):
        self.got = []
        self.answer = lambda: record('put', result='ok', code=250, status='2.6.0', text='queued as Q1', id='Q1')

    def connect(self):
        """A descriptor that leads to us, to be given away."""
        ours, theirs = pair()
        threading.Thread(target=self.serve, args=(ours,), daemon=True).start()
        self.keep = theirs
        return theirs.fileno()

    def serve(self, c):
        envelope = []
        while True:
            rec, fds = recv_fds(c)
            if not rec:
                c.close()
                return
            q = parse(rec)
            if q['cmd'] != 'data':
                envelope.append(q)
                continue
            text = b''
            while True:
                part = os.pread(fds[0], 1 << 20, len(text))
                if not part:
                    break
                text += part
            os.close(fds[0])
            self.got.append((envelope, text))
            envelope = []
            a = self.answer()
            if a is None:
                c.close()
                return
            c.send(a)


class Session:
    def __init__(self, *args, trusted=True, env=None, greet=True, limit=None, queue=None, **facts):
        ours, theirs = socket.socketpair()
        control, theirs3 = pair()
        e = {'PATH': os.environ['PATH'], 'POSTHORN_VAR': var, 'PEER_ID': 'cid', 'PEER_SERVICE': 'smtp',
             'PEER_LISTENER': 'local', 'PEER_RIP': '192.0.2.9', 'PEER_LIP': '192.0.2.1'}
        if 'ASAN_OPTIONS' in os.environ:
            e['ASAN_OPTIONS'] = os.environ['ASAN_OPTIONS']
        if trusted:
            e['PEER_TRUSTED'] = '1'
        e.update({'PEER_' + k.upper(): v for k, v in facts.items()})
        e.update(env or {})
        fd, cfd, qfd = theirs.fileno(), theirs3.fileno(), queue

        def pass_it():
            a, b = os.dup(fd), os.dup(cfd)
            os.dup2(a, 0)
            os.dup2(a, 1)
            q = os.dup(qfd) if qfd is not None else -1
            os.dup2(b, 3, inheritable=True)
            if qfd is not None:
                os.dup2(q, 4, inheritable=True)
            os.closerange(4 if qfd is None else 5, 64)
            if limit:
                resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
        self.p = subprocess.Popen([SMTPD, '-p', '10', *args], preexec_fn=pass_it, close_fds=False, env=e, stderr=log)
        theirs.close()
        theirs3.close()
        self.s, self.control = ours, control
        self.s.settimeout(20)
        self.buf = b''
        if greet:
            self.greeting = self.reply()

    def line(self):
        while b'\n' not in self.buf:
            part = self.s.recv(65536)
            if not part:
                raise EOFError(self.buf)
            self.buf += part
        one, self.buf = self.buf.split(b'\n', 1)
        return one.rstrip(b'\r').decode()

    def reply(self):
        lines = [self.line()]
        while lines[-1][3:4] == '-':
            lines.append(self.line())
        return '\n'.join(lines)

    def send(self, data):
        self.s.sendall(data if isinstance(data, bytes) else data.encode())

    def cmd(self, text):
        self.send(text + '\r\n')
        return self.reply()

    def cmds(self, *texts):
        r = None
        for t in texts:
            r = self.cmd(t)
        return r

    def data(self, text):
        r = self.cmd('DATA')
        if not r.startswith('354'):
            return r
        self.send(text)
        return self.reply()

    def closed(self):
        try:
            return self.s.recv(100) == b'' and self.buf == b''
        except ConnectionError:
            return True

    def end(self):
        self.s.close()
        self.control.close()
        try:
            return self.p.wait(10)
        except subprocess.TimeoutExpired:
            self.p.kill()
            return 'hung'


def dialogue(name, steps, **kw):
    """Pairs of what we send and how the reply starts; all in one session."""
    s = Session(**kw)
    good = True
    try:
        for text, want in steps:
            got = s.cmd(text)
            if not got.startswith(want):
                good = ok(False, name + ': ' + text[:40], (got, want))
                break
        if good:
            ok(True, name)
    except (EOFError, OSError) as e:
        ok(False, name + ': closed', e)
    rc = s.end()
    if rc != 0:
        ok(False, name + ': exit code', rc)


HELLO = [('EHLO me.example', '250')]
MAIL = HELLO + [('MAIL FROM:<a@b.example>', '250 2.1.0')]
RCPT = MAIL + [('RCPT TO:<joe@example.org>', '250 2.1.0')]
MSG = 'From: a@b.example\r\nSubject: x\r\n\r\nhello\r\n.\r\n'


def test_commands():
    dialogue('EHLO', [('EHLO x', '250-mx.example.org\n250-PIPELINING\n250-SIZE 104857600\n250-ENHANCEDSTATUSCODES\n'
                       '250-8BITMIME\n250-LIMITS RCPTMAX=1000\n250-SMTPUTF8\n250-CHUNKING\n250-BINARYMIME\n250 DSN')])
    dialogue('EHLO with STARTTLS on offer', [('EHLO x', '250-mx.example.org\n250-PIPELINING\n250-SIZE 104857600\n250-STARTTLS')],
             starttls='1')
    dialogue('EHLO in TLS', [('EHLO x', '250-mx.example.org\n250-PIPELINING\n250-SIZE 104857600\n250-REQUIRETLS')],
             tls='TLSv1.3', cipher='X')
    dialogue('HELO is one line', [('HELO x', '250 mx.example.org'), ('NOOP', '250 2.0.0')])
    dialogue('sequence', [('MAIL FROM:<a@b.example>', '503 5.5.1'), ('RCPT TO:<joe@example.org>', '503 5.5.1'),
                          ('DATA', '503 5.5.1'), ('NOOP x', '250'), ('VRFY joe', '252 2.7.0'), ('EXPN x', '252 2.7.0'),
                          ('HELP', '214 2.0.0'), ('RSET', '250'), ('FOO', '500 5.5.1'), ('AUTH PLAIN', '503 5.5.1'),
                          ('STARTTLS', '503 5.5.1'), ('EHLO', '501 5.5.2'), ('EHLO x', '250'),
                          ('RCPT TO:<joe@example.org>', '503 5.5.1'), ('DATA', '503 5.5.1'), ('QUIT', '221 2.0.0')])
    dialogue('MAIL', MAIL + [('MAIL FROM:<a@b.example>', '503 5.5.1'), ('RSET', '250'), ('DATA', '503'),
                             ('MAIL FROM:a@b.example', '501 5.5.2'), ('MAIL FROM:<a@b.example> FOO=1', '555 5.3.3'),
                             ('MAIL FROM:<a@b.example> HOLDFOR=60', '555 5.3.3'),
                             ('MAIL FROM:<a@b.example> BODY=X', '555 5.5.4'), ('MAIL FROM:<a@b.example> SIZE=1 SIZE=1', '501 5.5.4'),
                             ('MAIL FROM:<a@b.example> SIZE=104857601', '552 5.3.4'), ('MAIL FROM:<a@b.example> REQUIRETLS', '523 5.7.10'),
                             ('MAIL FROM:<a@[192.0.2.1]>', '550 5.7.0'), ('MAIL FROM:<\u00fc@b.example>', '550 5.6.7'),
                             ('MAIL FROM:<\u00fc@b.example> SMTPUTF8', '250 2.1.0'), ('RCPT TO:<\u00fc@x.example>', '550 5.1.1')])
    dialogue('RCPT', MAIL + [('RCPT TO:<joe@example.org> FOO=1', '555 5.3.3'), ('RCPT TO:<nobody@example.org>', '550 5.1.1'),
                             ('RCPT TO:<joe@elsewhere.example>', '550 5.1.1'), ('RCPT TO:<joe@[192.0.2.1]>', '550 5.1.1'),
                             ('RCPT TO:<\u00fc@example.org>', '553 5.6.7'), ('RCPT TO:<x@off.example>', '450 4.2.1'),
                             ('RCPT TO:<gone@example.org>', '550 5.1.1 has moved'), ('RCPT TO:<later@example.org>', '451 4.3.0'),
                             ('DATA', '503 5.5.1'), ('RCPT TO:<JOE+x@Example.ORG>', '250'), ('RCPT TO:<postmaster>', '250'),
                             ('RCPT TO:<joe@example.org> NOTIFY=NEVER ORCPT=rfc822;x@y', '250')])
    dialogue('a stranger gets one recipient', RCPT + [('RCPT TO:<ann@example.org>', '452 4.5.3'),
                                                      ('RCPT TO:<joe@example.org>', '250')], trusted=False)
    dialogue('a stranger is not told who exists', MAIL + [('RCPT TO:<nobody@example.org>', '250')], trusted=False)
    dialogue('the null sender gets one recipient', HELLO + [('MAIL FROM:<>', '250'), ('RCPT TO:<joe@example.org>', '250'),
                                                            ('RCPT TO:<ann@example.org>', '452 4.5.3')])
    dialogue('special names', HELLO + [('MAIL FROM:<mailfromtemperror@x>', '451 4.0.0'), ('MAIL FROM:<mailfrom510@x>', '510 5.0.0'),
                                       ('MAIL FROM:<a@x>', '250'), ('RCPT TO:<rcptto450@example.org>', '450 4.0.0'),
                                       ('RCPT TO:<rcpttopermerror@example.org>', '550 5.0.0')])
    dialogue('RequireSTARTTLS', MAIL + [('RCPT TO:<joe@example.org>', '530 5.7.0')], listener='strict')
    dialogue('RequireSTARTTLS in TLS', RCPT, listener='strict', tls='TLSv1.3')
    s = Session()
    ok(s.greeting == '220 mx.example.org ESMTP posthorn', 'greeting', s.greeting)
    ok(s.cmd('MAIL FROM:<>').endswith(' (cid)'), 'a refusal ends in the id')
    ok(s.end() == 0, 'EOF ends it with 0')
    s = Session()
    r = s.cmd('GET / HTTP/1.1')
    ok(r.startswith('500 5.5.2') and s.closed(), 'first command unknown: told and closed', r)
    s.end()
    s = Session()
    r = s.cmd('NOOP ' + 'x' * 2042)
    ok(r.startswith('500 5.5.0') and s.closed(), 'a line too long: told and closed', r)
    s.end()
    s = Session()
    ok(s.cmd('NOOP ' + 'x' * 2041).startswith('250'), 'the longest line')
    s.end()
    s = Session(service='imap', greet=False)
    r = s.reply()
    ok(r.startswith('554 ') and s.closed(), 'another service is refused politely', r)
    s.end()


def test_delivery():
    deliverd.got.clear()
    s = Session()
    s.cmds('EHLO me.example', 'MAIL FROM:<Bob@b.example>', 'RCPT TO:<joe+tag@EXAMPLE.org>')
    r = s.data('From: x@y\r\nSubject: x\r\n\r\n..dot\r\nbare\nLF\r\n.\r\n')
    ok(r.startswith('250 2.2.0') and 'cid.1' in r, 'delivered', r)
    q = deliverd.got[0]
    ok(q['account'] == b'joe' and q['mailbox'] == b'INBOX' and q['mailfrom'] == b'Bob@b.example', 'account, mailbox, mailfrom', q)
    ok(q['rcpt'] == b'joe+tag@example.org' and q['conn'] == b'cid.1', 'rcpt, conn', q)
    ok(q['message'] == b'From: x@y\r\nSubject: x\r\n\r\n.dot\r\nbare\r\nLF\r\n', 'the message', q['message'])
    p = q['prefix'].decode()
    ok(p.startswith('Delivered-To: joe+tag@example.org\r\nReturn-Path: <Bob@b.example>\r\nReceived: from me.example ([192.0.2.9])\r\n'
                    '\tby mx.example.org ([192.0.2.1])\r\n\tvia tcp with ESMTP id cid.1\r\n\tfor <joe+tag@example.org>;\r\n\t'), 'prefix', p)
    ok(p.endswith(' +0000\r\n') and '\r\n\r\n' not in p, 'prefix ends')
    before = deliverd.connections
    for i in range(3):
        s.cmds('MAIL FROM:<>', 'RCPT TO:<ann@example.org>')
        r = s.data('Subject: again %d\r\n\r\n.\r\n' % i)
    ok(r.startswith('250') and deliverd.connections == before, 'the connection to deliverd is kept')
    ok(deliverd.got[-1]['message'] == b'Subject: again 2\r\n\r\n' and deliverd.got[-1]['mailbox'] == b'Lists', 'later messages')
    ok(b'Return-Path: <>\r\n' in deliverd.got[-1]['prefix'], 'the null path')
    s.cmds('MAIL FROM:<a@x>', 'RCPT TO:<joe@example.org>')
    s.data('Subject: only\r\n.\r\n')
    ok(deliverd.got[-1]['message'] == b'Subject: only\r\n\r\n', 'a header alone gets its empty line', deliverd.got[-1])
    s.cmds('MAIL FROM:<a@x>', 'RCPT TO:<joe@example.org>')
    s.data('no header here\r\n.\r\n')
    ok(deliverd.got[-1]['message'] == b'no header here\r\n' and deliverd.got[-1]['prefix'].endswith(b'\r\n\r\n'), 'no header at all')
    s.cmds('MAIL FROM:<a@x>', 'RCPT TO:<joe@example.org>')
    r = s.data('.\r\n')
    ok(r.startswith('250') and deliverd.got[-1]['message'] == b'\r\n', 'an empty message', deliverd.got[-1])
    s.cmds('MAIL FROM:<a@x>', 'RCPT TO:<joe@example.org>')
    big = ('x' * 998 + '\r\n') * 3000
    r = s.data('Subject: big\r\n\r\n' + big + '.\r\n')
    ok(r.startswith('250') and deliverd.got[-1]['message'] == ('Subject: big\r\n\r\n' + big).encode(), 'three megabytes, over the disk', r)
    s.cmds('MAIL FROM:<a@x>', 'RCPT TO:<joe@example.org>')
    r = s.data('Subject: small\r\n\r\n.\r\n')
    ok(deliverd.got[-1]['message'] == b'Subject: small\r\n\r\n', 'a small one behind a big one')
    s.cmds('MAIL FROM:<a@x>', 'RCPT TO:<joe@example.org>')
    r = s.data('Received: x\r\n' * 101 + '\r\n.\r\n')
    ok(r.startswith('550 5.4.6') and r.endswith(')'), '101 Received are a loop', r)
    s.cmds('MAIL FROM:<a@x>', 'RCPT TO:<joe@example.org>')
    ok(s.data('Received: x\r\n' * 100 + '\r\n.\r\n').startswith('250'), '100 Received are none')
    ok(s.cmd('QUIT').startswith('221') and s.closed(), 'QUIT')
    ok(s.end() == 0, 'exit code')
    s = Session(tls='TLSv1.3', cipher='TLS_AES_128_GCM_SHA256', rip='2001:db8::9')
    s.cmds('EHLO me.example', 'MAIL FROM:<a@x> REQUIRETLS SMTPUTF8', 'RCPT TO:<joe@example.org>')
    s.data(MSG)
    p = deliverd.got[-1]['prefix'].decode()
    ok('([IPv6:2001:db8::9])' in p and 'with UTF8SMTPS (requiretls) id cid.1\r\n\t(TLS1.3 TLS_AES_128_GCM_SHA256)\r\n' in p, 'TLS in Received', p)
    s.end()


def test_several():
    deliverd.got.clear()
    s = Session()
    s.cmds('EHLO x', 'MAIL FROM:<a@x>', 'RCPT TO:<joe@example.org>', 'RCPT TO:<ann@example.org>', 'RCPT TO:<joe@example.org>')
    r = s.data(MSG)
    ok(r.startswith('250') and [q['account'] for q in deliverd.got] == [b'joe', b'ann'], 'two recipients, one said twice', r)

    def some(**how):
        def answer(q):
            code = how.get(q['account'].decode())
            if code is None:
                return record('delivered', result='ok')
            return record('delivered', result='temp' if code[0] == '4' else 'perm', status=code, text='because')
        deliverd.answer = answer
        s.cmds('MAIL FROM:<a@x>', 'RCPT TO:<joe@example.org>', 'RCPT TO:<ann@example.org>')
        return s.data(MSG)
    r = some(joe='4.3.0', ann='4.3.0')
    ok(r.startswith('451-4.3.0 joe@example.org: because\n451 4.3.0 ann@example.org: because') and r.endswith('(cid.2)'), 'both later', r)
    r = some(joe='4.2.2')
    ok(r.startswith('452 4.2.2'), 'one full: the message is not taken', r)
    r = some(ann='5.2.1')
    ok(r.startswith('550 5.2.1'), 'one refused: told', r)
    r = some(joe='5.2.1', ann='4.3.0')
    ok(r.startswith('451-4.3.0') and 'multiple errors' in r and '550 5.2.1 because' in r, 'one later, one refused: later', r)
    r = some()
    ok(r.startswith('250'), 'and well again', r)
    deliverd.answer = lambda q: record('delivered', result='ok')
    s.cmds('MAIL FROM:<a@x>', 'RCPT TO:<joe@example.org>', 'RCPT TO:<xtemperror@example.org>')
    r = s.data(MSG)
    ok(r.startswith('451 4.0.0'), 'a special name among others', r)
    s.cmds('MAIL FROM:<a@x>', 'RCPT TO:<x552@example.org>')
    r = s.data(MSG)
    ok(r.startswith('552 5.0.0'), 'a special code', r)
    s.end()


def test_alias():
    s = Session()
    s.cmd('EHLO x')

    def post(alias, sender, *others):
        deliverd.got.clear()
        s.cmds('MAIL FROM:<a@x>', 'RCPT TO:<%s>' % alias, *['RCPT TO:<%s>' % o for o in others])
        r = s.data('From: %s\r\n\r\nhi\r\n.\r\n' % sender)
        return r, sorted(q['rcpt'] for q in deliverd.got)
    r, to = post('team@example.org', 'stranger@x.example')
    ok(r.startswith('550 5.7.2') and not to, 'a stranger may not post', r)
    r, to = post('team@example.org', 'Joe <JOE+x@example.org>')
    ok(r.startswith('250') and to == [b'ann@example.org'], 'a member may, and gets no copy', (r, to))
    r, to = post('team@example.org', 'team@example.org')
    ok(r.startswith('550 5.7.2'), 'not as the alias', r)
    r, to = post('open@example.org', 'stranger@x.example')
    ok(r.startswith('250') and to == [b'ann@example.org', b'joe@example.org'], 'an open list', (r, to))
    r, to = post('open@example.org', 'x@y, z@y')
    ok(r.startswith('250'), 'an open list needs no clear author', r)
    r, to = post('open@example.org', 'open@example.org')
    ok(r.startswith('250'), 'as the alias where that is allowed', r)
    r, to = post('open@example.org', 'x@y', 'joe@example.org')
    ok(r.startswith('250') and to == [b'ann@example.org', b'joe@example.org'], 'who is addressed too gets one copy', to)
    deliverd.answer = lambda q: record('delivered', result='ok') if q['account'] == b'joe' else \
        record('delivered', result='temp', status='4.2.2', text='full')
    r, to = post('open@example.org', 'x@y')
    ok(r.startswith('250'), 'a full member does not hold up the others', r)
    deliverd.answer = lambda q: record('delivered', result='temp', status='4.2.2', text='full')
    r, to = post('open@example.org', 'x@y')
    ok(r.startswith('452 4.2.2'), 'all full is told', r)
    deliverd.answer = lambda q: record('delivered', result='ok') if q['account'] == b'joe' else \
        record('delivered', result='temp', status='4.3.0', text='no')
    r, to = post('open@example.org', 'x@y')
    ok(r.startswith('451 4.3.0'), 'a member who has to wait is not forgotten', r)
    deliverd.answer = lambda q: record('delivered', result='ok')
    s.end()


def test_data():
    s = Session()
    s.cmd('EHLO x')
    for name, text in [('CRLF . LF', 'a\r\n.\nb\r\n.\r\n'), ('LF . LF', 'a\n.\nb\r\n.\r\n'), ('LF . CRLF', 'a\n.\r\nMAIL FROM:<x@y>\r\n.\r\n'),
                       ('bare CR', 'a\rb\r\n.\r\n'), ('CR . CR', 'a\r.\rb\r\n.\r\n')]:
        deliverd.got.clear()
        s.cmds('MAIL FROM:<a@x>', 'RCPT TO:<joe@example.org>')
        r = s.data('Subject: x\r\n\r\n' + text)
        ok(r.startswith('500 5.5.2') and not deliverd.got, 'smuggling: ' + name, r)
    ok(s.cmd('NOOP').startswith('250'), 'and the session goes on')
    s.end()
    s = Session(listener='small')
    ok('SIZE 100000' in s.cmd('EHLO x'), 'SIZE of the listener')
    ok(s.cmd('MAIL FROM:<a@x> SIZE=100001').startswith('552 5.2.3'), 'a size that is too large')
    deliverd.got.clear()
    s.cmds('MAIL FROM:<a@x> SIZE=10', 'RCPT TO:<joe@example.org>')
    r = s.data('Subject: x\r\n\r\n' + 'y' * 200000 + '\r\n.\r\n')
    ok(r.startswith('552 5.2.3') and not deliverd.got, 'and one that said otherwise', r)
    s.cmds('MAIL FROM:<a@x>', 'RCPT TO:<joe@example.org>')
    ok(s.data('A: ' + 'y' * 99991 + '\r\n\r\n.\r\n').startswith('250'), 'just within')
    s.end()


def test_bdat():
    s = Session()
    s.cmd('EHLO x')
    deliverd.got.clear()
    s.cmds('MAIL FROM:<a@x>', 'RCPT TO:<joe@example.org>')
    s.send('BDAT 11\r\nSubject: b\rBDAT 4\r\n\n\r\n.BDAT 3 LAST\r\n.\r\n')
    r = [s.reply() for _ in range(3)]
    ok([x[:3] for x in r] == ['250'] * 3 and deliverd.got and deliverd.got[0]['message'] == b'Subject: b\r\n\r\n..\r\n', 'BDAT in three chunks', (r, deliverd.got))
    s.cmds('MAIL FROM:<a@x>', 'RCPT TO:<joe@example.org>')
    s.send('BDAT 0 LAST\r\n')
    ok(s.reply().startswith('250'), 'an empty one')
    s.send('BDAT 6\r\nNOOP\r\nNOOP\r\n')
    ok(s.reply().startswith('503 5.5.1') and s.reply().startswith('250'), 'BDAT without MAIL takes its octets')
    s.cmds('MAIL FROM:<a@x>', 'RCPT TO:<joe@example.org>')
    s.send('BDAT 2\r\nxy')
    ok(s.reply().startswith('250'), 'a first chunk')
    ok(s.cmd('DATA').startswith('503'), 'DATA behind BDAT')
    ok(s.cmd('RCPT TO:<ann@example.org>').startswith('503'), 'RCPT behind BDAT')
    ok(s.cmd('MAIL FROM:<a@x>').startswith('503'), 'MAIL behind BDAT')
    ok(s.cmd('RSET').startswith('250'), 'RSET ends it')
    deliverd.got.clear()
    s.send('MAIL FROM:<a@x>\r\nRCPT TO:<joe@example.org>\r\nBDAT 15 LAST\r\nSubject: new\r\n\r')
    r = [s.reply() for _ in range(3)]
    ok(r[2].startswith('500 5.5.2'), 'a CR at the very end', r)
    s.send('MAIL FROM:<a@x>\r\nRCPT TO:<joe@example.org>\r\nBDAT 16 LAST\r\nSubject: new\r\n\r\n')
    r = [s.reply() for _ in range(3)]
    ok(deliverd.got and deliverd.got[0]['message'] == b'Subject: new\r\n\r\n', 'nothing is left of what RSET ended', (r, deliverd.got))
    s.cmds('MAIL FROM:<a@x> BODY=BINARYMIME', 'RCPT TO:<joe@example.org>')
    ok(s.cmd('DATA').startswith('503 5.5.1'), 'BINARYMIME needs BDAT')
    body = b'Subject: bin\r\n\r\n' + bytes(range(256)) * 300 + b'\r\r\n\n.\r\n.\n'
    s.send(b'BDAT %d\r\n' % (len(body) - 10) + body[:-10] + b'BDAT 10 LAST\r\n' + body[-10:])
    r = [s.reply() for _ in range(2)]
    ok(r[1].startswith('250') and deliverd.got[-1]['message'] == body, 'BINARYMIME comes through as it is', r)
    s.cmds('MAIL FROM:<a@x>', 'RCPT TO:<joe@example.org>')
    r = s.cmd('BDAT x')
    ok(r.startswith('501 5.5.4') and s.closed(), 'a size that is none: told and closed', r)
    s.end()
    s = Session(listener='small')
    s.cmds('EHLO x', 'MAIL FROM:<a@x>', 'RCPT TO:<joe@example.org>')
    s.send('BDAT 200000\r\n' + 'x' * 200000 + 'BDAT 1 LAST\r\nxNOOP\r\n')
    r = [s.reply() for _ in range(3)]
    ok([x[:3] for x in r] == ['552', '503', '250'], 'too large, and the rest of it is taken', r)
    s.end()


def test_pipelining():
    deliverd.got.clear()
    s = Session()
    s.send('EHLO x\r\n' + 'MAIL FROM:<a@x>\r\nRCPT TO:<joe@example.org>\r\nDATA\r\n' + MSG +
           'MAIL FROM:<b@x>\r\nRCPT TO:<ann@example.org>\r\nDATA\r\n' + MSG + 'QUIT\r\n')
    r = [s.reply()[:3] for _ in range(10)]
    ok(r == ['250', '250', '250', '354', '250', '250', '250', '354', '250', '221'], 'all at once', r)
    ok([q['account'] for q in deliverd.got] == [b'joe', b'ann'], 'both delivered')
    s.end()
    s = Session()
    s.send('NOOP\r\n' * 100)
    got, parts = b'', 0
    while got.count(b'\r\n') < 100:
        got += s.s.recv(65536)
        parts += 1
    ok(got.count(b'\r\n') == 100 and parts < 50, 'replies are gathered', parts)
    s.end()
    s = Session()
    for c in ('EHLO x\r\nMAIL FROM:<a@x>\r\nRCPT TO:<joe@example.org>\r\nDATA\r\n' + MSG + 'QUIT\r\n').encode():
        s.send(bytes([c]))
    r = [s.reply()[:3] for _ in range(6)]
    ok(r == ['250', '250', '250', '354', '250', '221'], 'byte by byte', r)
    s.end()


def test_strangers():
    s = Session(trusted=False)
    s.cmds('EHLO x', 'MAIL FROM:<a@x>', 'RCPT TO:<nobody@example.org>')
    deliverd.got.clear()
    t = time.time()
    r = s.data(MSG)
    ok(r.startswith('550 5.1.1') and not deliverd.got, 'unknown: told behind the message', r)
    ok(time.time() - t > 0.05, 'after a delay')
    t = time.time()
    s.cmd('NOOP')
    ok(time.time() - t > 0.1, 'slow from then on')
    s.end()
    s = Session('-p', '1', trusted=False)
    s.cmd('EHLO x')
    for _ in range(11):
        s.cmds('MAIL FROM:<a@x>', 'RCPT TO:<nobody@example.org>')
        s.data(MSG)
    r = s.cmd('MAIL FROM:<a@x>')
    ok(r.startswith('550 5.1.0') and s.closed(), 'after eleven bad ones: closed', r)
    s.end()


def test_starttls():
    s = Session(starttls='1')
    s.cmds('EHLO x', 'MAIL FROM:<a@x>')
    s.send('STARTTLS\r\nRSET\r\nNOOP\r\n')
    r = s.reply()
    ok(r.startswith('220 2.0.0'), 'STARTTLS', r)
    ok(s.control.recv(10) == b'S', 'listend is told')
    s.send('NOOP injected\r\n')
    s.control.send(record('tls', tls='TLSv1.3', cipher='TLS_X'))
    ok(s.control.recv(10) == b'G', 'and may go on')
    r = s.cmd('MAIL FROM:<a@x>')
    ok(r.startswith('503'), 'plaintext is thrown away and EHLO forgotten', r)
    r = s.cmd('EHLO x')
    ok('STARTTLS' not in r and 'REQUIRETLS' in r, 'not offered again', r)
    ok(s.cmd('STARTTLS').startswith('503 5.5.1'), 'not twice')
    s.cmds('MAIL FROM:<a@x>', 'RCPT TO:<joe@example.org>')
    s.data(MSG)
    ok(b'with ESMTPS' in deliverd.got[-1]['prefix'] and b'(TLS1.3 TLS_X)' in deliverd.got[-1]['prefix'], 'and seen in Received', deliverd.got[-1]['prefix'])
    s.end()
    s = Session(starttls='1')
    s.cmd('EHLO x')
    s.cmd('STARTTLS')
    s.control.close()
    ok(s.closed(), 'listend gone: over')
    s.end()


def test_faults():
    s = Session('-s', '500')
    s.cmds('EHLO x', 'MAIL FROM:<a@x>', 'RCPT TO:<joe@example.org>')
    deliverd.answer = lambda q: 1 / 0
    r = s.data(MSG)
    ok(r.startswith('451 4.3.0'), 'deliverd dies: 451', r)
    deliverd.answer = lambda q: None
    s.cmds('MAIL FROM:<a@x>', 'RCPT TO:<joe@example.org>')
    t = time.time()
    r = s.data(MSG)
    ok(r.startswith('451 4.3.0') and time.time() - t < 3, 'deliverd silent: 451 in time', r)
    deliverd.answer = lambda q: b'nonsense\x001\0'
    s.cmds('MAIL FROM:<a@x>', 'RCPT TO:<joe@example.org>')
    r = s.data(MSG)
    ok(r.startswith('451 4.3.0'), 'deliverd talks nonsense: 451', r)
    deliverd.answer = lambda q: record('delivered', result='ok')
    s.cmds('MAIL FROM:<a@x>', 'RCPT TO:<joe@example.org>')
    r = s.data(MSG)
    ok(r.startswith('250'), 'deliverd well again', r)
    deliverd.leave = True
    r = []
    for _ in range(3):
        s.cmds('MAIL FROM:<a@x>', 'RCPT TO:<joe@example.org>')
        r.append(s.data(MSG)[:3])
    deliverd.leave = False
    ok(r == ['250'] * 3, 'deliverd started anew between messages is not noticed', r)
    verifyd.p.send_signal(signal.SIGSTOP)
    s.cmds('MAIL FROM:<a@x>', 'RCPT TO:<joe@example.org>')
    t = time.time()
    r = s.data(MSG)
    ok(r.startswith('451 4.3.0') and time.time() - t < 3, 'verifyd silent: 451 in time', r)
    verifyd.p.send_signal(signal.SIGCONT)
    verifyd.p.kill()
    verifyd.p.wait()
    verifyd.start()
    s.cmds('MAIL FROM:<a@x>', 'RCPT TO:<joe@example.org>')
    r = s.data(MSG)
    ok(r.startswith('250'), 'verifyd well again', r)
    s.end()
    s = Session(limit=2 << 20)
    s.cmds('EHLO x', 'MAIL FROM:<a@x>', 'RCPT TO:<joe@example.org>')
    deliverd.got.clear()
    r = s.data('A: b\r\n\r\n' + ('x' * 998 + '\r\n') * 3000 + '.\r\n')
    ok(r.startswith('452 4.3.1') and not deliverd.got, 'no space left: 452', r)
    s.cmds('MAIL FROM:<a@x>', 'RCPT TO:<joe@example.org>')
    r = s.data(MSG)
    ok(r.startswith('250') and len(deliverd.got[0]['message']) < 100, 'and the next one fits', r)
    s.end()
    s = Session('-t', '500')
    t = time.time()
    r = s.reply()
    ok(r.startswith('421 4.4.2') and s.closed() and time.time() - t < 3, 'nothing heard: told and closed', r)
    s.end()
    for what, args, before in [('message', ('-t', '2000', '-m', '1000'), ['EHLO x', 'MAIL FROM:<a@x>', 'RCPT TO:<joe@example.org>', 'DATA']),
                               ('chunk that nobody wants', ('-t', '2000', '-m', '1000'), ['EHLO x', 'BDAT 999999999 LAST']),
                               ('command', ('-t', '250'), ['EHLO x'])]:
        s = Session(*args)
        s.cmds(*before[:-1])
        s.send(before[-1] + '\r\n')
        if not before[-1].startswith('BDAT'):
            s.reply()
        try:
            for _ in range(60):
                s.send('x')
                time.sleep(0.05)
        except OSError:
            pass
        try:
            r = s.reply()
        except (EOFError, OSError) as e:
            r = repr(e)
        ok(r.startswith('421 4.4.2 a'), 'a byte now and then: not for ever, in a ' + what, r)
        s.end()
    s = Session('-t', '500')
    s.s.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, b'\x01' + b'\0' * 15)
    s.s.settimeout(0.3)
    try:
        while True:
            s.send('HELP\r\n' * 1000)
    except OSError:
        pass
    t = time.time()
    try:
        rc = s.p.wait(5)
    except subprocess.TimeoutExpired:
        rc = 'still there'
    ok(rc == 0, 'who never reads is left', rc)
    s.end()
    s = Session()
    s.cmd('EHLO x')
    s.p.send_signal(signal.SIGTERM)
    r = s.reply()
    ok(r.startswith('421 4.3.2') and s.closed() and s.end() == 0, 'SIGTERM: told and closed', r)
    s = Session()
    s.cmds('EHLO x', 'MAIL FROM:<a@x>', 'RCPT TO:<joe@example.org>', 'DATA')
    s.send('Subject: x\r\n')
    s.p.send_signal(signal.SIGTERM)
    r = s.reply()
    ok(r.startswith('421 4.3.2') and s.end() == 0, 'SIGTERM inside a message', r)
    text = ('EHLO x\r\nMAIL FROM:<a@x>\r\nRCPT TO:<joe@example.org>\r\nDATA\r\nA: b\r\n\r\n.\r\nQUIT\r\n').encode()
    bad = []
    for n in range(0, len(text), 3):
        deliverd.got.clear()
        s = Session(greet=False)
        s.send(text[:n])
        s.s.shutdown(socket.SHUT_WR)
        if s.end() != 0 or (deliverd.got and n < text.index(b'\n.\r\n') + 4):
            bad.append(n)
    ok(not bad, 'closed at any point: ends quietly, half a message is none', bad)


def submission(*args, **facts):
    facts = {'service': 'submission', 'tls': 'TLSv1.3', 'trusted': False, **facts}
    return Session(*args, **facts)


def test_submission():
    authd.got.clear()
    s = submission(exporter='00ff', fingerprint='')
    r = s.cmd('EHLO my_pc')
    ok('\n250-AUTH SCRAM-SHA-256-PLUS SCRAM-SHA-256 SCRAM-SHA-1-PLUS SCRAM-SHA-1 CRAM-MD5 PLAIN LOGIN\n250-FUTURERELEASE 5184000 ' in r,
       'EHLO of submission', r)
    until = r.split('FUTURERELEASE 5184000 ')[1].split('\n')[0]
    ok(abs(calendar.timegm(time.strptime(until, '%Y-%m-%dT%H:%M:%SZ')) - time.time() - 5184000) < 60, 'held for 60 days at most', until)
    ok(s.cmd('MAIL FROM:<joe@example.org>').startswith('530 5.7.0'), 'no mail before the login')
    ok(s.cmd('AUTH PLAIN ' + b64('joe')) == '235 2.7.0 nice', 'AUTH PLAIN')
    q = authd.got[0]
    ok(q['cmd'] == 'start' and q['protocol'] == 'smtp' and q['mechanism'] == 'PLAIN' and q['initial'] == b64('joe') and
       q['id'] == 'cid' and q['rip'] == '192.0.2.9' and q['exporter'] == '00ff', 'what authd is told', q)
    ok([x['cmd'] for x in authd.got] == ['start', 'queue'], 'and asked for the queue')
    ok(s.cmd('MAIL FROM:<ann@example.org>').startswith('550 5.7.1'), 'another\'s address')
    ok(s.cmd('MAIL FROM:<joe@elsewhere.example>').startswith('550 5.7.1'), 'an address of elsewhere')
    ok(s.cmd('MAIL FROM:<joe@off.example>').startswith('451 4.3.0'), 'one of a disabled domain')
    ok(s.cmd('MAIL FROM:<Joe+x@Example.ORG> BODY=8BITMIME RET=HDRS ENVID=e1 HOLDFOR=60').startswith('250 2.1.0'), 'one\'s own')
    for a, want in [('<nobody@example.org>', '550 5.1.1'), ('<x@off.example>', '450 4.2.1'), ('<gone@example.org>', '550 5.1.1'),
                    ('<joe@elsewhere.example>', '250'), ('<ann@example.org> NOTIFY=SUCCESS,DELAY ORCPT=rfc822;x@y', '250'),
                    ('<joe@[192.0.2.1]>', '250')]:
        r = s.cmd('RCPT TO:' + a)
        ok(r.startswith(want), 'recipient %s: %s' % (a, want), r)
    before = len(deliverd.got)
    r = s.data('From: joe@example.org\r\n\r\nhello\r\n.\r\n')
    ok(r == '250 2.6.0 queued as Q1', 'queued', r)
    envelope, text = authd.queue.got[-1]
    ok(envelope[0] == dict(put='1', cmd='mail', **{'from': 'Joe+x@example.org'}, body='8bitmime', ret='hdrs', envid='e1', holdfor='60'),
       'the envelope\'s sender', envelope[0])
    ok([(e['rcpt'], e.get('notify'), e.get('orcpt')) for e in envelope[1:]] ==
       [('joe@elsewhere.example', None, None), ('ann@example.org', '10', 'rfc822;x@y'), ('joe@[192.0.2.1]', None, None)],
       'its recipients', envelope[1:])
    ok(text == b'From: joe@example.org\r\n\r\nhello\r\n' and len(deliverd.got) == before, 'the message, as it came', text)
    s.cmds('MAIL FROM:<>', 'RCPT TO:<a@b.example>')
    s.send('BDAT 6 LAST\r\nA: b\r\n')
    ok(s.reply().startswith('250 2.6.0') and authd.queue.got[-1][1] == b'A: b\r\n', 'a second one over the same socket, in chunks')
    ok(len(authd.got) == 2, 'without asking authd again')
    authd.queue.answer = lambda: record('put', result='perm', code=554, status='5.6.0', text='no header')
    s.cmds('MAIL FROM:<joe@example.org>', 'RCPT TO:<a@b.example>')
    r = s.data('no header\r\n.\r\n')
    ok(r == '554 5.6.0 no header (cid.3)', 'the queue refuses', r)
    ok(s.cmd('NOOP').startswith('250'), 'and the session goes on')
    authd.queue.answer = Queue().answer
    ok(s.cmd('QUIT').startswith('221') and s.end() == 0, 'QUIT')


def test_auth():
    s = submission()
    s.cmd('EHLO x')
    for what, want in [('badcreds', '535 5.7.8'), ('badprotocol', '501 5.5.2'), ('badchanbind', '535 5.7.7'),
                       ('disabled', '525 5.7.13 moved away'), ('nomech', '504 5.5.4'), ('temp', '454 4.3.0')]:
        r = s.cmd('AUTH PLAIN ' + b64(what))
        ok(r.startswith(want), 'AUTH, %s: %s' % (what, want), r)
    ok(s.s.recv(100) == b'' if s.cmd('AUTH PLAIN ' + b64('limited')).startswith('421 4.7.0') else False, 'limited: told and closed')
    s.end()
    s = submission()
    s.cmd('EHLO x')
    r = s.cmd('AUTH LOGIN')
    ok(r == '334 ' + b64('who?'), 'a challenge', r)
    ok(s.cmd('*').startswith('501 5.5.0') and authd.got[-1]['cmd'] == 'abort', 'aborted')
    s.cmd('AUTH SCRAM-SHA-256')
    ok(s.cmd(b64('badprotocol')).startswith('455 4.7.0'), 'SCRAM gone wrong')
    s.cmd('AUTH CRAM-MD5')
    ok(s.cmd(b64('ann')).startswith('235') and authd.got[-2]['response'] == b64('ann'), 'a response')
    ok(s.cmd('MAIL FROM:<ann@example.org>').startswith('250'), 'logged in')
    s.end()
    s = submission(tls='', starttls='1')
    r = s.cmd('EHLO x')
    ok('\n250-STARTTLS\n250-AUTH\n' in r, 'without TLS nothing to log in with', r)
    authd.got.clear()
    ok(s.cmd('AUTH PLAIN ' + b64('joe')).startswith('538 5.7.11') and not authd.got, 'no password in clear')
    s.end()
    s = submission(tls='', trusted=True)
    ok(s.cmds('EHLO x', 'AUTH PLAIN ' + b64('joe')).startswith('235'), 'but from a trusted network')
    s.end()
    authd.door = False
    s = submission()
    r = s.cmds('EHLO x', 'AUTH PLAIN ' + b64('joe'))
    ok(r.startswith('454 4.3.0') and s.cmd('MAIL FROM:<joe@example.org>').startswith('530'), 'no queue, no login', r)
    authd.door = True
    ok(s.cmd('AUTH PLAIN ' + b64('joe')).startswith('235'), 'until there is one')
    s.end()
    s = submission()
    s.cmd('EHLO x')
    took = []
    for who in ['badcreds'] * 4 + ['joe', 'joe']:
        t = time.time()
        r = s.cmd('AUTH PLAIN ' + b64(who))
        took.append(time.time() - t)
    ok(took[3] > 0.2, 'who fails often is served slowly', took)
    ok(r.startswith('503') and took[5] < 0.2, 'until he is let in', (r, took))
    s.end()


def test_key():
    authd.got.clear()
    authd.key = 'ok'
    s = submission(fingerprint='ab' * 32, service='submissions')
    r = s.cmd('EHLO x')
    ok('\n250-AUTH EXTERNAL SCRAM-SHA-256 ' in r, 'a key: EXTERNAL is offered', r)
    q = authd.got[0]
    ok(q['preauth'] == '1' and q['mechanism'] == 'EXTERNAL' and q['initial'] == '' and q['fingerprint'] == 'ab' * 32, 'authd is asked', q)
    ok(s.cmd('MAIL FROM:<joe@example.org>').startswith('250'), 'it logs in without AUTH')
    s.cmd('RSET')
    ok(s.cmd('AUTH PLAIN ' + b64('ann')).startswith('535 5.7.8'), 'as nobody else')
    ok(s.cmd('AUTH PLAIN ' + b64('joe')).startswith('235'), 'and as the same with a password')
    s.cmds('MAIL FROM:<joe@example.org>', 'RCPT TO:<a@b.example>')
    ok(s.data(MSG).startswith('250 2.6.0'), 'queued')
    s.end()
    for why in ('nopreauth', 'badcreds', 'disabled'):
        authd.key = why
        s = submission(fingerprint='ab' * 32)
        s.cmd('EHLO x')
        ok(s.cmd('MAIL FROM:<joe@example.org>').startswith('530'), 'a key that is not: ' + why)
        ok(s.cmd('AUTH PLAIN ' + b64('joe')).startswith('235'), 'a password may follow')
        s.end()
    authd.key = 'limited'
    s = submission(fingerprint='ab' * 32)
    ok(s.reply().startswith('421 4.7.0') and s.closed(), 'limited: told and closed')
    s.end()
    authd.key = 'ok'
    s = submission(tls='', starttls='1')
    s.cmd('EHLO x')
    s.send('STARTTLS\r\n')
    ok(s.reply().startswith('220') and s.control.recv(10) == b'S', 'STARTTLS')
    s.control.send(record('tls', tls='TLSv1.3', cipher='X', fingerprint='cd' * 32, endpoint='00'))
    ok(s.control.recv(10) == b'G', 'done')
    ok(s.cmd('MAIL FROM:<joe@example.org>').startswith('503 5.5.1'), 'everything is forgotten')
    r = s.cmd('EHLO x')
    ok('\n250-REQUIRETLS\n250-AUTH EXTERNAL SCRAM-SHA-256-PLUS ' in r, 'other mechanisms now', r)
    ok(authd.got[-2]['fingerprint'] == 'cd' * 32 and s.cmd('MAIL FROM:<joe@example.org> REQUIRETLS').startswith('250'), 'the key logs in')
    s.cmd('RCPT TO:<a@b.example>')
    s.data(MSG)
    ok(authd.queue.got[-1][0][0].get('requiretls') == '1', 'REQUIRETLS goes with the message')
    s.end()
    authd.key = 'fail'


def test_lost_queue():
    def try_it(name, *args):
        s = submission(*args)
        s.cmds('EHLO x', 'AUTH PLAIN ' + b64('joe'), 'MAIL FROM:<joe@example.org>', 'RCPT TO:<a@b.example>')
        r = s.data(MSG)
        ok(r.startswith('451 4.3.0'), name + ': 451', r)
        r = s.cmd('MAIL FROM:<joe@example.org>')
        ok(r.startswith('421 4.3.0') and s.closed(), 'then 421 and the end', r)
        ok(s.end() == 0, 'with 0')
    authd.queue.answer = lambda: None
    try_it('queue-put dies')
    authd.queue.answer = lambda: b'garbage'
    try_it('it answers nonsense')
    authd.queue.answer = lambda: time.sleep(2) or record('put', result='ok', code=250, status='2.6.0', text='late')
    try_it('it is silent', '-s', '500')
    authd.queue.answer = Queue().answer
    os.unlink(os.path.join(var, 'run/authd'))
    s = submission('-s', '500')
    r = s.cmds('EHLO x', 'AUTH PLAIN ' + b64('joe'))
    ok(r.startswith('454 4.3.0'), 'no authd', r)
    s.end()


def test_bs():
    queue = Queue()
    s = Session('-Q', queue=queue.connect(), service='', trusted=False)
    queue.keep.close()
    r = s.cmd('EHLO x')
    ok('AUTH' not in r and 'STARTTLS' not in r and 'FUTURERELEASE' in r, '-Q: neither AUTH nor STARTTLS', r)
    ok(s.cmd('AUTH PLAIN ' + b64('joe')).startswith('503'), 'no AUTH')
    ok(s.cmds('MAIL FROM:<ann@example.org>', 'RCPT TO:<a@b.example>').startswith('250'), 'mail at once')
    r = s.data(MSG)
    ok(r == '250 2.6.0 queued as Q1' and queue.got[0][1].startswith(b'From: a@b'), 'into the queue that was open', r)
    ok(s.cmd('QUIT').startswith('221') and s.end() == 0, 'QUIT')


def main():
    try:
        test_submission()
        test_auth()
        test_key()
        test_bs()
        test_commands()
        test_delivery()
        test_several()
        test_alias()
        test_data()
        test_bdat()
        test_pipelining()
        test_strangers()
        test_starttls()
        test_faults()
        test_lost_queue()
        ok(verifyd.stop() == 0, 'verifyd stops with 0')
    except Exception as e:
        import traceback
        traceback.print_exc()
        ok(False, 'died', e)
    finally:
        if verifyd.p.poll() is None:
            verifyd.p.kill()
    if tap.failed:
        log.seek(0)
        for l in log.read().decode(errors='replace').splitlines()[-40:]:
            print('#', l)


def write(path, text):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, 'w') as f:
        f.write(text)


top = tempfile.mkdtemp(prefix='smtpd.')
var = os.path.join(top, 'var')
log = open(os.path.join(top, 'log'), 'w+b')
try:
    os.makedirs(os.path.join(var, 'run'))
    os.makedirs(os.path.join(var, 'tmp'))
    write(top + '/etc/posthorn.conf', '''
hostname = mx.example.org
localserve = true
separators = "+"
postmaster { account = joe }
listener local { address = 127.0.0.1
 smtp = 1025 }
listener strict { address = 127.0.0.2
 smtp = 1025
 require-starttls = true }
listener small { address = 127.0.0.3
 smtp = 1025
 max-message-size = 100000 }
''')
    write(top + '/etc/domains/example.org.conf', '''
alias team { members = { joe@example.org, ann@example.org } }
alias open { members = { joe@example.org, ann@example.org }
 post-public = true
 allow-msg-from = true }
''')
    write(top + '/etc/domains/off.example.conf', 'disabled = true\n')
    write(top + '/etc/accounts/joe.conf', '''
address joe@example.org { }
address joe@off.example { }
address gone@example.org { smtp-error = "550 has moved" }
address later@example.org { smtp-error = "421 not now" }
''')
    write(top + '/etc/accounts/ann.conf', 'address ann@example.org { mailbox = "Lists" }\n')
    subprocess.run([CONFIG, 'build'], cwd=var, check=True, stderr=sys.stdout, stdout=log,
                   env={**os.environ, 'POSTHORN_ETC': top + '/etc', 'POSTHORN_VAR': var})
    authd = Authd(os.path.join(var, 'run/authd'))
    deliverd = Deliverd(os.path.join(var, 'run/deliverd'))
    verifyd = Verifyd(var)
    main()
finally:
    shutil.rmtree(top, ignore_errors=True)
tap.done()
