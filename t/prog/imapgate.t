#!/usr/bin/env python3
"""imapgate through its descriptors, with a listend and an authd played by the test."""
import base64
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.environ.get('top_srcdir', '.'), 't/lib'))
from ipc import b64, listener, pair, parse, record, recv_fds
from tap import BUILD, Tap

tap = Tap()
ok = tap.ok
GATE = os.path.join(BUILD, 'libexec/imapgate/imapgate')


def has(got, want, name):
    if not ok(want in got, name):
        print('# got %r\n# want %r' % (got, want), flush=True)


class Gate:
    """An imapgate with the test as its client, its listend and its authd."""

    def __init__(self, greeting=True, **peer):
        self.dir = tempfile.mkdtemp()
        os.mkdir(self.dir + '/run')
        self.authd = listener(self.dir + '/run/authd')
        self.authd.settimeout(10)
        self.data, data = pair(socket.SOCK_STREAM)
        self.ctl, ctl = pair()
        self.data.settimeout(10)
        self.ctl.settimeout(10)
        env = {'PEER_ID': 'c1', 'PEER_SERVICE': 'imap', 'PEER_RIP': '192.0.2.1', 'PEER_LIP': '192.0.2.2',
               'PATH': os.environ['PATH'], 'ASAN_OPTIONS': os.environ.get('ASAN_OPTIONS', '')}
        for k, v in peer.items():
            env['PEER_' + k.upper()] = v
        d, c = os.dup(data.fileno()), os.dup(ctl.fileno())

        def become():
            os.dup2(d, 0)
            os.dup2(d, 1)
            os.dup2(c, 3)
        self.p = subprocess.Popen([GATE], cwd=self.dir, env=env, preexec_fn=become, close_fds=False,
                                  stderr=open(self.dir + '/log', 'w'))
        os.close(d)
        os.close(c)
        data.close()
        ctl.close()
        self.buf = b''
        self.greeting = self.line() if greeting else ''

    def line(self):
        while b'\n' not in self.buf:
            got = self.data.recv(65536)
            if not got:
                rest, self.buf = self.buf, b''
                return rest.decode()
            self.buf += got
        line, self.buf = self.buf.split(b'\n', 1)
        return line.decode() + '\n'

    def say(self, text):
        self.data.sendall(text if isinstance(text, bytes) else text.encode())

    def ask(self, text):
        """Send a line, return what comes up to its tagged answer."""
        self.say(text + '\r\n')
        return self.answer(text.split()[0])

    def answer(self, tag):
        got = ''
        while True:
            line = self.line()
            got += line
            if line == '' or line.startswith(tag + ' '):
                return got

    def dialogue(self):
        s, _ = self.authd.accept()
        s.settimeout(10)
        return s

    def rest(self):
        got = self.buf
        while True:
            part = self.data.recv(65536)
            if not part:
                return got.decode()
            got += part

    def end(self):
        """Close; the exit code."""
        self.data.close()
        self.ctl.close()
        code = self.p.wait(10)
        self.authd.close()
        subprocess.run(['rm', '-rf', self.dir], check=True)
        return code


def tls(**more):
    return dict(dict(service='imaps', tls='TLSv1.3', cipher='X', exporter='aa' * 32, endpoint='bb' * 32), **more)


def test_greeting():
    g = Gate(starttls='1')
    has(g.greeting, '* OK [CAPABILITY IMAP4rev1 ', 'the greeting carries capabilities')
    has(g.greeting, ' STARTTLS', 'STARTTLS is offered')
    has(g.greeting, ' LOGINDISABLED', 'without TLS there is no LOGIN')
    ok('AUTH=PLAIN' not in g.greeting and '-PLUS' not in g.greeting, 'nor PLAIN, nor binding to a channel')
    has(g.ask('a capability'), '* CAPABILITY IMAP4rev1', 'CAPABILITY')
    has(g.ask('a NOOP'), 'a OK', 'NOOP')
    has(g.ask('a ID NIL'), '* ID (', 'ID NIL')
    has(g.ask('a ID ("name" "mutt" "version" NIL)'), 'a OK', 'ID with a list')
    has(g.ask('a ID (name)'), 'a BAD', 'ID with an atom')
    has(g.ask('a SELECT INBOX'), 'a BAD log in', 'SELECT is for later')
    has(g.ask('a ENABLE CONDSTORE'), 'a BAD', 'ENABLE is for later')
    has(g.ask('a FROBNICATE'), 'a BAD', 'an unknown command after a known one')
    has(g.ask('a LOGIN user secret'), 'a NO [PRIVACYREQUIRED]', 'LOGIN in clear')
    has(g.ask('a AUTHENTICATE PLAIN AGEAYg=='), 'a NO [PRIVACYREQUIRED]', 'PLAIN in clear')
    has(g.ask('a LOGOUT'), '* BYE', 'LOGOUT')
    ok(g.rest() == '', 'closed')
    ok(g.end() == 0, 'exit 0')


def test_tls_greeting():
    g = Gate(**tls())
    has(g.greeting, 'AUTH=SCRAM-SHA-256-PLUS', 'PLUS on a channel that can be bound to')
    has(g.greeting, 'AUTH=PLAIN', 'PLAIN over TLS')
    ok('LOGINDISABLED' not in g.greeting and 'STARTTLS' not in g.greeting, 'no LOGINDISABLED, no STARTTLS')
    g.end()
    g = Gate(trusted='1')
    has(g.greeting, 'AUTH=PLAIN', 'a trusted peer may send passwords in clear')
    g.end()


def test_not_imap():
    for what in ('GET / HTTP/1.1\r\nHost: x\r\n\r\n', 'EHLO example.org\r\n', '\r\n', 'a EHLO {5}\r\n', 'a\0b c\r\n'):
        g = Gate()
        g.say(what)
        has(g.rest(), '* BYE please try again speaking imap', 'not IMAP: %r' % what[:12])
        g.end()
    g = Gate()
    g.say('a ' + 'x' * 20000 + '\r\n')
    has(g.rest(), '* BYE line too long', 'a long line')
    g.end()
    g = Gate(**tls())
    g.ask('a NOOP')
    g.say('a LOGIN {5000+}\r\n')
    has(g.rest(), '* BYE', 'a large literal')
    g.end()


def handed(g, s, tag):
    """Play authd after ok: the descriptors, and what came with them."""
    rec, fds = recv_fds(s)
    r = parse(rec)
    ok(r.get('cmd') == 'handoff' and r.get('tag') == tag and len(fds) == 2, 'the connection is handed over')
    s.send(record('auth', result='handed'))
    ok(g.p.wait(10) == 0, 'imapgate is done')
    data = socket.socket(fileno=fds[0])
    os.close(fds[1])
    return r, data


def test_login():
    for how in ('a LOGIN user@localhost "pass word"\r\n', 'a LOGIN "user@localhost" "pass word"\r\n',
                'a LOGIN {14+}\r\nuser@localhost {9+}\r\npass word\r\n'):
        g = Gate(**tls())
        g.say(how + 'c SELECT INBOX\r\nd NO')
        s = g.dialogue()
        r = parse(s.recv(65536))
        ok(r['cmd'] == 'login' and r['user'] == b64('user@localhost') and r['password'] == b64('pass word'),
           'LOGIN: %r' % how[:25])
        ok(r['rip'] == '192.0.2.1' and r['protocol'] == 'imap' and r['exporter'] == 'aa' * 32, 'with the peer\'s facts')
        s.send(record('auth', result='ok', account='user', login='user@localhost', mechanism='LOGIN'))
        r, data = handed(g, s, 'a')
        ok(base64.b64decode(r['input']) == b'c SELECT INBOX\r\nd NO', 'with what was said already')
        data.sendall(b'a OK from another program\r\n')
        ok(g.line() == 'a OK from another program\r\n', 'and the connection lives on')
        data.close()
        g.end()


def test_literal():
    g = Gate(**tls())
    g.say('a LOGIN {14}\r\n')
    ok(g.line().startswith('+ '), 'a literal is asked for')
    g.say('user@localhost {9}\r\n')
    ok(g.line().startswith('+ '), 'and the next')
    g.say('pass word\r\n')
    s = g.dialogue()
    ok(parse(s.recv(65536))['password'] == b64('pass word'), 'LOGIN with literals')
    s.send(record('auth', result='fail', reason='badcreds'))
    has(g.answer('a'), 'a NO [AUTHENTICATIONFAILED]', 'and a wrong password')
    g.end()


def test_authenticate():
    g = Gate(**tls())
    g.say('a AUTHENTICATE SCRAM-SHA-256\r\n')
    s = g.dialogue()
    r = parse(s.recv(65536))
    ok(r['mechanism'] == 'SCRAM-SHA-256' and 'initial' not in r, 'no initial response')
    s.send(record('auth', result='continue', challenge=''))
    ok(g.line() == '+ \r\n', 'an empty challenge')
    g.say('biws\r\n')
    r = parse(s.recv(65536))
    ok(r['cmd'] == 'step' and r['response'] == 'biws', 'the response is passed on')
    s.send(record('auth', result='continue', challenge='Y2hhbGxlbmdl'))
    ok(g.line() == '+ Y2hhbGxlbmdl\r\n', 'a challenge')
    g.say('*\r\n')
    ok(parse(s.recv(65536))['cmd'] == 'abort', 'the client gives up')
    s.send(record('auth', result='fail', reason='aborted'))
    has(g.answer('a'), 'a BAD', 'cancelled')
    for sent, want in (('=', ''), ('AGEAYg==', 'AGEAYg==')):
        g.say('b AUTHENTICATE PLAIN %s\r\n' % sent)
        s = g.dialogue()
        ok(parse(s.recv(65536)).get('initial') == want, 'initial response %s' % sent)
        s.send(record('auth', result='fail', reason='badprotocol'))
        has(g.answer('b'), 'b BAD', 'is no good')
    g.say('c AUTHENTICATE X\r\n')
    s = g.dialogue()
    s.recv(65536)
    s.send(record('auth', result='fail', reason='nomech'))
    has(g.answer('c'), 'c NO [CANNOT]', 'no such mechanism')
    g.say('d AUTHENTICATE PLAIN AGEAYg==\r\n')
    s = g.dialogue()
    s.recv(65536)
    s.send(record('auth', result='fail', reason='disabled', text='gone fishing'))
    has(g.answer('d'), 'd NO gone fishing', 'a disabled account')
    g.end()


def test_temporary():
    g = Gate(**tls())
    g.ask('b NOOP')
    g.say('a LOGIN u p\r\n')
    g.dialogue().close()
    has(g.answer('a'), 'a NO [UNAVAILABLE]', 'authd dies in the dialogue')
    g.say('a LOGIN u p\r\n')
    s = g.dialogue()
    s.recv(65536)
    s.send(record('auth', result='ok', account='user', login='u', mechanism='LOGIN'))
    recv_fds(s)
    s.send(record('auth', result='temp'))
    has(g.answer('a'), 'a NO [UNAVAILABLE]', 'imapd cannot be reached')
    has(g.ask('a NOOP'), 'a OK', 'and the session goes on')
    g.authd.close()
    has(g.ask('a LOGIN u p'), 'a NO [UNAVAILABLE]', 'no authd at all')
    g.end()


def test_starttls():
    g = Gate(starttls='1')
    g.say('a NOOP\r\nb STARTTLS\r\nc LOGIN in clear\r\n')
    has(g.answer('b'), 'b OK', 'STARTTLS')
    ok(g.ctl.recv(16) == b'S', 'listend is asked')
    g.data.send(b'd LOGIN more clear\r\n')
    g.ctl.send(record('tls', tls='TLSv1.3', cipher='X', exporter='cc' * 32, endpoint='dd' * 32))
    ok(g.ctl.recv(16) == b'G', 'and told to go')
    got = g.ask('e CAPABILITY')
    ok('c ' not in got.split('\r\n')[0] and got.startswith('* CAPABILITY'), 'what was said in clear is forgotten')
    ok('STARTTLS' not in got and 'LOGINDISABLED' not in got and 'SCRAM-SHA-256-PLUS' in got, 'capabilities over TLS')
    has(g.ask('f STARTTLS'), 'f BAD', 'once is enough')
    g.end()
    g = Gate()
    has(g.ask('a STARTTLS'), 'a BAD', 'no TLS on this listener')
    g.end()


def test_preauth():
    g = Gate(greeting=False, **tls(fingerprint='ee' * 32))
    s = g.dialogue()
    r = parse(s.recv(65536))
    ok(r['mechanism'] == 'EXTERNAL' and r['initial'] == '' and r['preauth'] == '1', 'the key is asked for')
    s.send(record('auth', result='ok', account='user', login='user@localhost', mechanism='EXTERNAL'))
    r, data = handed(g, s, '')
    data.close()
    g.end()
    for reason in ('badcreds', 'nopreauth'):
        g = Gate(greeting=False, **tls(fingerprint='ee' * 32))
        s = g.dialogue()
        s.recv(65536)
        s.send(record('auth', result='fail', reason=reason))
        g.greeting = g.line()
        has(g.greeting, '* OK [CAPABILITY', 'a password may follow after ' + reason)
        has(g.greeting, 'AUTH=EXTERNAL', 'and EXTERNAL')
        g.end()
    g = Gate(greeting=False, **tls(fingerprint='ee' * 32))
    s = g.dialogue()
    s.recv(65536)
    s.send(record('auth', result='fail', reason='limited'))
    has(g.rest(), '* BYE', 'too many failures')
    g.end()


def fail_logins(g, n):
    for _ in range(n):
        g.say('a LOGIN u p\r\n')
        s = g.dialogue()
        s.recv(65536)
        s.send(record('auth', result='fail', reason='badcreds'))
        if _ < n - 1:
            g.answer('a')


def test_slow():
    g = Gate(**tls())
    g.ask('b NOOP')
    fail_logins(g, 3)
    first = g.data.recv(1)
    at = time.time()
    second = g.data.recv(1)
    ok(first + second == b'a ' and time.time() - at > 0.7, 'after three failures a byte a second')
    g.p.kill()
    g.end()
    g = Gate(**tls(trusted='1'))
    g.ask('b NOOP')
    at = time.time()
    fail_logins(g, 6)
    has(g.answer('a'), 'a NO', 'a trusted peer fails as fast as it likes')
    ok(time.time() - at < 2, 'without delays')
    g.end()


def test_stop():
    g = Gate()
    g.p.send_signal(signal.SIGTERM)
    has(g.rest(), '* BYE', 'SIGTERM')
    ok(g.p.wait(5) == 0, 'exit 0')
    g.end()
    g = Gate()
    g.data.shutdown(socket.SHUT_WR)
    ok(g.rest() == '', 'a client that goes')
    ok(g.end() == 0, 'exit 0 again')


for t in (test_greeting, test_tls_greeting, test_not_imap, test_login, test_literal, test_authenticate,
          test_temporary, test_starttls, test_preauth, test_slow, test_stop):
    try:
        t()
    except Exception as e:
        ok(False, '%s: %r' % (t.__name__, e))
tap.done()
